"""Routes of what the preparation of a pool said: GET gives all of it, POST what is new since the last POST."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import PlainTextResponse

from ondol.model.errors import NotFoundError
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(tags=["pools"])
Key = Annotated[str, Path(description="UUID or shortname of the pool")]
Number = Annotated[str, Path(description="number of the slot")]


@router.get("/pools/{key}/{stream}", summary="All that the preparation said", response_class=PlainTextResponse)
def output(key: Key, stream: str, caller: Caller, desk: DeskIn) -> str:
    """`stdout` or `stderr` of every slot; several are told apart by `<number>> ` before each line."""
    return desk.pools.output(caller.id, key, _stream(stream), fresh=False)


@router.post("/pools/{key}/{stream}", summary="What the preparation said anew", response_class=PlainTextResponse)
def fresh(key: Key, stream: str, caller: Caller, desk: DeskIn) -> str:
    """Since the last such call for this pool."""
    return desk.pools.output(caller.id, key, _stream(stream), fresh=True)


@router.get("/pools/{key}/{stream}/{number}", summary="All that one said", response_class=PlainTextResponse)
def slot_output(key: Key, stream: str, number: Number, caller: Caller, desk: DeskIn) -> str:
    """`stdout` or `stderr` of the preparation in one slot."""
    return desk.pools.output(caller.id, key, _stream(stream), number=_number(number), fresh=False)


@router.post("/pools/{key}/{stream}/{number}", summary="What one said anew", response_class=PlainTextResponse)
def fresh_slot_output(key: Key, stream: str, number: Number, caller: Caller, desk: DeskIn) -> str:
    """Since the last such call for this slot."""
    return desk.pools.output(caller.id, key, _stream(stream), number=_number(number), fresh=True)


def _stream(name: str) -> str:
    if name.lower() not in ("stdout", "stderr"):
        raise NotFoundError("part of a pool", name)
    return name.lower()


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise NotFoundError("pool instance", text)
    return int(text)
