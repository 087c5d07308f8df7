"""The known set: which categories there are, in what order, and what people call them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, NoReturn, cast, final

from category_filter import _parser
from category_filter._filter import CategoryFilter, plain
from category_filter.errors import UnknownCategoryError, UnknownName

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = ["Categories"]

_MANY = 30
"""Names beyond which a pattern would swell an API's description: 200 of them take 14 KB."""

_SHORTEST_MISSPELT = 4
_LONGEST_MISSPELT = 64
_MOST_CLOSE = 3
_MOST_ALIKE = 20
_SEPARATORS = str.maketrans("", "", "_.:/-")


@final
class Categories(Collection[str]):
    """The categories that a service knows: an immutable, ordered set of names with their labels.

    >>> known = Categories({"news": "News of the day", "sport": "Results", "ads": "Offers"})
    >>> known.parse("-ads")
    CategoryFilter('-ads')
    >>> known.allowed(CategoryFilter("-ads"))
    ('news', 'sport')
    >>> known.parse("news,spport")
    Traceback (most recent call last):
        ...
    category_filter.errors.UnknownCategoryError: unknown category: its messages will never arrive
        'spport' at 5: did you mean 'sport'?

    Check what people type, and only that: a stored filter that names a retired category still
    loads, and still means what it meant.

    Args:
        names: Names with their labels, names alone, or an enum whose values are the names. A new
            category is appended, never inserted: stored masks depend on the order.

    Raises:
        FilterSyntaxError: A name is none.
        TypeError: A name or a label is no str, or all of them are one.
        ValueError: A name is given twice.
    """

    __slots__ = ("_known", "_labels")

    _labels: Mapping[str, str]
    _known: frozenset[str]

    def __new__(  # noqa: D102 - the class's docstring documents its argument
        cls, names: Mapping[str, str] | Iterable[str | Enum]
    ) -> Categories:
        if isinstance(names, str):
            raise TypeError("categories are a mapping, an iterable of names or an enum, not a str")
        labelled: Mapping[str | Enum, str] = {}
        if isinstance(names, Mapping):
            labelled = cast("Mapping[str | Enum, str]", names)
        labels: dict[str, str] = {}
        for key in names:
            name = plain(key, "a category")
            _parser.check_name(name)
            if name in labels:
                raise ValueError(f"the category {name!r} is given twice")
            labels[name] = plain(labelled.get(key, name), "a label")
        self = super().__new__(cls)
        object.__setattr__(self, "_labels", MappingProxyType(labels))
        object.__setattr__(self, "_known", frozenset(labels))
        return self

    @property
    def labels(self) -> Mapping[str, str]:
        """What people call each category, in the set's order; read-only."""
        return self._labels

    def parse(
        self, text: str | CategoryFilter, *, replacing: CategoryFilter | None = None
    ) -> CategoryFilter:
        """The filter that a text gives, if it lists known names only.

        >>> known = Categories(["news", "sport"])
        >>> known.parse("-sport").allows("news")
        True
        >>> known.parse("news,retired", replacing=CategoryFilter("retired"))
        CategoryFilter('news,retired')

        Args:
            text: What a person typed.
            replacing: The stored filter that this one is to replace. What it lists may stay,
                though retired since, so that nobody has to drop a name in order to add another.

        Raises:
            FilterSyntaxError: The text is no filter.
            UnknownCategoryError: It lists unknown names; positions are those in the text.
        """
        parsed = CategoryFilter(text)
        if parsed.names <= self._known:
            return parsed
        unknown = parsed.names - self._known
        if replacing is not None:
            unknown -= replacing.names
            if not unknown:
                return parsed
        typed = str(parsed) if isinstance(text, CategoryFilter) else plain(text, "a filter")
        raise self._unknown_category(typed, parsed, unknown)

    def validate(self, f: CategoryFilter) -> CategoryFilter:
        """The same filter, if it lists known names only.

        >>> Categories(["news", "sport"]).validate(CategoryFilter("-sport"))
        CategoryFilter('-sport')

        Raises:
            UnknownCategoryError: It lists others; positions are those in its canonical text.
        """
        return self.parse(f)

    def unknown(self, f: str | CategoryFilter) -> tuple[str, ...]:
        """The names that a filter lists and this set does not hold, sorted.

        >>> Categories(["news", "sport"]).unknown(CategoryFilter("-weather,ads,news"))
        ('ads', 'weather')
        """
        return tuple(sorted(CategoryFilter(f).names - self._known))

    def allowed(self, f: str | CategoryFilter) -> tuple[str, ...]:
        """The known names that a filter allows, in this set's order.

        >>> Categories(["news", "sport", "ads"]).allowed(CategoryFilter("-sport"))
        ('news', 'ads')
        """
        return tuple(CategoryFilter(f).filter(self))

    def mask(self, f: str | CategoryFilter) -> int:
        """The known names that a filter allows, as bits: bit i is the i-th category.

        >>> bin(Categories(["news", "sport", "ads"]).mask(CategoryFilter("-sport")))
        '0b101'
        """
        allows = CategoryFilter(f).allows
        return sum(1 << bit for bit, name in enumerate(self) if allows(name))

    def from_mask(self, mask: int) -> CategoryFilter:
        """The filter that allows the categories whose bits are set, and nothing else.

        A mask knows nothing of categories outside the set, so the filter refuses them.

        >>> Categories(["news", "sport", "ads"]).from_mask(0b101)
        CategoryFilter('ads,news')

        Raises:
            ValueError: A bit is set that no category has.
        """
        if not 0 <= mask < 1 << len(self):
            raise ValueError(f"{mask} is no mask of {len(self)} categories")
        return CategoryFilter.only(*(name for bit, name in enumerate(self) if mask >> bit & 1))

    @property
    def pattern(self) -> str:
        """A regular expression for exactly the texts that `parse` accepts, whatever their length.

        It is made for `<input pattern>` and JSON Schema, and has no lookaround and no group.

        >>> import re
        >>> pattern = Categories(["news", "sport"]).pattern
        >>> [bool(re.search(pattern, text)) for text in ("news, sport", "-*", "-spot")]
        [True, True, False]
        """
        return _parser.pattern(tuple(self))

    def json_schema(self) -> dict[str, object]:
        """The JSON Schema of a text that `parse` accepts, for OpenAPI too.

        >>> schema = Categories(["news", "sport"]).json_schema()
        >>> schema["type"], schema["default"], schema["examples"]
        ('string', '*', ['*', 'news', '-news'])
        """
        return {
            "type": "string",
            "pattern": self.pattern,
            "maxLength": _parser.MAX_LENGTH,
            "default": "*",
            "examples": ["*", *(f"{minus}{name}" for name in [*self][:1] for minus in ("", "-"))],
        }

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        from category_filter.integrations.pydantic import schema  # noqa: PLC0415 - not the core's

        return schema(self.parse)

    def __get_pydantic_json_schema__(self, core: object, handler: object) -> dict[str, object]:
        left_out = {"default"} if len(self) <= _MANY else {"default", "pattern"}
        return {key: value for key, value in self.json_schema().items() if key not in left_out}

    def __contains__(self, name: object) -> bool:
        return (name.value if isinstance(name, Enum) else name) in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Categories):
            return NotImplemented
        return [*self._labels.items()] == [*other._labels.items()]

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Categories({dict(self._labels)!r})"

    def __copy__(self) -> Categories:
        return self

    def __deepcopy__(self, memo: object) -> Categories:
        return self

    def __reduce__(self) -> tuple[type[Categories], tuple[dict[str, str]]]:
        return Categories, (dict(self._labels),)

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Categories is final: keep a set of categories as an attribute instead")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Categories are immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Categories are immutable: {name!r} cannot be deleted")

    def _unknown_category(
        self, text: str, f: CategoryFilter, unknown: frozenset[str]
    ) -> UnknownCategoryError:
        positions: dict[str, int] = {}
        for name, position in _parser.names_in(text):
            if name in unknown:
                positions.setdefault(name, position)
        index = _index(tuple(self))
        return UnknownCategoryError(
            text=text,
            allows_unlisted=f.allows_unlisted,
            unknown=[
                UnknownName(name, position, _close(name, index))
                for name, position in positions.items()
            ],
        )


# Two names are close if, but for case and separators, they differ by one letter at most: missing,
# too many, wrong, or swapped with its neighbour. What is left of each after dropping any one letter
# is where they meet, so that the work grows with the text and not with the known set.


class _Known(NamedTuple):
    name: str
    letters: str


def _close(name: str, index: Mapping[str, list[_Known]]) -> tuple[str, ...]:
    letters = _letters(name)
    meetings = index.keys() & _droppings(letters)
    if not meetings:
        return ()
    found = {known for meeting in meetings for known in index[meeting]}
    close = sorted(
        (known.letters != letters, known.name)
        for known in found
        if _one_mistake_apart(known.letters, letters)
    )
    return tuple(name for _, name in close[:_MOST_CLOSE])


def _one_mistake_apart(letters: str, others: str) -> bool:
    """Whether one letter dropped from each, with the same left, was one mistake and not two."""
    if len(letters) != len(others):
        return True
    match [(a, b) for a, b in zip(letters, others, strict=True) if a != b]:
        case [] | [_]:
            return True
        case [(a, b), (c, d)]:
            return (a, b) == (d, c)
        case _:
            return False


@lru_cache(maxsize=16)
def _index(names: tuple[str, ...]) -> dict[str, list[_Known]]:
    index: dict[str, list[_Known]] = {}
    for name in names:
        letters = _letters(name)
        for meeting in _droppings(letters):
            alike = index.setdefault(meeting, [])
            if len(alike) < _MOST_ALIKE:
                alike.append(_Known(name, letters))
    return index


def _letters(name: str) -> str:
    return (name if name.isalnum() else name.translate(_SEPARATORS)).lower()


def _droppings(letters: str) -> list[str]:
    droppings = [letters]
    if _SHORTEST_MISSPELT <= len(letters) <= _LONGEST_MISSPELT:
        droppings += [letters[:i] + letters[i + 1 :] for i in range(len(letters))]
    return droppings
