"""Pydantic, pydantic-settings and FastAPI: values, native errors, and the JSON Schema."""

import json
from typing import Annotated

import pytest
from fastapi import FastAPI, Form
from fastapi.testclient import TestClient
from hypothesis import given
from jsonschema import Draft202012Validator
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.testing import filters, spellings, texts

KNOWN = Categories({"news": "News", "sport": "Results", "ads": "Offers"})
KnownFilter = Annotated[CategoryFilter, KNOWN]


class Subscription(BaseModel):
    anything: CategoryFilter = CategoryFilter("*")
    known: KnownFilter = CategoryFilter("-ads")
    maybe: KnownFilter | None = None


def errors_of(**fields):
    with pytest.raises(ValidationError) as caught:
        Subscription(**fields)
    json.dumps(caught.value.errors())
    return [
        {key: value for key, value in error.items() if key != "url"}
        for error in caught.value.errors()
    ]


class TestModels:
    def test_strings_and_filters_become_filters(self):
        model = Subscription(anything="b, a", known=CategoryFilter("news"), maybe="*")
        assert model.anything == CategoryFilter("a,b")
        assert model.known == CategoryFilter("news")
        assert model.model_dump() == {
            "anything": CategoryFilter("a,b"),
            "known": CategoryFilter("news"),
            "maybe": CategoryFilter("*"),
        }
        assert json.loads(model.model_dump_json()) == {
            "anything": "a,b",
            "known": "news",
            "maybe": "*",
        }
        assert Subscription.model_validate_json(model.model_dump_json()) == model

    def test_null_and_the_empty_string_differ(self):
        assert Subscription(maybe=None).maybe is None
        assert json.loads(Subscription().model_dump_json())["maybe"] is None
        assert errors_of(maybe="")[0]["ctx"]["code"] == "empty"
        assert errors_of(known=None)[0]["type"] == "string_type"

    def test_a_syntax_error_has_its_data_as_context(self):
        message = "write '-' once, before the whole list; did you mean '-news,sport'?"
        assert errors_of(known="-news,-sport") == [
            {
                "type": "category_filter",
                "loc": ("known",),
                "msg": message,
                "input": "-news,-sport",
                "ctx": {
                    "code": "misplaced_minus",
                    "position": 6,
                    "suggestion": "-news,sport",
                    "message": message,
                },
            }
        ]

    def test_an_unknown_name_has_its_data_as_context(self):
        message = "unknown category 'sprot' (did you mean 'sport'?)"
        assert errors_of(known="news,sprot") == [
            {
                "type": "category_filter",
                "loc": ("known",),
                "msg": message,
                "input": "news,sprot",
                "ctx": {
                    "code": "unknown_category",
                    "position": 5,
                    "unknown": [{"name": "sprot", "position": 5, "suggestions": ("sport",)}],
                    "message": message,
                },
            }
        ]

    @pytest.mark.parametrize("value", [3, ["news"], {"news": 1}, True])
    def test_a_value_of_another_type_is_a_string_type_error(self, value):
        assert errors_of(known=value) == [
            {
                "type": "string_type",
                "loc": ("known",),
                "msg": "Input should be a valid string",
                "input": value,
            }
        ]

    @pytest.mark.parametrize("text", ["{message}", "{position}", "{code}{0}", "%s"])
    def test_placeholders_in_input_are_not_replaced(self, text):
        with pytest.raises(CategoryFilterError) as caught:
            CategoryFilter(text)
        assert errors_of(anything=text)[0]["msg"] == caught.value.summary()

    def test_settings_read_filters_from_the_environment(self, monkeypatch):
        class Settings(BaseSettings):
            model_config = SettingsConfigDict(env_prefix="PUSH_")

            default_filter: KnownFilter = CategoryFilter("*")

        assert Settings().default_filter == CategoryFilter("*")
        monkeypatch.setenv("PUSH_DEFAULT_FILTER", "-ads")
        assert Settings().default_filter == CategoryFilter("-ads")


class TestSchema:
    def test_the_schema_of_a_model_describes_its_filters(self):
        known = {key: value for key, value in KNOWN.json_schema().items() if key != "default"}
        anything = TypeAdapter(CategoryFilter).json_schema()
        assert anything["type"] == "string"
        assert anything["examples"] == ["*", "news,sport", "-ads"]
        assert Subscription.model_json_schema()["properties"] == {
            "anything": {**anything, "default": "*", "title": "Anything"},
            "known": {**known, "default": "-ads", "title": "Known"},
            "maybe": {"anyOf": [known, {"type": "null"}], "default": None, "title": "Maybe"},
        }

    def test_the_schema_of_a_response_allows_retired_names(self):
        for annotation in (CategoryFilter, KnownFilter):
            adapter = TypeAdapter(annotation)
            schema = adapter.json_schema(mode="serialization")
            assert schema == TypeAdapter(CategoryFilter).json_schema()
            assert Draft202012Validator(schema).is_valid("-retired")

    def test_a_large_known_set_has_no_pattern(self):
        many = Categories(f"category_{number}" for number in range(31))
        schema = TypeAdapter(Annotated[CategoryFilter, many]).json_schema()
        assert schema == {
            "type": "string",
            "maxLength": 65_536,
            "examples": ["*", "category_0", "-category_0"],
        }

    @given(filters().flatmap(spellings) | texts())
    def test_the_schema_accepts_exactly_what_the_model_accepts(self, text):
        for annotation in (CategoryFilter, KnownFilter):
            adapter = TypeAdapter(annotation)
            valid = Draft202012Validator(adapter.json_schema()).is_valid(text)
            try:
                adapter.validate_python(text)
            except ValidationError:
                assert not valid
            else:
                assert valid


app = FastAPI()
NO_ADS = CategoryFilter("-ads")


@app.post("/body")
def body(subscription: Subscription) -> Subscription:
    return subscription


@app.get("/query")
def query(wanted: KnownFilter = NO_ADS) -> bool:
    return wanted.allows("news")


@app.get("/path/{wanted}")
def path(wanted: KnownFilter) -> KnownFilter:
    return wanted


@app.post("/form")
def form(wanted: Annotated[KnownFilter, Form()]) -> KnownFilter:
    return wanted


class TestFastAPI:
    client = TestClient(app)

    def test_body_query_path_and_form_parameters_are_filters(self):
        response = self.client.post("/body", json={"known": "sport , news"})
        assert response.json() == {"anything": "*", "known": "news,sport", "maybe": None}
        assert self.client.get("/query").json() is True
        assert self.client.get("/query", params={"wanted": "sport"}).json() is False
        assert self.client.get("/path/sport,news").json() == "news,sport"
        assert self.client.post("/form", data={"wanted": "- ads"}).json() == "-ads"

    def test_an_invalid_filter_is_a_422_with_position_and_suggestion(self):
        response = self.client.get("/query", params={"wanted": "news;sport"})
        assert response.status_code == 422
        assert response.json() == {
            "detail": [
                {
                    "type": "category_filter",
                    "loc": ["query", "wanted"],
                    "msg": "write ',' instead of ';'; did you mean 'news,sport'?",
                    "input": "news;sport",
                    "ctx": {
                        "code": "lookalike",
                        "position": 4,
                        "suggestion": "news,sport",
                        "message": "write ',' instead of ';'; did you mean 'news,sport'?",
                    },
                }
            ]
        }

    def test_openapi_includes_the_schema(self):
        (parameter,) = self.client.get("/openapi.json").json()["paths"]["/query"]["get"][
            "parameters"
        ]
        assert parameter["in"] == "query"
        assert parameter["required"] is False
        assert parameter["schema"] == {
            **KNOWN.json_schema(),
            "default": "-ads",
            "title": "Wanted",
        }
