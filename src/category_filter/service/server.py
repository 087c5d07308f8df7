"""A server for the application alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import uvicorn

from category_filter.service.app import create_app

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["serve"]

LIMITS: Mapping[str, Any] = {
    "http": "h11",
    "h11_max_incomplete_event_size": 131_072,
    "timeout_graceful_shutdown": 10,
}
"""What lets the application refuse a long query string, and the server one that is much longer;
and the seconds after which a slow client no longer keeps the server from ending."""


def serve(database_url: str, *, host: str, port: int) -> None:
    """Serve the application until the process is asked to end.

    Requests are not logged: their addresses may hold hashes and tokens.

    Args:
        database_url: As `create_app` takes it, which also tells what is raised.
        host: The address to listen at.
        port: The port; 0 for any that is free.
    """
    app = create_app(database_url)
    logging.basicConfig(format="%(levelname)s:  %(message)s")
    uvicorn.run(app, host=host, port=port, access_log=False, server_header=False, **LIMITS)
