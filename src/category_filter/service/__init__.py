"""The push-token API: bind push tokens to sessions, and find the recipients of a notification.

`PushService` holds the application to serve or mount. A separate sender opens the same database:
`PushTokens(connect(url)).recipients(category)`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from category_filter._extras import requires

if TYPE_CHECKING:
    from category_filter.service.app import PushService, create_app
    from category_filter.service.server import serve

with requires("service"):
    from category_filter.service.bindings import BrowserBinding, DeviceBinding, Keys
    from category_filter.service.database import connect
    from category_filter.service.errors import ApiError, Code
    from category_filter.service.indexed import IndexedPushTokens
    from category_filter.service.push_services import PushServices
    from category_filter.service.recipients import Recipient, Recipients
    from category_filter.service.sessions import Session, Sessions
    from category_filter.service.tokens import PushTokens

__all__ = [
    "ApiError",
    "BrowserBinding",
    "Code",
    "DeviceBinding",
    "IndexedPushTokens",
    "Keys",
    "PushService",
    "PushServices",
    "PushTokens",
    "Recipient",
    "Recipients",
    "Session",
    "Sessions",
    "connect",
    "create_app",
    "serve",
]

_SERVING = {
    "PushService": "category_filter.service.app",
    "create_app": "category_filter.service.app",
    "serve": "category_filter.service.server",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - of any type
    """Import FastAPI and uvicorn on first use: without them, a sender starts in half the time."""
    if name not in _SERVING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with requires("service"):
        return getattr(import_module(_SERVING[name]), name)
