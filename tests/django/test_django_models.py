"""The model field: stored values, validation, and migrations."""

import io
import json
from functools import partial

import pytest
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.validators import MaxLengthValidator, MinLengthValidator, RegexValidator
from django.db import connections, models
from django.db.migrations.writer import MigrationWriter
from django_site.models import KNOWN, Subscription

from category_filter import Categories, CategoryFilter, FilterSyntaxError
from category_filter.integrations.django.forms import CategoryFilterField as FormField
from category_filter.integrations.django.models import CategoryFilterField


def error_data(error):
    """Return the code and the messages of a validation error, and the params that hold data."""
    (single,) = error.error_list
    data = {
        key: value
        for key, value in single.params.items()
        if key in {"position", "suggestion", "text", "unknown"}
    }
    return single.code, single.messages, data


def field_error(row, name="wanted"):
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    (error,) = caught.value.error_dict[name]
    return error


@pytest.mark.django_db
class TestValues:
    def test_the_database_holds_the_canonical_form_and_rows_hold_filters(self):
        row = Subscription.objects.create(wanted=" sport, news", maybe=CategoryFilter("-ads"))
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT wanted, maybe, anything FROM django_site_subscription")
            assert cursor.fetchall() == [("news,sport", "-ads", "-*")]
        loaded = Subscription.objects.get()
        assert loaded.wanted == row.wanted == CategoryFilter("news,sport")
        assert loaded.maybe == CategoryFilter("-ads")

    def test_queries_compare_filters_and_search_text(self):
        Subscription.objects.create(wanted=" sport, news", maybe=CategoryFilter("-ads"))
        assert Subscription.objects.filter(wanted="sport,news", maybe__in=["- ads"]).exists()
        assert Subscription.objects.filter(wanted__contains="ws,").exists()

    def test_assigned_strings_are_parsed_at_once(self):
        row = Subscription(wanted="sport, news")
        assert row.wanted == CategoryFilter("news,sport")
        row.wanted = "- ads"
        assert row.wanted == CategoryFilter("-ads")

    def test_the_default_allows_everything_and_null_is_none(self):
        row = Subscription.objects.create()
        row.refresh_from_db()
        assert (row.wanted, row.maybe) == (CategoryFilter("*"), None)
        row.maybe = "*"
        row.save()
        assert Subscription.objects.filter(maybe__isnull=True).count() == 0

    def test_deferred_fields_load_filters(self):
        Subscription.objects.create(wanted="news")
        assert Subscription.objects.defer("wanted").get().wanted == CategoryFilter("news")

    def test_expressions_are_evaluated_by_the_database(self):
        row = Subscription.objects.create(maybe="news")
        row.wanted = models.F("maybe")
        row.save()
        row.refresh_from_db()
        assert row.wanted == CategoryFilter("news")

    def test_fixtures_keep_retired_categories_and_null(self):
        Subscription.objects.create(wanted="-weather", maybe=None)
        dumped = serializers.serialize("json", Subscription.objects.all())
        assert json.loads(dumped)[0]["fields"] == {
            "account": None,
            "device": "phone",
            "wanted": "-weather",
            "maybe": None,
            "anything": "-*",
        }
        (loaded,) = serializers.deserialize("json", dumped)
        assert loaded.object.wanted == CategoryFilter("-weather")
        assert loaded.object.maybe is None


@pytest.mark.django_db
class TestValidation:
    def test_an_invalid_string_fails_validation_and_cannot_be_saved(self):
        row = Subscription(wanted="news;sport")
        assert error_data(field_error(row)) == (
            "lookalike",
            ["write ',' instead of ';'; did you mean 'news,sport'?"],
            {"text": "news;sport", "position": 4, "suggestion": "news,sport"},
        )
        with pytest.raises(FilterSyntaxError):
            row.save()

    @pytest.mark.parametrize("value", [3, b"news", ["news"]])
    def test_a_value_of_another_type_fails_validation(self, value):
        assert error_data(field_error(Subscription(wanted=value))) == (
            *("invalid", [f"“{value}” is not a valid category filter."], {}),
        )

    def test_unknown_names_fail_validation(self):
        assert error_data(field_error(Subscription(wanted="-news,sprot"))) == (
            "unknown_category",
            ["unknown category 'sprot' (did you mean 'sport'?)"],
            {"text": "-news,sprot", "position": 6, "unknown": (("sprot", 6, ("sport",)),)},
        )

    def test_an_empty_known_set_rejects_every_name(self):
        with pytest.raises(ValidationError, match=r"unknown category 'news'"):
            CategoryFilterField(categories=Categories([])).clean("news", None)

    @pytest.mark.parametrize(
        ("text", "message"), [("a;b", "No ';' at 1: try a,b"), ("x", "Which category is 'x'?")]
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
            field.clean(text, None)
        assert caught.value.messages == [message]

    def test_retired_names_of_the_stored_row_stay_valid(self):
        Subscription.objects.create(wanted="news,weather")
        row = Subscription.objects.get()
        row.full_clean()
        row.wanted = "weather, sport"
        row.full_clean()
        row.wanted = "weather, climate"
        assert [name for name, _, _ in field_error(row).params["unknown"]] == ["climate"]

    def test_retired_names_of_other_rows_are_invalid(self):
        Subscription.objects.create(wanted="climate")
        row = Subscription.objects.create(wanted="weather")
        for wanted in ("climate", "weather,climate"):
            row.wanted = wanted
            with pytest.raises(ValidationError, match=r"unknown category 'climate'"):
                row.full_clean()

    def test_retired_names_are_invalid_in_a_new_row_even_with_a_stored_key(self):
        row = Subscription.objects.create(wanted="weather")
        for new in (Subscription(wanted="weather"), Subscription(pk=row.pk, wanted="weather")):
            with pytest.raises(ValidationError, match=r"unknown category 'weather'"):
                new.clean_fields()

    def test_known_names_are_validated_without_a_query(self, django_assert_num_queries):
        row = Subscription.objects.create(wanted="news")
        with django_assert_num_queries(0):
            row.clean_fields()

    @pytest.mark.django_db(databases=["default", "other"])
    def test_the_stored_row_is_read_from_its_own_database(self):
        Subscription(pk=1, wanted="weather").save(using="other")
        Subscription(pk=1, wanted="news").save(using="default")
        Subscription.objects.using("other").get(pk=1).full_clean()

    def test_null_and_blank_work_as_in_other_fields(self):
        assert field_error(Subscription(wanted=None)).messages == ["This field cannot be null."]
        Subscription(maybe=None).full_clean()
        field = CategoryFilterField(categories=KNOWN, max_length=3, null=True, blank=True)
        assert field.clean(None, None) is None

    def test_max_length_limits_the_canonical_form(self):
        Subscription(anything=" a,b,a, a, a, b, a, b, a").full_clean()
        assert field_error(
            Subscription(anything="a-rather-long-category"), "anything"
        ).messages == ["Ensure this value has at most 20 characters (it has 22)."]

    @pytest.mark.parametrize(
        ("validator", "message"),
        [
            (MaxLengthValidator(9), "Ensure this value has at most 9 characters (it has 10)."),
            (MinLengthValidator(11), "Ensure this value has at least 11 characters (it has 10)."),
            (RegexValidator("^-", code="other"), "Enter a valid value."),
        ],
    )
    def test_validators_of_strings_validate_the_canonical_form(self, validator, message):
        for clean in (
            partial(CategoryFilterField(validators=[validator]).clean, model_instance=None),
            FormField(validators=[validator]).clean,
        ):
            with pytest.raises(ValidationError) as caught:
                clean(" sport,  news ")
            assert caught.value.messages == [message]


class TestMigrations:
    def test_the_column_type_follows_max_length(self):
        types = {
            field.name: field.db_type(connections["default"]) for field in Subscription._meta.fields
        }
        assert (types["wanted"], types["anything"]) == ("text", "varchar(20)")

    @pytest.mark.parametrize("categories", [None, KNOWN, Categories([*KNOWN, "new"])])
    def test_the_known_set_is_not_part_of_a_migration(self, categories):
        assert CategoryFilterField(categories=categories).deconstruct()[1:] == (
            *("category_filter.integrations.django.models.CategoryFilterField", []),
            {"default": "*"},
        )

    @pytest.mark.django_db
    def test_the_migrations_of_the_site_are_complete(self):
        call_command("makemigrations", check=True, dry_run=True, stdout=io.StringIO())

    def test_defaults_are_written_as_strings(self):
        field = CategoryFilterField(default=CategoryFilter("- b,a"), max_length=9)
        assert field.deconstruct()[3] == {"default": "-a,b", "max_length": 9}
        assert "default='-a,b'" in MigrationWriter.serialize(field)[0]
        field = CategoryFilterField(db_default=CategoryFilter("- b,a"))
        assert field.deconstruct()[3] == {"db_default": "-a,b"}
        assert field.clone().deconstruct() == field.deconstruct()
        assert CategoryFilterField(null=True).deconstruct()[3] == {"null": True}
