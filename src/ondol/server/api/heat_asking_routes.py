"""`/heat/v1`, what hosts ask for: requests, set-points, presets, schedules, off."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from ondol.control.host_ports import Asked
from ondol.control.ports import Desk, Now
from ondol.model.account import Account
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.heat_request import PRESETS, HostWish
from ondol.model.ids import RequestId, SinkId
from ondol.model.sink import Sink
from ondol.server.api.heat_in import (
    GuaranteeIn,
    OffIn,
    PresetIn,
    RequestIn,
    ScheduleIn,
    SetpointIn,
    read_heat,
    read_request,
    read_schedule,
    read_until,
)
from ondol.server.api.heat_out import request_out, wish_out
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs, json_body, raw_body

router = APIRouter(prefix="/heat/v1", tags=["heat"])
_CALENDAR = "text/calendar"
_MOST = 1000  # requests of a page


@router.get("/requests", summary="What hosts ask for")
def requests(
    caller: Caller,
    desk: DeskIn,
    site: str = "",
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=_MOST)] = _MOST,
) -> JSONResponse:
    """Requests of the fleet file and of the API, each with the value of this moment and what became of it; by id.

    Schedules are over the local week (minute 0 is Monday 00:00). `counts` tells which one counts for its sink now.
    Where there are more than `limit`, the header `Link` has the address of the next page (`rel="next"`).
    """
    now = desk.now()
    found = desk.hosts.asked(caller, site_id=site, after=after, limit=limit + 1)
    shown = found[:limit]
    headers = {}
    if len(found) > limit:
        query = urlencode({"site": site, "after": shown[-1].request.id, "limit": limit})
        headers["Link"] = f'</heat/v1/requests?{query}>; rel="next"'
    return JSONResponse([_out(desk, one, now) for one in shown], headers=headers)


@router.get("/requests/{key}", summary="A heat request")
def request(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Also one that is over."""
    found = desk.hosts.asked_one(caller, key)
    if found is None:
        raise NotFoundError("heat request", key)
    return JSONResponse(_out(desk, found, desk.now()))


@router.post("/requests", summary="Ask for heat", openapi_extra=body_docs(RequestIn))
def ask(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """A temperature, watts or an amount of heat for a room, tank or pool; sent again with its `id` it is one request.

    Kept as refused, with the reason, where no unit heats the target.
    """
    wanted = read_heat(RequestIn, body)
    sink = _sink(desk, caller, wanted.target, "target")
    made = desk.hosts.add_request(caller, read_request(wanted, sink.site_id, _zone(desk, sink)))
    return JSONResponse(_out(desk, made, desk.now()))


@router.delete("/requests/{key}", summary="Cancel a heat request")
def cancel(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """One that was made over the API; what stands in the fleet file ends there (409)."""
    return JSONResponse(_out(desk, desk.hosts.cancel(caller, RequestId(key)), desk.now()))


@router.put("/requests/{key}/guarantee", summary="Agree to a guarantee", openapi_extra=body_docs(GuaranteeIn))
def agree(key: str, caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """What a host's request guarantees binds nobody before the operator says `{"agreed": true}`; false declines it."""
    agreed = read_heat(GuaranteeIn, body).agreed
    return JSONResponse(_out(desk, desk.hosts.agree_guarantee(caller, RequestId(key), agreed=agreed), desk.now()))


@router.get("/sinks/{key}/wish", summary="What was wished of a room, tank or pool")
def wish(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Requested (null where no wish stands), accepted and measured."""
    sink = _sink(desk, caller, key)
    return JSONResponse(wish_out(key, desk.hosts.wish_of(sink.id), desk.hosts.effective(sink.id), desk.now()))


@router.put("/sinks/{key}/setpoint", summary="Set a temperature", openapi_extra=body_docs(SetpointIn))
def set_point(key: str, caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """Until `until`, or the next wish; above the schedule, which goes on after it."""
    wanted = read_heat(SetpointIn, body)
    sink, until = _sink(desk, caller, key), read_until(wanted.until)
    made = desk.hosts.wish(caller, sink.id, "setpoint", value=wanted.setpoint_c, until=until, key=wanted.id)
    return _wished(desk, made)


@router.put("/sinks/{key}/preset", summary="Choose a preset", openapi_extra=body_docs(PresetIn))
def preset(key: str, caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """eco, comfort, boost (two hours unless `until` says otherwise) or away."""
    wanted = read_heat(PresetIn, body)
    if wanted.preset not in PRESETS:
        raise InvalidFieldError("preset", wanted.preset, "one of " + ", ".join(PRESETS))
    sink, until = _sink(desk, caller, key), read_until(wanted.until)
    return _wished(desk, desk.hosts.wish(caller, sink.id, "preset", preset=wanted.preset, until=until, key=wanted.id))


@router.put("/sinks/{key}/off", summary="Turn heat off", openapi_extra=body_docs(OffIn))
def off(key: str, caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """Until `until`, or the next wish. Frost protection, hygiene and all limits go on."""
    wanted = read_heat(OffIn, body if body is not None else {})
    sink, until = _sink(desk, caller, key), read_until(wanted.until)
    return _wished(desk, desk.hosts.wish(caller, sink.id, "off", until=until, key=wanted.id))


@router.delete("/sinks/{key}/wish", summary="Back to the schedule")
def back(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Ends whatever was wished."""
    sink = _sink(desk, caller, key)
    return _wished(desk, desk.hosts.wish(caller, sink.id, "schedule"))


async def schedule_body(request: Request, raw: Annotated[bytes, Depends(raw_body)]) -> object:
    """JSON, or a calendar as it is where the content type says so."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _CALENDAR:
        return await json_body(raw)
    try:
        return {"ical": raw.decode()}
    except UnicodeDecodeError as error:
        raise InvalidFieldError("ical", "bytes", "text in UTF-8") from error


@router.put("/sinks/{key}/schedule", summary="Set a weekly schedule", openapi_extra=body_docs(ScheduleIn))
def schedule(key: str, caller: Caller, desk: DeskIn, body: Annotated[object, Depends(schedule_body)]) -> JSONResponse:
    """`{"slots": […]}`, `{"ical": "…"}`, or a calendar with the content type `text/calendar`.

    It becomes a request above all others of the sink, in place of a schedule that was set so before; cancel it with
    `DELETE /heat/v1/requests/{id}`. A wish that stands goes on.
    """
    wanted = read_heat(ScheduleIn, body)
    sink = _sink(desk, caller, key)
    made = desk.hosts.set_schedule(caller, sink.id, read_schedule(wanted, _zone(desk, sink)))
    return JSONResponse(_out(desk, made, desk.now()))


def _sink(desk: Desk, caller: Account, key: str, field: str = "") -> Sink:
    seen = desk.hosts.seen(caller)
    for sink in desk.fleet().sinks:
        if sink.id == key and sink.site_id in seen:
            return sink
    if field:
        raise InvalidFieldError(field, key, "the id of a zone, tank or pool at a site of yours")
    raise NotFoundError("sink", key)


def _zone(desk: Desk, sink: Sink) -> str:
    return next(site.timezone for site in desk.fleet().sites if site.id == sink.site_id)


def _out(desk: Desk, asked: Asked, now: Now) -> dict[str, object]:
    counting = desk.hosts.effective(SinkId(asked.request.target_id))
    warm = counting is not None and counting.kind == "temperature"
    return request_out(asked, now, counting.schedule.at(now.at) if counting is not None and warm else None)


def _wished(desk: Desk, made: HostWish) -> JSONResponse:
    stands = None if made.kind == "schedule" else made
    return JSONResponse(wish_out(made.sink_id, stands, desk.hosts.effective(made.sink_id), desk.now()))
