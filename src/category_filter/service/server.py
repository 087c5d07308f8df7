"""A server for a single process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import uvicorn

from category_filter.service.app import PushService

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["UVICORN_OPTIONS", "serve"]

UVICORN_OPTIONS: Mapping[str, Any] = {
    "http": "h11",  # the parser with a configurable size limit
    "h11_max_incomplete_event_size": 131_072,  # above the API's own limit, which answers with JSON
    "timeout_graceful_shutdown": 10,  # seconds to wait for slow clients
}


def serve(url: str, *, host: str, port: int) -> None:
    """Serve the API until the process is terminated.

    Requests are not logged, because their URLs may contain session hashes and push tokens.

    Args:
        url: The database URL, as for `PushService`, which also documents the errors.
        host: The address to listen on.
        port: The port, or 0 for any free port.
    """
    app = PushService(url).app
    logging.basicConfig(format="%(levelname)s:  %(message)s")
    uvicorn.run(app, host=host, port=port, access_log=False, server_header=False, **UVICORN_OPTIONS)
