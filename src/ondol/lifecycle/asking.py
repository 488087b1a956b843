"""What is asked of every sink at a moment: its request, with the latest wish of its host laid over it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import RequestId, SinkId
from ondol.model.schedule import WEEK_MINUTES, Slot, WeeklySchedule, constant

_MINUTE = dt.timedelta(minutes=1)
_DAY_MINUTES = 24 * 60
_REMEMBERED = 16_384  # requests under a wish: they are the same for a quarter of an hour, and asked for every second


def effective(
    requests: Iterable[HeatRequest], wishes: Iterable[HostWish], now: dt.datetime
) -> dict[SinkId, HeatRequest]:
    """Give what counts for every sink at a moment, by id; a sink that is left out asks for no more than no frost.

    Of a sink's valid requests the one with the highest priority counts, ties by id. Of its wishes the latest `set_at`
    up to now counts, ties by id; once it has ended the request stands alone again, whatever was wished before. In which
    order they come does not matter.

    A wish lies over the request's week from the beginning of this hour up to its end, so that whoever looks ahead sees
    when it ends: what is given is exact for 6 days and 23 hours, and equal for the whole hour.

    Parameters
    ----------
    requests, wishes : of one site or of many
    now : aware
    """
    asked: dict[SinkId, HeatRequest] = {}
    for request in requests:
        if request.valid_at(now):
            rival = asked.get(request.target_id)
            if rival is None or _rank(request) < _rank(rival):
                asked[request.target_id] = request
    for sink_id, wish in latest(wishes, now).items():
        ends_at = wish.ends_at
        if wish.kind == "schedule" or (ends_at is not None and ends_at <= now):
            continue
        if wish.kind == "off":
            asked.pop(sink_id, None)
            continue
        wished = _under_wish(asked.get(sink_id), wish, _quarter(now))
        if wished is not None:
            asked[sink_id] = wished
    return {sink_id: _still_promised(one, now) for sink_id, one in sorted(asked.items())}


def _still_promised(request: HeatRequest, now: dt.datetime) -> HeatRequest:
    """Without its guarantee where that has ended before the request does."""
    ended = request.guaranteed_until is not None and request.guaranteed_until <= now
    return request.without_guarantee() if ended else request


def latest(wishes: Iterable[HostWish], now: dt.datetime) -> dict[SinkId, HostWish]:
    """Give every sink's latest wish up to a moment, ties by id; those whose time has passed too."""
    found: dict[SinkId, HostWish] = {}
    for wish in wishes:
        rival = found.get(wish.sink_id)
        if wish.set_at <= now and (rival is None or (wish.set_at, wish.id) > (rival.set_at, rival.id)):
            found[wish.sink_id] = wish
    return found


def _rank(request: HeatRequest) -> tuple[int, str]:
    return -request.priority, request.id


def _quarter(now: dt.datetime) -> dt.datetime:
    """Begin of the quarter of an hour; local hours begin with one in every zone."""
    return now.replace(minute=now.minute - now.minute % 15, second=0, microsecond=0)


@lru_cache(maxsize=_REMEMBERED)
def _under_wish(request: HeatRequest | None, wish: HostWish, now: dt.datetime) -> HeatRequest | None:
    if request is None or request.kind != "temperature":
        if wish.kind != "setpoint":
            return request  # a preset is an offset from a temperature, and none is asked for
        if request is None:
            return HeatRequest(
                id=RequestId(f"wish-{wish.sink_id}"[:63]),
                site_id=wish.site_id,
                target_id=wish.sink_id,
                schedule=constant(wish.value, "UTC"),
            )
        schedule = constant(wish.value, request.schedule.timezone)
        return dataclasses.replace(request, kind="temperature", schedule=schedule, energy_kwh=0.0, by=None)
    schedule = _laid_over(request.schedule, _meaning(request, wish), wish.ends_at, now)
    return dataclasses.replace(request, schedule=schedule)


def _meaning(request: HeatRequest, wish: HostWish) -> Callable[[float], float]:
    """From what the schedule says to what the wish makes of it [°C]."""
    if wish.kind == "setpoint":
        return lambda _: wish.value
    value_c = request.preset_c(wish.preset)
    if wish.preset in ("eco", "away"):
        return lambda scheduled_c: min(scheduled_c, value_c)
    return lambda _: value_c


def _laid_over(
    schedule: WeeklySchedule, change: Callable[[float], float], until: dt.datetime | None, now: dt.datetime
) -> WeeklySchedule:
    """A week whose values are changed from the beginning of this hour until a time, or all of them."""
    zone = ZoneInfo(schedule.timezone)
    local = now.astimezone(zone).replace(tzinfo=None)
    past = local.minute
    first = local.weekday() * _DAY_MINUTES + local.hour * 60
    if until is None:
        length = WEEK_MINUTES
    else:
        seen = until.astimezone(zone).replace(tzinfo=None) - local.replace(second=0, microsecond=0)
        # Where clocks are put back meanwhile, the end can have an earlier local time than now.
        span = seen if seen > dt.timedelta() else until - now
        length = past - (-span // _MINUTE)
    if length >= WEEK_MINUTES:
        return WeeklySchedule(_joined([Slot(s.minute, change(s.value)) for s in schedule.slots]), schedule.timezone)
    last = first + length
    minutes = {first % WEEK_MINUTES, last % WEEK_MINUTES, *(slot.minute for slot in schedule.slots)}
    values = _values(schedule, sorted(minutes))
    return WeeklySchedule(
        _joined(
            [
                Slot(minute, change(value) if (minute - first) % WEEK_MINUTES < length else value)
                for minute, value in values
            ]
        ),
        schedule.timezone,
    )


def _values(schedule: WeeklySchedule, minutes: Sequence[int]) -> list[tuple[int, float]]:
    """What a schedule says at rising minutes of the week."""
    found: list[tuple[int, float]] = []
    slots, number, value = schedule.slots, 0, schedule.slots[-1].value
    for minute in minutes:
        while number < len(slots) and slots[number].minute <= minute:
            value = slots[number].value
            number += 1
        found.append((minute, value))
    return found


def _joined(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    """Slots without those that change nothing; at least one is left."""
    kept = [slot for before, slot in zip([slots[-1], *slots], slots, strict=False) if slot.value != before.value]
    return tuple(kept) or (Slot(0, slots[0].value),)
