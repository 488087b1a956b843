"""Bodies of the heat side's routes as clients send them: every key known, every value of its kind, or named."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ondol.model.errors import InvalidFieldError
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import RequestId, SinkId, SiteId
from ondol.model.schedule import Slot, WeeklySchedule, constant
from ondol.server.api.times import read_time
from ondol.storage.fleet_file.schedule import read_days
from ondol.storage.fleet_file.schedule import read_time as read_time_of_day
from ondol.storage.ical import schedule_of_ical

API_PRIORITY = 60
"""Of a request that names none: above those of a fleet file, which have 50."""


class HeatBody(BaseModel):
    """A JSON object of which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Body = TypeVar("Body", bound=HeatBody)


class SlotIn(HeatBody):
    """From this time of these local days on, hold this value."""

    days: str = "all"
    from_: str = Field(alias="from")
    value: float


class ScheduleIn(HeatBody):
    """A weekly schedule: slots, or the text of a calendar."""

    slots: list[SlotIn] | None = None
    ical: str | None = None


class SetpointIn(HeatBody):
    """A set-point for a while, or until the next wish."""

    setpoint_c: float
    until: str | None = None
    id: str = ""


class PresetIn(HeatBody):
    """A preset for a while, or until the next wish."""

    preset: str
    until: str | None = None
    id: str = ""


_TIMES = ("by", "valid_from", "valid_until", "guaranteed_until")


class OffIn(HeatBody):
    """No heat but against frost, for a while, or until the next wish."""

    until: str | None = None
    id: str = ""


class RequestIn(HeatBody):
    """A heat request; what is left out is as by default."""

    id: str | None = None
    target: str
    kind: str = "temperature"
    setpoint_c: float | None = None
    power_w: float | None = None
    slots: list[SlotIn] | None = None
    ical: str | None = None
    energy_kwh: float | None = None
    by: str | None = None
    band_k: float | None = None
    priority: int = API_PRIORITY
    min_power_w: float | None = None
    max_power_w: float | None = None
    firm: bool = False
    valid_from: str | None = None
    valid_until: str | None = None
    comfort_c: float | None = None
    eco_k: float | None = None
    boost_k: float | None = None
    away_k: float | None = None
    guaranteed_c: float | None = None
    guaranteed_kwh_per_day: float | None = None
    guaranteed_until: str | None = None
    if_missed: str | None = None


class GuaranteeIn(HeatBody):
    """Whether the operator agrees to what a request guarantees."""

    agreed: bool


class AgreementIn(HeatBody):
    """Hosts by e-mail, and the tariff at which electricity is refunded."""

    hosts: list[str]
    electricity_eur_per_kwh: float | None = None


def read_heat(model: type[Body], body: object) -> Body:
    """Read a body; raises InvalidFieldError for the first thing that is wrong in it."""
    if not isinstance(body, dict):
        raise InvalidFieldError("body", type(body).__name__ if body is not None else "nothing", "a JSON object")
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "body"
        if first["type"] == "extra_forbidden":
            raise InvalidFieldError(name, first["input"], _names(model)) from error
        given = "nothing" if first["type"] == "missing" else first["input"]
        raise InvalidFieldError(name, given, first["msg"]) from error


def _names(model: type[HeatBody]) -> str:
    return "one of " + ", ".join(field.alias or name for name, field in model.model_fields.items())


def read_until(text: str | None) -> dt.datetime | None:
    """Time at which a wish ends."""
    return None if text is None else read_time("until", text)


def read_schedule(body: ScheduleIn, timezone: str) -> WeeklySchedule:
    """Weekly schedule in a site's zone; raises InvalidFieldError."""
    if (body.slots is None) == (body.ical is None):
        raise InvalidFieldError("slots", "both" if body.slots is not None else "none", "either slots or ical")
    if body.ical is not None:
        return schedule_of_ical(body.ical, timezone)
    return WeeklySchedule(_slots(body.slots or []), timezone)


def _slots(given: list[SlotIn]) -> tuple[Slot, ...]:
    found: dict[int, Slot] = {}
    for number, one in enumerate(given):
        try:
            days, minute = read_days(one.days), read_time_of_day(one.from_)
        except InvalidFieldError as error:
            raise InvalidFieldError(f"slots.{number}.{error.field}", error.value, error.allowed) from error
        for day in days:
            slot = Slot(day * 1440 + minute, one.value)
            if slot.minute in found:
                raise InvalidFieldError(
                    f"slots.{number}.from", one.from_, "a time at which no other slot of a day begins"
                )
            found[slot.minute] = slot
    if not found:
        raise InvalidFieldError("slots", [], "at least one slot")
    return tuple(found[minute] for minute in sorted(found))


def read_request(body: RequestIn, site_id: SiteId, timezone: str) -> HeatRequest:
    """Request at a site; raises InvalidFieldError with the name that the body has for it."""
    values: dict[str, Any] = {
        name: value
        for name, value in body.model_dump(
            exclude={"id", "target", "setpoint_c", "power_w", "slots", "ical", *_TIMES}
        ).items()
        if value is not None
    }
    for name in _TIMES:
        text = getattr(body, name)
        if text is not None:
            values[name] = read_time(name, text)
    values["schedule"] = _wanted(body, timezone)
    try:
        return HeatRequest(
            id=RequestId(body.id if body.id is not None else f"api-{secrets.token_hex(8)}"),
            site_id=site_id,
            target_id=SinkId(body.target),
            **values,
        )
    except InvalidFieldError as error:
        name = error.field.removeprefix("request.")
        raise InvalidFieldError("schedule" if "[" in name else name, error.value, error.allowed) from error


def _wanted(body: RequestIn, timezone: str) -> WeeklySchedule:
    own = {"temperature": "setpoint_c", "power": "power_w"}.get(body.kind)
    ways = [name for name in ("setpoint_c", "power_w", "slots", "ical") if getattr(body, name) is not None]
    allowed = [own, "slots", "ical"] if own is not None else []
    for name in ways:
        if name not in allowed:
            raise InvalidFieldError(name, getattr(body, name), f'left out where kind is "{body.kind}"')
    if own is None:
        return constant(0.0, timezone)
    if len(ways) != 1:
        raise InvalidFieldError(own, " and ".join(ways) or "nothing", f"one of {own}, slots and ical")
    if ways[0] == own:
        return constant(float(getattr(body, own)), timezone)
    return read_schedule(ScheduleIn(slots=body.slots, ical=body.ical), timezone)
