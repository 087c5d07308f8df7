"""Type-checked but never run: code that mypy and pyright must accept or reject.

A line to reject has an `ignore` comment, which both checkers report as soon as it is unused.
"""

from collections.abc import Iterator, Mapping
from enum import Enum, StrEnum
from typing import assert_type

from category_filter import (
    Categories,
    CategoryFilter,
    CategoryFilterError,
    FilterIndex,
    FilterSyntaxError,
    MatchView,
    UnknownCategoryError,
)
from category_filter.navixy import CATEGORIES


class Category(StrEnum):
    NEWS = "news"


class Plain(Enum):
    NEWS = "news"


def values() -> None:
    f = CategoryFilter("news")
    assert_type(f, CategoryFilter)
    assert_type(CategoryFilter(), CategoryFilter)
    assert_type(CategoryFilter(f), CategoryFilter)
    assert_type(CategoryFilter.only("a", Category.NEWS, Plain.NEWS), CategoryFilter)
    assert_type(CategoryFilter.all_except(*["a", "b"]), CategoryFilter)
    assert_type(f.names, frozenset[str])
    assert_type(f.allows_unlisted, bool)
    assert_type(f.allows(Category.NEWS), bool)
    assert_type("news" in f, bool)
    assert_type(f & f | f - f ^ ~f, CategoryFilter)
    assert_type(f <= ~f, bool)
    assert_type(f.isdisjoint(f), bool)
    assert_type(f.rename({"news": "sport"}), CategoryFilter)
    assert_type({f: 1}, dict[CategoryFilter, int])


def lazy(events: list[tuple[str, int]], categories: list[Category]) -> None:
    f = CategoryFilter("news")
    assert_type(f.filter(categories), Iterator[Category])
    assert_type(f.filter(events, key=lambda event: event[0]), Iterator[tuple[str, int]])


def known() -> None:
    assert_type(Categories(["a"]), Categories)
    assert_type(Categories({"a": "A"}), Categories)
    assert_type(Categories(Category), Categories)
    assert_type(Categories(Plain), Categories)
    assert_type(list(CATEGORIES), list[str])
    assert_type(CATEGORIES.parse("*"), CategoryFilter)
    assert_type(CATEGORIES.parse("*", stored=None), CategoryFilter)
    assert_type(Categories(["a"], renamed={"b": "a"}).renamed, Mapping[str, str])
    assert_type(CATEGORIES.allowed(CategoryFilter()), tuple[str, ...])
    assert_type(CATEGORIES.mask(CategoryFilter()), int)
    assert_type(CATEGORIES.json_schema(), dict[str, object])


def index(tokens: list[tuple[int, str]]) -> None:
    subscriptions = FilterIndex({"ann": "*", "bob": CategoryFilter("news")})
    assert_type(subscriptions, FilterIndex[str])
    assert_type(FilterIndex(tokens), FilterIndex[int])
    assert_type(FilterIndex[bytes](), FilterIndex[bytes])
    subscriptions["ann"] = "news"
    subscriptions["ann"] = CategoryFilter("news")
    subscriptions.update({"eve": "*"})
    subscriptions.update([("eve", "*")])
    assert_type(subscriptions["ann"], CategoryFilter)
    assert_type(subscriptions.get("ann"), CategoryFilter | None)
    assert_type(subscriptions.setdefault("ann"), CategoryFilter)
    assert_type(subscriptions.setdefault("ann", "*"), CategoryFilter)
    assert_type(subscriptions.pop("ann"), CategoryFilter)
    assert_type(subscriptions.pop("ann", None), CategoryFilter | None)
    assert_type(subscriptions.popitem(), tuple[str, CategoryFilter])
    assert_type(subscriptions.copy(), FilterIndex[str])
    assert_type(subscriptions.matching(Category.NEWS), MatchView[str])
    assert_type(list(subscriptions.matching(Category.NEWS)), list[str])
    assert_type(len(subscriptions.matching("news")), int)


def errors(error: CategoryFilterError) -> None:
    assert_type(error.code, str)
    assert_type(error.position, int)
    if isinstance(error, FilterSyntaxError):
        assert_type(error.suggestion, str | None)
    if isinstance(error, UnknownCategoryError):
        assert_type(error.unknown[0].suggestions, tuple[str, ...])


def rejected(f: CategoryFilter) -> None:
    CategoryFilter(1)  # type: ignore[arg-type]
    CategoryFilter.only(1)  # type: ignore[arg-type]
    f.allows(1)  # type: ignore[arg-type]
    f.allows_unlisted = True  # type: ignore[misc]
    _ = f & "news"  # type: ignore[operator]
    _ = f <= "news"  # type: ignore[operator]
    iter(f)  # type: ignore[call-overload]
    len(f)  # type: ignore[arg-type]
    FilterIndex({"ann": 3})  # type: ignore[dict-item]
    CATEGORIES.validate("news")  # type: ignore[arg-type]
