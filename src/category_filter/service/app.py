"""The application: its two calls, and how errors become answers."""

from __future__ import annotations

import asyncio
import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar, cast

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from category_filter.service.bindings import BrowserBinding, DeviceBinding
from category_filter.service.database import POOL_SIZE, connect
from category_filter.service.errors import ApiError, Code, Failure, Success
from category_filter.service.indexed import IndexedPushTokens
from category_filter.service.openapi import document
from category_filter.service.parameters import NoParameters, read, session_hash, validated
from category_filter.service.sessions import Sessions
from category_filter.service.tokens import PushTokens

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

__all__ = ["create_app"]

_PATIENCE = 10
"""Seconds that a request waits for the database."""

_log = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)


def create_app(database_url: str, *, indexed: bool = False) -> FastAPI:
    """The application that binds and deletes push tokens, to serve or to mount.

    >>> app = create_app("sqlite://")
    >>> app.state.sessions.create("0123456789abcdef0123456789abcdef")
    '0123456789abcdef0123456789abcdef'
    >>> app.state.tokens.recipients("chat_message").count()
    0

    The host finds its `Sessions` at `app.state.sessions`, and its `PushTokens` at
    `app.state.tokens`.

    Args:
        database_url: SQLAlchemy's, as `connect` takes it. The schema is created or upgraded.
        indexed: Whether the recipients are found by an index in memory. It is for a host that sends
            the notifications itself, and is the only process that writes to the database.

    Raises:
        SQLAlchemyError: The URL is none, or the database cannot be reached.
        ValueError: It is another kind of database, or its schema is newer than this version.
    """
    database = connect(database_url)
    # SQLite has one writer at a time: others wait better in a queue than for its lock.
    workers = ThreadPoolExecutor(1 if database.dialect.name == "sqlite" else POOL_SIZE)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        workers.shutdown(wait=False, cancel_futures=True)
        database.dispose()

    app = _Application(
        title="Push tokens",
        version=version("category-filter"),
        description="Push tokens of sessions, and which categories of notifications each is for."
        " Parameters are sent as a JSON body, as a form, or in the query string.",
        lifespan=lifespan,
        redirect_slashes=False,  # a redirection would repeat the hash
    )
    if indexed:
        app.state.tokens = IndexedPushTokens(database)
        app.state.sessions = Sessions(database, ended=app.state.tokens.forget)
    else:
        app.state.tokens = PushTokens(database)
        app.state.sessions = Sessions(database)
    app.state.workers = workers
    app.include_router(_router)
    app.add_exception_handler(HTTPException, _no_such_call)
    return app


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return document(self)


class _Route(APIRoute):
    """A route whose errors are answered as the API does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except ClientDisconnect:
                return Response()  # to nobody
            except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an envelope
                return _refusal(error).response()

        return answered


_router = APIRouter(
    prefix="/user/session/push_token",
    route_class=_Route,
    responses={status: {"model": Failure} for status in (400, 412, 500, 503)},
)


@_router.post("/bind", response_model=Success)
async def bind(request: Request) -> Response:
    """Bind a push token to the session, instead of the one that it may have."""
    values = await read(request)
    browser = values.get("application") == "w3c_pushapi"
    model = BrowserBinding if browser else DeviceBinding
    hash_, binding = await _checked(request, model, values)
    await _in_database(request, request.app.state.tokens.bind, hash_, binding)
    return JSONResponse(Success(success=True))


@_router.get("/delete", response_model=Success)
@_router.post("/delete", response_model=Success)
async def delete(request: Request) -> Response:
    """Remove the session's push token."""
    hash_, _ = await _checked(request, NoParameters, await read(request))
    await _in_database(request, request.app.state.tokens.delete, hash_)
    return JSONResponse(Success(success=True))


async def _checked(request: Request, model: type[M], values: dict[str, object]) -> tuple[str, M]:
    """The hash of a request's session, and its parameters."""
    hash_ = session_hash(request.headers.get("authorization"), values.pop("hash", None))
    try:
        return hash_, validated(model, values)
    except ApiError:  # of which only those hear who have a session
        await _in_database(request, request.app.state.sessions.check, hash_)
        raise


async def _in_database(request: Request, work: Callable[..., object], *arguments: object) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_PATIENCE):
        await loop.run_in_executor(request.app.state.workers, work, *arguments)


def _refusal(error: Exception) -> ApiError:
    """What the client is told of an error; what else there is to know goes to the log.

    An error may quote what was to be stored. So the log tells of it where it happened and of what
    kind it is, and of an unreachable database the reason, but no other message.
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


async def _no_such_call(request: Request, error: Exception) -> Response:
    """The answer to a path or a method that the API has not."""
    found = cast("HTTPException", error)
    headers = None
    if found.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = {
            method
            for route in _router.routes
            if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods or ()
        }
        headers = {"Allow": ", ".join(sorted(methods))}
    return ApiError(
        Code.WRONG_FORMAT, found.detail, status=found.status_code, headers=headers
    ).response()
