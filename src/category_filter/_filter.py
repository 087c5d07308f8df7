"""The value: a finite or cofinite set of category names."""

from __future__ import annotations

from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, final, overload

from category_filter import _parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic_core import CoreSchema

    _T = TypeVar("_T")
    _Category = TypeVar("_Category", bound="str | Enum")

__all__ = ["CategoryFilter", "plain"]

_SHORT = 256
_MANY = 1024
_seen: dict[str | CategoryFilter, CategoryFilter] = {}
"""Filters by their text: `_MANY` of `_SHORT` characters at most, so that no input fills memory."""


class _Remembering(type):
    """Answers a text seen before in 2.5 times a bare dict lookup; from `__new__` it takes 3.0."""

    def __call__(cls, text: str | CategoryFilter = "*") -> CategoryFilter:
        try:
            seen = _seen.get(text)
        except TypeError:  # unhashable, so no text
            seen = None
        return seen or CategoryFilter.__new__(CategoryFilter, text)

    __call__.__qualname__ = "CategoryFilter"  # what a TypeError about its arguments calls it


@final
class CategoryFilter(metaclass=_Remembering):
    """Which categories a subscriber wants: an immutable set of names, or all but a set of names.

    >>> wanted = CategoryFilter("-history_task, history_rule")
    >>> wanted.allows("chat_message"), "history_task" in wanted
    (True, False)
    >>> str(wanted)
    '-history_rule,history_task'
    >>> wanted | CategoryFilter.only("history_task")
    CategoryFilter('-history_rule')

    The world is open: a category that nobody knew when the filter was written is allowed by `*`
    and by `-a`, and refused by `a` and by `-*`. Two filters are equal exactly if they allow the
    same categories; `&`, `|`, `-`, `^` and `~` combine them as the sets that they are, and `<=`
    says whether one allows no more than another. A filter is always true, also one that allows
    nothing. What could not be written in 65,536 characters is refused, however it came about.

    Args:
        text: The filter as a person writes it, or a filter, which is returned as it is.

    Raises:
        FilterSyntaxError: The text is no filter.
        TypeError: It is neither a text nor a filter.
    """

    __slots__ = ("_allows_unlisted", "_names")
    __module__ = "category_filter"  # where users import it from, and what its pickles name

    _names: frozenset[str]
    _allows_unlisted: bool

    def __new__(cls, text: str | CategoryFilter = "*") -> CategoryFilter:
        if type(text) is not str:
            if isinstance(text, CategoryFilter):
                return text
            text = plain(text, "a filter")
        parsed = _unchecked(_parser.parse(text))
        if len(text) <= _SHORT:
            if len(_seen) >= _MANY:
                _seen.clear()
            _seen[text] = parsed
        return parsed

    @classmethod
    def only(cls, *names: str | Enum) -> CategoryFilter:
        """The filter that allows these names and nothing else.

        >>> CategoryFilter.only("news", "sport")
        CategoryFilter('news,sport')
        >>> CategoryFilter.only()
        CategoryFilter('-*')

        Raises:
            FilterSyntaxError: A name is none, or all of them are too long to be written down.
            TypeError: A name is no str.
        """
        return _writable(_checked(names), allows_unlisted=False)

    @classmethod
    def all_except(cls, *names: str | Enum) -> CategoryFilter:
        """The filter that allows everything but these names.

        >>> CategoryFilter.all_except("news", "sport")
        CategoryFilter('-news,sport')

        Raises:
            FilterSyntaxError: A name is none, or all of them are too long to be written down.
            TypeError: A name is no str.
        """
        return _writable(_checked(names), allows_unlisted=True)

    @property
    def names(self) -> frozenset[str]:
        """The names that the text lists, allowed or not."""
        return self._names

    @property
    def allows_unlisted(self) -> bool:
        """Whether a category is allowed that the text does not list."""
        return self._allows_unlisted

    def allows(self, category: str | Enum) -> bool:
        """Whether a message of this category is wanted.

        >>> CategoryFilter("news").allows("sport")
        False

        Raises:
            TypeError: The category is no str.
        """
        if type(category) is not str:
            category = plain(category, "a category")
        return (category in self._names) is not self._allows_unlisted

    __contains__ = allows

    @overload
    def filter(self, items: Iterable[_Category], *, key: None = None) -> Iterator[_Category]: ...
    @overload
    def filter(self, items: Iterable[_T], *, key: Callable[[_T], str | Enum]) -> Iterator[_T]: ...
    def filter(
        self, items: Iterable[Any], *, key: Callable[[Any], str | Enum] | None = None
    ) -> Iterator[Any]:
        """The items of the categories that are allowed, in their order, one at a time.

        >>> events = [("news", 1), ("sport", 2), ("news", 3)]
        >>> list(CategoryFilter("news").filter(events, key=lambda event: event[0]))
        [('news', 1), ('news', 3)]

        Args:
            items: Categories, or anything that has one.
            key: What gives an item's category.
        """
        if key is None:
            return filter(self.allows, items)
        return (item for item in items if self.allows(key(item)))

    def isdisjoint(self, other: CategoryFilter) -> bool:
        """Whether no category is allowed by both.

        >>> CategoryFilter("news").isdisjoint(CategoryFilter("-news"))
        True
        """
        if not isinstance(other, CategoryFilter):
            raise TypeError(f"isdisjoint() takes a CategoryFilter, not {type(other).__name__}")
        if self._allows_unlisted and other._allows_unlisted:
            return False
        return self <= _unchecked((other._names, not other._allows_unlisted))

    def __and__(self, other: CategoryFilter) -> CategoryFilter:
        return _combined(self, other, bool.__and__)

    def __or__(self, other: CategoryFilter) -> CategoryFilter:
        return _combined(self, other, bool.__or__)

    def __sub__(self, other: CategoryFilter) -> CategoryFilter:
        return _combined(self, other, bool.__gt__)  # allowed by one and not by the other

    def __xor__(self, other: CategoryFilter) -> CategoryFilter:
        return _combined(self, other, bool.__xor__)

    def __invert__(self) -> CategoryFilter:
        return _writable(self._names, allows_unlisted=not self._allows_unlisted)

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

    def __copy__(self) -> CategoryFilter:
        return self

    def __deepcopy__(self, memo: object) -> CategoryFilter:
        return self

    def __reduce__(self) -> tuple[type[CategoryFilter], tuple[str]]:
        return CategoryFilter, (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> CoreSchema:
        from category_filter.integrations.pydantic import schema  # noqa: PLC0415 - not the core's

        return schema(CategoryFilter)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: object, handler: object) -> dict[str, object]:
        return {
            "type": "string",
            "pattern": _parser.pattern(),
            "maxLength": _parser.MAX_LENGTH,
            "examples": ["*", "news,sport", "-ads"],
        }

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("CategoryFilter is final: keep a filter as an attribute instead")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a CategoryFilter is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a CategoryFilter is immutable: {name!r} cannot be deleted")


def plain(value: object, role: str) -> str:
    """A str as nothing but a str: of a subclass or an enum member only the text is kept.

    >>> plain("news", "a category")
    'news'

    Raises:
        TypeError: It is none; the message names its type and the role that it was to play.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{role} is a str, not {type(value).__name__}")


def _checked(names: Iterable[object]) -> frozenset[str]:
    checked = frozenset(plain(name, "a category") for name in names)
    for name in checked:
        _parser.check_name(name)
    return checked


def _unchecked(meaning: tuple[frozenset[str], bool]) -> CategoryFilter:
    self = _new(CategoryFilter)
    names, allows_unlisted = meaning
    _set_names(self, names)
    _set_allows_unlisted(self, allows_unlisted)
    return self


_new = object.__new__
# The slots' own setters pass by `__setattr__`, in half the time of `object.__setattr__`.
_set_names = vars(CategoryFilter)["_names"].__set__
_set_allows_unlisted = vars(CategoryFilter)["_allows_unlisted"].__set__


def _combined(
    f: CategoryFilter, g: CategoryFilter, operation: Callable[[bool, bool], bool]
) -> CategoryFilter:
    """What an operation on "is it allowed" makes of two filters.

    It decides for four regions: the names that neither lists, one, the other, or both.
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
    return _writable(frozenset(chain.from_iterable(listed)), allows_unlisted=allows_unlisted)


def _writable(names: frozenset[str], *, allows_unlisted: bool) -> CategoryFilter:
    """A filter that no text gave, refused where no text could give it."""
    result = _unchecked((names, allows_unlisted))
    if sum(map(len, names)) + len(names) > _parser.MAX_LENGTH:
        text = str(result)
        if len(text) > _parser.MAX_LENGTH:
            raise _parser.too_long(text)
    return result
