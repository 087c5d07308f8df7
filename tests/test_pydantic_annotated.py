"""`Annotated`: the known set beside validators, containers and constraints of Pydantic."""

from collections import deque
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import annotated_types as at
import pytest
from jsonschema import Draft202012Validator
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    InstanceOf,
    Json,
    PlainSerializer,
    PlainValidator,
    SerializeAsAny,
    SkipValidation,
    Strict,
    Tag,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    field_serializer,
    field_validator,
    validate_call,
)
from pydantic_core import to_jsonable_python
from typing_extensions import TypeAliasType

from category_filter import Categories, CategoryFilter

KNOWN = Categories({"news": "News", "sport": "Results", "security": "Alerts"})
RETIRED = CategoryFilter("-retired")
NEWS = CategoryFilter("news")
KnownFilter = Annotated[CategoryFilter, KNOWN]
Alias = TypeAliasType("Alias", CategoryFilter | None)
Tree = TypeAliasType("Tree", "CategoryFilter | list[Tree]")
Tagged = Annotated[
    Annotated[CategoryFilter, Tag("filter")] | Annotated[int, Tag("number")],
    Discriminator(lambda value: "number" if isinstance(value, int) else "filter"),
]


def validate(annotation, value, **options):
    return TypeAdapter(annotation).validate_python(value, **options)


def errors_of(annotation, value, **options):
    with pytest.raises(ValidationError) as caught:
        validate(annotation, value, **options)
    return [(error["type"], error["msg"]) for error in caught.value.errors()]


def unknown(names):
    return [("category_filter", f"unknown category {names}")]


class Row:
    """What an ORM returns."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


class TestInstances:
    """Strings are validated against the known set; filters pass, such as those of a database."""

    def test_a_stored_filter_with_a_retired_category_can_be_read(self):
        class Subscription(BaseModel):
            model_config = ConfigDict(from_attributes=True)

            wanted: KnownFilter
            others: list[KnownFilter] = []
            maybe: KnownFilter | None = None

        row = Row(wanted=RETIRED, others=[RETIRED], maybe=RETIRED)
        read = Subscription.model_validate(row)
        assert read.model_dump(mode="json") == {
            "wanted": "-retired",
            "others": ["-retired"],
            "maybe": "-retired",
        }
        with pytest.raises(ValidationError):
            Subscription.model_validate_json(read.model_dump_json())

    def test_validated_defaults_are_strings_or_filters(self):
        class Subscription(BaseModel):
            model_config = ConfigDict(validate_default=True, validate_assignment=True)

            wanted: KnownFilter = RETIRED
            typed: KnownFilter = "- news"
            made: KnownFilter = Field(default_factory=lambda: "sport")

        subscription = Subscription()
        subscription.wanted = RETIRED
        assert repr(subscription) == (
            "Subscription(wanted=CategoryFilter('-retired'), typed=CategoryFilter('-news'), "
            "made=CategoryFilter('sport'))"
        )
        with pytest.raises(ValidationError):
            subscription.wanted = "-retired"

    def test_strict_mode_accepts_strings_and_filters(self):
        for value in ("news", NEWS):
            assert validate(KnownFilter, value, strict=True) == NEWS
            assert validate(Annotated[KnownFilter, Strict()], value) == NEWS
        assert TypeAdapter(KnownFilter).validate_json('"news"', strict=True) == NEWS
        assert errors_of(KnownFilter, "nwes", strict=True) == unknown(
            "'nwes' (did you mean 'news'?)"
        )


class TestValidators:
    """Validators before the known set in `Annotated` receive the same values as without it."""

    def test_after_validators_are_applied(self):
        security = AfterValidator(lambda f: f | CategoryFilter.only("security"))
        for annotation in (
            Annotated[Annotated[CategoryFilter, security], KNOWN],
            Annotated[CategoryFilter, KNOWN, security],
        ):
            assert validate(annotation, "-security") == CategoryFilter("*")
            assert validate(annotation, RETIRED) == RETIRED
            assert errors_of(annotation, "weather") == unknown("'weather'")

    def test_before_validators_are_applied(self):
        listed = BeforeValidator(lambda value: ",".join(value) if type(value) is list else value)
        for annotation in (
            Annotated[CategoryFilter, listed, KNOWN],
            Annotated[CategoryFilter, KNOWN, listed],
        ):
            assert validate(annotation, ["news", "sport"]) == CategoryFilter("news,sport")
            assert errors_of(annotation, ["news", "weather"]) == unknown("'weather'")

    def test_wrap_validators_are_applied(self):
        lenient = WrapValidator(lambda value, handler: handler(value.replace(";", ",")))
        annotation = Annotated[CategoryFilter, lenient, KNOWN]
        assert validate(annotation, "news;sport") == CategoryFilter("news,sport")
        assert errors_of(annotation, "news;weather") == unknown("'weather'")

    @pytest.mark.parametrize("annotation", [CategoryFilter, CategoryFilter | None])
    def test_the_filters_of_a_plain_validator_are_validated(self, annotation):
        def parse(value):
            return None if value is None else CategoryFilter(value)

        annotated = Annotated[annotation, PlainValidator(parse), KNOWN]
        assert validate(annotated, "sport, news") == CategoryFilter("news,sport")
        assert validate(annotated, RETIRED) == RETIRED
        assert validate(annotated, None) is None
        assert errors_of(annotated, "weather") == unknown("'weather'")
        context = {"stored_filter": CategoryFilter("weather")}
        assert validate(annotated, "weather", context=context) == CategoryFilter("weather")

    def test_two_known_sets_both_hold(self):
        annotation = Annotated[KnownFilter, Categories(["news", "ads"])]
        assert validate(annotation, "news") == NEWS
        assert errors_of(annotation, "ads") == unknown("'ads'")
        assert errors_of(annotation, "sport") == unknown("'sport'")
        described = Draft202012Validator(TypeAdapter(annotation).json_schema())
        assert [described.is_valid(text) for text in ("-news", "ads", "sport")] == [True, 0, 0]

    def test_serializers_are_applied(self):
        shout = PlainSerializer(lambda f: str(f).upper())
        annotation = Annotated[CategoryFilter, shout, KNOWN]
        assert TypeAdapter(annotation).dump_python(NEWS) == "NEWS"

    def test_filters_are_serialized_without_an_annotation(self):
        class Subscription(BaseModel):
            anything: Any
            value: object
            typed: SerializeAsAny[KnownFilter]

        subscription = Subscription(anything={NEWS: RETIRED}, value=NEWS, typed="news")
        assert subscription.model_dump()["anything"] == {NEWS: RETIRED}
        dumped = '{"anything":{"news":"-retired"},"value":"news","typed":"news"}'
        assert subscription.model_dump_json() == dumped
        assert subscription.model_dump_json(serialize_as_any=True) == dumped
        assert to_jsonable_python([NEWS]) == ["news"]

    def test_field_validators_and_serializers_are_applied(self):
        class Subscription(BaseModel):
            wanted: Annotated[KnownFilter, at.MaxLen(9)]

            @field_validator("wanted")
            @classmethod
            def add_security(cls, wanted):
                return wanted | CategoryFilter.only("security")

            @field_serializer("wanted")
            def shout(self, wanted):
                return str(wanted).upper()

        assert Subscription(wanted="news").model_dump_json() == '{"wanted":"NEWS,SECURITY"}'

    def test_functions_validate_their_arguments(self):
        @validate_call
        def bind(wanted: KnownFilter) -> CategoryFilter:
            return wanted

        assert bind("- news") == CategoryFilter("-news")
        assert bind(RETIRED) == RETIRED


class TestContainers:
    """The known set validates the filters inside any container."""

    @pytest.mark.parametrize(
        ("annotation", "valid", "invalid"),
        [
            (CategoryFilter | None, "news", "weather"),
            (list[CategoryFilter], ["news"], ["news", "weather"]),
            (list[CategoryFilter | None] | None, [None, "news"], ["weather"]),
            (set[CategoryFilter], {"news"}, {"weather"}),
            (tuple[CategoryFilter, int], ("news", 1), ("weather", 1)),
            (tuple[CategoryFilter, ...], ("news", "sport"), ("weather",)),
            (deque[CategoryFilter], ["news"], ["weather"]),
            (Sequence[CategoryFilter], ["news"], ["weather"]),
            (dict[str, CategoryFilter], {"a": "news"}, {"a": "weather"}),
            (dict[CategoryFilter, int], {"news": 1}, {"weather": 1}),
            (dict[str, list[CategoryFilter]], {"a": ["news"]}, {"a": ["weather"]}),
            (Json[CategoryFilter], '"news"', '"weather"'),
            (Annotated[CategoryFilter, Field(default="*")], "news", "weather"),
            (Alias, "news", "weather"),
            (Tagged, "news", "weather"),
            (list[Alias], ["news", None], ["weather"]),
        ],
        ids=lambda value: str(value).partition(" at 0x")[0],  # the same in every process
    )
    def test_filters_are_validated_inside(self, annotation, valid, invalid):
        known = Annotated[annotation, KNOWN]
        assert validate(known, valid) == validate(annotation, valid)
        assert errors_of(known, invalid) == unknown("'weather'")
        assert validate(annotation, invalid)

    def test_null_stays_null(self):
        assert validate(Annotated[CategoryFilter | None, KNOWN], None) is None
        described = TypeAdapter(Annotated[CategoryFilter | None, KNOWN]).json_schema()
        assert described == {"anyOf": [TypeAdapter(KnownFilter).json_schema(), {"type": "null"}]}

    def test_only_the_strings_of_filters_have_the_pattern(self):
        known = TypeAdapter(KnownFilter).json_schema()
        described = TypeAdapter(Annotated[dict[str, CategoryFilter | int], KNOWN]).json_schema()
        assert described == {
            "type": "object",
            "additionalProperties": {"anyOf": [known, {"type": "integer"}]},
        }

    def test_other_members_of_a_union_stay_as_they_are(self):
        annotation = Annotated[CategoryFilter | Literal["default"] | int, KNOWN]
        assert [validate(annotation, value) for value in ("default", 3)] == ["default", 3]
        with pytest.raises(ValidationError) as caught:
            validate(annotation, "weather")
        assert caught.value.errors()[0]["loc"] == ("function-plain[CategoryFilter()]",)

    def test_an_alias_that_is_also_used_alone_stays_as_it_is(self):
        class Subscription(BaseModel):
            wanted: Annotated[Alias, KNOWN]
            anything: Alias

        assert Subscription(wanted="news", anything="weather").anything == CategoryFilter("weather")
        with pytest.raises(ValidationError):
            Subscription(wanted="weather", anything="weather")

    def test_a_model_that_refers_to_itself_keeps_its_reference(self):
        assert Node(wanted=Node(wanted="news")).wanted.wanted == NEWS
        with pytest.raises(ValidationError):
            Node(wanted=Node(wanted="weather"))

    def test_an_annotation_can_accept_instances_only(self):
        assert validate(Annotated[InstanceOf[CategoryFilter], KNOWN], RETIRED) == RETIRED

    @pytest.mark.parametrize(
        ("annotation", "name"),
        [
            (int, "int"),
            (str | None, "str | None"),
            (list[int], "list[int]"),
            (Any, "Any"),
            (Row, "Row"),
            (SkipValidation[CategoryFilter], "CategoryFilter"),
            (Annotated[list[CategoryFilter], PlainValidator(list)], "list[{filter}]"),
        ],
        ids=str,
    )
    def test_an_annotation_without_filters_is_refused(self, annotation, name):
        with pytest.raises(TypeError) as caught:

            class Model(BaseModel):
                model_config = ConfigDict(arbitrary_types_allowed=True)

                wanted: Annotated[annotation, KNOWN]

        assert str(caught.value) == (
            f"no filter to validate in {name.format(filter='category_filter.CategoryFilter')}: "
            "write Annotated[CategoryFilter, categories]"
        )

    def test_a_model_is_refused_because_its_fields_have_annotations(self):
        with pytest.raises(TypeError, match="no filter to validate in Node"):
            TypeAdapter(Annotated[Node, KNOWN])

    def test_a_recursive_alias_is_refused(self):
        message = "a known set cannot validate the filters in the recursive type "
        with pytest.raises(TypeError, match=message):
            TypeAdapter(Annotated[Tree, KNOWN])


class Node(BaseModel):
    wanted: "Annotated[CategoryFilter | Node, KNOWN]"


class TestStoredFilters:
    """Names of the stored filter in the validation context stay valid."""

    class Change(BaseModel):
        email: KnownFilter | None = None
        push: list[KnownFilter] = []

    def errors_of(self, values, stored):
        with pytest.raises(ValidationError) as caught:
            self.Change.model_validate(values, context={"stored_filter": stored})
        return [error["loc"] for error in caught.value.errors()]

    def test_a_single_stored_filter_applies_to_every_field(self):
        values = {"email": "retired,news", "push": ["-retired"]}
        change = self.Change.model_validate(values, context={"stored_filter": RETIRED})
        assert change.email == CategoryFilter("news,retired")
        assert self.errors_of(values, None) == [("email",), ("push", 0)]

    def test_a_mapping_has_a_stored_filter_for_each_field(self):
        values = {"email": "retired", "push": ["retired"]}
        stored = {"email": CategoryFilter("news"), "push": RETIRED}
        assert self.errors_of(values, stored) == [("email",)]
        assert self.errors_of(values, {"email": RETIRED}) == [("push", 0)]

    def test_a_stored_string_is_parsed(self):
        context = {"stored_filter": "-retired"}
        assert validate(KnownFilter, "retired", context=context) == CategoryFilter("retired")

    @pytest.mark.parametrize("context", [None, {}, {"other": 1}, object(), {"stored_filter": None}])
    def test_without_a_stored_filter_retired_names_are_unknown(self, context):
        assert errors_of(KnownFilter, "retired", context=context) == unknown("'retired'")

    def test_a_renamed_category_is_suggested(self):
        known = Categories(["offers"], renamed={"ads": "offers"})
        assert errors_of(Annotated[CategoryFilter, known], "-ads") == unknown(
            "'ads' (did you mean 'offers'?)"
        )
