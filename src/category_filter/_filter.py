"""The value: an immutable set of category names, or everything except such a set."""

from __future__ import annotations

from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar, final, overload

from category_filter import _parser
from category_filter._immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema, SchemaSerializer

    _T = TypeVar("_T")
    _Category = TypeVar("_Category", bound="str | Enum")

__all__ = ["CategoryFilter", "coerce_str"]

_HINTS: dict[type, str] = {
    type(None): ": the default is '*'",
    **dict.fromkeys((list, tuple, set, frozenset), ": use CategoryFilter.only(*names)"),
}
"""What to write instead of a filter of the wrong type."""

_CACHE_SIZE = 1024
_CACHE_MAX_LENGTH = 256
_cache: dict[str | CategoryFilter, CategoryFilter] = {}
"""Filters by their text. Both limits keep input from filling memory."""


@final
class CategoryFilter(Immutable):
    """An immutable filter of categories: an allowlist or a denylist of names.

    >>> wanted = CategoryFilter("-history_task, history_rule")
    >>> wanted.allows("chat_message"), "history_task" in wanted
    (True, False)
    >>> str(wanted)
    '-history_rule,history_task'
    >>> wanted | CategoryFilter.only("history_task")
    CategoryFilter('-history_rule')

    Categories added later are allowed by `*` and `-a`, but not by `a` or `-*`. Two filters are
    equal if they allow the same categories. Filters support the set operators `&`, `|`, `-`, `^`,
    `~` and `<=`. A filter is always truthy, even one that allows nothing.

    Args:
        text: The filter as a string; a `CategoryFilter` is returned unchanged.

    Raises:
        FilterSyntaxError: If the text is not a valid filter, or the result of an operator exceeds
            65,536 characters.
        TypeError: If `text` is neither a str nor a `CategoryFilter`.
    """

    __slots__ = ("_allows_unlisted", "_names")
    __module__ = "category_filter"  # the public name, which pickles refer to

    _names: frozenset[str]
    _allows_unlisted: bool

    def __new__(cls, text: str | CategoryFilter = "*") -> CategoryFilter:
        try:
            cached = _cache.get(text)
        except TypeError:  # unhashable
            cached = None
        return cached or _parse(text)

    @classmethod
    def only(cls, *names: str | Enum) -> CategoryFilter:
        """Create an include list: the filter that allows only these names.

        >>> CategoryFilter.only("news", "sport")
        CategoryFilter('news,sport')
        >>> CategoryFilter.only()
        CategoryFilter('-*')

        Raises:
            FilterSyntaxError: If a name is invalid, or the canonical form exceeds 65,536
                characters.
            TypeError: If a name is not a str.
        """
        return _new_bounded(_validated_names(names), allows_unlisted=False)

    @classmethod
    def all_except(cls, *names: str | Enum) -> CategoryFilter:
        """Create an exclude list: the filter that allows everything except these names.

        >>> CategoryFilter.all_except("news", "sport")
        CategoryFilter('-news,sport')

        Raises:
            FilterSyntaxError: If a name is invalid, or the canonical form exceeds 65,536
                characters.
            TypeError: If a name is not a str.
        """
        return _new_bounded(_validated_names(names), allows_unlisted=True)

    @property
    def names(self) -> frozenset[str]:
        """The listed names, whether included or excluded."""
        return self._names

    @property
    def allows_unlisted(self) -> bool:
        """Whether unlisted categories are allowed."""
        return self._allows_unlisted

    def allows(self, category: str | Enum) -> bool:
        """Return True if the filter allows a category.

        >>> CategoryFilter("news").allows("sport")
        False

        Raises:
            TypeError: If the category is not a str.
        """
        if type(category) is not str:
            category = coerce_str(category, "category")
        return (category in self._names) is not self._allows_unlisted

    __contains__ = allows

    @overload
    def filter(self, items: Iterable[_Category], *, key: None = None) -> Iterator[_Category]: ...
    @overload
    def filter(self, items: Iterable[_T], *, key: Callable[[_T], str | Enum]) -> Iterator[_T]: ...
    def filter(
        self, items: Iterable[Any], *, key: Callable[[Any], str | Enum] | None = None
    ) -> Iterator[Any]:
        """Iterate over the items whose category is allowed, lazily and in order.

        >>> events = [("news", 1), ("sport", 2), ("news", 3)]
        >>> list(CategoryFilter("news").filter(events, key=lambda event: event[0]))
        [('news', 1), ('news', 3)]

        Args:
            items: Categories, or any items if `key` is given.
            key: A function that returns an item's category.
        """
        if key is None:
            return filter(self.allows, items)
        return (item for item in items if self.allows(key(item)))

    def rename(self, names: Mapping[str, str]) -> CategoryFilter:
        """Return a filter with listed names replaced, in include and exclude lists alike.

        >>> CategoryFilter("-ads,news").rename({"ads": "offers"})
        CategoryFilter('-news,offers')

        Renaming several names to one merges them, and widens what a subscriber chose: a
        subscriber who included one of them gets all, and one who excluded one of them gets none.

        >>> merge = {"chat": "talk", "call": "talk"}
        >>> CategoryFilter("chat").rename(merge), CategoryFilter("-chat").rename(merge)
        (CategoryFilter('talk'), CategoryFilter('-talk'))

        Args:
            names: A mapping of old names to new ones. All are replaced at once, so names can swap.

        Raises:
            FilterSyntaxError: If a new name that the filter needs is invalid, or the canonical form
                exceeds 65,536 characters.
            TypeError: If such a name is not a str.
        """
        if self._names.isdisjoint(names):
            return self
        renamed = _validated_names(names.get(name, name) for name in self._names)
        return _new_bounded(renamed, allows_unlisted=self._allows_unlisted)

    def isdisjoint(self, other: CategoryFilter) -> bool:
        """Return True if no category is allowed by both filters.

        >>> CategoryFilter("news").isdisjoint(CategoryFilter("-news"))
        True

        Raises:
            TypeError: If `other` is not a `CategoryFilter`.
        """
        if not isinstance(other, CategoryFilter):
            raise TypeError(f"expected a CategoryFilter, got {type(other).__name__}")
        if self._allows_unlisted and other._allows_unlisted:
            return False
        return self <= _new(other._names, not other._allows_unlisted)

    def __and__(self, other: CategoryFilter) -> CategoryFilter:
        return _set_operation(self, other, bool.__and__)

    def __or__(self, other: CategoryFilter) -> CategoryFilter:
        return _set_operation(self, other, bool.__or__)

    def __sub__(self, other: CategoryFilter) -> CategoryFilter:
        return _set_operation(self, other, bool.__gt__)  # True > False: only `self` allows it

    def __xor__(self, other: CategoryFilter) -> CategoryFilter:
        return _set_operation(self, other, bool.__xor__)

    def __invert__(self) -> CategoryFilter:
        return _new_bounded(self._names, allows_unlisted=not self._allows_unlisted)

    def __le__(self, other: CategoryFilter) -> bool:
        if not isinstance(other, CategoryFilter):
            return NotImplemented
        if self._allows_unlisted:
            return other._allows_unlisted and other._names <= self._names
        if other._allows_unlisted:
            return self._names.isdisjoint(other._names)
        return self._names <= other._names

    def __lt__(self, other: CategoryFilter) -> bool:
        if not isinstance(other, CategoryFilter):
            return NotImplemented
        return self <= other and self != other

    def __ge__(self, other: CategoryFilter) -> bool:
        if not isinstance(other, CategoryFilter):
            return NotImplemented
        return other <= self

    def __gt__(self, other: CategoryFilter) -> bool:
        if not isinstance(other, CategoryFilter):
            return NotImplemented
        return other < self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CategoryFilter):
            return NotImplemented
        return self._names == other._names and self._allows_unlisted is other._allows_unlisted

    def __hash__(self) -> int:
        return hash((self._names, self._allows_unlisted))

    def __str__(self) -> str:
        minus = "-" if self._allows_unlisted is bool(self._names) else ""
        return minus + (",".join(sorted(self._names)) or "*")

    def __repr__(self) -> str:
        return f"CategoryFilter({str(self)!r})"

    def __reduce__(self) -> tuple[type[CategoryFilter], tuple[str]]:
        return CategoryFilter, (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from category_filter._pydantic import filter_schema  # noqa: PLC0415 - needs Pydantic

        return filter_schema(handler.field_name)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        from category_filter._pydantic import json_schema  # noqa: PLC0415 - needs Pydantic

        return json_schema(core, handler)

    @property
    def __pydantic_serializer__(self) -> SchemaSerializer:
        """The serializer of filters that are not annotated as such, as in `Any`."""
        from category_filter._pydantic import SERIALIZER  # noqa: PLC0415 - needs Pydantic

        return SERIALIZER


def coerce_str(value: object, role: str, *, hint: str = "") -> str:
    """Return a plain str; for an enum member, the str that is its value.

    Args:
        value: A str, an instance of a subclass of str, or an enum member with such a value.
        role: The noun for the value in the error message.
        hint: The end of the error message: what to write instead.

    Raises:
        TypeError: If the value is anything else.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{role} must be a str, not {type(value).__name__}{hint}")


def _parse(text: str | CategoryFilter) -> CategoryFilter:
    if type(text) is not str:
        if isinstance(text, CategoryFilter):
            return text
        text = coerce_str(text, "filter", hint=_HINTS.get(type(text), ""))
    parsed = _new(*_parser.parse(text))
    if len(text) <= _CACHE_MAX_LENGTH:
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[text] = parsed
    return parsed


_allocate = object.__new__
# The slot descriptors bypass `Immutable.__setattr__` in half the time of `object.__setattr__`.
_set_names = vars(CategoryFilter)["_names"].__set__
_set_allows_unlisted = vars(CategoryFilter)["_allows_unlisted"].__set__


def _new(names: frozenset[str], allows_unlisted: bool) -> CategoryFilter:  # noqa: FBT001 - as the parser returns them
    self = _allocate(CategoryFilter)
    _set_names(self, names)
    _set_allows_unlisted(self, allows_unlisted)
    return self


def _new_bounded(names: frozenset[str], *, allows_unlisted: bool) -> CategoryFilter:
    """Create a filter, and raise if its canonical form is too long to be parsed again."""
    result = _new(names, allows_unlisted)
    if sum(map(len, names)) + len(names) > _parser.MAX_LENGTH:
        text = str(result)
        if len(text) > _parser.MAX_LENGTH:
            raise _parser.too_long_error(text)
    return result


def _validated_names(names: Iterable[object]) -> frozenset[str]:
    validated = frozenset(coerce_str(name, "category") for name in names)
    for name in validated:
        _parser.check_name(name)
    return validated


def _set_operation(
    f: CategoryFilter, g: CategoryFilter, operation: Callable[[bool, bool], bool]
) -> CategoryFilter:
    """Combine two filters by an operation on "is it allowed".

    The operation decides for four regions: names listed by neither, by one, by the other, by both.
    """
    if not isinstance(g, CategoryFilter):
        return NotImplemented
    in_f, in_g = f.allows_unlisted, g.allows_unlisted
    allows_unlisted = operation(in_f, in_g)
    regions = (
        (f.names - g.names, operation(not in_f, in_g)),
        (g.names - f.names, operation(in_f, not in_g)),
        (f.names & g.names, operation(not in_f, not in_g)),
    )
    listed = (names for names, allowed in regions if allowed != allows_unlisted)
    return _new_bounded(frozenset(chain.from_iterable(listed)), allows_unlisted=allows_unlisted)
