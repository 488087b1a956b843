"""`/signal/v1`: where heat is wanted, neutral or wasted, now and for two days. See docs/reference/signal-api.md."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from ondol.control.heat_signal import HeatSignals
from ondol.control.signal_issue import HOUR_S, STEP_S
from ondol.model.errors import InvalidFieldError
from ondol.model.heat_signal import AreaSignal
from ondol.model.ids import SiteId
from ondol.report.signal_calendar import signal_calendar
from ondol.report.signal_json import signal_json
from ondol.report.signal_quality import quality_json
from ondol.report.signal_widget import POLICY, signal_widget
from ondol.server.api.request import Caller, DeskIn, TokenHeader, caller_of
from ondol.server.api.signal_out import list_out
from ondol.server.api.signal_stream import signal_stream
from ondol.server.errors import NotOfferedError

router = APIRouter(prefix="/signal/v1", tags=["signal"])
_LONGEST_AGE_S = 300.0


async def signals_of(request: Request) -> HeatSignals:
    """The signal of this platform."""
    signals = request.app.state.signals
    if signals is None:
        raise NotOfferedError("A heat signal is")
    return cast("HeatSignals", signals)


Signals = Annotated[HeatSignals, Depends(signals_of)]


def reader(request: Request, desk: DeskIn, signals: Signals, header: TokenHeader) -> None:
    """Let in whoever has a token, and everybody where the fleet file says `[signal] public = true`."""
    if not signals.terms.public:
        caller_of(request, desk, header)


def step_of(step: Annotated[str, Query(description="15 or 60 minutes")] = "15") -> float:
    """Length of a step [s]."""
    if step not in ("15", "60"):
        raise InvalidFieldError("step", step, "15 or 60 (minutes)")
    return STEP_S if step == "15" else HOUR_S


Step = Annotated[float, Depends(step_of)]
READERS = [Depends(reader)]
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "As it was when it was asked for last"}}


@router.get("", summary="All areas, as they are now", dependencies=READERS, responses=_UNCHANGED)
def areas(request: Request, desk: DeskIn, signals: Signals, step_s: Step) -> Response:
    """State, confidence and numbers of now for each area; which regions were merged, and which are withheld."""
    found = signals.published(step_s)
    return _json(request, desk, signals, found, list_out(found, signals.areas(), signals.terms))


@router.get("/quality", summary="How often it came true", dependencies=READERS)
def quality(
    signals: Signals,
    region: Annotated[str, Query(description="only this region's; all areas where left out")] = "",
) -> dict[str, Any]:
    """By lead time: hit rate, Brier score, and of those said with a confidence the share that came."""
    places = [signals.place_of(region)] if region else [one.name for one in signals.areas().published]
    return {"areas": [quality_json(place, *signals.quality(place)) for place in places]}


@router.get("/stream", summary="Changes as they come (server-sent events)", dependencies=READERS)
def stream(
    request: Request,
    signals: Signals,
    region: Annotated[str, Query(description="only this region's; all where left out")] = "",
) -> StreamingResponse:
    """One event `signal` for each new making of an area; `Last-Event-ID` leaves out what was seen already."""
    if region:
        signals.of_region(region)
    events = signal_stream(request, signals, region)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **_open(signals)}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.get("/sites/{key}", summary="One site, for those who may see it", responses=_UNCHANGED)
def site(key: str, request: Request, caller: Caller, desk: DeskIn, signals: Signals, step_s: Step) -> Response:
    """For its hosts and the operator, with figures that are not rounded."""
    if key not in desk.hosts.seen(caller):
        key = "-"  # a site that the caller may not see is, for that caller, not there
    found = signals.of_site(SiteId(key), step_s)
    return _json(request, desk, signals, [found], signal_json(found), private=True)


@router.get("/sites/{key}/quality", summary="How often it came true of one site")
def site_quality(key: str, caller: Caller, desk: DeskIn, signals: Signals) -> dict[str, Any]:
    """For its hosts and the operator."""
    place = signals.site_place(SiteId(key if key in desk.hosts.seen(caller) else "-"))
    return quality_json(place, *signals.quality(place))


@router.get("/{region}", summary="One region, with 48 hours", dependencies=READERS, responses=_UNCHANGED)
def of_region(region: str, request: Request, desk: DeskIn, signals: Signals, step_s: Step) -> Response:
    """The area that the region is published in: itself, or its country where it has too few sites; 404 if withheld."""
    found = signals.of_region(region, step_s)
    return _json(request, desk, signals, [found], {**signal_json(found), "asked": region})


@router.get(
    "/{region}/calendar.ics",
    summary="The same as a calendar to subscribe to",
    dependencies=READERS,
    responses=_UNCHANGED,
)
def calendar(region: str, request: Request, desk: DeskIn, signals: Signals) -> Response:
    """An event for each stretch of heat wanted or wasted."""
    found = signals.of_region(region, HOUR_S)
    text = signal_calendar(found).encode()
    return _answer(request, desk, signals, [found], text, "text/calendar; charset=utf-8")


@router.get(
    "/{region}/widget", summary="The same as a page for an <iframe>", dependencies=READERS, responses=_UNCHANGED
)
def widget(region: str, request: Request, desk: DeskIn, signals: Signals) -> Response:
    """Without scripts; light and dark, down to 320 pixels."""
    found = signals.of_region(region, HOUR_S)
    text = signal_widget(found, round(_age_s(desk, signals, [found])))
    answer = _answer(request, desk, signals, [found], text.encode(), "text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _json(
    request: Request,
    desk: DeskIn,
    signals: HeatSignals,
    found: list[AreaSignal],
    body: dict[str, Any],
    *,
    private: bool = False,
) -> Response:
    return _answer(request, desk, signals, found, msgspec.json.encode(body), "application/json", private=private)


def _answer(
    request: Request,
    desk: DeskIn,
    signals: HeatSignals,
    found: list[AreaSignal],
    body: bytes,
    media_type: str,
    *,
    private: bool = False,
) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept = "public" if signals.terms.public and not private else "private"
    headers = {
        "ETag": tag,
        "Cache-Control": f"{kept}, max-age={_age_s(desk, signals, found):.0f}",
        "Vary": "Authorization",
    }
    if not private:
        headers |= _open(signals)
    known = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _open(signals: HeatSignals) -> dict[str, str]:
    """What lets pages of others read it, where everybody may."""
    return {"Access-Control-Allow-Origin": "*"} if signals.terms.public else {}


def _age_s(desk: DeskIn, signals: HeatSignals, found: list[AreaSignal]) -> float:
    """How long an answer may be kept: until the next making, at most five minutes [s, wall]."""
    if not found:
        return 30.0
    left: dt.timedelta = found[0].valid_until - desk.platform_time()
    return min(max(left.total_seconds() / signals.clock_rate, 1.0), _LONGEST_AGE_S)
