"""Constraints on strings apply to the string that a filter is parsed from."""

import copy
from collections import deque
from enum import Enum
from typing import Annotated

import annotated_types as at
import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import core_schema
from test_pydantic_annotated import (
    KNOWN,
    NEWS,
    RETIRED,
    Alias,
    KnownFilter,
    Tagged,
    errors_of,
    unknown,
    validate,
)
from typing_extensions import TypeAliasType

from category_filter import CategoryFilter


class Level(Enum):
    NEWS = "news"


def same(value):
    return value


MAX_LENGTH = "max_length applies to the string of a filter: put it directly after CategoryFilter"


@pytest.mark.parametrize(
    ("constraint", "valid", "invalid", "error"),
    [
        (at.MaxLen(6), "sport", "- sport", "string_too_long"),
        (at.MinLen(5), "sport", "news", "string_too_short"),
        (at.Len(5, 6), "sport", "-", "string_too_short"),
        (Field(max_length=6), "sport", "- sport", "string_too_long"),
        (Field(pattern="^-"), "-sport", "sport", "string_pattern_mismatch"),
        (StringConstraints(max_length=6, pattern="^s"), "sport", "news", "string_pattern_mis"),
        (StringConstraints(to_lower=True, strip_whitespace=True), "\u00a0SPORT", "X", ""),
        (Field(max_length=6, strict=True), "sport", b"sport", "string_type"),
        (at.Predicate(lambda f: f.allows("sport")), "-news", "-sport", "predicate_failed"),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0],  # the same in every process
)
@pytest.mark.parametrize("before", [True, False])
def test_constraints_apply_to_the_string(constraint, valid, invalid, error, before):
    annotations = (constraint, KNOWN) if before else (KNOWN, constraint)
    for source in (CategoryFilter, CategoryFilter | None):
        annotation = Annotated[(source, *annotations)]
        assert isinstance(validate(annotation, valid), CategoryFilter)
        ((found, _),) = errors_of(annotation, invalid)
        assert found.startswith(error)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Annotated[CategoryFilter, AfterValidator(same), Field(max_length=6)], MAX_LENGTH),
        (Annotated[CategoryFilter, BeforeValidator(same), Field(max_length=6)], MAX_LENGTH),
        (Annotated[CategoryFilter | int, Field(max_length=6)], MAX_LENGTH),
        (Annotated[Alias, Field(max_length=6)], MAX_LENGTH),
        (Annotated[Tagged, Field(max_length=6)], MAX_LENGTH),
        (
            list[Annotated[CategoryFilter, AfterValidator(same), Field(pattern="^s")]],
            MAX_LENGTH.replace("max_length", "pattern"),
        ),
        (
            Annotated[CategoryFilter, AfterValidator(same), StringConstraints(to_lower=True)],
            MAX_LENGTH.replace("max_length", "to_lower"),
        ),
        (
            Annotated[CategoryFilter, Field(ge=1)],
            "ge does not apply to a filter: remove it",
        ),
    ],
)
def test_a_constraint_that_would_fail_for_every_value_is_refused(annotation, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        TypeAdapter(Annotated[annotation, KNOWN])


@pytest.mark.parametrize(
    ("annotation", "valid", "invalid"),
    [
        (Annotated[list[CategoryFilter], Field(max_length=1)], ["news"], ["news", "sport"]),
        (Annotated[deque[CategoryFilter], Field(max_length=1)], ["news"], ["news", "sport"]),
        (CategoryFilter | Annotated[deque[int], Field(max_length=1)], [1], [1, 2]),
        (Annotated[CategoryFilter | None, Field(max_length=4)], "news", "sport"),
    ],
)
def test_constraints_of_containers_and_of_optional_filters_apply(annotation, valid, invalid):
    known = Annotated[annotation, KNOWN]
    assert validate(known, valid) == validate(annotation, valid)
    with pytest.raises(ValidationError):
        validate(known, invalid)


def test_constraints_and_the_known_set_both_hold():
    annotation = Annotated[CategoryFilter, at.MinLen(5), KNOWN, at.MaxLen(7)]
    assert errors_of(annotation, "weathe") == unknown("'weathe'")
    assert errors_of(annotation, "weather,")[0][0] == "string_too_long"
    assert errors_of(annotation, "news")[0][0] == "string_too_short"


def test_constraints_do_not_apply_to_filters():
    assert validate(Annotated[CategoryFilter, at.MaxLen(3)], RETIRED) == RETIRED


def test_an_enum_member_is_validated_as_its_value():
    for annotation in (KnownFilter, Annotated[KnownFilter, at.MaxLen(4)]):
        assert validate(annotation, Level.NEWS) == NEWS


def test_a_container_has_its_own_length():
    annotation = Annotated[list[CategoryFilter], KNOWN, at.MaxLen(1)]
    assert validate(annotation, ["news,sport"]) == [CategoryFilter("news,sport")]
    assert errors_of(annotation, ["news", "news"])[0][0] == "too_long"


def test_the_json_schema_has_the_constraints():
    bounds = (at.MinLen(5), at.MaxLen(9), Field(pattern="^-"))
    described = TypeAdapter(Annotated[(KnownFilter, *bounds)]).json_schema()
    assert described == {
        **TypeAdapter(KnownFilter).json_schema(),
        "minLength": 5,
        "maxLength": 9,
        "allOf": [{"pattern": "^-"}],
    }
    huge = TypeAdapter(Annotated[CategoryFilter, at.MaxLen(10**6)]).json_schema()
    assert huge == TypeAdapter(CategoryFilter).json_schema()


def test_string_settings_of_a_model_do_not_apply():
    class Subscription(BaseModel):
        model_config = ConfigDict(str_to_lower=True, str_max_length=3, str_min_length=9)

        plain: CategoryFilter
        bounded: Annotated[CategoryFilter, Field(pattern="^N")]

    assert Subscription(plain="News", bounded="News").bounded == CategoryFilter("News")


def test_coercing_numbers_is_refused_when_the_class_is_defined():
    with pytest.raises(TypeError, match="remove coerce_numbers_to_str"):

        class Subscription(BaseModel):
            wanted: CategoryFilter = Field(coerce_numbers_to_str=True)


def test_an_alias_can_be_constrained():
    annotation = Annotated[TypeAliasType("Short", CategoryFilter), at.MaxLen(4)]
    assert validate(annotation, "news") == NEWS
    assert errors_of(annotation, "sport")[0][0] == "string_too_long"


def test_a_copied_core_schema_is_equal():
    adapter = TypeAdapter(Annotated[KnownFilter, at.MaxLen(4)])
    copied = copy.deepcopy(adapter.core_schema)
    assert copied == adapter.core_schema
    assert copied["type"] == adapter.core_schema["type"]


class AsText:
    """Converts the filter to a string, which Pydantic then validates."""

    def __get_pydantic_core_schema__(self, source, handler):
        to_text = core_schema.no_info_plain_validator_function(str)
        return core_schema.chain_schema([handler(source), to_text, core_schema.str_schema()])


def test_a_filter_may_be_converted_to_a_validated_string():
    annotation = Annotated[CategoryFilter, AsText(), KNOWN]
    assert validate(annotation, "sport, news") == "news,sport"
    assert errors_of(annotation, "weather") == unknown("'weather'")
