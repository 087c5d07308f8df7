"""The field of schemas: filters in and out, native errors, null kept apart from empty."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from marshmallow import Schema, ValidationError, fields
from strategies import filters, spellings, texts

from category_filter import (
    Categories,
    CategoryFilter,
    CategoryFilterError,
    FilterSyntaxError,
    UnknownCategoryError,
)
from category_filter.integrations.marshmallow import CategoryFilterField

KNOWN = Categories({"news": "News", "sport": "Results", "ads": "Offers"})


class Subscription(Schema):
    anything = CategoryFilterField()
    known = CategoryFilterField(KNOWN, load_default=CategoryFilter("*"))
    maybe = CategoryFilterField(KNOWN, allow_none=True)
    many = fields.List(CategoryFilterField(KNOWN))


@given(filters.flatmap(spellings))
def test_texts_in_filters_and_canonical_texts_out(text):
    loaded = Subscription().load({"anything": text})
    assert loaded == {"anything": CategoryFilter(text), "known": CategoryFilter("*")}
    assert Subscription().dump(loaded) == {"anything": str(CategoryFilter(text)), "known": "*"}


def test_filters_in_and_texts_out_do_too():
    assert Subscription().load({"known": CategoryFilter("news")}) == {
        "known": CategoryFilter("news")
    }
    assert Subscription().dump({"anything": "b, a"}) == {"anything": "a,b"}


def test_null_is_not_empty():
    assert Subscription().load({"maybe": None})["maybe"] is None
    assert Subscription().dump({"maybe": None}) == {"maybe": None}
    assert Subscription().validate({"known": None, "maybe": ""}) == {
        "known": ["Field may not be null."],
        "maybe": [
            "the filter is empty: use '*' for every category, '-*' for none; did you mean '*'?"
        ],
    }


def test_what_is_no_text_is_no_filter():
    assert Subscription().validate({"known": 3}) == {"known": ["Not a valid string."]}


def test_the_messages_know_their_error():
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


@pytest.mark.parametrize("messages", [{}, {"lookalike": "Sign {position} is wrong"}])
def test_the_cause_of_a_refusal_is_the_error(messages):
    with pytest.raises(ValidationError) as caught:
        CategoryFilterField(error_messages=messages).deserialize("a;b")
    assert isinstance(caught.value.__cause__, FilterSyntaxError)


def test_the_messages_are_copied_and_pickled_with_their_error():
    with pytest.raises(ValidationError) as caught:
        Subscription().load({"anything": "a;b"})
    for kept in (copy.deepcopy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        (message,) = kept.messages["anything"]
        assert (message, message.error.position) == (caught.value.messages["anything"][0], 1)


def test_a_default_is_a_filter_too():
    class WithDefault(Schema):
        wanted = CategoryFilterField(KNOWN, load_default="sport, news")

    assert WithDefault().load({}) == {"wanted": CategoryFilter("news,sport")}
    with pytest.raises(UnknownCategoryError):
        CategoryFilterField(KNOWN, load_default="sprot")


def test_a_message_of_your_own():
    class Own(Schema):
        wanted = CategoryFilterField(
            error_messages={"lookalike": "{character} at {position} is wrong: try {suggestion}"}
        )
        known = CategoryFilterField(KNOWN, error_messages={"unknown_category": "{code}: {names}"})

    assert Own().validate({"wanted": "a;b", "known": "x"}) == {
        "wanted": ["';' at 1 is wrong: try a,b"],
        "known": ["unknown_category: 'x'"],
    }
    assert Own().validate({"wanted": "a,"}) == {
        "wanted": ["expected a name after ','; did you mean 'a'?"]
    }


@given(texts)
def test_every_text_loads_or_is_explained(text):
    try:
        expected = {"known": KNOWN.parse(text)}
    except CategoryFilterError as error:
        assert Subscription().validate({"known": text}) == {"known": [error.summary()]}
    else:
        assert Subscription().load({"known": text}) == expected
