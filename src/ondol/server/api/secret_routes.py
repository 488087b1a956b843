"""Routes of secrets: values that an account keeps here and grants to its tasks."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.wire_in import WireModel, read_body

router = APIRouter(tags=["secrets"], prefix="/secrets-manager")


class SecretValue(WireModel):
    """Body of creation and update."""

    value: str | None = None


@router.get("/data/{key:path}", summary="Value of a secret")
def get(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """404 where there is none."""
    return JSONResponse({"value": desk.secrets.get(caller.id, _folded(key))}, headers={"Cache-Control": "no-store"})


@router.put("/data/{key:path}", summary="Create a secret", openapi_extra=body_docs(SecretValue))
def create(key: str, caller: Caller, desk: DeskIn, body: JsonBody) -> Response:
    """409 where there is one already: update it with PATCH."""
    desk.secrets.create(caller.id, _folded(key), _value(body))
    return Response()


@router.patch("/data/{key:path}", summary="Change a secret", openapi_extra=body_docs(SecretValue))
def update(key: str, caller: Caller, desk: DeskIn, body: JsonBody) -> Response:
    """404 where there is none. Jobs that run keep the value they were given."""
    desk.secrets.update(caller.id, _folded(key), _value(body))
    return Response()


@router.delete("/data/{key:path}", summary="Delete a secret")
def delete(key: str, caller: Caller, desk: DeskIn) -> Response:
    """404 where there is none."""
    desk.secrets.delete(caller.id, _folded(key))
    return Response()


@router.get("/search", summary="Names of secrets")
@router.get("/search/{prefix:path}", summary="Names of the secrets below a folder")
def search(caller: Caller, desk: DeskIn, prefix: str = "") -> dict[str, list[str]]:
    """What lies directly in a folder, relative to it; folders end with "/". 404 for a folder that nothing is in."""
    folder = _folded(prefix)
    found = desk.secrets.search(caller.id, folder)
    if not found and folder:
        raise NotFoundError("secret", folder + "/")
    return {"keys": list(found)}


def _folded(key: str) -> str:
    """A key without slashes at its ends and without doubled ones: paths are folded the same way."""
    return "/".join(part for part in key.split("/") if part)


def _value(body: object) -> str:
    value = read_body(SecretValue, body or {}).value
    if value is None:
        raise InvalidFieldError("value", None, "a text")
    return value
