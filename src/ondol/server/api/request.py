"""What every route asks of a request: the desk, the caller, and its JSON body within bounds."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

import msgspec
from fastapi import Depends, Request
from fastapi.security import APIKeyHeader
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.errors import ForbiddenError
from ondol.server.errors import InvalidRequestError, TooLargeError, TooSlowError, UnauthenticatedError

LARGEST_BODY = 16 << 20  # bytes
BODY_S = 60.0  # by when it must be here: a connection is not to be held for ever [s, wall]
_PATIENCE = 8  # a body up to this many times the largest is read and dropped, so that the client gets to the answer

_TOKEN = APIKeyHeader(
    name="Authorization", auto_error=False, description="The token, with no scheme word before it (Bearer is tolerated)"
)


async def desk_of(request: Request) -> Desk:
    """Where the platform is asked."""
    return cast("Desk", request.app.state.desk)


DeskIn = Annotated[Desk, Depends(desk_of)]
TokenHeader = Annotated[str | None, Depends(_TOKEN)]


def token_of(header: str | None) -> str:
    """The token of a header, without the scheme word that may stand before it; "" for none."""
    token = (header or "").strip()
    return token[7:].strip() if token[:7].lower() == "bearer " else token


def caller_of(request: Request, desk: DeskIn, header: Annotated[str | None, Depends(_TOKEN)]) -> Account:
    """Account of the token; raises UnauthenticatedError where there is none, ForbiddenError for that of a site."""
    token = token_of(header)
    account = desk.account_of_token(token) if token else None
    if account is None:
        remote = request.app.state.remote
        if token and remote is not None and remote.site_of(token) is not None:
            raise ForbiddenError("This is the token of a site's agent: it is good for /agent/v1 of that site only")
        raise UnauthenticatedError(
            "Bad authentication token: send the token of your account in the header Authorization"
        )
    return account


Caller = Annotated[Account, Depends(caller_of)]


async def raw_body(request: Request, _caller: Caller) -> bytes:
    """Body of a request whose caller is known; errors as `body_of`."""
    return await body_of(request)


async def body_of(request: Request) -> bytes:
    """Body of a request; TooLargeError above `LARGEST_BODY`, TooSlowError after `BODY_S`."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                size += len(part)
                if size <= LARGEST_BODY:
                    parts.append(part)
                elif size > _PATIENCE * LARGEST_BODY:
                    break
                else:
                    parts.clear()
    except TimeoutError as error:
        raise TooSlowError(f"The body was not here after {BODY_S:g} s: send it in one go") from error
    except ClientDisconnect as error:  # nothing was done yet, and nobody hears this
        raise InvalidRequestError("The client hung up before its request was read") from error
    if size > LARGEST_BODY:
        raise TooLargeError(f"The body is larger than {LARGEST_BODY >> 20} MiB: send fewer tasks at once")
    return b"".join(parts)


async def json_body(raw: Annotated[bytes, Depends(raw_body)]) -> Any:
    """Parsed body, None where it is empty; raises InvalidRequestError where it is no JSON."""
    if not raw.strip():
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"The body is not valid JSON: {error}") from error


JsonBody = Annotated[Any, Depends(json_body)]


_documented: dict[str, type[BaseModel]] = {}


def body_docs(*models: type[BaseModel], or_list: bool = False) -> dict[str, Any]:
    """Describe the body of a route for OpenAPI; the models' schemas are those of `body_schemas`."""
    _documented.update({model.__name__: model for model in models})
    shapes: list[dict[str, Any]] = [{"$ref": f"#/components/schemas/{model.__name__}"} for model in models]
    if or_list:
        shapes += [{"type": "array", "items": shape} for shape in list(shapes)]
    schema = shapes[0] if len(shapes) == 1 else {"oneOf": shapes}
    return {"requestBody": {"required": False, "content": {"application/json": {"schema": schema}}}}


def body_schemas() -> dict[str, Any]:
    """JSON schemas of all bodies that routes describe, and of what they hold, by name."""
    from pydantic.json_schema import models_json_schema

    _, top = models_json_schema(
        [(model, "serialization") for model in _documented.values()], ref_template="#/components/schemas/{model}"
    )
    return cast("dict[str, Any]", top.get("$defs", {}))
