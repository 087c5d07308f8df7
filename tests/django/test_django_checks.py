"""The system checks, and the app configuration."""

import subprocess
import sys

import pytest
from django.apps import apps
from django.core import checks
from django.test import override_settings
from django_site.models import KNOWN, Subscription

from category_filter import CategoryFilter
from category_filter.integrations.django.models import CategoryFilterField


def make_field(**options):
    field = CategoryFilterField(**options)
    field.set_attributes_from_name("wanted")
    field.model = Subscription
    return field


def check(**options):
    return [(found.id, found.msg, found.hint) for found in make_field(**options).check()]


class TestChecks:
    def test_valid_fields_pass(self):
        assert check(categories=KNOWN) == []
        assert check(null=True, blank=True, max_length=10) == []
        assert checks.run_checks() == []

    def test_the_checks_of_every_django_field_run_too(self):
        assert [found[0] for found in check(null=True, primary_key=True)] == ["fields.E007"]

    def test_blank_requires_null(self):
        assert check(blank=True) == [
            (
                "category_filter.E001",
                "blank=True requires null=True.",
                "Set null=True to store blank values as null, or remove blank=True.",
            )
        ]

    @pytest.mark.parametrize(
        ("options", "hint"),
        [
            (
                {"default": "news;sport"},
                "write ',' instead of ';'; did you mean 'news,sport'?",
            ),
            ({"default": "-sprot"}, "unknown category 'sprot' (did you mean 'sport'?)"),
            ({"default": CategoryFilter("weather")}, "unknown category 'weather'"),
            ({"db_default": "a;b"}, "write ',' instead of ';'; did you mean 'a,b'?"),
            (
                {"default": "news,sport", "max_length": 9},
                "Ensure this value has at most 9 characters (it has 10).",
            ),
        ],
    )
    def test_an_invalid_default_is_an_error(self, options, hint):
        assert check(categories=KNOWN, **options) == [
            ("category_filter.E002", "The default is invalid.", hint)
        ]

    def test_choices_are_an_error(self):
        assert check(choices=[("*", "All")]) == [
            (
                *("category_filter.E004", "'choices' is not supported."),
                "Pass the known categories as 'categories'.",
            )
        ]

    def test_a_missing_app_is_an_error(self):
        with override_settings(INSTALLED_APPS=[]):
            assert check() == [
                (
                    "category_filter.E003",
                    "The widget's template and translations are not installed.",
                    "Add 'category_filter.integrations.django' to INSTALLED_APPS.",
                )
            ]

    def test_every_error_names_its_field(self):
        field = make_field(blank=True, default="a;b", choices=[("*", "All")])
        with override_settings(INSTALLED_APPS=[]):
            found = [(error.id[-4:], error.obj) for error in field.check()]
        assert found == [("E001", field), ("E002", field), ("E004", field), ("E003", field)]


class TestApp:
    def test_the_app_has_its_own_label(self):
        config = apps.get_app_config("category_filter")
        assert config.name == "category_filter.integrations.django"

    def test_the_app_works_without_the_admin_and_the_rest_framework(self):
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
