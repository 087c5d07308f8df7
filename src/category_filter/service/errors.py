"""What the service answers: the envelope, and the codes of what can go wrong."""

from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, NotRequired

from fastapi.responses import JSONResponse
from typing_extensions import TypedDict  # Pydantic needs this one on Python 3.11

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ApiError", "Code", "Failure", "ParameterError", "Success"]


class Code(IntEnum):
    """The codes of the API's errors, which are not those of HTTP."""

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
    """What is answered when all went well."""

    success: Literal[True]


class Status(TypedDict):
    """Which error it is."""

    code: Code
    description: str


class Unknown(TypedDict):
    """A category that is none, and the known ones that are spelled almost alike."""

    name: str
    position: int
    suggestions: list[str]


class ParameterError(TypedDict):
    """What is wrong with one parameter; of a filter, also where, and how it may be mended."""

    parameter: str
    message: str
    code: NotRequired[str]
    position: NotRequired[int]
    suggestion: NotRequired[str | None]
    unknown: NotRequired[list[Unknown]]


class Failure(TypedDict):
    """What is answered when a request is refused."""

    success: Literal[False]
    status: Status
    errors: NotRequired[list[ParameterError]]


class ApiError(Exception):
    """A request that is refused, and what its sender is told.

    >>> error = ApiError(Code.WRONG_FORMAT, "the body is no JSON")
    >>> str(error), error.status
    ('wrong request format: the body is no JSON', 400)

    Args:
        code: Which error it is.
        detail: What is wrong in this case, without anything that is secret.
        errors: What is wrong with each parameter that is invalid.
        status: The status of the HTTP response, if not the code's own.
        headers: What the HTTP response needs besides.
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
        """The HTTP response with the envelope."""
        content = Failure(success=False, status={"code": self.code, "description": str(self)})
        if self.errors:
            content["errors"] = self.errors
        return JSONResponse(content, self.status, self.headers)
