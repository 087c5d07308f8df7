"""A server in one or several processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import uvicorn

from category_filter.service.app import PushService, check_origins
from category_filter.service.connections import BACKLOG, Connection, raise_file_limit
from category_filter.service.database import connect
from category_filter.service.logs import log_config
from category_filter.service.push_services import PushServices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["UVICORN_OPTIONS", "serve"]

UVICORN_OPTIONS: Mapping[str, Any] = {
    "http": Connection,
    "ws": "none",
    "backlog": BACKLOG,
    "timeout_graceful_shutdown": 10,  # seconds to wait for slow clients
    "timeout_worker_healthcheck": 30,  # on a busy machine a worker may answer late
}


def serve(  # noqa: PLR0913 - keyword-only options
    url: str,
    *,
    host: str,
    port: int,
    workers: int = 1,
    access_log: bool = False,
    push_services: Sequence[str] = (),
    allow_origins: Sequence[str] = (),
) -> None:
    """Serve the API until the process is terminated.

    Args:
        url: The database URL, as for `PushService`, which also documents the errors.
        host: The address to listen on.
        port: The port, or 0 for any free port.
        workers: The number of processes.
        access_log: Log a line for each request, without its query string.
        push_services: As for `PushService`.
        allow_origins: As for `PushService`.
    """
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "workers": workers,
        "access_log": access_log,
        "server_header": False,
        "log_config": log_config(),
        **UVICORN_OPTIONS,
    }
    raise_file_limit()
    if workers == 1:
        service = PushService(url, push_services=push_services, allow_origins=allow_origins)
        uvicorn.run(service.app, **options)
    else:
        PushServices(push_services)  # raise errors here, rather than in each worker
        check_origins(allow_origins)
        connect(url).dispose()
        # The workers inherit the environment, which other users cannot see, unlike arguments.
        os.environ["CATEGORY_FILTER_DATABASE"] = url
        os.environ["CATEGORY_FILTER_PUSH_SERVICE"] = " ".join(push_services)
        os.environ["CATEGORY_FILTER_ALLOW_ORIGIN"] = " ".join(allow_origins)
        uvicorn.run("category_filter.service:create_app", factory=True, **options)
