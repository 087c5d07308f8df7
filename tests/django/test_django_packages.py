"""Packages for Django: crispy forms, filters, imports and exports, Ninja, and API schemas."""

from typing import Annotated

import django_filters
import pytest
import yaml
from crispy_forms.utils import render_crispy_form
from django.core.management import call_command
from django.http import QueryDict
from django.utils import translation
from django_site.models import KNOWN, Subscription
from drf_spectacular.openapi import AutoSchema
from form_helpers import SubscriptionForm, checked
from import_export.resources import ModelResource
from ninja import ModelSchema, NinjaAPI
from ninja.testing import TestClient
from rest_framework import serializers
from rest_framework.test import APIClient
from tablib import Dataset

from category_filter import CategoryFilter
from category_filter.integrations.django.filters import CategoryFilterFilter
from category_filter.integrations.django.serializers import CategoryFilterField


def rows(*filters):
    return [Subscription.objects.create(wanted=f) for f in filters]


class TestCrispyForms:
    @pytest.mark.parametrize("data", [{}, {"wanted_mode": "some"}])
    def test_inputs_are_not_styled_as_text_inputs(self, data):
        html = render_crispy_form(SubscriptionForm(data or None, initial={"wanted": "-ads"}))
        inputs = [tag for tag in html.split("<") if "checkbox" in tag or "radio" in tag]
        assert not any("form-control" in tag for tag in inputs if tag.startswith("input"))
        assert html.count("category-filter categoryfilterwidget form-control") == 2
        assert checked(html) == (([], []) if data else (["except"], ["ads"]))


@pytest.mark.django_db
class TestFilters:
    class FilterSet(django_filters.FilterSet):
        class Meta:
            model = Subscription
            fields = {"wanted": ["exact", "allows", "contains"], "maybe": ["exact", "isnull"]}

    def find(self, query):
        found = self.FilterSet(QueryDict(query), Subscription.objects.order_by("pk"))
        return [str(row.wanted) for row in found.qs], found.errors

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["news", "-news", "*", "news,sport"]),
            ("wanted__allows=news", ["news", "*", "news,sport"]),
            ("wanted__allows=ads", ["-news", "*"]),
            ("wanted=sport, news", ["news,sport"]),
            ("wanted=*", ["*"]),
            ("wanted__contains=ews,", ["news,sport"]),
            ("maybe__isnull=false", []),
        ],
    )
    def test_fields_of_the_model_are_filtered(self, query, found):
        rows("news", "-news", "*", "news,sport")
        assert self.find(query) == (found, {})

    @pytest.mark.parametrize(
        ("query", "errors"),
        [
            (
                "wanted__allows=nows",
                {
                    "wanted__allows": [
                        "Select a valid choice. nows is not one of the available choices."
                    ]
                },
            ),
            (
                "wanted=a;b",
                {"wanted": ["write ',' instead of ';'; did you mean 'a,b'?"]},
            ),
        ],
    )
    def test_invalid_input_is_an_error(self, query, errors):
        assert self.find(query)[1] == errors

    def test_categories_are_offered_with_translated_labels(self):
        with translation.override("de"):
            field = self.FilterSet().form.fields["wanted__allows"]
            assert [*field.choices][1:] == [*KNOWN.labels.items()]

    def test_without_a_known_set_every_category_is_accepted(self):
        class FilterSet(django_filters.FilterSet):
            class Meta:
                model = Subscription
                fields = {"anything": ["allows"]}

        Subscription.objects.create(anything="a")
        assert FilterSet({"anything__allows": "a"}).qs.count() == 1
        assert FilterSet({"anything__allows": "b"}).qs.count() == 0

    def test_a_filter_can_be_declared(self):
        class FilterSet(django_filters.FilterSet):
            category = CategoryFilterFilter("wanted", lookup_expr="allows", categories=KNOWN)

        rows("news", "-news")
        assert FilterSet({"category": "ads"}, Subscription.objects.all()).qs.count() == 1

    @pytest.mark.parametrize("lookup", ["in", "range"])
    def test_lookups_that_split_at_commas_are_errors(self, lookup):
        with pytest.raises(ValueError, match="would split a filter at its commas"):
            CategoryFilterFilter("wanted", lookup_expr=lookup)

    def test_the_rest_framework_filters_too(self):
        rows("news", "-news")
        found = APIClient().get("/api/subscriptions/?wanted__allows=ads").json()
        assert [row["wanted"] for row in found] == ["-news"]


class SubscriptionResource(ModelResource):
    class Meta:
        model = Subscription
        fields = ["id", "wanted", "maybe", "anything"]
        clean_model_instances = True


@pytest.mark.django_db
class TestImportExport:
    def test_an_export_can_be_imported_again(self):
        rows("sport,news", "-*")
        Subscription.objects.update(maybe=None)
        Subscription.objects.filter(wanted="-*").update(maybe="-ads")
        exported = SubscriptionResource().export()
        expected = [("news,sport", "", "-*"), ("-*", "-ads", "-*")]
        assert [row[1:] for row in exported] == expected
        Subscription.objects.update(wanted="*", maybe="*", anything="a")
        loaded = Dataset().load(exported.csv, format="csv")
        result = SubscriptionResource().import_data(loaded, raise_errors=True)
        assert result.totals["update"] == 2
        assert [row[1:] for row in SubscriptionResource().export()] == expected
        assert Subscription.objects.filter(maybe=None).count() == 1

    def test_a_blank_cell_is_the_default_of_the_field(self):
        headers = ["id", "wanted", "maybe", "anything"]
        data = Dataset(("", "", "", ""), (None, None, None, None), headers=headers)
        SubscriptionResource().import_data(data, raise_errors=True)
        assert [(row.wanted, row.maybe, row.anything) for row in Subscription.objects.all()] == [
            (CategoryFilter("*"), None, CategoryFilter("-*"))
        ] * 2

    @pytest.mark.parametrize(
        ("column", "cell", "message"),
        [
            ("wanted", "a;b", "write ',' instead of ';'; did you mean 'a,b'?"),
            ("wanted", "sprot", "unknown category 'sprot' (did you mean 'sport'?)"),
            ("anything", "a;b", "write ',' instead of ';'; did you mean 'a,b'?"),
        ],
    )
    def test_an_invalid_cell_is_an_error_of_its_row(self, column, cell, message):
        data = Dataset((None, cell), headers=["id", column])
        (row,) = SubscriptionResource().import_data(data).invalid_rows
        assert row.field_specific_errors == {column: [message]}


class SubscriptionSchema(ModelSchema):
    wanted: Annotated[CategoryFilter, KNOWN] = CategoryFilter("*")

    class Meta:
        model = Subscription
        fields = ["device", "maybe", "anything"]


ninja = NinjaAPI(urls_namespace="test")


@ninja.post("/", response=SubscriptionSchema)
def create(request, data: SubscriptionSchema):  # noqa: ARG001 - Ninja passes it
    return Subscription.objects.create(**data.dict())


@ninja.get("/", response=list[SubscriptionSchema])
def read(request):  # noqa: ARG001 - Ninja passes it
    return Subscription.objects.order_by("pk")


@pytest.mark.django_db
class TestNinja:
    api = TestClient(ninja)

    def test_filters_are_read_and_written(self):
        created = self.api.post(
            "/", json={"device": "watch", "wanted": " -sport,news ", "maybe": "- ads"}
        )
        assert (created.status_code, created.json()) == (
            200,
            {"device": "watch", "wanted": "-news,sport", "maybe": "-ads", "anything": "-*"},
        )
        row = Subscription.objects.get()
        assert (row.wanted, row.maybe) == (CategoryFilter("-news,sport"), CategoryFilter("-ads"))

    def test_a_retired_category_is_shown(self):
        Subscription.objects.create(wanted="weather", maybe="-climate")
        assert self.api.get("/").json() == [
            {"device": "phone", "wanted": "weather", "maybe": "-climate", "anything": "-*"}
        ]

    @pytest.mark.parametrize(
        ("field", "text", "message"),
        [
            ("wanted", "sprot", "unknown category 'sprot' (did you mean 'sport'?)"),
            ("maybe", "a;b", "write ',' instead of ';'; did you mean 'a,b'?"),
            ("anything", "a" * 21, "String should have at most 20 characters"),
        ],
    )
    def test_invalid_input_is_a_422_with_the_message(self, field, text, message):
        response = self.api.post("/", json={"device": "watch", field: text})
        (error,) = response.json()["detail"]
        assert (response.status_code, error["loc"], error["msg"]) == (
            422,
            ["body", "data", field],
            message,
        )


class TestSpectacular:
    def test_the_schema_has_no_warnings(self, tmp_path):
        file = tmp_path / "schema.yaml"
        call_command("spectacular", file=str(file), validate=True, fail_on_warn=True)
        schema = yaml.safe_load(file.read_text("utf-8"))
        properties = schema["components"]["schemas"]["Subscription"]["properties"]
        names = (
            "'*', or a comma-separated list ('-' in front excludes it) of: news, sport, ads, log"
        )
        assert properties["wanted"] == {
            "type": "string",
            "title": "Notifications",
            "description": names,
        }
        assert properties["maybe"] == {"type": "string", "nullable": True, "description": names}
        parameters = schema["paths"]["/api/subscriptions/"]["get"]["parameters"]
        assert [(found["name"], found["schema"]["type"]) for found in parameters] == [
            ("maybe__isnull", "boolean"),
            ("wanted", "string"),
            ("wanted__allows", "string"),
            ("wanted__contains", "string"),
        ]

    def test_the_help_text_of_a_field_is_its_description(self):
        class WithHelp(serializers.Serializer):
            wanted = CategoryFilterField(KNOWN, help_text="What to send.", default="-ads")
            anything = CategoryFilterField()

        schema = AutoSchema()
        schema.method, schema.path, schema.view = "GET", "/", None
        assert [
            schema._map_serializer_field(field, "response") for field in WithHelp().fields.values()
        ] == [
            {"type": "string", "default": "-ads", "description": "What to send."},
            {"type": "string"},
        ]
