"""What FastAPI cannot know for OpenAPI: which errors routes answer, in which form, and that some answers are empty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_type_hints

from fastapi import Response
from fastapi.routing import APIRoute

from ondol.server.errors import OWN_ROUTES

PUBLIC = ("/settings", "/versions")
_ERRORS = {
    "400": "A field, parameter or the request as a whole is wrong; the message names each and what is allowed",
    "401": "No token, or an unknown one",
    "402": "Not enough credits",
    "403": "The caller may not, a quota is reached, or the state forbids it",
    "404": "Nothing has this id",
    "409": "The state does not permit it, or the same request is still being worked on",
    "408": "The body was not here in time",
    "413": "The body is too large",
    "422": "The Idempotency-Key came with another request before",
    "501": "Not offered by this installation; no SDK retries it",
    "503": "A part of the platform cannot answer now",
    "507": "The platform's disk is full",
}
_BODY_ONLY = ("408", "413")
_CREATING_ONLY = ("402", "422")
_MESSAGE = {"$ref": "#/components/schemas/Message"}
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_SCHEMAS = {
    "Message": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]},
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
            "field": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail"],
    },
}


def describe_answers(schema: dict[str, Any], routes: Iterable[APIRoute]) -> None:
    """Add to an OpenAPI document what its operations answer.

    Errors, 501 only where a route names it itself; and that nothing is in the answer of a route which says that it
    gives a `Response` and no more.
    """
    empty = {
        (route.path_format, method.lower()) for route in routes if _is_empty(route) for method in route.methods or ()
    }
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_SCHEMAS)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in schema.get("paths", {}).items():
        for method, operation in operations.items():
            _describe(path, operation)
            if (path, method) in empty and not _is_keyed(operation):
                status = "204" if "204" in operation["responses"] else "200"
                operation["responses"][status] = {"description": "Done; the answer is empty"}


def _is_empty(route: APIRoute) -> bool:
    answers = get_type_hints(route.endpoint).get("return") is Response
    return answers and not isinstance(route.response_class, type)


def _is_keyed(operation: dict[str, Any]) -> bool:
    return any(one.get("name", "").lower() == "idempotency-key" for one in operation.get("parameters", ()))


def _describe(path: str, operation: dict[str, Any]) -> None:
    responses: dict[str, Any] = operation["responses"]
    responses.pop("422", None)
    own = path.startswith(OWN_ROUTES)
    keyed = _is_keyed(operation)
    plain = responses.get("200", {}).get("content", {})
    if "text/plain" in plain:
        plain["application/json"] = {"schema": {"type": "string"}}  # to clients that send no Accept
    for status, text in _ERRORS.items():
        if path in PUBLIC and status != "503":
            continue
        if status == "501" and status not in responses:
            continue
        if (status in _CREATING_ONLY and not keyed) or (status in _BODY_ONLY and "requestBody" not in operation):
            continue
        kind, shape = ("application/problem+json", _PROBLEM) if own else ("application/json", _MESSAGE)
        responses[status] = {"description": text, "content": {kind: {"schema": shape}}}
    if keyed and path == "/tasks":
        many = {"description": "Some tasks of a list were accepted", "content": {"application/json": {"schema": {}}}}
        responses["207"] = many
        for status in ("400", "402", "403", "404", "409"):  # a list of which none was accepted answers a list
            responses[status]["content"]["application/json"] = {"schema": {}}
