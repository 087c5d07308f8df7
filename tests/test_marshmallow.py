"""The schema field: loading, dumping, null, and native errors."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from marshmallow import Schema, ValidationError, fields, validate

from category_filter import (
    Categories,
    CategoryFilter,
    CategoryFilterError,
    FilterSyntaxError,
    UnknownCategoryError,
)
from category_filter.integrations.marshmallow import CategoryFilterField
from category_filter.testing import filters, spellings, texts

KNOWN = Categories({"news": "News", "sport": "Results", "ads": "Offers"})


class Subscription(Schema):
    anything = CategoryFilterField()
    known = CategoryFilterField(KNOWN, load_default=CategoryFilter("*"))
    maybe = CategoryFilterField(KNOWN, allow_none=True)
    many = fields.List(CategoryFilterField(KNOWN))


@given(filters().flatmap(spellings))
def test_strings_load_as_filters_and_dump_in_canonical_form(text):
    loaded = Subscription().load({"anything": text})
    assert loaded == {"anything": CategoryFilter(text), "known": CategoryFilter("*")}
    assert Subscription().dump(loaded) == {"anything": str(CategoryFilter(text)), "known": "*"}


def test_filters_can_be_loaded_and_strings_can_be_dumped():
    retired = CategoryFilter("retired")
    assert Subscription().load({"known": retired}) == {"known": retired}
    assert Subscription().dump({"anything": "b, a"}) == {"anything": "a,b"}


def test_null_and_the_empty_string_differ():
    assert Subscription().load({"maybe": None})["maybe"] is None
    assert Subscription().dump({"maybe": None}) == {"maybe": None}
    assert Subscription().validate({"known": None, "maybe": ""}) == {
        "known": ["Field may not be null."],
        "maybe": [
            "the filter is empty: use '*' for every category, '-*' for none; did you mean '*'?"
        ],
    }


def test_a_value_of_another_type_is_an_error():
    assert Subscription().validate({"known": 3}) == {"known": ["Not a valid string."]}


def test_messages_hold_the_filter_error():
    with pytest.raises(ValidationError) as caught:
        Subscription().load({"anything": "a;b", "many": ["*", "-news, sprot"]})
    assert json.loads(json.dumps(caught.value.messages)) == {
        "anything": ["write ',' instead of ';'; did you mean 'a,b'?"],
        "many": {"1": ["unknown category 'sprot' (did you mean 'sport'?)"]},
    }
    (message,) = caught.value.messages["anything"]
    assert (message.error.code, message.error.suggestion) == ("lookalike", "a,b")
    (message,) = caught.value.messages["many"][1]
    assert isinstance(message.error, UnknownCategoryError)
    assert message.error.unknown == (("sprot", 7, ("sport",)),)


@pytest.mark.parametrize("messages", [{}, {"lookalike": "Character {position} is wrong"}])
def test_the_filter_error_is_the_cause(messages):
    with pytest.raises(ValidationError) as caught:
        CategoryFilterField(error_messages=messages).deserialize("a;b")
    assert isinstance(caught.value.__cause__, FilterSyntaxError)


def test_copied_and_pickled_messages_keep_the_filter_error():
    with pytest.raises(ValidationError) as caught:
        Subscription().load({"anything": "a;b"})
    for copied in (copy.deepcopy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        (message,) = copied.messages["anything"]
        assert (message, message.error.position) == (caught.value.messages["anything"][0], 1)


def test_a_load_default_may_be_a_string():
    class WithDefault(Schema):
        wanted = CategoryFilterField(KNOWN, load_default="sport, news")

    assert WithDefault().load({}) == {"wanted": CategoryFilter("news,sport")}
    with pytest.raises(UnknownCategoryError):
        CategoryFilterField(KNOWN, load_default="sprot")


@pytest.mark.parametrize("default", ["sport, news", CategoryFilter("news,sport"), None])
def test_a_load_default_may_be_a_function(default):
    class WithDefault(Schema):
        wanted = CategoryFilterField(KNOWN, load_default=lambda: default)

    assert WithDefault().load({}) == {"wanted": default and CategoryFilter("news,sport")}


def test_validators_of_text_validate_the_canonical_form():
    class Bounded(Schema):
        short = CategoryFilterField(validate=validate.Length(max=5))
        denylist = CategoryFilterField(
            validate=[validate.Regexp("^-"), validate.NoneOf([CategoryFilter("-*")])]
        )

    assert Bounded().load({"short": "b , a"})["short"] == CategoryFilter("a,b")
    assert Bounded().validate({"short": "sports", "denylist": "a"}) == {
        "short": ["Longer than maximum length 5."],
        "denylist": ["String does not match expected pattern."],
    }
    assert Bounded().validate({"denylist": "-*"}) == {"denylist": ["Invalid input."]}


def test_apispec_describes_the_field_as_a_string():
    field = CategoryFilterField(KNOWN, metadata={"description": "Notifications"})
    assert field.metadata == {"type": "string", "description": "Notifications"}
    assert CategoryFilterField(metadata={"type": "object"}).metadata == {"type": "object"}


def test_error_messages_can_be_replaced():
    class CustomMessages(Schema):
        wanted = CategoryFilterField(
            error_messages={"lookalike": "{character} at {position} is wrong: try {suggestion}"}
        )
        known = CategoryFilterField(KNOWN, error_messages={"unknown_category": "{code}: {names}"})

    assert CustomMessages().validate({"wanted": "a;b", "known": "x"}) == {
        "wanted": ["';' at 1 is wrong: try a,b"],
        "known": ["unknown_category: 'x'"],
    }
    assert CustomMessages().validate({"wanted": "a,"}) == {
        "wanted": ["expected a name after ','; did you mean 'a'?"]
    }


@given(texts())
def test_every_string_loads_or_reports_the_error(text):
    try:
        expected = {"known": KNOWN.parse(text)}
    except CategoryFilterError as error:
        assert Subscription().validate({"known": text}) == {"known": [error.summary()]}
    else:
        assert Subscription().load({"known": text}) == expected
