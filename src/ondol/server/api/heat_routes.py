"""`/heat/v1`, read side: sites, what heats, what is heated, what is asked for, and what was felt."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ondol.control.ports import Desk, Now
from ondol.model.account import Account
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, NodeId
from ondol.model.ledger import HeatRow
from ondol.model.points import PointKey, PointReading
from ondol.model.sink import Sink, SwimmingPool, Tank, Zone
from ondol.server.api.heat_out import (
    circuit_out,
    known_unit,
    node_out,
    now_out,
    sink_out,
    site_out,
    unit_out,
)
from ondol.server.api.offsets import From, Limit, Offset, Span, To, bounded_window, looked_through, offset_page
from ondol.server.api.plain import plain
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(prefix="/heat/v1", tags=["heat"])
_TASK_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@router.get("/sites", summary="Sites")
def sites(caller: Caller, desk: DeskIn) -> JSONResponse:
    """Buildings and plants with heat demand and units; power requested, accepted and measured of each."""
    fleet, now, seen = desk.fleet(), desk.now(), desk.hosts.seen(caller)
    return JSONResponse([site_out(site, fleet, now) for site in fleet.sites if site.id in seen])


@router.get("/sites/{key}", summary="A site")
def site(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """With the ids of its units, sinks, circuits and requests."""
    fleet, seen = desk.fleet(), desk.hosts.seen(caller)
    for one in fleet.sites:
        if one.id == key and one.id in seen:
            return JSONResponse(site_out(one, fleet, desk.now()))
    raise NotFoundError("site", key)


@router.get("/zones", summary="Rooms heated by air")
def zones(caller: Caller, desk: DeskIn, site: str = "") -> JSONResponse:
    """Set-point and band apart from the measured temperature."""
    return _sinks(desk, Zone, _wanted(desk, caller, site))


@router.get("/tanks", summary="Hot-water tanks")
def tanks(caller: Caller, desk: DeskIn, site: str = "") -> JSONResponse:
    """With the temperature of each layer, top first."""
    return _sinks(desk, Tank, _wanted(desk, caller, site))


@router.get("/pools", summary="Swimming pools")
def pools(caller: Caller, desk: DeskIn, site: str = "") -> JSONResponse:
    """Set-point and band apart from the measured temperature."""
    return _sinks(desk, SwimmingPool, _wanted(desk, caller, site))


@router.get("/circuits", summary="Water circuits between boilers and stores")
def circuits(caller: Caller, desk: DeskIn, site: str = "") -> JSONResponse:
    """With the units on each."""
    fleet, wanted = desk.fleet(), _wanted(desk, caller, site)
    return JSONResponse([circuit_out(one, fleet) for one in fleet.circuits if one.site_id in wanted])


@router.get("/units", summary="Heat-producing appliances and racks")
def units(caller: Caller, desk: DeskIn, site: str = "") -> JSONResponse:
    """Watts wanted by the thermostat, accepted by safety, and measured; with the reason."""
    fleet, now, wanted = desk.fleet(), desk.now(), _wanted(desk, caller, site)
    return JSONResponse([unit_out(one, fleet, now) for one in fleet.units if one.site_id in wanted])


@router.get("/units/{key}", summary="A unit")
def unit(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """With its nodes."""
    fleet = desk.fleet()
    found = known_unit(fleet, key)
    if found is None or fleet.unit(found).site_id not in desk.hosts.seen(caller):
        raise NotFoundError("unit", key)
    return JSONResponse(unit_out(fleet.unit(found), fleet, desk.now()))


@router.get("/nodes", summary="Servers")
def nodes(caller: Caller, desk: DeskIn) -> JSONResponse:
    """Whether each takes work, what it draws and what it may draw."""
    fleet, now, seen = desk.fleet(), desk.now(), desk.hosts.seen(caller)
    units = {one.id for one in fleet.units if one.site_id in seen}
    return JSONResponse([node_out(one, now) for one in fleet.nodes if one.unit_id in units])


class NodeWish(BaseModel):
    """What the operator wants of a node."""

    state: str


@router.put("/nodes/{key}", summary="Drain a node, or let it take work again")
def set_node(key: str, wish: NodeWish, caller: Caller, desk: DeskIn) -> JSONResponse:
    """State "draining": what runs may end, nothing new comes; "ready": it takes work. For the operator only."""
    return JSONResponse({"id": key, "state": desk.set_node(caller.id, NodeId(key), wish.state)})


@router.get("/readings", summary="What was felt and delivered")
def readings(
    caller: Caller,
    desk: DeskIn,
    sink: str = "",
    unit: str = "",
    point: Annotated[str, Query(description="a point in place of a sink, e.g. tank.temperature.3")] = "",
    from_: From = "",
    to: To = "",
    offset: Offset = 0,
    limit: Limit = 1000,
) -> JSONResponse:
    """Windows of a sink or a unit, in order: temperature, heat delivered and asked for, discomfort.

    Or what one point's instrument said, value by value, of the same span; `next_from` leads on where there is more.
    """
    if [bool(sink), bool(unit), bool(point)].count(True) != 1:
        raise InvalidFieldError("sink", sink, "the id of a sink, or unit= or point= with that of one in its place")
    if point:
        return JSONResponse(_point_values(desk, caller, point, bounded_window(from_, to, desk.platform_time()), limit))
    fleet = desk.fleet()
    noun = next((one for one in (*fleet.sinks, *fleet.units) if one.id == (sink or unit)), None)
    if (
        noun is None
        or noun.site_id not in desk.hosts.seen(caller)
        or (sink and known_unit(fleet, sink))
        or (unit and not known_unit(fleet, unit))
    ):
        raise NotFoundError("sink" if sink else "unit", sink or unit)
    span = bounded_window(from_, to, desk.platform_time())
    every = looked_through(desk.heat(site_id=noun.site_id, start=span.start, end=span.end))
    rows = (row for row in every if (row.sink_id == sink if sink else row.unit_id == unit))
    return JSONResponse(offset_page(rows, offset, limit, reading_out, span))


@router.get("/now", summary="The platform at this moment")
def now(caller: Caller, desk: DeskIn) -> JSONResponse:
    """Sinks, units and the latest decisions with their reasons; ids of other tenants' work are masked in them."""
    seen = now_out(_seen_now(desk, caller))
    mask = foreign_tasks_masked(desk, caller.id)
    for line in seen["decisions"]:
        line["subject"], line["reason"] = mask(line["subject"]), mask(line["reason"])
    return JSONResponse(seen)


def foreign_tasks_masked(desk: Desk, account_id: AccountId) -> Callable[[str], str]:
    """Give a function that blanks ids of tasks which are not the caller's, wherever they stand in a text."""
    own: dict[str, bool] = {}

    def is_own(task_id: str) -> bool:
        if task_id not in own:
            try:
                desk.detail(account_id, task_id)
                own[task_id] = True
            except NotFoundError:
                own[task_id] = False
        return own[task_id]

    return lambda text: _TASK_ID.sub(lambda found: found[0] if is_own(found[0]) else "(another tenant's task)", text)


def reading_out(row: HeatRow) -> dict[str, Any]:
    """One window: what was requested, delivered and measured kept apart."""
    return {
        "site_id": row.site_id,
        "unit_id": row.unit_id,
        "sink_id": row.sink_id,
        "start": plain(row.start),
        "end": plain(row.end),
        "requested": plain(
            {
                "setpoint_c": row.setpoint_c,
                "lower_c": row.lower_c,
                "upper_c": row.upper_c,
                "demanded_j": row.demanded_j,
            }
        ),
        "measured": plain(
            {
                "temp_c": row.temp_c,
                "delivered_j": row.delivered_j,
                "electric_j": row.electric_j,
                "quality": "good" if row.metered else "estimated",
            }
        ),
        "discomfort_kh": plain(row.discomfort_kh),
    }


def point_of(text: str) -> PointKey:
    """Point of a text like `tank.temperature.3`; raises InvalidFieldError."""
    entity, _, rest = text.partition(".")
    name, dot, index = rest.partition(".")
    if dot and not (index.isascii() and index.isdecimal() and len(index) <= 2):
        raise InvalidFieldError("point", text, "ENTITY.POINT or ENTITY.POINT.INDEX")
    return PointKey(entity, name, int(index or 0))


def value_out(row: PointReading) -> dict[str, Any]:
    """One value of a point, to the microsecond."""
    return {"value": row.value, "at": row.measured_at.isoformat(), "quality": row.quality.value}


def _point_values(desk: Desk, caller: Account, point: str, span: Span, limit: int) -> dict[str, Any]:
    key = point_of(point)
    rows = desk.hosts.point_readings(caller, key, span.start, span.end, limit + 1)
    more = rows[limit].measured_at.isoformat() if len(rows) > limit else None
    return {
        "point": str(key),
        "unit": key.kind.unit,
        "data": [value_out(row) for row in rows[:limit]],
        **span.out(),
        "limit": limit,
        "next_from": more,
    }


def _seen_now(desk: Desk, caller: Account) -> Now:
    """The platform at this moment without what the caller may not see."""
    fleet, now, seen = desk.fleet(), desk.now(), desk.hosts.seen(caller)
    sinks = {one.id for one in fleet.sinks if one.site_id in seen}
    units = {one.id for one in fleet.units if one.site_id in seen}
    return dataclasses.replace(
        now,
        sinks=tuple(one for one in now.sinks if one.sink_id in sinks),
        units=tuple(one for one in now.units if one.unit_id in units),
    )


def _wanted(desk: Desk, caller: Account, site: str) -> frozenset[str]:
    """Sites that are asked for and may be seen; none for a name that means none."""
    seen = desk.hosts.seen(caller)
    return frozenset(one for one in seen if site in ("", one))


def _sinks(desk: Desk, kind: type[Sink], wanted: frozenset[str]) -> JSONResponse:
    fleet, now = desk.fleet(), desk.now()
    return JSONResponse(
        [sink_out(one, fleet, now) for one in fleet.sinks if isinstance(one, kind) and one.site_id in wanted]
    )
