"""The response envelope, and the error codes of the API."""

from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, NotRequired

from starlette.responses import JSONResponse
from typing_extensions import TypedDict  # Pydantic needs this one on Python 3.11

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ApiError", "Code", "Failure", "ParameterError", "Success"]


class Code(IntEnum):
    """The error codes of the API, which are not HTTP status codes."""

    WRONG_HASH = 3
    SESSION_NOT_FOUND = 4
    WRONG_FORMAT = 5
    UNEXPECTED = 6
    INVALID_PARAMETERS = 7
    TOO_LARGE = 9
    DATABASE_UNAVAILABLE = 14
    NOT_FOUND = 201


_DESCRIPTIONS = {
    Code.WRONG_HASH: "wrong hash",
    Code.SESSION_NOT_FOUND: "session not found or ended",
    Code.WRONG_FORMAT: "wrong request format",
    Code.UNEXPECTED: "unexpected error",
    Code.INVALID_PARAMETERS: "invalid parameters",
    Code.TOO_LARGE: "too large request",
    Code.DATABASE_UNAVAILABLE: "database unavailable",
    Code.NOT_FOUND: "not found in the database",
}

_STATUSES = {
    Code.UNEXPECTED: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.TOO_LARGE: HTTPStatus.PRECONDITION_FAILED,
    Code.DATABASE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Success(TypedDict):
    """The response to a successful request."""

    success: Literal[True]


class Status(TypedDict):
    """An error code and its description."""

    code: Code
    description: str


class Unknown(TypedDict):
    """An unknown category, its position in the filter, and suggestions for it."""

    name: str
    position: int
    suggestions: list[str]


class ParameterError(TypedDict):
    """An invalid parameter. For a filter, with the position of the error and suggestions."""

    parameter: str
    message: str
    code: NotRequired[str]
    position: NotRequired[int]
    suggestion: NotRequired[str | None]
    unknown: NotRequired[list[Unknown]]


class Failure(TypedDict):
    """The response to a failed request."""

    success: Literal[False]
    status: Status
    errors: NotRequired[list[ParameterError]]


class ApiError(Exception):
    """An error of the API, with its code and HTTP response.

    >>> error = ApiError(Code.WRONG_FORMAT, "the body is not a JSON object")
    >>> str(error), error.status
    ('wrong request format: the body is not a JSON object', 400)

    Args:
        code: The error code.
        detail: The cause, without secrets: it is sent to the client.
        errors: An entry for each invalid parameter.
        status: The HTTP status code, if it differs from the default of the code.
        headers: Additional HTTP response headers.
    """

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        errors: Sequence[ParameterError] = (),
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(": ".join(filter(None, [_DESCRIPTIONS[code], detail])))
        self.code = code
        self.errors = [*errors]
        self.status = int(status or _STATUSES.get(code, HTTPStatus.BAD_REQUEST))
        self.headers = headers

    def response(self) -> JSONResponse:
        """Return the HTTP response with the error envelope."""
        content = Failure(success=False, status={"code": self.code, "description": str(self)})
        if self.errors:
            content["errors"] = self.errors
        return JSONResponse(content, self.status, self.headers)
