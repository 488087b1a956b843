"""Power readings and limits in the two ways that Redfish has them (DMTF DSP2046: Power, EnvironmentMetrics)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ondol.drivers.host_power.kept_limits import is_ours
from ondol.drivers.redfish.service import ROOT, Json, RedfishService, Resource, link_of
from ondol.model.errors import UnavailableError

_KWH_J = 3.6e6
ADDRESS = re.compile(r"/?([A-Za-z0-9_.~-]+(/[A-Za-z0-9_.~-]+)*)?(#\d{1,2})?")
"""A resource, whole or below /redfish/v1, and which `PowerControl` of its Power; "" for the first chassis."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the power of a thing stands."""

    metrics: str  # path of its EnvironmentMetrics, "" for none
    power: str  # path of its Power, "" for none
    chassis: Json  # the chassis itself, for its range


class RedfishDevice:
    """A chassis, system or processor.

    Its limit is `PowerLimitWatts` of the newer EnvironmentMetrics where that has one, else `PowerControl[].PowerLimit`
    of the older Power. A limit whose excess switches the server off (`LimitException` HardPowerOff) is defused.

    Parameters
    ----------
    address : see `ADDRESS`
    """

    def __init__(self, service: RedfishService, address: str) -> None:
        self._service = service
        path, _, number = address.partition("#")
        self._address = path
        self._number = int(number or 0)
        self._found: _Found | None = None
        self._span: tuple[float, float] | None = None
        self._original: tuple[str, Json] | None = None  # path and the change that puts it back
        self._left_w: float | None = None  # our last limit
        self._earlier: tuple[str, Json, float] | None = None  # path, change and last limit of an earlier life

    def read(self, point: str) -> float | None:
        """Value of a point now."""
        if point == "power_cap":
            return self._cap_w()
        found = self._locate()
        metrics = self._service.get(found.metrics).body if found.metrics else {}
        if point == "electric_meter":
            kwh = _reading(metrics, "EnergykWh")
            value = _reading(metrics, "EnergyJoules") if kwh is None else kwh * _KWH_J
        else:
            value = _reading(metrics, "PowerWatts")
            if value is None and found.power:
                value = _number(self._control(self._service.get(found.power)).get("PowerConsumedWatts"))
        if value is None:
            raise UnavailableError(f"{self._address} tells no {point.replace('_', ' ')} now")
        return value

    def span_w(self) -> tuple[float, float] | None:
        """Range that the service tells [W]: AllowableMin and AllowableMax, or of the chassis and its supplies."""
        if self._span is None:
            resource, newer = self._limited()
            if newer:
                told = resource.body["PowerLimitWatts"]
                bounds = _number(told.get("AllowableMin")), _number(told.get("AllowableMax"))
            else:
                chassis = self._locate().chassis
                capacity_w = _number(self._control(resource).get("PowerCapacityWatts"))
                bounds = _number(chassis.get("MinPowerWatts")), capacity_w or _number(chassis.get("MaxPowerWatts"))
            if bounds == (None, None):
                return None
            self._span = bounds[0] or 0.0, bounds[1] or 1e7
        return self._span

    def limit(self, cap_w: float) -> str:
        """Set the limit in whole watts, rounded down, within the range; gives what differs from what was asked."""
        span = self.span_w()
        held_w = math.floor(cap_w if span is None else min(max(cap_w, math.ceil(span[0])), span[1]))
        resource, newer = self._limited()
        ours = self._earlier is not None and is_ours(self._cap_of(resource, newer=newer), self._earlier[2])
        note = ""
        if newer:
            told = resource.body["PowerLimitWatts"]
            held = {"SetPoint": told.get("SetPoint", told.get("AllowableMax")), "ControlMode": told.get("ControlMode")}
            before = {name: value for name, value in held.items() if value is not None}
            self._remember(resource.path, {"PowerLimitWatts": before}, ours=ours)
            change: Json = {"SetPoint": held_w}
            if told.get("ControlMode") == "Disabled":
                change["ControlMode"] = "Automatic"
            self._service.patch(resource, {"PowerLimitWatts": change})
        else:
            told = self._control(resource).get("PowerLimit") or {}
            before = {name: told.get(name) for name in ("LimitInWatts", "LimitException") if name in told}
            self._remember(resource.path, self._indexed({"PowerLimit": before or {"LimitInWatts": None}}), ours=ours)
            change = {"LimitInWatts": held_w}
            if told.get("LimitException") == "HardPowerOff":
                change["LimitException"] = "LogEventOnly"
                note = "its limit would have switched the server off when passed: it logs an event now"
            self._service.patch(resource, self._indexed({"PowerLimit": change}))
        self._left_w = float(held_w)
        if span is not None and not span[0] <= cap_w <= span[1]:
            note = f"the service takes {span[0]:g} to {span[1]:g} W" + (f"; {note}" if note else "")
        return note

    def restore(self) -> None:
        """Put back the limit and its mode."""
        if self._original is not None:
            path, change = self._original
            self._service.patch(self._service.get(path), change)
            self._original = None
            self._left_w = None

    def before(self) -> dict[str, Any] | None:
        """See `KeepsLimit`."""
        original, left_w, earlier = self._original, self._left_w, self._earlier  # a worker may write meanwhile
        if original is not None and left_w is not None:
            earlier = (*original, left_w)
        return None if earlier is None else dict(zip(("path", "change", "left_w"), earlier, strict=True))

    def recall(self, before: Mapping[str, Any]) -> None:
        """See `KeepsLimit`."""
        self._earlier = str(before["path"]), dict(before["change"]), float(before["left_w"])

    def _cap_w(self) -> float | None:
        resource, newer = self._limited()
        return self._cap_of(resource, newer=newer)

    def _cap_of(self, resource: Resource, *, newer: bool) -> float | None:
        if newer:
            told = resource.body["PowerLimitWatts"]
            return None if told.get("ControlMode") == "Disabled" else _number(told.get("SetPoint"))
        return _number((self._control(resource).get("PowerLimit") or {}).get("LimitInWatts"))

    def _limited(self) -> tuple[Resource, bool]:
        """Resource that has the limit, and whether it is of the newer kind."""
        found = self._locate()
        if found.metrics:
            resource = self._service.get(found.metrics)
            if isinstance(resource.body.get("PowerLimitWatts"), dict):
                return resource, True
        if found.power:
            return self._service.get(found.power), False
        raise UnavailableError(
            f"{self._address or 'the chassis'} tells its power, but takes no limit: bind power_cap to rapl or ipmi"
        )

    def _locate(self) -> _Found:
        if self._found is None:
            body = self._service.get(self._path()).body
            found = _Found(link_of(body, "EnvironmentMetrics"), link_of(body, "Power"), body)
            if not found.metrics and not found.power:  # a system has them in its chassis
                for link in body.get("Links", {}).get("Chassis", [])[:1]:
                    body = self._service.get(link_of({"chassis": link}, "chassis")).body
                    found = _Found(link_of(body, "EnvironmentMetrics"), link_of(body, "Power"), body)
            if not found.metrics and not found.power:
                raise UnavailableError(f"{self._path()} has neither EnvironmentMetrics nor Power: it tells no power")
            self._found = found
        return self._found

    def _path(self) -> str:
        if self._address.startswith("/redfish"):
            return self._address
        if self._address:
            return ROOT + self._address.strip("/")
        members = self._service.get(ROOT + "Chassis").body.get("Members", [])
        if not members:
            raise UnavailableError("the service has no chassis")
        self._address = link_of({"first": members[0]}, "first")
        return self._address

    def _control(self, resource: Resource) -> Json:
        controls = resource.body.get("PowerControl") or []
        if self._number >= len(controls):
            raise UnavailableError(f"{resource.path} has {len(controls)} PowerControl, none of number {self._number}")
        control: Json = controls[self._number]
        return control

    def _indexed(self, change: Json) -> Json:
        """A change of one member of an array: empty objects leave those before it alone (DSP0266, PATCH on arrays)."""
        return {"PowerControl": [*({} for _ in range(self._number)), change]}

    def _remember(self, path: str, change: Json, *, ours: bool) -> None:
        """Note what stood there, before it is changed; `ours`: what stands there is a limit of our earlier life."""
        if self._original is None:
            earlier = self._earlier if ours else None
            if earlier is not None and earlier[0] == path:
                path, change, self._left_w = earlier
            self._original = path, change
        self._earlier = None


def _reading(metrics: Json, name: str) -> float | None:
    """Reading of a sensor excerpt; some services give an empty array for one that they lack."""
    told = metrics.get(name)
    return _number(told.get("Reading")) if isinstance(told, dict) else None


def _number(value: Any) -> float | None:
    ordinary = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if ordinary else None
