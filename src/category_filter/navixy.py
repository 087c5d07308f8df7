"""The categories of the `category_filter` parameter of Navixy's push-token API."""

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
"""The six categories, in the order of their mask bits."""
