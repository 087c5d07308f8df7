"""The form field, and model forms."""

import re

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import modelform_factory
from django_site.models import KNOWN, Subscription
from form_helpers import SubscriptionForm, checked, submit
from hypothesis import given

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations.django.forms import CategoryFilterField, CategoryFilterWidget
from category_filter.testing import texts


def cleaned(name, **data):
    form = submit(**data)
    assert form.is_valid(), form.errors
    return form.cleaned_data[name]


class TestFormField:
    @pytest.mark.parametrize(
        ("mode", "selected", "expected"),
        [
            ("all", [], "*"),
            ("all", ["news"], "*"),
            ("none", [], "-*"),
            ("none", ["news"], "-*"),
            ("only", ["news", "ads"], "ads,news"),
            ("only", [], "-*"),
            ("except", ["news"], "-news"),
            ("except", [], "*"),
        ],
    )
    def test_mode_and_names_make_a_filter(self, mode, selected, expected):
        value = cleaned("wanted", wanted_mode=mode, wanted_names=selected)
        assert value == CategoryFilter(expected)

    def test_a_single_name_need_not_be_a_list(self):
        assert cleaned("maybe", maybe_mode="only", maybe_names="news") == CategoryFilter("news")

    def test_a_blank_value_is_none_if_optional_and_an_error_if_required(self):
        assert cleaned("maybe") is None
        assert cleaned("maybe", maybe_mode="") is None
        assert cleaned("text", text=" ") is None
        assert SubscriptionForm({}).errors["wanted"] == ["This field is required."]

    @pytest.mark.parametrize(
        ("data", "code", "message"),
        [
            (
                {"maybe_mode": "some", "maybe_names": []},
                "invalid_choice",
                "Select a valid choice. some is not one of the available choices.",
            ),
            (
                {"maybe_names": ["news"]},
                "mode_missing",
                "Choose whether to include or exclude the selected categories.",
            ),
            (
                {"maybe_mode": "only", "maybe_names": ["sprot", "x"]},
                "unknown_category",
                "2 unknown categories: 'sprot' (did you mean 'sport'?), 'x'",
            ),
            (
                {"maybe_mode": "only", "maybe_names": ["a,b"]},
                "invalid_character",
                "invalid character ',': names use A-Z a-z 0-9 _ . : / -",
            ),
            (
                {"maybe_mode": "except", "maybe_names": ["a,b"]},
                "invalid_character",
                "invalid character ',': names use A-Z a-z 0-9 _ . : / -",
            ),
        ],
    )
    def test_tampered_data_is_an_error(self, data, code, message):
        (error,) = submit(**data).errors.as_data()["maybe"]
        assert (error.code, error.messages) == (code, [message])

    @given(texts())
    def test_a_text_input_parses_or_reports_the_error(self, text):
        form = submit(text=text)
        try:
            expected = KNOWN.parse(text) if text.strip() else None
        except CategoryFilterError as error:
            (found,) = form.errors.as_data()["text"]
            assert found.code == error.code
            assert found.messages == [error.summary()]
            assert found.params["position"] == error.position
        else:
            assert form.is_valid()
            assert form.cleaned_data["text"] == expected

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a;b", "No ';' at 1: try a,b"),
            ("x", "Which category is 'x'?"),
            ("-x", "Which category is 'x'?"),
        ],
    )
    def test_error_messages_can_be_replaced(self, text, message):
        field = CategoryFilterField(
            error_messages={
                "lookalike": "No %(character)s at %(position)s: try %(suggestion)s",
                "unknown_category": "Which category is %(names)s?",
            },
            categories=KNOWN,
        )
        with pytest.raises(ValidationError) as caught:
            field.clean(text)
        assert caught.value.messages == [message]

    def test_has_changed_compares_filters_not_spellings(self):
        field = CategoryFilterField(categories=KNOWN, required=False)
        assert not field.has_changed("sport,news", ["only", ["news", "sport"]])
        assert not field.has_changed(CategoryFilter("-ads"), "- ads")
        assert not field.has_changed(None, [None, []])
        assert field.has_changed("*", [None, []])
        assert field.has_changed("*", "a;b")
        assert field.has_changed("no;filter", "-ads")
        assert not CategoryFilterField(disabled=True).has_changed("*", "-ads")

    def test_an_empty_known_set_rejects_every_name(self):
        class Settings(forms.Form):
            wanted = CategoryFilterField(categories=Categories([]))
            text = CategoryFilterField(categories=Categories([]), widget=forms.TextInput)

        form = Settings({"wanted_mode": "only", "wanted_names": ["news"], "text": "news"})
        message = "unknown category 'news'"
        assert form.errors == {"wanted": [message], "text": [message]}
        assert isinstance(form.fields["wanted"].widget, CategoryFilterWidget)
        assert f' pattern="{Categories([]).pattern}"' in str(form["text"])

    def test_retired_names_of_the_initial_filter_stay_valid(self):
        initial = {"wanted": CategoryFilter("news,weather"), "text": "weather"}
        data = {"wanted_mode": "except", "wanted_names": ["weather"], "text": "-weather"}
        form = SubscriptionForm(data, initial=initial)
        assert form.is_valid()
        assert form.cleaned_data["wanted"] == CategoryFilter("-weather")
        assert submit(**data).errors.keys() == {"wanted", "text"}
        form = SubscriptionForm(data, initial={"wanted": "no;filter"})
        assert form.errors.keys() == {"wanted", "text"}

    def test_a_text_input_with_a_known_set_is_validated_by_the_browser(self):
        html = str(SubscriptionForm()["text"])
        for name, value in {
            "pattern": KNOWN.pattern,
            "title": "&#x27;*&#x27;, or a comma-separated list"
            " (&#x27;-&#x27; in front excludes it) of: news, sport, ads, log",
        }.items():
            assert f'{name}="{value}"' in html
        for name in ("wanted", "anything"):
            assert "pattern" not in str(SubscriptionForm()[name])
            assert "title" not in str(SubscriptionForm()[name])

    def test_the_browser_accepts_retired_names_of_the_initial_filter(self):
        html = str(SubscriptionForm(initial={"text": "news,weather"})["text"])
        assert f'pattern="{Categories([*KNOWN, "weather"]).pattern}"' in html

    @pytest.mark.parametrize(
        "data",
        [
            {"text": 5},
            {"text": {"a": 1}},
            {"text": ["a"]},
            {"text": ["a", "b"]},
            {"maybe_mode": 5},
            {"maybe_mode": "only", "maybe_names": 5},
            {"maybe_mode": "only", "maybe_names": [{}]},
        ],
    )
    def test_json_values_of_other_types_are_errors(self, data):
        form = submit(**data)
        form.as_div()
        assert len(form.errors) == 1
        assert form.has_changed()

    def test_a_text_input_accepts_mode_and_names_from_json(self):
        assert cleaned("anything", anything=["all", []]) == CategoryFilter("*")

    def test_hidden_inputs_keep_the_filter(self):
        hidden_inputs = re.compile('<input type="hidden" name="(.*?)" value="(.*?)"')
        form = SubscriptionForm({"wanted_mode": "except", "wanted_names": ["news", "log"]})
        assert hidden_inputs.findall(form["wanted"].as_hidden()) == [
            ("wanted_mode", "except"),
            ("wanted_names", "news"),
            ("wanted_names", "log"),
        ]
        form = SubscriptionForm(initial={"wanted": "-news"})
        assert hidden_inputs.findall(form["wanted"].as_hidden()) == [
            ("wanted_mode", "except"),
            ("wanted_names", "news"),
        ]


@pytest.mark.django_db
class TestModelForm:
    Form = modelform_factory(Subscription, fields=["wanted", "maybe", "anything"])

    def data(self, **data):
        return {"wanted_mode": "only", "wanted_names": ["news"], "anything": "*"} | data

    def test_a_valid_form_saves_the_filter(self):
        row = self.Form(self.data()).save()
        row.refresh_from_db()
        assert (row.wanted, row.maybe) == (CategoryFilter("news"), None)

    def test_a_new_form_shows_the_default(self):
        assert checked(str(self.Form()["wanted"])) == (["all"], [])
        assert checked(str(self.Form()["maybe"]), "maybe") == ([""], [])

    def test_a_field_missing_from_the_data_keeps_the_default(self):
        form = modelform_factory(Subscription, fields=["wanted"])({})
        form.fields["wanted"].required = False
        assert form.save(commit=False).wanted == CategoryFilter("*")

    def test_retired_names_of_the_instance_stay_valid(self):
        stored = Subscription.objects.create(wanted="news,weather")
        form = self.Form(self.data(wanted_names=["weather", "sport"]), instance=stored)
        assert form.is_valid(), form.errors
        assert form.save().wanted == CategoryFilter("sport,weather")

    def test_another_form_field_class_can_be_used(self):
        form_class = modelform_factory(
            Subscription, fields=["wanted"], field_classes={"wanted": forms.CharField}
        )
        form = form_class({"wanted": "sport, news"})
        assert form.save().wanted == CategoryFilter("news,sport")

    def test_a_subclass_of_the_form_field_gets_the_known_set(self):
        class CustomField(CategoryFilterField):
            pass

        field = modelform_factory(
            Subscription, fields=["wanted"], field_classes={"wanted": CustomField}
        ).base_fields["wanted"]
        assert (type(field), field.categories) == (CustomField, KNOWN)

    def test_an_error_is_reported_once_at_its_field(self):
        form = self.Form(self.data(anything="news;sport"))
        assert form.errors == {"anything": ["write ',' instead of ';'; did you mean 'news,sport'?"]}
        form = self.Form(self.data(wanted_names=["nows"]))
        assert form.errors == {"wanted": ["unknown category 'nows' (did you mean 'news'?)"]}
