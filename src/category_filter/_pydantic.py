"""The Pydantic schemas behind `CategoryFilter` and `Annotated[CategoryFilter, categories]`."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic_core import (
    PydanticCustomError,
    PydanticKnownError,
    SchemaSerializer,
    core_schema,
)

from category_filter import _parser
from category_filter._filter import CategoryFilter, coerce_str
from category_filter.categories import Categories
from category_filter.errors import CategoryFilterError, FilterSyntaxError, UnknownCategoryError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core.core_schema import CoreSchema, ValidationInfo, ValidatorFunctionWrapHandler

    _Info = ValidationInfo[Any]

__all__ = ["SERIALIZER", "STORED_KEY", "filter_schema", "json_schema", "known_schema"]

STORED_KEY = "stored_filter"
"""The key of the stored filter in the validation context: a filter, or filters by field name."""

_SERIALIZATION = core_schema.to_string_ser_schema(when_used="json-unless-none")

SERIALIZER = SchemaSerializer(core_schema.any_schema(serialization=_SERIALIZATION))

_STRING = core_schema.str_schema(
    # Explicit, because `str_to_lower` and the like in a model's config are for its strings.
    strip_whitespace=False,
    to_lower=False,
    to_upper=False,
    min_length=0,
    max_length=2**31 - 1,
)

_SAME_VALUE = frozenset(
    {
        *("schema", "steps", "choices", "json_schema", "python_schema", "lax_schema"),
        "strict_schema",
    }
)
"""Where a schema holds the schemas of the same value."""

_ITEMS = frozenset({"items_schema", "keys_schema", "values_schema"})
"""Where a schema holds the schemas of items of the value."""

_MAX_PATTERN_NAMES = 30
"""Maximum number of names for a pattern in OpenAPI, where 200 of them take 14 KB."""

_OPAQUE = frozenset({"model", "dataclass"})
"""Schemas whose fields have annotations of their own."""


def filter_schema(field_name: str | None) -> CoreSchema:
    """Return the schema of `CategoryFilter`."""
    schema = core_schema.with_info_plain_validator_function(
        cast("Any", _Parser(())), serialization=_SERIALIZATION
    )
    if field_name is not None:  # Pydantic before 2.12 finds it here
        schema["function"]["field_name"] = field_name  # type: ignore[typeddict-unknown-key]
    return cast("CoreSchema", _FilterSchema(schema))


def known_schema(
    categories: Categories, source: object, handler: GetCoreSchemaHandler
) -> CoreSchema:
    """Return the schema that `Annotated` has so far, with the known set in each filter's schema.

    So a validator that stands before the known set still receives what it received without it.

    Raises:
        TypeError: If there is no filter to validate, or a constraint cannot apply to it.
    """
    schema = handler(source)
    restricted = _restrict(schema, _Restriction(categories, handler))
    if restricted is not schema:
        _check_constraints(restricted)
        return cast("CoreSchema", restricted)
    if source in (CategoryFilter, CategoryFilter | None) and schema["type"] != "any":
        # A validator such as `PlainValidator` stands in for the filter's own.
        check = cast("Any", _ResultCheck(categories))
        return core_schema.with_info_wrap_validator_function(check, schema)
    name = source.__name__ if isinstance(source, type) else source
    raise TypeError(f"no filter to validate in {name}: write Annotated[CategoryFilter, categories]")


def json_schema(schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """Return the JSON Schema of the strings that a filter's schema accepts, or serializes to."""
    described: dict[str, Any] = {
        "type": "string",
        "pattern": _parser.pattern(),
        "maxLength": _parser.MAX_LENGTH,
        "examples": ["*", "news,sport", "-ads"],
    }
    if handler.mode == "serialization":  # stored filters may list names retired since
        return described
    filter_schema = _FilterSchema(schema)
    if known := filter_schema.parser.known:
        in_all = [name for name in known[0] if all(name in categories for categories in known)]
        described |= Categories(in_all).json_schema()
        del described["default"]
        if len(in_all) > _MAX_PATTERN_NAMES:
            del described["pattern"]
    constraints = handler(filter_schema.string)
    described["maxLength"] = min(_parser.MAX_LENGTH, constraints["maxLength"])
    if constraints.get("minLength"):
        described["minLength"] = constraints["minLength"]
    if "pattern" in constraints:
        described["allOf"] = [{"pattern": constraints["pattern"]}]
    return described


class _FilterSchema(dict[str, Any]):
    """The schema of a filter, with constraints such as `max_length` on its string.

    Pydantic sets these constraints on schemas of type `str`. For every other type it calls `len`
    on the validated value, but a filter has no length. So Python code reads the type `str`, and
    the constraints go to the schema of the string. pydantic-core reads the stored type, which is
    that of a validator function.
    """

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - an item of any schema
        return "str" if key == "type" else super().__getitem__(key)

    def __setitem__(self, key: str, value: object) -> None:
        if key in core_schema.WrapValidatorFunctionSchema.__annotations__:
            super().__setitem__(key, value)
        elif key == "coerce_numbers_to_str":
            raise TypeError("remove coerce_numbers_to_str: it does not apply to a filter")
        else:
            self.update(type="function-wrap", schema={**self.string, key: value})

    def copy(self) -> _FilterSchema:
        return _FilterSchema(self)

    @property
    def parser(self) -> _Parser:
        return cast("_Parser", self["function"]["function"])

    @property
    def string(self) -> CoreSchema:
        return cast("CoreSchema", self.get("schema", _STRING))

    def restricted(self, categories: Categories) -> _FilterSchema:
        """Return a copy that validates names against one more known set."""
        parser = _Parser((*self.parser.known, categories))
        return _FilterSchema(self, function={**self["function"], "function": parser})


class _Parser(NamedTuple):
    """The validator of a filter: filters pass, and strings are parsed."""

    known: tuple[Categories, ...]

    def __repr__(self) -> str:  # part of `loc` in the errors of a union
        return "CategoryFilter"

    def __call__(self, value: object, *handler_and_info: Any) -> CategoryFilter:  # noqa: ANN401 - constraints come with a handler
        if isinstance(value, CategoryFilter):
            return value
        text = value if type(value) is str else _coerce_str(value)
        *handler, info = handler_and_info
        return _parse(handler[0](text) if handler else text, self.known, info)


class _ResultCheck(NamedTuple):
    """The validator of filters that other code makes of the input."""

    categories: Categories

    def __call__(self, value: object, handler: ValidatorFunctionWrapHandler, info: _Info) -> object:
        result = handler(value)
        if isinstance(result, CategoryFilter) and not isinstance(value, CategoryFilter):
            _parse(str(result), (self.categories,), info)
        return result


class _Restriction(NamedTuple):
    """The additions to the schemas of filters, and the definitions of references."""

    categories: Categories
    handler: GetCoreSchemaHandler
    aliases: frozenset[str] = frozenset()


def _restrict(schema: Any, restriction: _Restriction) -> Any:  # noqa: ANN401 - a schema, or schemas
    """Return a copy with the known set in each filter's schema, or the same object without any."""
    if isinstance(schema, list | tuple):
        given = cast("list[Any]", schema)
        parts = [_restrict(part, restriction) for part in given]
        return type(given)(parts) if any(map(operator.is_not, parts, given)) else given
    if isinstance(schema, _FilterSchema):
        return schema.restricted(restriction.categories)
    if not isinstance(schema, dict) or schema["type"] in _OPAQUE:
        return cast("Any", schema)
    if schema["type"] == "definition-ref":
        return _restrict_alias(cast("Any", schema), restriction)
    if schema["type"] == "tagged-union":
        given_choices = cast("dict[Any, Any]", schema["choices"])
        choices = _restrict([*given_choices.values()], restriction)
        by_tag = dict(zip(given_choices, choices, strict=True))
        is_same = all(map(operator.is_, choices, given_choices.values()))
        return cast("Any", schema if is_same else {**schema, "choices": by_tag})
    restricted = {
        key: part
        for key in (_SAME_VALUE | _ITEMS) & schema.keys()
        if (part := _restrict(schema[key], restriction)) is not schema[key]
    }
    return cast("Any", {**schema, **restricted} if restricted else schema)


def _restrict_alias(schema: Any, restriction: _Restriction) -> Any:  # noqa: ANN401 - as above
    alias = schema["schema_ref"]
    if alias in restriction.aliases:
        name = alias.split(":")[0]
        raise TypeError(f"a known set cannot validate the filters in the recursive type {name}")
    try:
        target: Any = cast("Any", restriction.handler.resolve_ref_schema(schema)).copy()
    except LookupError:  # a model that is being defined
        return schema
    target.pop("ref", None)
    restricted = _restrict(target, restriction._replace(aliases=restriction.aliases | {alias}))
    return schema if restricted is target else restricted


def _check_constraints(schema: Any) -> bool:  # noqa: ANN401 - a schema, or a list of schemas
    """Return whether the value may be a filter, and raise if Pydantic checks a constraint of it.

    The schema of a filter takes constraints for its string. Others would fail for every value.
    """
    if isinstance(schema, list | tuple):
        return any([_check_constraints(part) for part in cast("list[Any]", schema)])  # noqa: C419 - checks all
    if isinstance(schema, _FilterSchema) or not isinstance(schema, dict):
        return isinstance(schema, _FilterSchema)
    known = cast("dict[str, Any]", schema)
    _check_constraints([known[key] for key in _ITEMS & known.keys()])
    parts = [known[key] for key in _SAME_VALUE & known.keys()]
    if known["type"] == "tagged-union":
        parts = [*known["choices"].values()]
    if known["type"] in _OPAQUE or not _check_constraints(parts):
        return False
    for checked in known.get("steps", [None, known])[1:]:  # a first step precedes the filter
        name = _constraint(checked)
        if name in core_schema.StringSchema.__annotations__:
            raise TypeError(
                f"{name} applies to the string of a filter: put it directly after CategoryFilter"
            )
        if name is not None:
            raise TypeError(f"{name} does not apply to a filter: remove it")
    return True


def _constraint(schema: Any) -> str | None:  # noqa: ANN401 - as above
    """Return the name of the constraint that a function of Pydantic checks, if it does."""
    function = schema.get("function", {}).get("function")
    bound = getattr(function, "func", None)
    if getattr(bound, "__module__", "") == "pydantic._internal._validators":
        (name,) = function.keywords
        return cast("str", name)
    if getattr(function, "__name__", "") == "_apply_constraint_with_incompatibility_info":
        schema = schema["schema"]  # which is the step itself in Pydantic 2.7
    if schema["type"] == "str":
        return cast("str | None", min(schema.keys() - {"type"}, default=None))
    return None


def _coerce_str(value: object) -> str:
    try:
        return coerce_str(value, "filter")
    except TypeError:
        raise PydanticKnownError("string_type") from None


def _parse(text: str, known: tuple[Categories, ...], info: _Info) -> CategoryFilter:
    stored = _stored(info) if known and info.context else None
    parsed = None
    try:
        for categories in known:
            parsed = categories.parse(text, stored=stored)
        return parsed or CategoryFilter(text)
    except CategoryFilterError as error:
        raise _custom_error(error) from None


def _stored(info: _Info) -> CategoryFilter | None:
    context: Any = info.context
    stored: Any = context.get(STORED_KEY) if hasattr(context, "get") else None
    if isinstance(stored, Mapping):
        stored = cast("Any", stored).get(info.field_name)
    return None if stored is None else CategoryFilter(stored)


def _custom_error(error: CategoryFilterError) -> PydanticCustomError:
    context: dict[str, Any] = {"code": error.code, "position": error.position}
    if isinstance(error, FilterSyntaxError):
        context["suggestion"] = error.suggestion
    if isinstance(error, UnknownCategoryError):
        context["unknown"] = [name._asdict() for name in error.unknown]
    # Pydantic replaces one placeholder after the other. The message comes last, because braces in
    # user input would look like placeholders.
    context["message"] = error.summary()
    return PydanticCustomError("category_filter", "{message}", context)
