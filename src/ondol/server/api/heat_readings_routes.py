"""`/heat/v1`, points: what there is to read, and readings that hosts push in."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ondol.control.readings_in import PushedRow, Verdict
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SiteId
from ondol.server.api.heat_routes import value_out
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs

router = APIRouter(prefix="/heat/v1", tags=["heat"])
MOST_ROWS = 20_000
"""Readings in one request."""

_KEYS = frozenset(PushedRow.__dataclass_fields__)


class ReadingIn(BaseModel):
    """One value of one point; `time` is platform time, now where left out."""

    entity: str
    point: str
    value: float
    index: int = 0
    time: str | None = None


@router.get("/points", summary="What is measured and driven")
def points(caller: Caller, desk: DeskIn, site: str = "") -> JSONResponse:
    """Every bound point with its unit, how it is reached, and the latest value that was kept of it."""
    known = desk.hosts.points(caller, SiteId(site) if site else None)
    return JSONResponse(
        [
            {
                "id": str(one.key),
                "entity": one.key.entity_id,
                "point": one.key.point,
                "index": one.key.index,
                "site_id": one.site_id,
                "unit": one.key.kind.unit,
                "ability": one.key.kind.ability.value,
                "writable": one.key.kind.writable,
                "connection": one.connection_id or None,
                "driver": one.driver or None,
                "latest": None if one.latest is None else value_out(one.latest),
            }
            for one in known
        ]
    )


@router.put("/readings", summary="Send readings", openapi_extra=body_docs(ReadingIn, or_list=True))
def push(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """A list of readings of points whose connection is `push`; each row is judged by itself.

    The answer counts what was accepted and names every row that was refused, with the field at fault and why. Sent
    again, a reading of the same point and time changes nothing. `suspect` names rows whose value cannot be: they are
    kept and counted nowhere. Rows that are accepted are durable when this answers.
    """
    given = [body] if isinstance(body, dict) else body
    if not isinstance(given, list):
        raise InvalidFieldError("body", type(body).__name__, "a JSON list of readings")
    if len(given) > MOST_ROWS:
        raise InvalidFieldError("body", f"{len(given)} readings", f"at most {MOST_ROWS} readings at once")
    verdicts = desk.hosts.push(caller, [_row(one) for one in given])
    refused = [
        {"row": number, "field": one.field, "reason": one.reason} for number, one in enumerate(verdicts) if one.reason
    ]
    answer: dict[str, Any] = {"accepted": len(verdicts) - len(refused), "refused": len(refused), "refusals": refused}
    suspect = [
        {"row": number, "field": one.field, "reason": one.doubt} for number, one in enumerate(verdicts) if one.doubt
    ]
    if suspect:
        answer["suspect"] = suspect
    return JSONResponse(msgspec.to_builtins(answer))


def _row(given: Any) -> PushedRow | Verdict:
    if not isinstance(given, dict):
        return Verdict("A reading has to be a JSON object with entity, point, value, perhaps index and time", "body")
    strange = sorted(set(given) - _KEYS)
    if strange:
        return Verdict(f"There is no {strange[0]}; there are entity, index, point, time, value", strange[0])
    missing = [name for name in ("entity", "point", "value") if name not in given]
    if missing:
        return Verdict(f"{missing[0]} is missing", missing[0])
    return PushedRow(**given)
