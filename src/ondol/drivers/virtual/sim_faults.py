"""Wrong wirings of a simulated site: what an electrician gets wrong, put between the truth and what instruments say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.points import POINTS, PointKey

KINDS = {
    "sensor-frozen": "the value stays as it was",
    "swapped-supply-return": "the two sensors at a unit's exchanger are exchanged",
    "meter-backwards": "the heat meter counts down",
    "wrong-sign": "the value has the other sign",
    "wrong-unit": "the device says it in another unit, =UNIT names which",
    "dead-actuator": "what is written is taken and changes nothing",
    "swapped-sensors": "the sensors of two sinks are exchanged, =OTHER names the second",
    "layers-upside-down": "the sensors of a tank are in reverse order",
    "flow-switch-inverted": "the contact is closed where water stands",
    "pulse-value": "the heat meter counts =FACTOR for 1",
    "meter-exchanged": "another heat meter: it stood at =KWH when the site began",
    "meter-rolls-over": "a heat meter of eight digits of Wh that was =KWH short of its end when the site began",
}
"""Every fault that there is, and what it does."""

UNITS: dict[str, tuple[float, float]] = {
    "fahrenheit": (1.8, 32.0),
    "kelvin": (1.0, 273.15),
    "tenths": (10.0, 0.0),
    "kilowatts": (1e-3, 0.0),
    "kwh-as-mwh": (1e3, 0.0),
    "mwh-as-kwh": (1e-3, 0.0),
    "gj-as-kwh": (3.6e-3, 0.0),
    "wh-as-j": (1.0 / 3600.0, 0.0),
    "litres-per-minute": (60.0, 0.0),
    "m3-per-hour": (3.6, 0.0),
}
"""Wrong units: what is read is ``factor · value + offset``, value in the point's own unit."""

REGISTER_J = 3.6e3 * 1e8
"""Where the meter of `meter-rolls-over` begins anew at 0: eight digits of Wh, a usual register of EN 1434-1 [J]."""

_OF_KWH = ("meter-exchanged", "meter-rolls-over")
_J_PER_KWH = 3.6e6
_USUAL = {"sensor-frozen": "temperature", "wrong-sign": "heat_power", "wrong-unit": "temperature"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong wiring.

    Parameters
    ----------
    kind : of `KINDS`
    entity_id : unit or sink
    point : which of its points; "" for the one that the kind is about
    index : which sensor; -1 for all
    detail : unit, second sink or factor, where the kind needs one
    """

    kind: str
    entity_id: str
    point: str = ""
    index: int = -1
    detail: str = ""

    def meets(self, key: PointKey) -> bool:
        """Whether it is about this point."""
        if key.entity_id != self.entity_id:
            return False
        return key.point == self.point and self.index in (-1, key.index)


def read_fault(text: str, points: Sequence[PointKey]) -> Fault:
    """Read ``KIND:ENTITY[.POINT[.INDEX]][=DETAIL]``.

    Raises
    ------
    InvalidFieldError : an unknown kind or point, or a detail that is missing or wrong
    NotFoundError : the site has no such point
    """
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise InvalidFieldError("fault", kind, "one of " + ", ".join(KINDS))
    target, _, detail = rest.partition("=")
    entity_id, _, named = target.partition(".")
    if not any(key.entity_id == entity_id for key in points):
        raise NotFoundError("unit or sink of the site", entity_id)
    point, _, index = named.partition(".")
    if point and point not in POINTS:
        raise InvalidFieldError("fault.point", point, "one of " + ", ".join(POINTS))
    if index and not index.isdigit():
        raise InvalidFieldError("fault.index", index, "a whole number from 0")
    fault = Fault(kind, entity_id, point or _point_of(kind, entity_id, points), int(index) if index else -1, detail)
    _check_detail(fault, points)
    if not any(fault.meets(key) for key in points):
        raise NotFoundError("point", f"{entity_id}.{fault.point}{'.' + index if index else ''}")
    return fault


def _point_of(kind: str, entity_id: str, points: Sequence[PointKey]) -> str:
    fixed = {
        "swapped-supply-return": "supply_temperature",
        "meter-backwards": "heat_meter",
        "pulse-value": "heat_meter",
        **dict.fromkeys(_OF_KWH, "heat_meter"),
        "flow-switch-inverted": "flow_switch",
        "layers-upside-down": "temperature",
        "swapped-sensors": "temperature",
    }
    own = {key.point for key in points if key.entity_id == entity_id}
    if kind == "dead-actuator":
        return "power_cap" if "power_cap" in own else "backup"
    if kind in fixed:
        return fixed[kind]
    usual = _USUAL[kind]
    return usual if usual in own else "loop_temperature" if usual == "temperature" else "temperature"


def _check_detail(fault: Fault, points: Sequence[PointKey]) -> None:
    if fault.kind == "wrong-unit" and fault.detail not in UNITS:
        raise InvalidFieldError("fault.unit", fault.detail, "one of " + ", ".join(UNITS))
    if fault.kind == "swapped-sensors":
        other = any(key.entity_id == fault.detail and key.point == "temperature" for key in points)
        if not other or fault.detail == fault.entity_id:
            raise InvalidFieldError("fault.other", fault.detail, "another sink of the site")
    if fault.kind == "pulse-value" and not 1e-6 <= _number(fault.detail) <= 1e6:
        raise InvalidFieldError("fault.factor", fault.detail, "a factor from 1e-6 to 1e6")
    if fault.kind in _OF_KWH and not 0.0 <= _number(fault.detail) <= 1e5:
        raise InvalidFieldError("fault.kwh", fault.detail, "kWh from 0 to 100000")


def _number(text: str) -> float:
    """A number, NaN where it is none: that is within no range."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def told(
    values: Mapping[PointKey, float],
    faults: Sequence[Fault],
    *,
    before: Mapping[PointKey, float],
    first: Mapping[PointKey, float],
) -> dict[PointKey, float]:
    """Say what the instruments show, in the order of the faults.

    Parameters
    ----------
    values : true ones, in the units of their kinds
    before : what was shown last, for what is frozen
    first : what the counters stood at when the site began
    """
    shown = dict(values)
    for fault in faults:
        if fault.kind == "swapped-supply-return":
            one, other = (PointKey(fault.entity_id, f"{word}_temperature") for word in ("supply", "return"))
            shown[one], shown[other] = shown[other], shown[one]
        elif fault.kind == "swapped-sensors":
            _swap(shown, fault)
        elif fault.kind == "layers-upside-down":
            layers = sorted(key for key in shown if fault.meets(key))
            shown |= dict(zip(layers, [shown[key] for key in reversed(layers)], strict=True))
        else:
            for key in [key for key in shown if fault.meets(key)]:
                shown[key] = _spoilt(fault, shown[key], before.get(key), first.get(key, 0.0))
    return shown


def _swap(shown: dict[PointKey, float], fault: Fault) -> None:
    for key in sorted(key for key in shown if key.entity_id == fault.entity_id and key.point == "temperature"):
        other = PointKey(fault.detail, "temperature", key.index)
        if other in shown:
            shown[key], shown[other] = shown[other], shown[key]


def _spoilt(fault: Fault, value: float, before: float | None, first: float) -> float:
    """One value under one fault; as it is where the fault is about something else."""
    factor, offset = UNITS.get(fault.detail, (1.0, 0.0))
    spoilt = {
        "sensor-frozen": value if before is None else before,
        "wrong-sign": -value,
        "wrong-unit": factor * value + offset,
        "meter-backwards": 2.0 * first - value,
        "flow-switch-inverted": 1.0 - value,
    }
    if fault.kind == "meter-exchanged":
        return float(fault.detail) * _J_PER_KWH + value - first
    if fault.kind == "meter-rolls-over":
        return (value - first - float(fault.detail) * _J_PER_KWH) % REGISTER_J
    if fault.kind == "pulse-value":
        return first + float(fault.detail) * (value - first)
    return spoilt.get(fault.kind, value)
