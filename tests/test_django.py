"""Django: model field, form field and widget, lookup, admin, REST framework, and German."""

import ast
import io
import json
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django import forms
from django.apps import apps
from django.contrib.admin import ShowFacets
from django.contrib.auth.models import User
from django.core import checks, serializers
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connections, models
from django.db.migrations.writer import MigrationWriter
from django.db.models.functions import Coalesce
from django.forms.models import modelform_factory
from django.test import override_settings
from django.utils import translation
from django_site.admin import SubscriptionAdmin
from django_site.models import KNOWN, Subscription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.serializers import ListField, ModelSerializer, Serializer
from rest_framework.test import APIClient
from strategies import filters, names, texts

import category_filter.integrations.django
from category_filter import (
    Categories,
    CategoryFilter,
    CategoryFilterError,
    FilterSyntaxError,
)
from category_filter.errors import MESSAGES
from category_filter.integrations.django.forms import CategoryFilterField, CategoryFilterWidget
from category_filter.integrations.django.models import CategoryFilterField as ModelField
from category_filter.integrations.django.serializers import CategoryFilterField as ApiField

APP = Path(category_filter.integrations.django.__file__).parent

one_transaction = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def reported(error):
    """A validation error's code, its texts, and those of its parameters that are data."""
    (single,) = error.error_list
    data = {
        key: value
        for key, value in single.params.items()
        if key in {"position", "suggestion", "text", "unknown"}
    }
    return single.code, single.messages, data


@pytest.mark.django_db
class TestModelField:
    def test_filters_go_in_as_canonical_text_and_come_out_as_filters(self):
        row = Subscription.objects.create(wanted=" sport, news", maybe=CategoryFilter("-ads"))
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT wanted, maybe, anything FROM django_site_subscription")
            assert cursor.fetchall() == [("news,sport", "-ads", "-*")]
        loaded = Subscription.objects.get()
        assert loaded.wanted == row.wanted == CategoryFilter("news,sport")
        assert loaded.maybe == CategoryFilter("-ads")
        assert Subscription.objects.filter(wanted="sport,news", maybe__in=["- ads"]).exists()
        assert Subscription.objects.filter(wanted__contains="ws,").exists()

    def test_what_is_assigned_is_a_filter_at_once(self):
        row = Subscription(wanted="sport, news")
        assert row.wanted == CategoryFilter("news,sport")
        row.wanted = "- ads"
        assert row.wanted == CategoryFilter("-ads")

    def test_missing_is_every_category_and_null_is_none(self):
        row = Subscription.objects.create()
        row.refresh_from_db()
        assert (row.wanted, row.maybe) == (CategoryFilter("*"), None)
        row.maybe = "*"
        row.save()
        assert Subscription.objects.filter(maybe__isnull=True).count() == 0

    def test_deferred(self):
        Subscription.objects.create(wanted="news")
        assert Subscription.objects.defer("wanted").get().wanted == CategoryFilter("news")

    def test_a_text_that_is_no_filter_is_left_for_validation_and_never_stored(self):
        row = Subscription(wanted="news;sport")
        with pytest.raises(ValidationError) as caught:
            row.full_clean()
        assert reported(caught.value.error_dict["wanted"][0]) == (
            "lookalike",
            ["write ',' instead of ';'; did you mean 'news,sport'?"],
            {"text": "news;sport", "position": 4, "suggestion": "news,sport"},
        )
        with pytest.raises(FilterSyntaxError):
            row.save()

    def test_an_expression_is_left_for_the_database(self):
        row = Subscription.objects.create(maybe="news")
        row.wanted = models.F("maybe")
        row.save()
        row.refresh_from_db()
        assert row.wanted == CategoryFilter("news")

    @pytest.mark.parametrize("value", [3, b"news", ["news"]])
    def test_what_is_no_text_is_no_filter(self, value):
        with pytest.raises(ValidationError) as caught:
            Subscription(wanted=value).full_clean()
        assert reported(caught.value.error_dict["wanted"][0]) == (
            *("invalid", [f"“{value}” is not a filter."], {}),
        )

    def test_names_are_checked(self):
        with pytest.raises(ValidationError) as caught:
            Subscription(wanted="-news,sprot").full_clean()
        code, messages, data = reported(caught.value.error_dict["wanted"][0])
        assert code == "unknown_category"
        assert messages == ["unknown category 'sprot' (did you mean 'sport'?)"]
        assert data["unknown"] == (("sprot", 6, ("sport",)),)

    def test_a_set_of_no_category_knows_none(self):
        with pytest.raises(ValidationError, match=r"unknown category 'news'"):
            ModelField(categories=Categories([])).clean("news", None)

    @pytest.mark.parametrize(
        ("text", "message"), [("a;b", "No ';' at 1: try a,b"), ("x", "What is 'x'?")]
    )
    def test_messages_of_your_own(self, text, message):
        field = ModelField(
            error_messages={
                "lookalike": "No %(character)s at %(position)s: try %(suggestion)s",
                "unknown_category": "What is %(names)s?",
            },
            categories=KNOWN,
        )
        with pytest.raises(ValidationError) as caught:
            field.clean(text, None)
        assert caught.value.messages == [message]

    def test_what_a_row_lists_may_stay_though_retired(self):
        Subscription.objects.create(wanted="news,weather")
        row = Subscription.objects.get()
        row.full_clean()
        row.wanted = "weather, sport"
        row.full_clean()
        row.wanted = "weather, climate"
        with pytest.raises(ValidationError) as caught:
            row.full_clean()
        assert [name for name, _, _ in caught.value.error_dict["wanted"][0].params["unknown"]] == [
            "climate"
        ]
        with pytest.raises(ValidationError):
            Subscription(wanted="weather").full_clean()

    def test_what_another_row_lists_may_not_stay(self):
        Subscription.objects.create(wanted="climate")
        row = Subscription.objects.create(wanted="weather")
        for wanted in ("climate", "weather,climate"):
            row.wanted = wanted
            with pytest.raises(ValidationError, match=r"unknown category 'climate'"):
                row.full_clean()
        with pytest.raises(ValidationError, match=r"unknown category 'weather'"):
            Subscription(pk=row.pk, wanted="weather").clean_fields()

    def test_the_database_is_not_asked_about_known_names(self, django_assert_num_queries):
        row = Subscription.objects.create(wanted="news")
        with django_assert_num_queries(0):
            row.clean_fields()

    @pytest.mark.django_db(databases=["default", "other"])
    def test_what_may_stay_is_looked_up_where_the_row_is(self):
        Subscription(pk=1, wanted="weather").save(using="other")
        Subscription(pk=1, wanted="news").save(using="default")
        Subscription.objects.using("other").get(pk=1).full_clean()

    def test_null_and_blank_as_in_any_field(self):
        with pytest.raises(ValidationError) as caught:
            Subscription(wanted=None).full_clean()
        assert caught.value.messages == ["This field cannot be null."]
        Subscription(maybe=None).full_clean()
        field = ModelField(categories=KNOWN, max_length=3, null=True, blank=True)
        assert field.clean(None, None) is None

    def test_the_longest_canonical_text(self):
        columns = {
            field.name: field.db_type(connections["default"]) for field in Subscription._meta.fields
        }
        assert (columns["wanted"], columns["anything"]) == ("text", "varchar(20)")
        Subscription(anything=" a,b,a, a" * 1).full_clean()
        with pytest.raises(ValidationError) as caught:
            Subscription(anything="a-rather-long-category").full_clean()
        assert caught.value.messages == ["Ensure this value has at most 20 characters (it has 22)."]

    def test_fixtures(self):
        Subscription.objects.create(wanted="-weather", maybe=None)
        frozen = serializers.serialize("json", Subscription.objects.all())
        assert json.loads(frozen)[0]["fields"] == {
            "device": "phone",
            "wanted": "-weather",
            "maybe": None,
            "anything": "-*",
        }
        (thawed,) = serializers.deserialize("json", frozen)
        assert thawed.object.wanted == CategoryFilter("-weather")
        assert thawed.object.maybe is None


class TestMigrations:
    def test_the_known_set_is_in_none(self):
        for categories in (None, KNOWN, Categories([*KNOWN, "new"])):
            field = ModelField(categories=categories)
            assert field.deconstruct()[1:] == (
                *("category_filter.integrations.django.models.CategoryFilterField", []),
                {"default": "*"},
            )

    @pytest.mark.django_db
    def test_nothing_is_to_be_migrated(self):
        call_command("makemigrations", check=True, dry_run=True, stdout=io.StringIO())

    def test_a_default_is_written_as_text(self):
        field = ModelField(default=CategoryFilter("- b,a"), max_length=9)
        assert field.deconstruct()[3] == {"default": "-a,b", "max_length": 9}
        assert "default='-a,b'" in MigrationWriter.serialize(field)[0]
        field = ModelField(db_default=CategoryFilter("- b,a"))
        assert field.deconstruct()[3] == {"db_default": "-a,b"}
        assert field.clone().deconstruct() == field.deconstruct()
        assert ModelField(null=True).deconstruct()[3] == {"null": True}


class TestChecks:
    def field(self, **options):
        field = ModelField(**options)
        field.set_attributes_from_name("wanted")
        field.model = Subscription
        return field

    def check(self, **options):
        return [(found.id, found.msg, found.hint) for found in self.field(**options).check()]

    def test_a_good_field(self):
        assert self.check(categories=KNOWN) == []
        assert self.check(null=True, blank=True, max_length=10) == []
        assert checks.run_checks() == []

    def test_what_is_checked_of_every_field(self):
        assert [found[0] for found in self.check(null=True, primary_key=True)] == ["fields.E007"]

    def test_each_mistake_is_one_of_the_field(self):
        field = self.field(blank=True, default="a;b", choices=[("*", "All")])
        with override_settings(INSTALLED_APPS=[]):
            found = [(mistake.id[-4:], mistake.obj) for mistake in field._mistakes()]
        assert found == [("E001", field), ("E002", field), ("E004", field), ("E003", field)]

    def test_blank_without_null(self):
        assert self.check(blank=True) == [
            (
                "category_filter.E001",
                "The field may be left blank, but null, which that is stored as, is not allowed.",
                "Add null=True, or drop blank=True: the default is “*”, every category.",
            )
        ]

    @pytest.mark.parametrize(
        ("default", "hint"),
        [
            ("news;sport", "write ',' instead of ';'; did you mean 'news,sport'?"),
            (
                "-sprot",
                (
                    "unknown category 'sprot' (did you mean 'sport'?): "
                    "its messages will not be stopped"
                ),
            ),
        ],
    )
    def test_a_bad_default(self, default, hint):
        assert self.check(default=default, categories=KNOWN) == [
            ("category_filter.E002", "The default is refused.", hint)
        ]

    def test_a_default_that_is_too_long(self):
        assert self.check(default="news,sport", max_length=9) == [
            (
                *("category_filter.E002", "The default is refused."),
                "Ensure this value has at most 9 characters (it has 10).",
            )
        ]

    def test_other_kinds_of_default(self):
        (found,) = self.check(default=CategoryFilter("nope"), categories=KNOWN)
        assert found[2].startswith("unknown category 'nope'")
        (found,) = self.check(db_default="a;b")
        assert found[2] == "write ',' instead of ';'; did you mean 'a,b'?"

    def test_choices(self):
        assert self.check(choices=[("*", "All")]) == [
            (
                *("category_filter.E004", "Choices are not supported."),
                "Give the known categories by `categories`.",
            )
        ]

    def test_the_application_is_known_by_its_label(self):
        config = apps.get_app_config("category_filter")
        assert config.name == "category_filter.integrations.django"

    def test_an_application_that_is_not_installed(self):
        with override_settings(INSTALLED_APPS=[]):
            found = ModelField()._mistakes()
            assert [(mistake.id, mistake.hint) for mistake in found] == [
                (
                    "category_filter.E003",
                    "Add 'category_filter.integrations.django' to INSTALLED_APPS.",
                )
            ]


DATABASES = ["default", *(["postgresql"] if "postgresql" in connections else [])]


@pytest.fixture(params=["default", "postgresql"])
def database(request):
    """SQLite, and PostgreSQL if it is there."""
    if request.param == "postgresql":
        request.getfixturevalue("postgres_url")
    return request.param


@pytest.mark.django_db(databases=DATABASES)
class TestAllows:
    @one_transaction
    @given(wanted=st.lists(filters | st.none(), max_size=8), category=names | texts)
    def test_in_the_database_as_in_python(self, database, wanted, category):
        rows = Subscription.objects.using(database)
        rows.all().delete()
        made = rows.bulk_create(Subscription(maybe=f) for f in wanted)
        listed = [name for f in wanted if f for name in f.names]
        for asked in {
            category,
            *listed,
            *(name[:-1] for name in listed),
            *(f"-{name}" for name in listed),
        }:
            found = set(rows.filter(maybe__allows=asked))
            assert found == {row for row in made if row.maybe and row.maybe.allows(asked)}
            refused = set(rows.exclude(maybe__isnull=True).exclude(maybe__allows=asked))
            assert refused == {row for row in made if row.maybe and not row.maybe.allows(asked)}

    @pytest.mark.parametrize(
        ("wanted", "asked", "expected"),
        [
            ("group_x", "groupyx", False),  # no wildcard
            ("50:x", "50%x", False),  # likewise
            ("News", "news", False),  # case counts
            ("a-b", "b", False),  # part of a name
            ("a.b/c", "a.b/c", True),
            ("-a", "-a", True),  # no name, so nobody lists it
            ("-x-a,b", "a", True),
            ("-*", "-*", False),
        ],
    )
    def test_traps(self, database, wanted, asked, expected):
        rows = Subscription.objects.using(database)
        rows.create(anything=wanted)
        assert rows.filter(anything__allows=asked).exists() is expected

    def test_across_a_relation_and_with_others(self, database):
        rows = Subscription.objects.using(database)
        rows.create(wanted="-ads", device="watch")
        both = models.Q(wanted__allows="news") & ~models.Q(wanted__allows="ads")
        assert rows.filter(both, device__startswith="wa").count() == 1

    @pytest.mark.parametrize("asked", ["news", "no name"])
    def test_another_condition_holds_for_every_filter(self, database, asked):
        rows = Subscription.objects.using(database)
        for wanted in ("*", "news", "-ads"):
            rows.create(wanted=wanted, device="phone")
        watch = rows.create(wanted="*", device="watch")
        assert rows.filter(wanted__allows=asked, device="watch").get() == watch

    @pytest.mark.parametrize(("asked", "expected"), [("news", 1), ("ads", 0), ("no name", 1)])
    def test_of_an_expression_with_parameters(self, database, asked, expected):
        rows = Subscription.objects.using(database)
        rows.create(maybe=None)
        either = Coalesce("maybe", models.Value("-ads"), output_field=ModelField())
        assert rows.annotate(either=either).filter(either__allows=asked).count() == expected

    def test_what_is_no_text_is_no_category(self, database):
        with pytest.raises(TypeError, match=r"^category must be a str, not int$"):
            Subscription.objects.using(database).filter(wanted__allows=3)

    def test_the_plan_reads_every_row(self, database):
        rows = Subscription.objects.using(database).filter(wanted__allows="news")
        assert {"default": "SCAN ", "postgresql": "Seq Scan"}[database] in rows.explain()


class Form(forms.Form):
    wanted = CategoryFilterField(categories=KNOWN)
    maybe = CategoryFilterField(categories=KNOWN, required=False)
    text = CategoryFilterField(categories=KNOWN, widget=forms.TextInput, required=False)
    anything = CategoryFilterField(required=False)


def sent(**data):
    return Form({"wanted_mode": "all"} | data)


def cleaned(name, **data):
    form = sent(**data)
    assert form.is_valid(), form.errors
    return form.cleaned_data[name]


class Controls(HTMLParser):
    """The radios and boxes of a page: name, value, label, and whether it is chosen."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.open = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "input" and attrs["type"] in {"radio", "checkbox"}:
            self.open = [attrs["name"], attrs["value"], "", "checked" in attrs]
            self.found.append(self.open)

    def handle_data(self, data):
        if self.open:
            self.open[2] += data.strip()

    def handle_endtag(self, tag):
        if tag == "label":
            self.open = None


def chosen(html, prefix="wanted"):
    """The radio that is on, and the ticked boxes."""
    controls = [control for control in Controls(html).found if control[0].startswith(prefix)]
    on = [control[1] for control in controls if control[3] and control[0].endswith("_mode")]
    return on, [control[1] for control in controls if control[3] and "_names" in control[0]]


class TestFormField:
    @pytest.mark.parametrize(
        ("mode", "ticked", "expected"),
        [
            ("all", [], "*"),
            ("all", ["news"], "*"),
            ("only", ["news", "ads"], "ads,news"),
            ("only", [], "-*"),
            ("except", ["news"], "-news"),
            ("except", [], "*"),
        ],
    )
    def test_the_radio_and_the_boxes(self, mode, ticked, expected):
        assert cleaned("wanted", wanted_mode=mode, wanted_names=ticked) == CategoryFilter(expected)

    def test_null_is_not_empty(self):
        assert cleaned("maybe") is None
        assert cleaned("maybe", maybe_mode="") is None
        assert cleaned("text", text=" ") is None
        assert Form({}).errors["wanted"] == ["This field is required."]

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
                "Choose whether the ticked categories are wanted or not.",
            ),
            (
                {"maybe_mode": "only", "maybe_names": ["sprot", "x"]},
                "unknown_category",
                ("2 unknown categories 'sprot' (did you mean 'sport'?), 'x'"),
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
    def test_what_no_browser_sends(self, data, code, message):
        (error,) = sent(**data).errors.as_data()["maybe"]
        assert (error.code, error.messages) == (code, [message])

    @given(texts)
    def test_a_text(self, text):
        form = sent(text=text)
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

    def test_messages_of_your_own(self):
        field = CategoryFilterField(
            error_messages={
                "lookalike": "No %(character)s at %(position)s: try %(suggestion)s",
                "unknown_category": "What is %(names)s?",
            },
            categories=KNOWN,
        )
        for text, message in [
            ("a;b", "No ';' at 1: try a,b"),
            ("x", "What is 'x'?"),
            ("-x", "What is 'x'?"),
        ]:
            with pytest.raises(ValidationError) as caught:
                field.clean(text)
            assert caught.value.messages == [message]

    def test_has_changed_looks_at_the_meaning(self):
        field = CategoryFilterField(categories=KNOWN, required=False)
        assert not field.has_changed("sport,news", ["only", ["news", "sport"]])
        assert not field.has_changed(CategoryFilter("-ads"), "- ads")
        assert not field.has_changed(None, [None, []])
        assert field.has_changed("*", [None, []])
        assert field.has_changed("*", "a;b")
        assert field.has_changed("no;filter", "-ads")
        assert not CategoryFilterField(disabled=True).has_changed("*", "-ads")

    def test_a_set_of_no_category_knows_none(self):
        class Settings(forms.Form):
            wanted = CategoryFilterField(categories=Categories([]))
            text = CategoryFilterField(categories=Categories([]), widget=forms.TextInput)

        form = Settings({"wanted_mode": "only", "wanted_names": ["news"], "text": "news"})
        message = "unknown category 'news'"
        assert form.errors == {"wanted": [message], "text": [message]}
        assert isinstance(form.fields["wanted"].widget, CategoryFilterWidget)
        assert f' pattern="{Categories([]).pattern}"' in str(form["text"])

    def test_what_the_initial_filter_lists_may_stay(self):
        stored = {"wanted": CategoryFilter("news,weather"), "text": "weather"}
        data = {"wanted_mode": "except", "wanted_names": ["weather"], "text": "-weather"}
        form = Form(data, initial=stored)
        assert form.is_valid()
        assert form.cleaned_data["wanted"] == CategoryFilter("-weather")
        assert sent(**data).errors.keys() == {"wanted", "text"}
        assert Form(data, initial={"wanted": "no;filter"}).errors.keys() == {"wanted", "text"}

    def test_a_text_input_has_the_browser_check(self):
        html = str(Form()["text"])
        for name, value in {
            "pattern": KNOWN.pattern,
            "title": "&#x27;*&#x27;, or names with commas between them, or all but these after one"
            " &#x27;-&#x27;: news, sport, ads, log",
        }.items():
            assert f'{name}="{value}"' in html
        for name in ("wanted", "anything"):
            assert "pattern" not in str(Form()[name])
            assert "title" not in str(Form()[name])

    def test_the_browser_lets_through_what_may_stay(self):
        html = str(Form(initial={"text": "news,weather"})["text"])
        assert f'pattern="{Categories([*KNOWN, "weather"]).pattern}"' in html

    @pytest.mark.parametrize(
        "data",
        [
            {"text": 5},
            {"text": {"a": 1}},
            {"text": ["a"]},
            {"text": ["a", "b"]},
            {"anything": ["all", []]},
            {"maybe_mode": 5},
            {"maybe_mode": "only", "maybe_names": 5},
            {"maybe_mode": "only", "maybe_names": [{}]},
        ],
    )
    def test_a_form_that_was_filled_from_json(self, data):
        form = sent(**data)
        form.as_div()
        if data != {"anything": ["all", []]}:
            assert len(form.errors) == 1
            assert form.has_changed()

    def test_one_name_that_is_no_list(self):
        assert cleaned("maybe", maybe_mode="only", maybe_names="news") == CategoryFilter("news")

    def test_carried_along_unseen(self):
        form = Form({"wanted_mode": "except", "wanted_names": ["news", "log"]})
        carried = re.compile('<input type="hidden" name="(.*?)" value="(.*?)"')
        assert carried.findall(form["wanted"].as_hidden()) == [
            ("wanted_mode", "except"),
            ("wanted_names", "news"),
            ("wanted_names", "log"),
        ]
        hidden = Form(initial={"wanted": "-news"})["wanted"].as_hidden()
        assert carried.findall(hidden) == [
            ("wanted_mode", "except"),
            ("wanted_names", "news"),
        ]


class TestWidget:
    @pytest.mark.parametrize(
        ("stored", "expected"),
        [
            ("*", (["all"], [])),
            ("news,sport", (["only"], ["news", "sport"])),
            ("-news", (["except"], ["news"])),
            ("-*", (["only"], [])),
            (CategoryFilter("-news"), (["except"], ["news"])),
            (None, ([], [])),
            ("news;sport", ([], [])),
            (5, ([], [])),
        ],
    )
    def test_a_stored_filter(self, stored, expected):
        assert chosen(str(Form(initial={"wanted": stored})["wanted"])) == expected

    @given(filters)
    def test_what_is_shown_is_what_comes_back(self, f):
        html = str(Form(initial={"wanted": f})["wanted"])
        (mode,), ticked = chosen(html)
        form = Form({"wanted_mode": mode, "wanted_names": ticked}, initial={"wanted": f})
        assert form.is_valid()
        assert form.cleaned_data["wanted"] == f

    @pytest.mark.parametrize("mode", ["all", "only", "except"])
    @pytest.mark.parametrize("ticked", [[], ["news"], ["news", "weather"]])
    def test_what_was_sent_is_shown_again(self, mode, ticked):
        form = Form({"wanted_mode": mode, "wanted_names": ticked, "text": "wrong;one"})
        assert not form.is_valid()
        assert chosen(str(form["wanted"])) == ([mode], ticked)

    def test_labels_and_a_retired_category(self):
        html = str(Form(initial={"wanted": "-weather,news"})["wanted"])
        assert Controls(html).found == [
            ["wanted_mode", "all", "all categories", False],
            ["wanted_mode", "only", "only these categories", False],
            ["wanted_mode", "except", "all categories except these", True],
            ["wanted_names", "news", "News of the day", True],
            ["wanted_names", "sport", "Results", False],
            ["wanted_names", "ads", "Offers <& more>", False],
            ["wanted_names", "log", "Logs", False],
            ["wanted_names", "weather", "weather (no longer offered)", True],
        ]

    def test_names_are_sorted(self):
        assert CategoryFilterWidget().decompress("f,e,d,c,b,a") == ["only", [*"abcdef"]]
        assert CategoryFilterWidget().decompress("-f,e,d,c,b,a") == ["except", [*"abcdef"]]

    def test_in_no_form(self):
        modes = [
            ["wanted_mode", "", "not specified", False],
            ["wanted_mode", "all", "all categories", False],
            ["wanted_mode", "only", "only these categories", False],
            ["wanted_mode", "except", "all categories except these", True],
        ]
        known = CategoryFilterWidget(Categories({"news": "News", "ads": "Offers"}))
        assert Controls(known.render("wanted", "-ads")).found == [
            *modes,
            ["wanted_names", "news", "News", False],
            ["wanted_names", "ads", "Offers", True],
        ]
        assert Controls(CategoryFilterWidget().render("wanted", "-news")).found == [
            *modes,
            ["wanted_names", "news", "news (no longer offered)", True],
        ]

    def test_a_mode_alone_is_not_omitted(self):
        omitted = CategoryFilterWidget().value_omitted_from_data
        assert not omitted({"wanted_mode": ""}, {}, "wanted")
        assert omitted({"wanted_names": ["news"]}, {}, "wanted")

    def test_no_choice_is_a_choice_where_nothing_is_required(self):
        html = str(Form()["maybe"])
        assert Controls(html).found[0] == ["maybe_mode", "", "not specified", True]

    def test_user_text_is_escaped(self):
        form = Form({"wanted_mode": "only", "wanted_names": ['"><script>']})
        assert "<script>" not in form.as_div()

    def test_for_screen_readers_and_without_inline_style_or_script(self):
        html = Form({"wanted_mode": "some"}).as_div()
        assert '<fieldset aria-describedby="id_wanted_error">' in html
        assert '<ul class="errorlist" id="id_wanted_error">' in html
        assert (
            '<fieldset role="radiogroup" class="category-filter-mode" aria-invalid="true"'
            ' aria-describedby="id_wanted_error">'
        ) in html
        assert (
            html.count("<legend>Deliver</legend>") == html.count("<legend>Categories</legend>") == 2
        )
        assert "style" not in html
        assert "script" not in html
        assert " required" not in html
        assert str(Form().media) == (
            '<link href="/static/category_filter/widget.css" media="all" rel="stylesheet">'
        )

    def test_what_is_not_wrong_is_not_said_to_be(self):
        assert "aria-invalid" not in str(Form()["wanted"])

    def test_what_has_no_id_describes_nothing(self):
        html = str(Form({}, auto_id=False)["wanted"])
        assert 'aria-invalid="true"' in html
        assert "describedby" not in html

    def test_the_given_attributes_stay_as_they_are(self):
        attributes = {"aria-invalid": "true"}
        html = CategoryFilterWidget(KNOWN).render("wanted", None, attributes)
        assert html.count("aria-invalid") == 1
        assert attributes == {"aria-invalid": "true"}

    def test_an_own_widget_with_its_own_attributes(self):
        field = CategoryFilterField(
            categories=KNOWN, widget=CategoryFilterWidget(attrs={"class": "wide"})
        )
        html = field.widget.render("wanted", None, {"id": "x"})
        assert html.count('class="wide"') == 3 + len(KNOWN) + 2

    def test_two_forms_share_nothing(self):
        one, other = Form(initial={"wanted": "weather"}), Form()
        assert "weather" in str(one["wanted"])
        assert "weather" not in str(other["wanted"])


@pytest.mark.django_db
class TestModelForm:
    Made = modelform_factory(Subscription, fields=["wanted", "maybe", "anything"])

    def data(self, **data):
        return {"wanted_mode": "only", "wanted_names": ["news"], "anything": "*"} | data

    def test_it_saves(self):
        row = self.Made(self.data()).save()
        row.refresh_from_db()
        assert (row.wanted, row.maybe) == (CategoryFilter("news"), None)

    def test_a_new_row_begins_with_the_default(self):
        assert chosen(str(self.Made()["wanted"])) == (["all"], [])
        assert chosen(str(self.Made()["maybe"]), "maybe") == ([""], [])

    def test_a_field_that_is_not_sent_keeps_the_default(self):
        form = modelform_factory(Subscription, fields=["wanted"])({})
        form.fields["wanted"].required = False
        assert form.save(commit=False).wanted == CategoryFilter("*")

    def test_a_retired_category_stays(self):
        stored = Subscription.objects.create(wanted="news,weather")
        form = self.Made(self.data(wanted_names=["weather", "sport"]), instance=stored)
        assert form.is_valid(), form.errors
        assert form.save().wanted == CategoryFilter("sport,weather")

    def test_another_form_field(self):
        made = modelform_factory(
            Subscription, fields=["wanted"], field_classes={"wanted": forms.CharField}
        )
        assert made({"wanted": "sport, news"}).save().wanted == CategoryFilter("news,sport")

    def test_a_form_field_that_is_derived_from_ours(self):
        class Own(CategoryFilterField):
            pass

        made = modelform_factory(
            Subscription, fields=["wanted"], field_classes={"wanted": Own}
        ).base_fields["wanted"]
        assert (type(made), made.categories) == (Own, KNOWN)

    def test_an_error_stands_at_its_field_once(self):
        form = self.Made(self.data(anything="news;sport"))
        assert form.errors == {"anything": ["write ',' instead of ';'; did you mean 'news,sport'?"]}
        form = self.Made(self.data(wanted_names=["nows"]))
        assert len(form.errors["wanted"]) == 1


def choices(page):
    """The choices of the list filter: where they lead, what they say, and whether they are on."""
    found = re.findall('<li( class="selected")?>\\s*<a href="([?].*?)">(.*?)</a>', page)
    return [(unescape(address), unescape(label), bool(on)) for on, address, label in found]


@pytest.mark.django_db
class TestAdmin:
    @pytest.fixture
    def admin(self, client):
        client.force_login(User.objects.create_superuser("root"))
        return client

    def test_rows_are_filtered_by_category(self, admin):
        Subscription.objects.create(device="watch", wanted="-news")
        Subscription.objects.create(device="phone", wanted="news")
        page = admin.get("/admin/django_site/subscription/").text
        assert "phone" in page
        assert "watch" in page
        assert 'href="?wanted__allows=news"' in page
        assert "News of the day (1)" in page
        assert "Offers &lt;&amp; more&gt; (1)" in page
        page = admin.get("/admin/django_site/subscription/?wanted__allows=ads").text
        assert "watch" in page
        assert "phone</a>" not in page

    @pytest.mark.parametrize("asked", [None, "ads"])
    def test_what_is_chosen_is_marked(self, admin, asked):
        Subscription.objects.create(wanted="-news")
        Subscription.objects.create(wanted="news")
        page = admin.get(
            "/admin/django_site/subscription/", {"wanted__allows": asked} if asked else {}
        ).text
        assert choices(page) == [
            ("?", "All", asked is None),
            ("?wanted__allows=news", "News of the day (1)", False),
            ("?wanted__allows=sport", "Results (1)", False),
            ("?wanted__allows=ads", "Offers <& more> (1)", asked == "ads"),
            ("?wanted__allows=log", "Logs (1)", False),
        ]

    def test_rows_are_counted_if_they_are_to_be(self, admin, monkeypatch):
        monkeypatch.setattr(SubscriptionAdmin, "show_facets", ShowFacets.NEVER)
        page = admin.get("/admin/django_site/subscription/").text
        assert [label for _, label, _ in choices(page)] == ["All", *KNOWN.labels.values()]

    def test_without_a_known_set_rows_are_filtered_by_value(self, admin, monkeypatch):
        monkeypatch.setattr(SubscriptionAdmin, "list_filter", ["anything"])
        Subscription.objects.create(anything="news,b")
        page = admin.get("/admin/django_site/subscription/").text
        assert choices(page) == [
            ("?", "All", True),
            ("?anything=b%2Cnews", "b,news (1)", False),
        ]

    def test_in_german(self, admin):
        page = admin.get("/admin/django_site/subscription/", headers={"accept-language": "de"}).text
        assert choices(page)[0] == ("?", "Alle", True)

    def test_add_and_search(self, admin):
        sent = {
            "device": "phone",
            "wanted_mode": "except",
            "wanted_names": ["ads"],
            "anything": "-*",
        }
        assert admin.post("/admin/django_site/subscription/add/", sent).status_code == 302
        assert Subscription.objects.get().wanted == CategoryFilter("-ads")
        assert "phone</a>" in admin.get("/admin/django_site/subscription/?q=ads").text

    def test_the_address_may_fill_the_form(self, admin):
        page = admin.get("/admin/django_site/subscription/add/?wanted=-ads&anything=a,,b").text
        assert chosen(page) == (["except"], ["ads"])
        assert admin.get("/admin/django_site/subscription/add/?wanted=a,,b").status_code == 200

    def test_an_error(self, admin):
        sent = {"device": "phone", "wanted_mode": "only", "wanted_names": ["x"], "anything": "a;b"}
        page = admin.post("/admin/django_site/subscription/add/", sent).text
        assert "did you mean &#x27;a,b&#x27;?" in page
        assert "unknown category &#x27;x&#x27;" in page


@pytest.mark.django_db
class TestApi:
    api = APIClient()

    def test_there_and_back(self):
        made = self.api.post("/api/subscriptions/", {"wanted": "sport, news"}, format="json")
        assert made.json() == {
            "id": made.json()["id"],
            "device": "phone",
            "wanted": "news,sport",
            "maybe": None,
        }
        address = f"/api/subscriptions/{made.json()['id']}/"
        assert self.api.patch(address, {"maybe": "-ads"}, format="json").json()["maybe"] == "-ads"
        assert self.api.patch(address, {"maybe": None}, format="json").json()["maybe"] is None
        row = Subscription.objects.get()
        assert (row.wanted, row.maybe) == (CategoryFilter("news,sport"), None)

    @pytest.mark.parametrize(
        ("wanted", "message"),
        [
            ("news;sport", "write ',' instead of ';'; did you mean 'news,sport'?"),
            (
                "sprot",
                "unknown category 'sprot' (did you mean 'sport'?)",
            ),
            ("", ("the filter is empty: use '*' for every category, '-*' for none;"
             " did you mean '*'?")),
            (3, "Not a valid string."),
            (None, "This field may not be null."),
        ],
    )  # fmt: skip
    def test_a_mistake(self, wanted, message):
        answer = self.api.post("/api/subscriptions/", {"wanted": wanted}, format="json")
        assert (answer.status_code, answer.json()) == (400, {"wanted": [message]})

    def test_what_a_row_lists_may_stay_though_retired(self):
        row = Subscription.objects.create(wanted="weather")
        answer = self.api.patch(
            f"/api/subscriptions/{row.pk}/", {"wanted": "weather,news"}, format="json"
        )
        assert answer.json()["wanted"] == "news,weather"
        answer = self.api.post("/api/subscriptions/", {"wanted": "weather"}, format="json")
        assert answer.status_code == 400

    def test_the_longest_canonical_text(self):
        class Short(ModelSerializer):
            class Meta:
                model = Subscription
                fields = ["anything"]

        short = Short(data={"anything": "a-rather-long-category"})
        assert not short.is_valid()
        assert short.errors == {
            "anything": ["Ensure this value has at most 20 characters (it has 22)."]
        }
        assert Short(data={"anything": "a,b,a,b,a,b,a,b,a,b,a,b"}).is_valid()

    def test_a_default_is_a_filter_too(self):
        class Own(Serializer):
            wanted = ApiField(default="b, a")

        own = Own(data={})
        assert own.is_valid()
        assert own.validated_data == {"wanted": CategoryFilter("a,b")}

    def test_a_filter_is_taken_as_it_is(self):
        class Own(Serializer):
            wanted = ApiField(KNOWN)

        own = Own(data={"wanted": CategoryFilter("news")})
        assert own.is_valid()
        assert own.validated_data == {"wanted": CategoryFilter("news")}

    def test_in_no_serializer(self):
        field = ApiField(KNOWN)
        assert field.run_validation("news") == CategoryFilter("news")
        assert ListField(child=field).run_validation(["news"]) == [CategoryFilter("news")]

    def test_what_another_row_lists_may_stay_there(self):
        class Owner(Serializer):
            wanted = ApiField(KNOWN, source="subscription.wanted")

        owner = SimpleNamespace(subscription=Subscription(wanted="weather"))
        assert Owner(owner, data={"wanted": "weather"}).is_valid()
        assert not Owner(data={"wanted": "weather"}).is_valid()

    def test_codes_and_messages_of_your_own(self):
        class Own(Serializer):
            wanted = ApiField(error_messages={"lookalike": "Sign {position}: try {suggestion}"})
            known = ApiField(KNOWN)

        own = Own(data={"wanted": "a;b", "known": "a,,b"})
        assert not own.is_valid()
        assert own.errors == {
            "wanted": ["Sign 1: try a,b"],
            "known": ["expected a name before ','; did you mean 'a,b'?"],
        }
        assert own.errors["known"][0].code == "missing_name"
        assert Own({"wanted": "b,a", "known": "*"}).data == {"wanted": "a,b", "known": "*"}


def test_neither_the_admin_nor_the_rest_framework_is_needed():
    code = """
import sys, django
from django.conf import settings
from category_filter import Categories
settings.configure(INSTALLED_APPS=["category_filter.integrations.django"])
django.setup()
from category_filter.integrations.django.forms import CategoryFilterField
field = CategoryFilterField(categories=Categories(["news"]))
print(field.widget.render("wanted", "-news").count("checked"))
print("rest_framework" in sys.modules, "django.contrib.admin" in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert result.stdout == "2\nFalse False\n"


class TestTranslation:
    FOLDER = APP / "locale" / "de" / "LC_MESSAGES"

    def catalog(self):
        with (self.FOLDER / "django.po").open("rb") as file:
            return read_po(file)

    def test_everything_that_is_said_is_translated(self):
        said = set(MESSAGES.values())
        for file in APP.glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                match node:
                    case ast.Call(ast.Name("_" | "gettext"), [ast.Constant(text)]):
                        said.add(text)
        said |= {"Deliver", "Categories"}  # in the template
        borrowed = {"All"}  # which Django itself says
        assert {message.id for message in self.catalog() if message.id} == said - borrowed

    def test_the_placeholders_are_kept(self):
        for message in self.catalog():
            said, translated = (
                sorted(re.findall(r"%\(\w+\)s", text)) for text in (message.id, message.string)
            )
            assert translated == said or not message.id

    def test_it_is_compiled(self):
        with (self.FOLDER / "django.mo").open("rb") as file:
            compiled = {message.id: message.string for message in read_mo(file) if message.id}
        assert compiled == {message.id: message.string for message in self.catalog() if message.id}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("news;sport", "',' statt ';' schreiben; war 'news,sport' gemeint?"),
            (
                "-sprot,x",
                (
                    "2 unbekannte Kategorien 'sprot' (war 'sport' gemeint?), 'x':"
                    " ihre Nachrichten werden nicht aufgehalten"
                ),
            ),
        ],
    )
    def test_an_error_in_german(self, text, message):
        form = sent(text=text)
        with translation.override("de"):
            assert form.errors["text"] == [message]
        with translation.override("en"):
            assert "did you mean" in form.errors["text"][0]

    def test_a_message_of_your_own_is_filled_in_german(self):
        field = CategoryFilterField(
            categories=KNOWN, error_messages={"unknown_category": "%(names)s?"}
        )
        with translation.override("de"), pytest.raises(ValidationError) as caught:
            field.clean("sprot")
        assert caught.value.messages == ["'sprot' (war 'sport' gemeint?)?"]

    def test_an_error_of_a_serializer_in_german(self):
        class Own(Serializer):
            wanted = ApiField(KNOWN)

        own = Own(data={"wanted": "news;sport"})
        with translation.override("de"):
            assert not own.is_valid()
        assert own.errors == {"wanted": ["',' statt ';' schreiben; war 'news,sport' gemeint?"]}

    def test_the_kind_of_field_in_german(self):
        with translation.override("de"):
            assert str(ModelField.description) == "Ein Filter von Kategorien"

    def test_labels_in_the_language_of_the_reader(self):
        field = CategoryFilterField(categories=Categories({"all": "Categories"}))
        with translation.override("de"):
            assert Controls(field.widget.render("wanted", None)).found[-1][2] == "Kategorien"

    def test_the_widget_in_german(self):
        with translation.override("de"):
            html = str(Form(initial={"wanted": "weather"})["wanted"])
        assert "<legend>Zustellen</legend>" in html
        assert "<legend>Kategorien</legend>" in html
        assert [label for _, _, label, _ in Controls(html).found] == [
            "alle Kategorien",
            "nur diese Kategorien",
            "alle Kategorien außer diesen",
            *KNOWN.labels.values(),
            "weather (nicht mehr angeboten)",
        ]
