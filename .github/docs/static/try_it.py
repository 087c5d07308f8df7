"""The answers of the Try it box, from the library itself: runs in the reader's browser."""

import json

from category_filter import (
    Categories,
    CategoryFilterError,
    FilterSyntaxError,
    UnknownCategoryError,
)
from category_filter._messages import excerpt
from category_filter.navixy import CATEGORIES


def explain(text: str, names: str) -> str:
    """Explain a filter, or what is wrong with it or with the known categories, as JSON."""
    return json.dumps(_explain(text, names))


def _explain(text: str, names: str) -> dict[str, object]:
    try:
        known = Categories(
            {name: CATEGORIES.labels.get(name, "") for name in map(str.strip, names.split(","))}
        )
    except CategoryFilterError as error:
        return {"invalid": "known", "status": error.message, "excerpt": "", "suggestions": []}
    try:
        wanted = known.parse(text)
    except (FilterSyntaxError, UnknownCategoryError) as error:
        return {
            "invalid": "filter",
            "status": error.message,
            "excerpt": "\n".join(excerpt(text, error.position)),
            "suggestions": _suggestions(error),
        }
    allowed = known.allowed(wanted)
    other = "and any other" if wanted.allows_unlisted else "and no other"
    rows = [[name, name in allowed, label] for name, label in known.labels.items()]
    return {
        "status": f"Allows {len(allowed)} of {len(known)} known categories, {other}."
        f" Canonical form: {wanted}",
        "rows": [*rows, ["any other", wanted.allows_unlisted, ""]],
    }


def _suggestions(error: FilterSyntaxError | UnknownCategoryError) -> list[str]:
    """Return the whole filters to offer instead."""
    if isinstance(error, FilterSyntaxError):
        return [error.suggestion] if error.suggestion else []
    for name, start, suggestions in error.unknown:
        if suggestions:
            end = start + len(name)
            return [f"{error.text[:start]}{known}{error.text[end:]}" for known in suggestions]
    return []
