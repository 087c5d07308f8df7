"""The service: a database, its sessions and push tokens, and the ASGI application for both."""

from __future__ import annotations

import os
import re
import sys
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware

from category_filter.service.async_connections import AsyncConnections
from category_filter.service.calls import TokenCalls
from category_filter.service.database import POOL_SIZE, connect, is_in_memory
from category_filter.service.indexed import IndexedPushTokens
from category_filter.service.openapi import openapi_document
from category_filter.service.push_services import PushServices
from category_filter.service.rebinds import Rebinds
from category_filter.service.routes import PushTokenRoutes
from category_filter.service.sessions import Sessions
from category_filter.service.tokens import PushTokens
from category_filter.service.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from starlette.types import Receive, Scope, Send

__all__ = ["PushService", "check_origins", "create_app"]

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#@]+")


class PushService:
    """The push-token API for one database.

    >>> service = PushService("sqlite://")
    >>> service.sessions.create("0123456789abcdef0123456789abcdef")
    '0123456789abcdef0123456789abcdef'
    >>> service.tokens.recipients("chat_message").count()
    0
    >>> service.close()

    Serve `app` with any ASGI server, or mount it in your own application. Authentication is up to
    you: create a session once the user has signed in, and end it when they sign out.

    Attributes:
        app: The ASGI application.
        sessions: The sessions of the database.
        tokens: The push tokens of the database.

    Args:
        url: An SQLAlchemy URL for SQLite or PostgreSQL, as for `connect`. The schema is created or
            upgraded.
        indexed: Find recipients with an index in memory, which follows what any process writes.
            Use it if this process sends the notifications.
        push_services: Hosts of push services that browsers may use, besides those of Google,
            Mozilla, Apple and Microsoft; `*.example.com` allows the subdomains of example.com.
        allow_origins: The origins of web pages that may call the API from a browser, such as
            `https://app.example`; `*` for any.

    Raises:
        SQLAlchemyError: If the URL is invalid or the database is unavailable.
        OSError: If the SQLite file cannot be written.
        ValueError: If the database is unsupported, its schema version is unknown, the host of a
            push service or an origin is invalid, or `indexed` is set and a pooler such as PgBouncer
            is in between.
    """

    app: FastAPI
    sessions: Sessions
    tokens: PushTokens

    def __init__(
        self,
        url: str,
        *,
        indexed: bool = False,
        push_services: Sequence[str] = (),
        allow_origins: Sequence[str] = (),
    ) -> None:
        allowed_services = PushServices(push_services)
        check_origins(allow_origins)
        self._database = connect(url)
        tokens = IndexedPushTokens if indexed else PushTokens
        self.tokens = tokens(self._database, allowed_services)
        self.sessions = Sessions(self._database)
        dialect = self._database.dialect.name
        rebinds = None
        self._runner: Workers | AsyncConnections
        if dialect == "sqlite":
            # SQLite allows one writer at a time: a queue is faster than retrying its lock.
            self._runner = Workers(self._database, 1)
        elif sys.platform == "win32":  # pragma: no cover - psycopg cannot use its event loop
            self._runner = Workers(self._database, POOL_SIZE)
        else:
            self._runner = AsyncConnections(self._database, POOL_SIZE)
            rebinds = Rebinds()
        app = self.app = _Application(
            title="Push tokens",
            version=version("category-filter"),
            description="Bind push tokens to sessions, each with a filter of notification"
            " categories. Send the parameters as a JSON body, as a form, or in the query string.",
            lifespan=self._lifespan,
            redirect_slashes=False,  # a redirect would repeat the session hash
        )
        app.push_services = allowed_services
        routes = PushTokenRoutes(TokenCalls(dialect, rebinds), self._runner, allowed_services)
        routes.add_to(self.app)
        if allow_origins:
            self.app.add_middleware(
                CORSMiddleware,
                allow_origins=allow_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
            )

    def close(self) -> None:
        """Close the database connections and stop the threads.

        `app` does this when its server shuts down. Call it yourself if you mount `app`, because a
        mounted application is not notified of a shutdown. Both start again on the next use, but an
        SQLite database in memory is lost.
        """
        self._stop()
        self._database.dispose()

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncGenerator[None]:
        yield
        self._stop()
        # A database in memory stays open, because the application may be started again.
        if not is_in_memory(self._database):
            self._database.dispose()

    def _stop(self) -> None:
        self._runner.stop()
        if isinstance(self.tokens, IndexedPushTokens):
            self.tokens.close()


def check_origins(origins: Sequence[str]) -> None:
    """Raise a ValueError if an origin is invalid: no browser would send it."""
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"invalid origin {origin!r}: expected * or one like https://app.example"
            )


def create_app() -> FastAPI:
    """Create the application of a `PushService`, configured by the environment.

    Use it as a factory: `uvicorn --factory category_filter.service:create_app`. The variable
    `CATEGORY_FILTER_DATABASE` holds the database URL. The default is `sqlite:///push_tokens.db`, a
    file in the current directory. `CATEGORY_FILTER_PUSH_SERVICE` and `CATEGORY_FILTER_ALLOW_ORIGIN`
    hold the push services and the origins to allow, separated by spaces.

    Raises:
        SQLAlchemyError: If the URL is invalid or the database is unavailable.
        OSError: If the SQLite file cannot be written.
        ValueError: If the database is unsupported, its schema version is unknown, or the host of a
            push service or an origin is invalid.
    """
    return PushService(
        os.environ.get("CATEGORY_FILTER_DATABASE", "sqlite:///push_tokens.db"),
        push_services=os.environ.get("CATEGORY_FILTER_PUSH_SERVICE", "").split(),
        allow_origins=os.environ.get("CATEGORY_FILTER_ALLOW_ORIGIN", "").split(),
    ).app


class _Application(FastAPI):
    push_services: PushServices

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # FastAPI would look for a telemetry provider at each request.
        await Starlette.__call__(self, scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        return openapi_document(self, self.push_services)
