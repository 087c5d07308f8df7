"""The routes of the API, and the conversion of every error to its response."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeAlias, TypeVar, cast

import psycopg
from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from category_filter.service.bindings import BrowserBinding, DeviceBinding
from category_filter.service.calls import TokenCalls, ping
from category_filter.service.errors import ApiError, Code, Failure, Success
from category_filter.service.parameters import (
    NoParameters,
    find_session_hash,
    read_parameters,
    validate,
)
from category_filter.service.sessions import check_session

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from category_filter.service.async_connections import AsyncConnections
    from category_filter.service.database import Execute
    from category_filter.service.push_services import PushServices
    from category_filter.service.workers import Workers

__all__ = ["PushTokenRoutes"]

_TIMEOUT_S = 10
"""Seconds a request waits for the database."""

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The request succeeded."},
    400: {
        "model": Failure,
        "description": "The request is invalid, or its session or token does not exist.",
    },
    408: {"model": Failure, "description": "The body took too long."},
    412: {"model": Failure, "description": "The request is too large."},
    500: {"model": Failure, "description": "An unexpected error occurred."},
    503: {
        "model": Failure,
        "description": "The database is unavailable; a write may or may not have been applied.",
    },
}

_HEALTH_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _RESPONSES[200],
    500: _RESPONSES[500],
    503: {"model": Failure, "description": "The database is unavailable."},
}

_SUCCESS = json.dumps(Success(success=True), separators=(",", ":")).encode()

_log = logging.getLogger(__name__)

_UNAVAILABLE = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)

M = TypeVar("M", bound=BaseModel)
P = ParamSpec("P")

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class PushTokenRoutes:
    """The routes of the API for one database.

    Args:
        calls: The calls to run.
        runner: The runner of the calls: threads, or the event loop.
        push_services: The push services whose endpoints browsers may bind.
    """

    def __init__(
        self,
        calls: TokenCalls,
        runner: Workers | AsyncConnections,
        push_services: PushServices,
    ) -> None:
        self._calls = calls
        self._runner = runner
        self._push_services = push_services
        self._endpoints: dict[tuple[str, str], Endpoint] = {
            ("POST", "/user/session/push_token/bind"): self.bind,
            ("GET", "/user/session/push_token/delete"): self.delete,
            ("POST", "/user/session/push_token/delete"): self.delete,
            ("GET", "/health"): self.health,
        }

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application, and the error envelope for any other path."""
        for (method, path), endpoint in self._endpoints.items():
            # FastAPI documents the routes and answers other methods.
            app.add_api_route(
                path,
                endpoint,
                methods=[method],
                response_model=Success,
                responses=_HEALTH_RESPONSES if path == "/health" else _RESPONSES,
            )
        app.add_middleware(_DirectCalls, endpoints=self._endpoints)
        app.add_exception_handler(HTTPException, self._handle_http_error)

    async def bind(self, request: Request) -> Response:
        """Bind a push token to the session. It replaces the session's current token."""
        values = await read_parameters(request)
        is_browser = values.get("application") == "w3c_pushapi"
        model: type[BrowserBinding | DeviceBinding]
        model = BrowserBinding if is_browser else DeviceBinding
        session_hash, binding = await self._read_params(request, model, values)
        await self._run(self._calls.bind, session_hash, binding)
        return _success()

    async def delete(self, request: Request) -> Response:
        """Delete the session's push token."""
        values = await read_parameters(request)
        session_hash, _ = await self._read_params(request, NoParameters, values)
        await self._run(self._calls.delete, session_hash)
        return _success()

    async def health(self, _: Request) -> Response:
        """Check that the database answers."""
        await self._run(ping)
        return _success()

    async def _read_params(
        self, request: Request, model: type[M], values: dict[str, object]
    ) -> tuple[str, M]:
        """Return the session hash and the validated parameters."""
        authorization = request.headers.get("authorization")
        session_hash = find_session_hash(authorization, values.pop("hash", None))
        try:
            return session_hash, validate(model, values, self._push_services)
        except ApiError:
            # Only clients with a session get the details.
            await self._run(check_session, session_hash)
            raise

    async def _run(
        self,
        call: Callable[Concatenate[Execute, P], Coroutine[Any, Any, object]],
        *arguments: P.args,
        **options: P.kwargs,
    ) -> None:
        async with asyncio.timeout(_TIMEOUT_S):
            await self._runner.run(call, *arguments, **options)

    async def _handle_http_error(self, request: Request, error: Exception) -> Response:
        """Answer an unknown path or a method that is not allowed."""
        http_error = cast("HTTPException", error)
        headers = None
        if http_error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            path = _path(request.scope)
            methods = [method for method, each in self._endpoints if each == path]
            headers = {"Allow": ", ".join(sorted(methods))}
        return ApiError(
            Code.WRONG_FORMAT, http_error.detail, status=http_error.status_code, headers=headers
        ).response()


class _DirectCalls:
    """A middleware that calls the endpoints without FastAPI's handling of requests.

    The endpoints read their requests themselves, so FastAPI would only take time.
    """

    def __init__(self, app: ASGIApp, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_http = scope["type"] == "http"
        endpoint = self._endpoints.get((scope["method"], _path(scope))) if is_http else None
        if endpoint is None:
            await self._app(scope, receive, send)
        else:
            response = await _answer(endpoint, Request(scope, receive))
            await response(scope, receive, send)


def _success() -> Response:
    """Return the response `Success`, without rendering it each time."""
    return Response(_SUCCESS, media_type="application/json")


def _path(scope: Scope) -> str:
    """Return the path of a request, relative to where the application is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


async def _answer(endpoint: Endpoint, request: Request) -> Response:
    """Return the response of an endpoint, or the error envelope."""
    try:
        return await endpoint(request)
    except ClientDisconnect:
        return Response()  # never sent, but the server expects one
    except Exception as error:  # noqa: BLE001 - clients get an envelope for every error
        return _to_api_error(error).response()


def _to_api_error(error: Exception) -> ApiError:
    """Return the error to send to the client, and log its cause.

    The log gets the type and the traceback of an unexpected error, but not its message, which may
    quote the secret values of a statement.
    """
    if isinstance(error, ApiError):
        return error
    if isinstance(error, _UNAVAILABLE):
        cause = getattr(error, "orig", error)
        _log.warning("database unavailable: %s", str(cause).partition("\n")[0])
        return ApiError(Code.DATABASE_UNAVAILABLE)
    if isinstance(error, TimeoutError | PoolTimeoutError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        _log.warning("database unavailable: %s", type(error).__name__)
        return ApiError(Code.DATABASE_UNAVAILABLE)
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("unexpected %s\n%s", type(error).__name__, frames)
    return ApiError(Code.UNEXPECTED)
