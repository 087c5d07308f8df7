"""What a request says: its parameters, in whichever way they come, and its session's hash."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError

from category_filter.service.bindings import Keys
from category_filter.service.errors import ApiError, Code, ParameterError
from category_filter.service.sessions import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastapi import Request
    from pydantic_core import ErrorDetails

__all__ = ["NoParameters", "read", "session_hash", "validated"]

_MAX_BYTES = 65_536
"""Of a body, and likewise of a query string."""

_MAX_FIELDS = 100

_HEADER = re.compile("nvx(| .*)", re.IGNORECASE)
_TWICE = object()
"""Stands for the value of a parameter that has two."""

_NAME = re.compile("[A-Za-z_]{1,32}")
"""Names that may be repeated to the sender: a secret at the wrong place has digits."""

M = TypeVar("M", bound=BaseModel)


class NoParameters(BaseModel):
    """What a call takes that has no parameter but the session's hash."""

    model_config = ConfigDict(extra="forbid")


async def read(request: Request) -> dict[str, object]:
    """The parameters of a request, from its query string and its JSON body or form.

    Raises:
        ApiError: It is too large, or in no known format.
    """
    query = cast("bytes", request.scope["query_string"])
    if len(query) > _MAX_BYTES:
        raise ApiError(Code.TOO_LARGE, f"a query string has at most {_MAX_BYTES:,} bytes")
    pairs = _form(query, "query string")
    if request.method == "POST":
        body = await _body(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        match kind:
            case "application/json":
                pairs += _json(body)
            case "application/x-www-form-urlencoded":
                pairs += _form(body, "form")
            case _ if body:
                raise ApiError(
                    Code.WRONG_FORMAT,
                    "the Content-Type of a body is application/json"
                    " or application/x-www-form-urlencoded",
                )
            case _:
                pass
    values: dict[str, object] = {}
    for name, value in pairs:
        known = name if _NAME.fullmatch(name) else "?"
        values[known] = _TWICE if known in values else value
    return values


async def _body(request: Request) -> bytes:
    """The body, of which no more is read than it may have."""
    too_large = ApiError(
        Code.TOO_LARGE,
        f"a body has at most {_MAX_BYTES:,} bytes",
        headers={"Connection": "close"},  # instead of reading what is still to come
    )
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > _MAX_BYTES:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise too_large
    return bytes(body)


def _json(body: bytes) -> Iterable[tuple[str, object]]:
    try:
        found: object = json.loads(body.decode(), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        # The error of JSON tells the place, and nothing of what stands there.
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        if isinstance(error, UnicodeDecodeError):
            reason = "no UTF-8"
        raise ApiError(Code.WRONG_FORMAT, f"the body is no JSON: {reason}") from None
    if not isinstance(found, dict):
        raise ApiError(Code.WRONG_FORMAT, "the body is no JSON object")
    fields = cast("dict[str, object]", found)
    if len(fields) > _MAX_FIELDS:
        raise ApiError(Code.WRONG_FORMAT, f"the body has more than {_MAX_FIELDS} names")
    return fields.items()


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _form(text: bytes, where: str) -> list[tuple[str, object]]:
    if text.lstrip().startswith(b"{"):
        raise ApiError(
            Code.WRONG_FORMAT, f"the {where} is JSON, which wants Content-Type: application/json"
        )
    try:
        fields = parse_qsl(
            text.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except UnicodeDecodeError:
        raise ApiError(Code.WRONG_FORMAT, f"the {where} is no UTF-8") from None
    except ValueError:
        raise ApiError(
            Code.WRONG_FORMAT, f"the {where} has more than {_MAX_FIELDS} fields"
        ) from None
    return [(name, _decoded(value) if name == "parameters" else value) for name, value in fields]


def _decoded(value: str) -> object:
    """The object that a form can only hold as JSON, or the text if it is none."""
    try:
        return json.loads(value, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return value


def session_hash(authorization: str | None, parameter: object) -> str:
    """The hash of a request's session.

    >>> session_hash("NVX 0123456789abcdef0123456789abcdef", None)
    '0123456789abcdef0123456789abcdef'

    Args:
        authorization: The header, which goes first if it is the API's own and not, say, a proxy's.
        parameter: The parameter `hash`, which is checked in any case.

    Raises:
        ApiError: There is no hash, or it is none.
    """
    header = _HEADER.fullmatch(authorization or "")
    given = [value for value in (header and header[1].strip(), parameter) if value is not None]
    if not given:
        raise ApiError(
            Code.WRONG_HASH,
            "it is missing; send the parameter hash, or the header Authorization: NVX <hash>",
        )
    for value in given:
        digest(value)
    return cast("str", given[0])


def validated(model: type[M], values: Mapping[str, object]) -> M:
    """The parameters as a call takes them.

    Raises:
        ApiError: Some are invalid; it names each of them.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ApiError(
            Code.INVALID_PARAMETERS, errors=[_parameter_error(model, e) for e in error.errors()]
        ) from None


def _parameter_error(model: type[BaseModel], error: ErrorDetails) -> ParameterError:
    name, *inner = map(str, error["loc"])
    if error["type"] == "extra_forbidden":
        known = ", ".join(sorted({*model.model_fields, "hash"}))
        return {"parameter": name, "message": f"unknown: the parameters are {known}"}
    if error["input"] is _TWICE:
        return {"parameter": name, "message": "given twice"}
    if error["type"] == "category_filter":
        found = {key: value for key, value in error.get("ctx", {}).items() if key != "message"}
        return cast("ParameterError", {"parameter": name, "message": error["msg"], **found})
    field = (Keys.model_fields[inner[0]] if inner else model.model_fields[name]).description
    missing = "missing: " if error["type"] == "missing" else ""
    return {"parameter": ".".join([name, *inner]), "message": f"{missing}expected {field}"}
