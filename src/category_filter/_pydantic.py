"""The Pydantic schema behind `CategoryFilter` and `Annotated[CategoryFilter, categories]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

from category_filter.errors import CategoryFilterError, FilterSyntaxError, UnknownCategoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from category_filter import CategoryFilter

__all__ = ["core_schema_for"]


def core_schema_for(parse: Callable[[Any], CategoryFilter]) -> core_schema.CoreSchema:
    """Return a schema that parses strings, and serializes filters to JSON in canonical form."""

    def validate(value: object) -> CategoryFilter:
        try:
            return parse(value)
        except CategoryFilterError as error:
            raise _custom_error(error) from None
        except TypeError:
            raise PydanticKnownError("string_type") from None

    return core_schema.no_info_plain_validator_function(
        validate,
        serialization=core_schema.to_string_ser_schema(when_used="json-unless-none"),
    )


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
