"""The form field: in a Flask application with Flask-WTF, and alone."""

import re
from html import escape, unescape

import pytest
from flask import Flask, render_template_string
from flask_wtf import FlaskForm
from hypothesis import given
from werkzeug.datastructures import MultiDict
from wtforms import Form
from wtforms.validators import DataRequired, Length, Optional, Regexp

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations.wtforms import CategoryFilterField
from category_filter.testing import texts

KNOWN = Categories({"news": "News", "sport": "Results", "ads": "Offers"})
PAGE = """<form method="post">{{ form.csrf_token }}{{ form.wanted.label }}{{ form.wanted }}
{% for error in form.wanted.errors %}<p>{{ error }}</p>{% endfor %}</form>"""


class Subscription(FlaskForm):
    wanted = CategoryFilterField("Notifications", categories=KNOWN, default="*")


@pytest.fixture
def client():
    app = Flask(__name__)
    app.secret_key = "test"  # noqa: S105 - a test key

    @app.route("/", methods=["GET", "POST"])
    def subscribe():
        form = Subscription(data={"wanted": CategoryFilter("news,weather")})
        if form.validate_on_submit():
            return repr(form.wanted.data)
        return render_template_string(PAGE, form=form)

    return app.test_client()


def submit(client, text):
    page = client.get("/").text
    token = re.search(r'name="csrf_token"[^>]* value="([^"]*)"', page)[1]
    return client.post("/", data={"csrf_token": token, "wanted": text}).text


class TestFlask:
    def test_the_input_shows_the_stored_filter_and_its_pattern(self, client):
        assert (
            '<input id="wanted" name="wanted"'
            f' pattern="{escape(Categories([*KNOWN, "weather"]).pattern)}"'
            ' title="&#39;*&#39;, or a comma-separated list (&#39;-&#39; in front excludes it) of:'
            ' news, sport, ads, weather" type="text" value="news,weather">'
        ) in client.get("/").text

    def test_the_label_is_rendered(self, client):
        assert '<label for="wanted">Notifications</label>' in client.get("/").text

    def test_valid_input_is_a_filter(self, client):
        assert submit(client, "- sport, ads") == "CategoryFilter('-ads,sport')"

    def test_retired_names_of_the_stored_filter_stay_valid(self, client):
        assert submit(client, "weather, sport") == "CategoryFilter('sport,weather')"

    def test_a_syntax_error_is_shown_and_the_input_keeps_its_text(self, client):
        page = submit(client, '-news,-"><script>')
        assert "<script>" not in page
        assert f'value="{escape("-news,-")}&#34;&gt;&lt;script&gt;"' in page
        assert [unescape(error) for error in re.findall("<p>(.*)</p>", page)] == [
            "write '-' once, before the whole list"
        ]

    def test_an_unknown_name_is_reported(self, client):
        assert re.findall("<p>(.*)</p>", unescape(submit(client, "-sprot"))) == [
            "unknown category 'sprot' (did you mean 'sport'?)"
        ]


def make_form(submitted=None, stored=None, *validators, **options):
    class Settings(Form):
        wanted = CategoryFilterField(validators=validators, **options)

    return Settings(None if submitted is None else MultiDict(submitted), data={"wanted": stored})


class TestField:
    @pytest.mark.parametrize(
        ("check", "valid", "invalid"),
        [(Length(max=5), "sport", " sport"), (Regexp("^-"), "- ads", "ads")],
        ids=["length", "regexp"],
    )
    def test_validators_of_text_validate_what_the_user_typed(self, check, valid, invalid):
        assert make_form({"wanted": valid}, None, check).validate()
        form = make_form({"wanted": invalid}, None, check)
        assert not form.validate()
        assert form.wanted.data == CategoryFilter(invalid)

    def test_empty_input_is_an_error_unless_optional(self):
        assert make_form().wanted.data is None
        assert make_form().wanted._value() == ""
        form = make_form({"wanted": ""})
        assert not form.validate()
        assert (form.wanted.data, form.wanted.filter_error.code) == (None, "empty")
        form = make_form({"wanted": ""}, "news", Optional())
        assert (form.validate(), form.wanted.data, form.errors) == (True, None, {})
        form = make_form({"wanted": ""}, "news", DataRequired())
        assert not form.validate()
        assert form.errors == {"wanted": ["This field is required."]}

    def test_a_missing_field_keeps_the_stored_filter(self):
        form = make_form({"other": "x"}, "news")
        assert (form.validate(), form.wanted.data) == (True, CategoryFilter("news"))

    def test_a_stored_string_is_parsed(self):
        form = make_form(None, "b, a")
        assert (form.wanted.data, form.wanted._value()) == (CategoryFilter("a,b"), "a,b")

    def test_the_first_of_several_values_is_used(self):
        form = make_form([("wanted", " b, a"), ("wanted", "c")])
        assert (form.wanted.data, form.wanted._value()) == (CategoryFilter("a,b"), " b, a")

    def test_the_filter_error_is_an_attribute_of_the_field(self):
        form = make_form({"wanted": "a;b"})
        assert not form.validate()
        assert (form.wanted.filter_error.position, form.wanted.filter_error.suggestion) == (
            1,
            "a,b",
        )
        assert make_form({"wanted": "a,b"}).wanted.filter_error is None

    @pytest.mark.parametrize("value", [5, True, {"x": 1}])
    def test_a_value_of_another_type_is_an_error(self, value):
        form = make_form({"wanted": value})
        assert (form.validate(), form.errors) == (False, {"wanted": ["Not a valid string."]})
        form = make_form(None, value)
        assert (form.validate(), form.wanted.data) == (False, None)

    def test_an_invalid_stored_string_is_an_error(self):
        form = make_form(None, "a;b")
        assert (form.wanted.data, form.wanted.filter_error.position) == (None, 1)
        assert not form.validate()
        assert form.errors == {"wanted": ["write ',' instead of ';'; did you mean 'a,b'?"]}

    def test_processing_the_form_again_clears_the_error(self):
        form = make_form({"wanted": "a;b"})
        form.process(MultiDict({"wanted": "a,b"}))
        assert (form.validate(), form.wanted.filter_error) == (True, None)

    def test_a_title_can_be_replaced(self):
        assert ' title="mine"' in make_form(categories=KNOWN, render_kw={"title": "mine"}).wanted()
        assert "title" not in make_form().wanted()

    def test_the_pattern_follows_the_stored_filter_when_processed_again(self):
        form = make_form(None, "weather", categories=KNOWN)
        form.process(None, data={"wanted": "climate"})
        assert "ads, climate" in form.wanted()
        assert "weather" not in form.wanted()

    def test_messages_use_the_translations_of_the_form(self):
        class Translations:
            def gettext(self, text):
                return {
                    "write %(replacement)s instead of %(character)s": (
                        "%(replacement)s statt %(character)s"
                    ),
                    "did you mean %(choices)s?": "%(choices)s gemeint?",
                }.get(text, text)

        class Settings(Form):
            class Meta:
                def get_translations(self, form):  # noqa: ARG002 - WTForms passes it
                    return Translations()

            wanted = CategoryFilterField()

        form = Settings(MultiDict({"wanted": "a;b"}))
        assert not form.validate()
        assert form.errors == {"wanted": ["',' statt ';'; 'a,b' gemeint?"]}

    @given(texts())
    def test_every_string_is_parsed_or_reports_the_error(self, text):
        form = make_form({"wanted": text}, categories=KNOWN)
        try:
            assert form.wanted.data == KNOWN.parse(text)
            assert form.validate()
        except CategoryFilterError as error:
            assert not form.validate()
            assert form.errors == {"wanted": [error.summary()]}
            assert form.wanted.data is None
        assert form.wanted._value() == text
