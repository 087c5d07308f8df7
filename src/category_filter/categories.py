"""The known set: the categories a service has, in order, with their labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, cast, final

from category_filter import _parser
from category_filter._filter import CategoryFilter, coerce_str
from category_filter._immutable import Immutable
from category_filter._suggest import suggester
from category_filter.errors import UnknownCategoryError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Categories"]

_NO_NAMES: Mapping[str, str] = MappingProxyType({})


@final
class Categories(Immutable, Collection[str]):
    """The categories a service knows: an immutable, ordered set of names with labels.

    >>> known = Categories({"news": "News of the day", "sport": "Results", "ads": "Offers"})
    >>> known.parse("-ads")
    CategoryFilter('-ads')
    >>> known.allowed(CategoryFilter("-ads"))
    ('news', 'sport')
    >>> known.parse("news,spport")
    Traceback (most recent call last):
        ...
    category_filter.errors.UnknownCategoryError: unknown category:
        'spport' at 5: did you mean 'sport'?

    Validate input with it, not stored filters: a stored filter that lists a retired category stays
    valid and keeps its meaning.

    Args:
        names: A mapping of names to labels, an iterable of names, or an enum whose values are the
            names. Append new categories at the end, because stored masks depend on the order.
        renamed: A mapping of former names to the known names that replaced them. A former name is
            unknown, and its error suggests the new name.

    Raises:
        FilterSyntaxError: If a name is invalid.
        TypeError: If a name or a label is not a str, or `names` is a single str.
        ValueError: If a name is duplicated, a former name is known, or its new name is not.
    """

    __slots__ = ("_known", "_labels", "_renamed")

    _labels: Mapping[str, str]
    _known: frozenset[str]
    _renamed: Mapping[str, str]

    def __new__(  # noqa: D102 - documented by the class
        cls,
        names: Mapping[str, str] | Iterable[str | Enum],
        *,
        renamed: Mapping[str, str] = _NO_NAMES,
    ) -> Categories:
        if isinstance(names, str) or not isinstance(names, Iterable):
            raise TypeError(
                f"expected a mapping, an iterable of names or an enum, got {type(names).__name__}"
            )
        given_labels: Mapping[str | Enum, str] = {}
        if isinstance(names, Mapping):
            given_labels = cast("Mapping[str | Enum, str]", names)
        labels: dict[str, str] = {}
        for key in names:
            name = coerce_str(key, "category")
            _parser.check_name(name)
            if name in labels:
                raise ValueError(f"duplicate category {name!r}")
            labels[name] = coerce_str(given_labels.get(key, name), "label")
        for old, new in renamed.items():
            _parser.check_name(coerce_str(old, "category"))
            if old in labels:
                raise ValueError(f"renamed category {old!r} is still in the set")
            if new not in labels:
                raise ValueError(f"category {old!r} is renamed to {new!r}, which is not in the set")
        self = super().__new__(cls)
        object.__setattr__(self, "_labels", MappingProxyType(labels))
        object.__setattr__(self, "_known", frozenset(labels))
        object.__setattr__(self, "_renamed", MappingProxyType(dict(renamed)))
        return self

    @property
    def labels(self) -> Mapping[str, str]:
        """A read-only mapping of names to labels, in order."""
        return self._labels

    @property
    def renamed(self) -> Mapping[str, str]:
        """A read-only mapping of former names to new ones, as `CategoryFilter.rename` takes it.

        >>> known = Categories(["offers"], renamed={"ads": "offers"})
        >>> CategoryFilter("-ads").rename(known.renamed)
        CategoryFilter('-offers')
        """
        return self._renamed

    def parse(
        self, text: str | CategoryFilter, *, stored: CategoryFilter | None = None
    ) -> CategoryFilter:
        """Parse a filter and validate its names.

        >>> known = Categories(["news", "sport"])
        >>> known.parse("-sport").allows("news")
        True
        >>> known.parse("news,retired", stored=CategoryFilter("retired"))
        CategoryFilter('news,retired')

        Args:
            text: The filter as a string.
            stored: The stored filter that the new one replaces. Names it lists stay valid, even if
                retired since, so that a subscriber can add a name without dropping another.

        Raises:
            FilterSyntaxError: If the text is not a valid filter.
            UnknownCategoryError: If it lists unknown names, with their positions in the text.
        """
        parsed = CategoryFilter(text)
        if parsed.names <= self._known:
            return parsed
        unknown = parsed.names - self._known
        if stored is not None:
            unknown -= stored.names
            if not unknown:
                return parsed
        typed = str(parsed) if isinstance(text, CategoryFilter) else coerce_str(text, "filter")
        raise self._unknown_category(typed, parsed, unknown)

    def validate(self, f: CategoryFilter) -> CategoryFilter:
        """Return the filter unchanged if it lists known names only.

        >>> Categories(["news", "sport"]).validate(CategoryFilter("-sport"))
        CategoryFilter('-sport')

        Raises:
            UnknownCategoryError: If it lists unknown names, with their positions in the canonical
                form.
        """
        return self.parse(f)

    def unknown(self, f: str | CategoryFilter) -> tuple[str, ...]:
        """Return the listed names that are not in this set, sorted.

        >>> Categories(["news", "sport"]).unknown(CategoryFilter("-weather,ads,news"))
        ('ads', 'weather')
        """
        return tuple(sorted(CategoryFilter(f).names - self._known))

    def allowed(self, f: str | CategoryFilter) -> tuple[str, ...]:
        """Return the known names that a filter allows, in this set's order.

        >>> Categories(["news", "sport", "ads"]).allowed(CategoryFilter("-sport"))
        ('news', 'ads')
        """
        return tuple(CategoryFilter(f).filter(self))

    def mask(self, f: str | CategoryFilter) -> int:
        """Return the known names that a filter allows as a bit mask: bit i is category i.

        >>> bin(Categories(["news", "sport", "ads"]).mask(CategoryFilter("-sport")))
        '0b101'
        """
        allows = CategoryFilter(f).allows
        return sum(1 << bit for bit, name in enumerate(self) if allows(name))

    def from_mask(self, mask: int) -> CategoryFilter:
        """Return the include list of the categories whose bits are set.

        A mask holds nothing about categories outside this set, so the filter denies them.

        >>> Categories(["news", "sport", "ads"]).from_mask(0b101)
        CategoryFilter('ads,news')

        Raises:
            ValueError: If the mask is negative or has a bit without a category.
        """
        if not 0 <= mask < 1 << len(self):
            raise ValueError(f"mask {mask} does not fit {len(self)} categories")
        return CategoryFilter.only(*(name for bit, name in enumerate(self) if mask >> bit & 1))

    @property
    def pattern(self) -> str:
        """A regular expression for exactly the strings that `parse` accepts, of any length.

        Use it for `<input pattern>` and JSON Schema. It has no lookaround and no capturing group.

        >>> import re
        >>> pattern = Categories(["news", "sport"]).pattern
        >>> [bool(re.search(pattern, text)) for text in ("news, sport", "-*", "-spot")]
        [True, True, False]
        """
        return _parser.pattern(tuple(self))

    def json_schema(self) -> dict[str, object]:
        """Return the JSON Schema of a string that `parse` accepts.

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

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from category_filter._pydantic import known_schema  # noqa: PLC0415 - needs Pydantic

        return known_schema(self, source, handler)

    def __contains__(self, name: object) -> bool:
        return (name.value if isinstance(name, Enum) else name) in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Categories):
            return NotImplemented
        return [*self._labels.items()] == [*other._labels.items()] and (
            self._renamed == other._renamed
        )

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        renamed = f", renamed={dict(self._renamed)!r}" if self._renamed else ""
        return f"Categories({dict(self._labels)!r}{renamed})"

    def __reduce__(self) -> tuple[Callable[..., Categories], tuple[dict[str, str]]]:
        create = partial(Categories, renamed=dict(self._renamed)) if self._renamed else Categories
        return create, (dict(self._labels),)

    def _unknown_category(
        self, text: str, f: CategoryFilter, unknown: frozenset[str]
    ) -> UnknownCategoryError:
        positions: dict[str, int] = {}
        for name, position in _parser.iter_names(text):
            if name in unknown:
                positions.setdefault(name, position)
        suggest = suggester(tuple(self))
        return UnknownCategoryError(
            text=text,
            allows_unlisted=f.allows_unlisted,
            unknown=[
                UnknownName(
                    name,
                    position,
                    (self._renamed[name],) if name in self._renamed else suggest(name),
                )
                for name, position in positions.items()
            ],
        )
