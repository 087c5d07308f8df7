"""Suggestions for unknown names: known names within one edit, ignoring case and separators.

An edit is one character missing, added, wrong, or swapped with the next. Two names within one edit
share a key: what is left of each after deleting at most one character. A lookup by key takes time
that grows with the name, not with the known set.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["suggester"]

_MIN_LENGTH = 4
_MAX_LENGTH = 64
"""Lengths of the names that are compared after a deletion, in characters without separators."""

_MAX_SUGGESTIONS = 3
_MAX_PER_KEY = 20
_SEPARATORS = str.maketrans("", "", "_.:/-")


class _Known(NamedTuple):
    name: str
    letters: str


def suggester(names: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Return a function that suggests up to three known names, the closest first.

    >>> suggester(("chat_message", "history_rule"))("ChatMesage")
    ('chat_message',)
    """
    return partial(_suggest, _build_index(names))


def _suggest(index: Mapping[str, list[_Known]], name: str) -> tuple[str, ...]:
    letters = _letters(name)
    keys = index.keys() & _deletions(letters)
    if not keys:
        return ()
    candidates = {known for key in keys for known in index[key]}
    ranked = sorted(
        (known.letters != letters, known.name)
        for known in candidates
        if _within_one_edit(known.letters, letters)
    )
    return tuple(name for _, name in ranked[:_MAX_SUGGESTIONS])


@lru_cache(maxsize=16)
def _build_index(names: tuple[str, ...]) -> Mapping[str, list[_Known]]:
    index: dict[str, list[_Known]] = {}
    for name in names:
        letters = _letters(name)
        for key in _deletions(letters):
            known = index.setdefault(key, [])
            if len(known) < _MAX_PER_KEY:
                known.append(_Known(name, letters))
    return index


def _within_one_edit(letters: str, others: str) -> bool:
    """Return True if two names that share a key are one edit apart, not two."""
    if len(letters) != len(others):
        return True
    match [(a, b) for a, b in zip(letters, others, strict=True) if a != b]:
        case [] | [_]:
            return True
        case [(a, b), (c, d)]:
            return (a, b) == (d, c)
        case _:
            return False


def _letters(name: str) -> str:
    return (name if name.isalnum() else name.translate(_SEPARATORS)).lower()


def _deletions(letters: str) -> list[str]:
    keys = [letters]
    if _MIN_LENGTH <= len(letters) <= _MAX_LENGTH:
        keys += [letters[:i] + letters[i + 1 :] for i in range(len(letters))]
    return keys
