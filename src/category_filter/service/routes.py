"""The routes of the API, and the conversion of every error to its response."""

from __future__ import annotations

import asyncio
import logging
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from category_filter.service.bindings import BrowserBinding, DeviceBinding
from category_filter.service.errors import ApiError, Code, Failure, Success
from category_filter.service.parameters import (
    NoParameters,
    find_session_hash,
    read_parameters,
    validate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Executor

    from fastapi import FastAPI

    from category_filter.service.sessions import Sessions
    from category_filter.service.tokens import PushTokens

__all__ = ["PushTokenRoutes"]

_TIMEOUT_S = 10
"""Seconds a request waits for the database."""

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The request succeeded."},
    400: {
        "model": Failure,
        "description": "The request is invalid, or its session or token does not exist.",
    },
    412: {"model": Failure, "description": "The request is too large."},
    500: {"model": Failure, "description": "An unexpected error occurred."},
    503: {
        "model": Failure,
        "description": "The database is unavailable; a write may or may not have been applied.",
    },
}

_log = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)


class _Route(APIRoute):
    """A route that answers every error with the error envelope."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except ClientDisconnect:
                return Response()  # never sent, but the server expects one
            except Exception as error:  # noqa: BLE001 - clients get an envelope for every error
                return _to_api_error(error).response()

        return handle


class PushTokenRoutes:
    """The routes `bind` and `delete` for the push tokens of one database.

    Args:
        sessions: The sessions to look up.
        tokens: The push tokens to change.
        workers: The threads that access the database.
    """

    def __init__(self, sessions: Sessions, tokens: PushTokens, workers: Executor) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._workers = workers
        self._router = APIRouter(
            prefix="/user/session/push_token",
            route_class=_Route,
            responses=_RESPONSES,
        )
        add_route = self._router.add_api_route
        add_route("/bind", self.bind, methods=["POST"], response_model=Success)
        add_route("/delete", self.delete, methods=["GET"], response_model=Success)
        add_route("/delete", self.delete, methods=["POST"], response_model=Success)

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application, and the error envelope for any other path."""
        app.include_router(self._router)
        app.add_exception_handler(HTTPException, self._handle_http_error)

    async def bind(self, request: Request) -> Response:
        """Bind a push token to the session. It replaces the session's current token."""
        values = await read_parameters(request)
        is_browser = values.get("application") == "w3c_pushapi"
        model = BrowserBinding if is_browser else DeviceBinding
        session_hash, binding = await self._read_params(request, model, values)
        await self._run_in_worker(self._tokens.bind, session_hash, binding)
        return JSONResponse(Success(success=True))

    async def delete(self, request: Request) -> Response:
        """Delete the session's push token."""
        values = await read_parameters(request)
        session_hash, _ = await self._read_params(request, NoParameters, values)
        await self._run_in_worker(self._tokens.delete, session_hash)
        return JSONResponse(Success(success=True))

    async def _read_params(
        self, request: Request, model: type[M], values: dict[str, object]
    ) -> tuple[str, M]:
        """Return the session hash and the validated parameters."""
        authorization = request.headers.get("authorization")
        session_hash = find_session_hash(authorization, values.pop("hash", None))
        try:
            return session_hash, validate(model, values)
        except ApiError:
            # Only clients with a session get the details.
            await self._run_in_worker(self._sessions.check, session_hash)
            raise

    async def _run_in_worker(self, function: Callable[..., object], *arguments: object) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_TIMEOUT_S):
            await loop.run_in_executor(self._workers, function, *arguments)

    async def _handle_http_error(self, request: Request, error: Exception) -> Response:
        """Answer an unknown path or a method that is not allowed."""
        http_error = cast("HTTPException", error)
        headers = None
        if http_error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            methods = {
                method
                for route in self._router.routes
                if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE
                for method in route.methods or ()
            }
            headers = {"Allow": ", ".join(sorted(methods))}
        return ApiError(
            Code.WRONG_FORMAT, http_error.detail, status=http_error.status_code, headers=headers
        ).response()


def _to_api_error(error: Exception) -> ApiError:
    """Return the error to send to the client, and log its cause.

    The log gets the type and the traceback of an unexpected error, but not its message, which may
    quote the secret values of a statement.
    """
    if isinstance(error, ApiError):
        return error
    if isinstance(error, OperationalError | InterfaceError):
        _log.warning("database unavailable: %s", str(error.orig).partition("\n")[0])
        return ApiError(Code.DATABASE_UNAVAILABLE)
    if isinstance(error, TimeoutError | PoolTimeoutError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        _log.warning("database unavailable: %s", type(error).__name__)
        return ApiError(Code.DATABASE_UNAVAILABLE)
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("unexpected %s\n%s", type(error).__name__, frames)
    return ApiError(Code.UNEXPECTED)
