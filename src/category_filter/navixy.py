"""The categories of the push service that the language comes from."""

from __future__ import annotations

from category_filter.categories import Categories

__all__ = ["CATEGORIES"]

CATEGORIES = Categories(
    {
        "chat_message": "New chat message",
        "history_rule": "A rule was triggered",
        "history_task": "A task changed",
        "history_info": "News about a device",
        "history_service_task": "A maintenance task changed",
        "history_work_status": "A work status changed",
    }
)
"""The origin's six categories, in the order that masks rely on."""
