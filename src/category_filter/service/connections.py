"""HTTP connections with limits, so that no client can starve the server.

uvicorn limits neither the time a request may take nor the number of open connections, and with
httptools not even the size of the request head.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

if sys.platform != "win32":  # pragma: no branch - Windows does not limit open files
    import resource

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
    from uvicorn.server import ServerState
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as HttpToolsProtocol

__all__ = ["BACKLOG", "Connection", "raise_file_limit"]

BACKLOG = 256
"""Maximum number of connections that wait to be accepted."""

_MAX_CONNECTIONS = 2_048

_REQUEST_TIMEOUT_S = 30
"""Seconds from connecting, or from the previous response, to the end of the response."""

_MAX_HEAD_BYTES = 131_072
"""More than the API's limit for a query string, which the API answers with an envelope."""

_RESERVED_FILES = BACKLOG + 64
"""Open files for the database, the logs, and connections accepted at the same moment."""


class Connection(HttpToolsProtocol):
    """A connection with a limit on the time of a request and on the size of its head.

    If too many are open, the one that has waited longest for its client is closed. A client that
    sends its request at once is served, even if others hold all connections open.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*arguments, **options)
        self._waiting = _waiting_connections.setdefault(self.server_state, {})
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timeout, and close another connection if there are too many."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._wait_for_client()
        if len(self.connections) > _max_connections():
            next(iter(self._waiting)).abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeout."""
        self._timeout.cancel()
        self._waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle the bytes, unless they belong to a head that is too large."""
        previous = cast("RequestResponseCycle | None", self.cycle)
        super().data_received(data)
        current = cast("RequestResponseCycle | None", self.cycle)
        if current is not previous:
            self._head_bytes = 0
        elif previous is None or previous.response_complete:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("Request head too large.")
        if current is not None and not current.more_body:
            self._waiting.pop(self, None)

    def on_headers_complete(self) -> None:
        """Handle the request. httptools does not parse its query string, which may be too long."""
        self.url, _, query = self.url.partition(b"?")
        super().on_headers_complete()
        self.scope["query_string"] = query

    def on_response_complete(self) -> None:
        """Restart the timeout for the next request."""
        self._timeout.cancel()
        self._wait_for_client()
        super().on_response_complete()

    def abort(self) -> None:
        """Close the connection at once."""
        self._waiting.pop(self, None)
        self.transport.abort()

    def _wait_for_client(self) -> None:
        self._waiting.pop(self, None)
        self._waiting[self] = None
        self._timeout = self.loop.call_later(_REQUEST_TIMEOUT_S, self.abort)


_waiting_connections = WeakKeyDictionary["ServerState", dict[Connection, None]]()
"""The connections of each server that wait for their clients, the longest wait first."""


def raise_file_limit() -> None:
    """Let this process open as many files as the system allows."""
    if sys.platform != "win32":  # pragma: no branch - Windows has no such limit
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@cache
def _max_connections() -> int:
    if sys.platform == "win32":  # pragma: no cover - Windows has no such limit
        return _MAX_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(_MAX_CONNECTIONS, max(1, files - _RESERVED_FILES))
