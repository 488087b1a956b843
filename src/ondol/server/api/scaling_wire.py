"""Scaling policies of pools: read off the wire policy by policy, and shown again key for key as they came."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ondol.model.errors import InvalidFieldError
from ondol.model.pool import Period, Scaling

MOST_POLICIES, MOST_PERIODS, MOST_SLOTS = 50, 50, 1_000_000
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,7})?)?")
_DAY_S = 86_400.0
_MATCHES_NOTHING = "The input was not valid."


class InvalidScalingError(InvalidFieldError):
    """Policies that cannot be followed.

    Parameters
    ----------
    errors : texts by the policy at fault, e.g. ``{"policies[0]": ["The input was not valid."]}``
    """

    def __init__(self, errors: dict[str, list[str]], why: list[str]) -> None:
        super().__init__("scaling." + ", ".join(errors), "…", "; ".join(why))
        self.errors = errors


def read_scaling(data: object) -> tuple[Scaling, ...]:
    """Read `{"policies": […]}`; the first policy whose period holds is followed.

    Raises
    ------
    InvalidScalingError : naming every policy at fault
    """
    policies = _low(data).get("policies") if isinstance(data, Mapping) else None
    if policies is None:
        policies = []
    if not isinstance(policies, list) or len(policies) > MOST_POLICIES:
        raise InvalidScalingError({"policies": [_MATCHES_NOTHING]}, [f"a list of at most {MOST_POLICIES} policies"])
    read, why = [], []
    errors: dict[str, list[str]] = {}
    for row, policy in enumerate(policies):
        try:
            read.append(_policy(policy))
        except InvalidFieldError as error:
            errors[f"policies[{row}]"] = [_MATCHES_NOTHING]
            why.append(f"policies[{row}].{error}")
    names = [policy.name for policy in read]
    for row, name in enumerate(names):
        if name and names.index(name) != row and not errors:
            errors[f"policies[{row}]"] = [_MATCHES_NOTHING]
            why.append(f"policies[{row}].name = {name!r}: every policy needs a name of its own")
    if errors:
        raise InvalidScalingError(errors, why)
    return tuple(read)


def scaling_out(policies: tuple[Scaling, ...], active: str) -> dict[str, Any]:
    """Give the policies in the order of keys that clients send, with the one that is followed now."""
    return {"policies": [_policy_out(policy) for policy in policies], "activePolicyName": active or None}


def _policy(data: object) -> Scaling:
    if not isinstance(data, Mapping):
        raise InvalidFieldError("policy", str(data)[:40], "an object")
    low = _low(data)
    kind = str(low.get("type", "")).lower()
    name = _name(low.get("name"))
    raw = low.get("enabledperiods") or []
    if not isinstance(raw, list) or len(raw) > MOST_PERIODS:
        raise InvalidFieldError("enabledPeriods", str(raw)[:40], f"a list of at most {MOST_PERIODS} periods")
    periods = tuple(_period(one) for one in raw)
    if kind == "fixed":
        slots = _count("slotsCount", low.get("slotscount"), None)
        return Scaling(name=name, queue_driven=False, least=slots, most=slots, periods=periods)
    if kind == "managedtasksqueue":
        least = _count("minTotalSlots", low.get("mintotalslots"), 0)
        most = _count("maxTotalSlots", low.get("maxtotalslots"), None)
        if most < least:
            raise InvalidFieldError("maxTotalSlots", most, f"at least minTotalSlots, {least}")
        return Scaling(
            name=name,
            queue_driven=True,
            least=least,
            most=most,
            idle_least=_count("minIdleSlots", low.get("minidleslots"), 0),
            idle_least_s=float(_count("minIdleTimeSeconds", low.get("minidletimeseconds"), 0)),
            factor=_factor(low.get("scalingfactor")),
            periods=periods,
        )
    raise InvalidFieldError("type", str(low.get("type"))[:40], "Fixed or ManagedTasksQueue")


def _period(data: object) -> Period:
    if not isinstance(data, Mapping):
        raise InvalidFieldError("enabledPeriods", str(data)[:40], "objects of type Always or Weekly")
    low = _low(data)
    kind, name = str(low.get("type", "")).lower(), _name(low.get("name"))
    if kind == "always":
        return Period(name=name)
    if kind != "weekly":
        raise InvalidFieldError("enabledPeriods.type", str(low.get("type"))[:40], "Always or Weekly")
    days = low.get("days") or []
    if not isinstance(days, list) or not days or any(_day(day) is None for day in days):
        raise InvalidFieldError("enabledPeriods.days", str(days)[:80], "some of " + ", ".join(DAYS))
    return Period(
        name=name,
        days=tuple(dict.fromkeys(number for day in days if (number := _day(day)) is not None)),
        start_s=_second("startTimeUtc", low.get("starttimeutc"), 0.0),
        end_s=_second("endTimeUtc", low.get("endtimeutc"), _DAY_S),
    )


def _day(day: object) -> int | None:
    """Number of a weekday, Monday 0; C# sends numbers, from Sunday 0."""
    if isinstance(day, int) and not isinstance(day, bool):
        return (day - 1) % 7 if 0 <= day <= 6 else None
    return DAYS.index(str(day).lower()) if str(day).lower() in DAYS else None


def _policy_out(policy: Scaling) -> dict[str, Any]:
    slots: dict[str, Any] = {"type": "Fixed", "slotsCount": policy.least}
    if policy.queue_driven:
        slots = {
            "type": "ManagedTasksQueue",
            "minTotalSlots": policy.least,
            "maxTotalSlots": policy.most,
            "minIdleSlots": policy.idle_least,
            "minIdleTimeSeconds": int(policy.idle_least_s),
            "scalingFactor": policy.factor,
        }
    return slots | {"name": policy.name, "enabledPeriods": [_period_out(period) for period in policy.periods]}


def _period_out(period: Period) -> dict[str, Any]:
    if not period.days:
        return {"type": "Always", "name": period.name}
    return {
        "type": "Weekly",
        "days": [DAYS[day] for day in period.days],
        "startTimeUtc": _clock(period.start_s),
        "endTimeUtc": _clock(period.end_s),
        "name": period.name,
    }


def _low(data: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in data.items() if value is not None}


def _name(value: object) -> str:
    text = "" if value is None else str(value)
    if len(text) > 255:
        raise InvalidFieldError("name", text[:40], "a text of at most 255 characters")
    return text


def _count(field: str, value: object, otherwise: int | None) -> int:
    if value is None and otherwise is not None:
        return otherwise
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_SLOTS:
        raise InvalidFieldError(field, value, f"a whole number from 0 to {MOST_SLOTS}")
    return value


def _factor(value: object) -> float:
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:  # refuses NaN too
        raise InvalidFieldError("scalingFactor", value, "a number from 0 to 1")
    return float(value)


def _second(field: str, value: object, otherwise: float) -> float:
    if value is None:
        return otherwise
    found = _CLOCK.fullmatch(str(value).strip())
    hour, minute, second = (int(part or 0) for part in found.groups()) if found else (99, 0, 0)
    if hour > 23 or minute > 59 or second > 59:
        raise InvalidFieldError(field, str(value)[:40], "a time of the day HH:MM:SS")
    return float(hour * 3600 + minute * 60 + second)


def _clock(second: float) -> str:
    whole = min(int(second), int(_DAY_S) - 1)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
