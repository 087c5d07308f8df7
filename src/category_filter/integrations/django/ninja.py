"""The type of filter columns in the model schemas of django-ninja, and their JSON."""

from __future__ import annotations

from typing import Any

from ninja.orm import register_field
from ninja.responses import NinjaJSONEncoder

from category_filter import CategoryFilter

__all__ = ["register"]


def register() -> None:
    """Make model schemas use `CategoryFilter`, and responses contain canonical forms."""
    register_field("CategoryFilterField", CategoryFilter)
    default = NinjaJSONEncoder.default

    def encode(self: NinjaJSONEncoder, o: Any) -> Any:
        return str(o) if isinstance(o, CategoryFilter) else default(self, o)

    setattr(NinjaJSONEncoder, "default", encode)  # noqa: B010 - type checkers refuse an assignment
