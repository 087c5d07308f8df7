"""The log of the server, without secrets and without floods of warnings."""

from __future__ import annotations

import logging
import time
from typing import Any, cast

__all__ = ["log_config"]

_INTERVAL_S = 1
"""Seconds between two warnings from the same line of code."""

_PATHS = frozenset(
    {
        "/docs",
        "/health",
        "/openapi.json",
        "/redoc",
        "/user/session/push_token/bind",
        "/user/session/push_token/delete",
    }
)
"""The paths to log. Clients choose any others, which may contain secrets."""


class LimitRepeats(logging.Filter):
    """Log a warning once per second, with the number of those that were left out.

    Otherwise a client could fill the disk with the warnings that its requests cause.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, int], float] = {}
        self._omitted: dict[tuple[str, int], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log the record."""
        source = (record.pathname, record.lineno)
        if record.levelno < logging.WARNING:
            return True
        now = time.monotonic()
        if now < self._last.get(source, 0) + _INTERVAL_S:
            self._omitted[source] = self._omitted.get(source, 0) + 1
            return False
        self._last[source] = now
        if omitted := self._omitted.pop(source, 0):
            record.msg = f"{record.msg} ({omitted:,} more since the last)"
        return True


class HidePaths(logging.Filter):
    """Remove query strings and unknown paths from uvicorn's access log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the path in the record."""
        client, method, target, *others = cast("tuple[object, ...]", record.args)
        path = str(target).partition("?")[0]
        record.args = (client, method, path if path in _PATHS else "(unknown path)", *others)
        return True


def log_config() -> dict[str, Any]:
    """Return the configuration of the log, for uvicorn."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "limit_repeats": {"()": LimitRepeats},
            "hide_paths": {"()": HidePaths},
        },
        "formatters": {
            "default": {
                "()": "uvicorn.logging.DefaultFormatter",
                "fmt": "%(levelprefix)s %(message)s",
            },
            "access": {
                "()": "uvicorn.logging.AccessFormatter",
                "fmt": '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s',
            },
        },
        "handlers": {
            "default": {
                "class": "logging.StreamHandler",
                "formatter": "default",
                "filters": ["limit_repeats"],
            },
            "access": {
                "class": "logging.StreamHandler",
                "formatter": "access",
                "filters": ["hide_paths"],
                "stream": "ext://sys.stdout",
            },
        },
        "root": {"handlers": ["default"]},
        "loggers": {
            "uvicorn": {"level": "INFO"},
            "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
        },
    }
