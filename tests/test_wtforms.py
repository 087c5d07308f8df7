"""The form field, in a Flask application with Flask-WTF: what a browser sends and is shown."""

import re
from html import escape, unescape

import pytest
from flask import Flask, render_template_string
from flask_wtf import FlaskForm
from hypothesis import given
from strategies import texts
from werkzeug.datastructures import MultiDict
from wtforms import Form
from wtforms.validators import DataRequired, Optional

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations.wtforms import CategoryFilterField

KNOWN = Categories({"news": "News", "sport": "Results", "ads": "Offers"})
PAGE = """<form method="post">{{ form.csrf_token }}{{ form.wanted.label }}{{ form.wanted }}
{% for error in form.wanted.errors %}<p>{{ error }}</p>{% endfor %}</form>"""


class Subscription(FlaskForm):
    wanted = CategoryFilterField("Notifications", categories=KNOWN, default="*")


@pytest.fixture
def client():
    app = Flask(__name__)
    app.secret_key = "test"  # noqa: S105 - nothing is secret here

    @app.route("/", methods=["GET", "POST"])
    def subscribe():
        form = Subscription(data={"wanted": CategoryFilter("news,weather")})
        if form.validate_on_submit():
            return repr(form.wanted.data)
        return render_template_string(PAGE, form=form)

    return app.test_client()


def submitted(client, text):
    page = client.get("/").text
    token = re.search(r'name="csrf_token"[^>]* value="([^"]*)"', page)[1]
    return client.post("/", data={"csrf_token": token, "wanted": text}).text


class TestFlask:
    def test_the_form_shows_what_is_stored(self, client):
        assert (
            '<input id="wanted" name="wanted"'
            f' pattern="{escape(Categories([*KNOWN, "weather"]).pattern)}"'
            ' title="&#39;*&#39;, or names with commas between them, or all but these after one'
            ' &#39;-&#39;: news, sport, ads, weather" type="text" value="news,weather">'
        ) in client.get("/").text

    def test_the_label(self, client):
        assert '<label for="wanted">Notifications</label>' in client.get("/").text

    def test_a_good_text_is_a_filter(self, client):
        assert submitted(client, "- sport, ads") == "CategoryFilter('-ads,sport')"

    def test_what_is_stored_may_stay_though_retired(self, client):
        assert submitted(client, "weather, sport") == "CategoryFilter('sport,weather')"

    def test_a_mistake_is_explained_and_the_text_kept(self, client):
        page = submitted(client, '-news,-"><script>')
        assert "<script>" not in page
        assert f'value="{escape("-news,-")}&#34;&gt;&lt;script&gt;"' in page
        assert [unescape(error) for error in re.findall("<p>(.*)</p>", page)] == [
            "write '-' once, before the whole list"
        ]

    def test_an_unknown_name(self, client):
        assert re.findall("<p>(.*)</p>", unescape(submitted(client, "-sprot"))) == [
            "unknown category 'sprot' (did you mean 'sport'?)"
        ]


def form(sent=None, stored=None, *validators, **options):
    class Settings(Form):
        wanted = CategoryFilterField(validators=validators, **options)

    return Settings(None if sent is None else MultiDict(sent), data={"wanted": stored})


class TestField:
    def test_null_is_not_empty(self):
        assert form().wanted.data is None
        assert form().wanted._value() == ""
        made = form({"wanted": ""})
        assert (made.validate(), made.wanted.data, made.wanted.refusal.code) == (
            *(False, None, "empty"),
        )
        made = form({"wanted": ""}, "news", Optional())
        assert (made.validate(), made.wanted.data, made.errors) == (True, None, {})
        made = form({"wanted": ""}, "news", DataRequired())
        assert (made.validate(), made.errors) == (
            *(False, {"wanted": ["This field is required."]}),
        )

    def test_what_is_not_sent_stays(self):
        made = form({"other": "x"}, "news")
        assert (made.validate(), made.wanted.data) == (True, CategoryFilter("news"))

    def test_a_stored_text_is_a_filter_too(self):
        made = form(None, "b, a")
        assert (made.wanted.data, made.wanted._value()) == (CategoryFilter("a,b"), "a,b")

    def test_the_first_of_two_texts_counts(self):
        made = form([("wanted", " b, a"), ("wanted", "c")])
        assert (made.wanted.data, made.wanted._value()) == (CategoryFilter("a,b"), " b, a")

    def test_the_error_is_there_with_its_data(self):
        made = form({"wanted": "a;b"})
        assert not made.validate()
        assert (made.wanted.refusal.position, made.wanted.refusal.suggestion) == (1, "a,b")
        assert form({"wanted": "a,b"}).wanted.refusal is None

    @pytest.mark.parametrize("value", [5, True, {"x": 1}])
    def test_what_is_no_text_is_no_filter(self, value):
        made = form({"wanted": value})
        assert (made.validate(), made.errors) == (False, {"wanted": ["Not a valid string."]})
        made = form(None, value)
        assert (made.validate(), made.wanted.data) == (False, None)

    def test_a_bad_value_to_begin_with(self):
        made = form(None, "a;b")
        assert (made.wanted.data, made.wanted.refusal.position) == (None, 1)
        assert (made.validate(), made.errors) == (
            *(False, {"wanted": ["write ',' instead of ';'; did you mean 'a,b'?"]}),
        )

    def test_a_refusal_is_forgotten_when_the_form_is_filled_again(self):
        made = form({"wanted": "a;b"})
        made.process(MultiDict({"wanted": "a,b"}))
        assert (made.validate(), made.wanted.refusal) == (True, None)

    def test_attributes_of_your_own(self):
        assert ' title="mine"' in form(categories=KNOWN, render_kw={"title": "mine"}).wanted()
        assert "title" not in form().wanted()

    def test_the_browser_knows_what_may_stay_each_time(self):
        made = form(None, "weather", categories=KNOWN)
        made.process(None, data={"wanted": "climate"})
        assert "ads, climate" in made.wanted()
        assert "weather" not in made.wanted()

    def test_messages_in_the_language_of_the_form(self):
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

        made = Settings(MultiDict({"wanted": "a;b"}))
        assert (made.validate(), made.errors) == (
            *(False, {"wanted": ["',' statt ';'; 'a,b' gemeint?"]}),
        )

    @given(texts)
    def test_every_text_is_taken_or_explained(self, text):
        made = form({"wanted": text}, categories=KNOWN)
        try:
            assert made.wanted.data == KNOWN.parse(text)
            assert made.validate()
        except CategoryFilterError as error:
            assert not made.validate()
            assert made.errors == {"wanted": [error.summary()]}
            assert made.wanted.data is None
        assert made.wanted._value() == text
