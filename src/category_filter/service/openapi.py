"""What OpenAPI tells of the calls beyond what FastAPI sees: where their parameters are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from category_filter.service.bindings import KEY, BrowserBinding, DeviceBinding

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["document"]

_REF = "#/components/schemas/"

_HASH = {
    "type": "string",
    "pattern": "^[0-9a-fA-F]{32}$",
    "description": "the session's hash, unless the header Authorization holds it",
}
_HASH_OR_NULL = _HASH | {"type": ["string", "null"]}

_KEYS_IN_FORM = {
    "type": "string",
    "contentMediaType": "application/json",
    "contentSchema": {"$ref": f"{_REF}Keys"},
    "pattern": rf'^\{{"p256dh": ?"{KEY}", ?"auth": ?"{KEY}"\}}$',
    "description": "the object with p256dh and auth, as JSON",
}


def document(app: FastAPI) -> dict[str, Any]:
    """What FastAPI serves as the application's OpenAPI document.

    Every parameter may also be in the query string. That is in the description alone: if the
    document told of it, it could no longer say what a body must hold.
    """
    if not app.openapi_schema:
        app.openapi_schema = _completed(
            get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
        )
    return app.openapi_schema


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    components = found["components"]
    components["securitySchemes"] = {
        "session": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`NVX` and the session's hash. It goes before the parameter `hash`.",
        }
    }
    models = _models()
    bindings = [models["DeviceBinding"], models["BrowserBinding"]]
    forms = [_form(schema) for schema in bindings]
    for schema in bindings:
        schema["properties"]["hash"] = _HASH_OR_NULL
        # A body that holds a longer one is too large.
        del schema["properties"]["category_filter"]["anyOf"][0]["maxLength"]
    components["schemas"] |= models | {schema["title"]: schema for schema in forms}

    calls = {path.rpartition("/")[2]: methods for path, methods in found["paths"].items()}
    calls["bind"]["post"]["requestBody"] = _body(_one_of(bindings), _one_of(forms))
    calls["delete"]["post"]["requestBody"] = _body(
        _hash_alone(_HASH_OR_NULL), _hash_alone(_HASH)
    ) | {"required": False}
    calls["delete"]["get"]["parameters"] = [{"name": "hash", "in": "query", "schema": _HASH}]
    for methods in calls.values():
        for call in methods.values():
            call["security"] = [{"session": []}, {}]
    return found


def _models() -> dict[str, dict[str, Any]]:
    """The schemas of what can be bound, as JSON."""
    _, found = models_json_schema(
        [(model, "validation") for model in (DeviceBinding, BrowserBinding)],
        ref_template=f"{_REF}{{model}}",
    )
    models: dict[str, dict[str, Any]] = found["$defs"]
    for schema in models.values():
        schema["description"] = schema["description"].partition("\n")[0]  # without its example
    return models


def _form(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a form with the same parameters: texts, which are not null, and not nested."""
    properties = schema["properties"] | {"hash": _HASH}
    properties["category_filter"] = properties["category_filter"]["anyOf"][0]
    if "parameters" in schema["required"]:
        properties["parameters"] = _KEYS_IN_FORM
    else:
        del properties["parameters"]
    return schema | {"title": f"{schema['title']}Form", "properties": properties}


def _hash_alone(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"hash": schema}, "additionalProperties": False}


def _one_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return {"oneOf": [{"$ref": f"{_REF}{schema['title']}"} for schema in schemas]}


def _body(json: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": json, "application/x-www-form-urlencoded": form}
    return {
        "required": True,
        "content": {kind: {"schema": schema} for kind, schema in content.items()},
    }
