"""Request parameters: read from the query string, a JSON body or a form, and validated."""

from __future__ import annotations

import asyncio
import json
import re
from codecs import BOM_UTF8
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError

from category_filter.service.bindings import BrowserBinding, Keys
from category_filter.service.errors import ApiError, Code, ParameterError
from category_filter.service.sessions import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastapi import Request
    from pydantic_core import ErrorDetails

    from category_filter.service.push_services import PushServices

__all__ = ["NoParameters", "find_session_hash", "read_parameters", "validate"]

_MAX_BYTES = 65_536
"""Maximum size of a body, and of a query string."""

_MAX_PARAMETERS = 100

_BODY_TIMEOUT_S = 10
"""Seconds that a client may take to send a body."""

_AUTHORIZATION = re.compile("nvx(| .*)", re.IGNORECASE)

_DUPLICATE = object()
"""The value of a parameter that is given more than once."""

_SAFE_NAME = re.compile("[A-Za-z_]{1,32}")
"""Names that are safe to repeat in a response. A secret sent as a name would have digits."""

_CLOSE = {"Connection": "close"}
"""The headers of a response to a request whose body was not read to the end."""

M = TypeVar("M", bound=BaseModel)


class NoParameters(BaseModel):
    """The parameters of a call that takes only the session hash."""

    model_config = ConfigDict(extra="forbid")


async def read_parameters(request: Request) -> dict[str, object]:
    """Return the parameters of a request, from its query string and its JSON body or form.

    Raises:
        ApiError: If the request is too large, or its format is unknown or invalid.
    """
    query = cast("bytes", request.scope["query_string"])
    if len(query) > _MAX_BYTES:
        raise ApiError(Code.TOO_LARGE, f"the query string exceeds {_MAX_BYTES:,} bytes")
    pairs = _parse_form(query, "query string")
    if request.method == "POST":
        body = await _read_body(request)
        content_type = request.headers.get("content-type", "")
        match content_type.partition(";")[0].strip().lower():
            case "application/json" if body:  # some clients send it without a body
                pairs += _parse_json(body)
            case "application/x-www-form-urlencoded":
                pairs += _parse_form(body, "form")
            case _ if body:
                raise ApiError(
                    Code.WRONG_FORMAT,
                    "expected Content-Type application/json or application/x-www-form-urlencoded",
                )
            case _:
                pass
    values: dict[str, object] = {}
    for name, value in pairs:
        safe_name = name if _SAFE_NAME.fullmatch(name) else "?"
        values[safe_name] = _DUPLICATE if safe_name in values else value
    return values


async def _read_body(request: Request) -> bytes:
    """Return the body without a byte order mark. Stop reading as soon as it exceeds a limit."""
    announced = request.headers.get("content-length", "")
    _check_size(int(announced) if announced.isdecimal() else 0)
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                _check_size(len(body))
    except TimeoutError:
        raise ApiError(
            Code.WRONG_FORMAT,
            f"the body took longer than {_BODY_TIMEOUT_S} seconds",
            status=HTTPStatus.REQUEST_TIMEOUT,
            headers=_CLOSE,
        ) from None
    return bytes(body.removeprefix(BOM_UTF8))


def _check_size(size: int) -> None:
    if size > _MAX_BYTES:
        raise ApiError(Code.TOO_LARGE, f"the body exceeds {_MAX_BYTES:,} bytes", headers=_CLOSE)


def _parse_json(body: bytes) -> Iterable[tuple[str, object]]:
    try:
        value: object = _decode_json(body.decode())
    except UnicodeDecodeError:
        raise ApiError(Code.WRONG_FORMAT, "the body is not valid UTF-8") from None
    except RecursionError:
        raise ApiError(Code.WRONG_FORMAT, "the body is nested too deeply") from None
    except ValueError as error:  # its message does not quote the body
        raise ApiError(Code.WRONG_FORMAT, f"the body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ApiError(Code.WRONG_FORMAT, "the body is not a JSON object")
    parameters = cast("dict[str, object]", value)
    if len(parameters) > _MAX_PARAMETERS:
        raise ApiError(Code.WRONG_FORMAT, f"the body has more than {_MAX_PARAMETERS} parameters")
    return parameters.items()


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("duplicate name in an object")
    return result


_decode_json = json.JSONDecoder(object_pairs_hook=_object_without_duplicates).decode


def _parse_form(text: bytes, source: str) -> list[tuple[str, object]]:
    if text.lstrip().startswith(b"{"):
        raise ApiError(
            Code.WRONG_FORMAT,
            f"the {source} contains JSON: send a body with Content-Type application/json",
        )
    try:
        fields = parse_qsl(
            text.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except UnicodeDecodeError:
        raise ApiError(Code.WRONG_FORMAT, f"the {source} is not valid UTF-8") from None
    except ValueError:
        raise ApiError(
            Code.WRONG_FORMAT, f"the {source} has more than {_MAX_PARAMETERS} parameters"
        ) from None
    return [
        (name, _try_parse_json(value) if name == "parameters" else value) for name, value in fields
    ]


def _try_parse_json(value: str) -> object:
    """Return the parsed JSON, or the string itself if it is not valid JSON; None if it is empty."""
    try:
        return _decode_json(value or "null")
    except (ValueError, RecursionError):
        return value


def find_session_hash(authorization: str | None, parameter: object) -> str:
    """Return the session hash of a request.

    >>> find_session_hash("NVX 0123456789abcdef0123456789abcdef", None)
    '0123456789abcdef0123456789abcdef'

    Args:
        authorization: The `Authorization` header. It takes precedence if its scheme is `NVX`; other
            schemes, such as a proxy's, are ignored.
        parameter: The parameter `hash`. It must be valid even if the header takes precedence.

    Raises:
        ApiError: If the hash is missing or invalid.
    """
    header = _AUTHORIZATION.fullmatch(authorization or "")
    hashes = [value for value in (header and header[1].strip(), parameter) if value is not None]
    if not hashes:
        raise ApiError(
            Code.WRONG_HASH,
            "missing; send the parameter 'hash' or the header 'Authorization: NVX <hash>'",
        )
    for value in hashes:
        digest(value)
    return cast("str", hashes[0])


def validate(model: type[M], values: Mapping[str, object], push_services: PushServices) -> M:
    """Validate the parameters of a call. A browser's token must be at one of the push services.

    Raises:
        ApiError: If parameters are invalid. It has an entry for each of them.
    """
    try:
        return model.model_validate(values, context=push_services)
    except ValidationError as error:
        raise ApiError(
            Code.INVALID_PARAMETERS,
            errors=[_parameter_error(model, each, push_services) for each in error.errors()],
        ) from None


def _parameter_error(
    model: type[BaseModel], error: ErrorDetails, push_services: PushServices
) -> ParameterError:
    name, *inner = map(str, error["loc"])
    if error["type"] == "extra_forbidden":
        valid = ", ".join(sorted({*model.model_fields, "hash"}))
        return {"parameter": name, "message": f"unknown parameter; valid parameters: {valid}"}
    if error["input"] is _DUPLICATE:
        return {"parameter": name, "message": "given more than once"}
    if error["type"] == "category_filter":
        details = {key: value for key, value in error.get("ctx", {}).items() if key != "message"}
        return cast("ParameterError", {"parameter": name, "message": error["msg"], **details})
    if model is BrowserBinding and name == "token":
        description = push_services.description
    else:
        field = Keys.model_fields[inner[0]] if inner else model.model_fields[name]
        description = cast("str", field.description)
    missing = "missing; " if error["type"] == "missing" else ""
    return {
        "parameter": ".".join([name, *inner]),
        "message": f"{missing}expected {_as_phrase(description)}",
    }


def _as_phrase(sentence: str) -> str:
    """Return a description as part of a message.

    >>> _as_phrase("A filter, or `*`.")
    'a filter, or `*`'
    """
    return sentence[0].lower() + sentence[1:].removesuffix(".")
