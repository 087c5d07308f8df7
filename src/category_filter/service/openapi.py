"""The OpenAPI document, completed with the parameters that FastAPI cannot see.

The routes read their requests themselves, because parameters may be in a JSON body, in a form or in
the query string.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from category_filter.service.bindings import KEY_PATTERN, BrowserBinding, DeviceBinding

if TYPE_CHECKING:
    from fastapi import FastAPI

    from category_filter.service.push_services import PushServices

__all__ = ["openapi_document"]

_REF = "#/components/schemas/"

_HASH = {
    "type": "string",
    "pattern": "^[0-9a-fA-F]{32}$",
    "description": "The session hash. The `Authorization` header takes precedence.",
}
_NULLABLE_HASH = _HASH | {"type": ["string", "null"]}

_KEYS_IN_FORM = {
    "type": "string",
    "contentMediaType": "application/json",
    "contentSchema": {"$ref": f"{_REF}Keys"},
    "pattern": rf'^\{{"p256dh": ?"{KEY_PATTERN}", ?"auth": ?"{KEY_PATTERN}"\}}$',
    "description": "A JSON object with the keys `p256dh` and `auth` of the push subscription.",
}


def openapi_document(app: FastAPI, push_services: PushServices) -> dict[str, Any]:
    """Return the OpenAPI document of the application. It is built once.

    Query parameters are mentioned in the description only: with them in the document, no parameter
    of a body could be marked as required.
    """
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _add_parameters(document, push_services)
        app.openapi_schema = document
    return app.openapi_schema


def _add_parameters(document: dict[str, Any], push_services: PushServices) -> None:
    components = document["components"]
    components["securitySchemes"] = {
        "session": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`NVX` and the session hash. It takes precedence over `hash`.",
        }
    }
    models = _model_schemas()
    bindings = [models["DeviceBinding"], models["BrowserBinding"]]
    models["BrowserBinding"]["properties"]["token"] |= {
        "pattern": push_services.pattern,
        "description": push_services.description,
    }
    for schema in bindings:
        schema["properties"]["hash"] = _NULLABLE_HASH
        # A longer filter exceeds the size limit of the body, which is another error.
        del schema["properties"]["category_filter"]["anyOf"][0]["maxLength"]
    forms = [_form_schema(schema) for schema in bindings]
    components["schemas"] |= models | {schema["title"]: schema for schema in forms}

    calls = {path.rpartition("/")[2]: methods for path, methods in document["paths"].items()}
    calls["bind"]["post"]["requestBody"] = _request_body(_one_of(bindings), _one_of(forms))
    calls["delete"]["post"]["requestBody"] = _request_body(
        _hash_only(_NULLABLE_HASH), _hash_only(_HASH)
    ) | {"required": False}
    calls["delete"]["get"]["parameters"] = [{"name": "hash", "in": "query", "schema": _HASH}]
    for name in ("bind", "delete"):
        for call in calls[name].values():
            call["security"] = [{"session": []}, {}]


def _model_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON schemas of the bindings."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in (DeviceBinding, BrowserBinding)],
        ref_template=f"{_REF}{{model}}",
    )
    models: dict[str, dict[str, Any]] = definitions["$defs"]
    for schema in models.values():
        schema["description"] = schema["description"].partition("\n")[0]  # without the doctest
    return models


def _form_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a form, whose values are strings, neither null nor nested."""
    properties = schema["properties"] | {"hash": _HASH}
    nullable = properties["category_filter"]
    properties["category_filter"] = nullable["anyOf"][0] | {"description": nullable["description"]}
    if "parameters" in schema["required"]:
        properties["parameters"] = _KEYS_IN_FORM
    else:
        del properties["parameters"]
    return schema | {"title": f"{schema['title']}Form", "properties": properties}


def _hash_only(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"hash": schema}, "additionalProperties": False}


def _one_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return {"oneOf": [{"$ref": f"{_REF}{schema['title']}"} for schema in schemas]}


def _request_body(json: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": json, "application/x-www-form-urlencoded": form}
    return {
        "required": True,
        "content": {media_type: {"schema": schema} for media_type, schema in content.items()},
    }
