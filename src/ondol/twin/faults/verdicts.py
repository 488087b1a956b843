"""What is demanded of a site under faults, checked on the true temperatures of the plant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ondol.agent.instruments import Sensed
from ondol.agent.orders import SiteOrders
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.sink import SwimmingPool, Zone
from ondol.twin.faults.fault import SENSOR_FAULTS, Fault
from ondol.twin.faults.site_of import DrawnSite

RECOVERY_S = 900.0
OVERSHOOT_K = {"room": 0.5, "tank": 1.0, "preheat": 1.0, "pool": 0.2, "loop": 5.0}
"""Beyond a hard limit by what is on its way when it is reached: heat in shells, loops and exchangers (room, tank,
pool), and full power for one fine step of 15 s without flow into a loop of 15 J/K per watt or more (loop) [K]."""
HEATED_S = 900.0  # a room that the sun overheats while nothing heats it is no failure of ours
_CLOSE_K = 1.5
_WINDOW_S = 86_400.0
_HYGIENE_SLACK_S, _HYGIENE_NOISE_K = 240.0, 0.2  # two coarse steps; noise and rounding of sensors in order


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One demand that was not met.

    Parameters
    ----------
    code : "room-limit", "tank-limit", "pool-limit", "loop-limit", "hygiene", "hygiene-invented", "not-recovered"
        or "crashed"
    at_s : since the begin of the sequence [s]
    by : how far beyond, in the unit that the text names
    """

    code: str
    at_s: float
    by: float
    text: str


@dataclass(slots=True)
class Judge:
    """Watches one sequence; `violations` are the worst of each kind."""

    site: DrawnSite
    faults: Sequence[Fault]
    worst: dict[str, Violation] = field(default_factory=dict)
    heated_s: float = -math.inf
    above_s: dict[float, float] = field(default_factory=dict)
    pending: list[Fault] = field(init=False)

    def __post_init__(self) -> None:
        self.pending = [fault for fault in self.faults if fault.code != "clock-jump"]

    @property
    def violations(self) -> tuple[Violation, ...]:
        """All that was found, by time."""
        return tuple(sorted(self.worst.values(), key=lambda one: (one.at_s, one.code)))

    def note(self, violation: Violation) -> None:
        """Keep the worst of each kind, with the time of the first."""
        before = self.worst.get(violation.code)
        if before is None:
            self.worst[violation.code] = violation
        elif violation.by > before.by:
            self.worst[violation.code] = replace(violation, at_s=before.at_s)

    def limits(self, now_s: float, sinks: Sequence[SinkReading], units: Sequence[UnitReading], power_w: float) -> None:
        """Hold true temperatures against the hard limits.

        Parameters
        ----------
        power_w : that everything drew in the step before, the backup included [W]
        """
        if power_w > 0.05 * sum(node.curve.max_w for node in self.site.fleet.nodes):
            self.heated_s = now_s
        sink = self.site.sink
        for reading in sinks:
            hottest_c = max((reading.temp_c, *reading.layers_c))
            over_k = hottest_c - sink.temp_max_c
            name = "room" if isinstance(sink, Zone) else "pool" if isinstance(sink, SwimmingPool) else "tank"
            heated = not isinstance(sink, Zone) or now_s - self.heated_s <= HEATED_S
            if over_k > OVERSHOOT_K[name] and heated:
                text = f"{hottest_c:.1f} °C, the limit is {sink.temp_max_c:.1f} °C"
                self.note(Violation(code=f"{name}-limit", at_s=now_s, by=over_k, text=text))
        limits = {unit.id: unit.loop_temp_max_c for unit in self.site.fleet.units}
        for unit in units:
            if unit.unit_id not in limits:
                continue
            over_k = unit.loop_temp_c - limits[unit.unit_id]
            if over_k > OVERSHOOT_K["loop"]:
                text = f"{unit.unit_id} has {unit.loop_temp_c:.1f} °C, the limit is {limits[unit.unit_id]:.1f} °C"
                self.note(Violation(code="loop-limit", at_s=now_s, by=over_k, text=text))

    def recovered(
        self,
        now_s: float,
        *,
        sensed: Sensed | None,
        orders: SiteOrders | None,
        sinks: Sequence[SinkReading],
    ) -> None:
        """Ask 15 minutes after a fault's end whether control is back; not where another fault has come meanwhile."""
        for fault in [fault for fault in self.pending if now_s >= fault.end_s + RECOVERY_S]:
            self.pending.remove(fault)
            others = [one for one in self.faults if one is not fault]
            if any(one.begin_s <= now_s and one.end_s > fault.end_s - RECOVERY_S for one in others):
                continue
            missing = "no orders" if sensed is None or orders is None else _missing(fault, sensed, orders, sinks)
            if missing:
                self.note(Violation(code="not-recovered", at_s=now_s, by=1.0, text=f"{fault}: {missing}"))

    def hygiene(self, now_s: float, orders: SiteOrders) -> None:
        """Demand that no deadline is missed which a backup in order could have kept.

        A clock that jumps ahead by a day takes the time away: then a miss is told that was none, on the safe side.
        """
        excused = any(
            fault.code == "backup-stuck-off"
            or (fault.code == "clock-jump" and fault.size >= _WINDOW_S and fault.begin_s <= now_s)
            for fault in self.faults
        )
        for note in orders.alarms:
            if note.code == "hygiene-missed" and self.site.backup_w and not excused:
                self.note(Violation(code="hygiene", at_s=now_s, by=1.0, text=note.text))

    def hygiene_true(self, now_s: float, dt_s: float, coldest_c: float, orders: SiteOrders | None) -> None:
        """Demand that no seconds above a hygiene temperature are believed that were none.

        Sequences in which a sensor of the tank lies without being lost are left out: what lies within the plausible
        cannot be told from the truth by anybody.

        Parameters
        ----------
        coldest_c : true temperature of the coldest layer [°C]
        dt_s : length of the step that begins now; before it, the orders were given
        """
        lies = any(fault.point == "temperature" and fault.code != "lost" for fault in self.faults)
        for status in () if orders is None or lies else orders.hygiene:
            for temp_c, believed_s in status.above_s:
                extra_s = believed_s - self.above_s.get(temp_c, 0.0)
                if extra_s > _HYGIENE_SLACK_S:
                    text = f"{believed_s:.0f} s above {temp_c:g} °C are believed, {extra_s:.0f} s of them were none"
                    self.note(Violation(code="hygiene-invented", at_s=now_s, by=extra_s, text=text))
        for temp_c in (60.0, 65.0, 70.0):
            if coldest_c >= temp_c - _HYGIENE_NOISE_K:
                self.above_s[temp_c] = self.above_s.get(temp_c, 0.0) + dt_s


def _missing(
    fault: Fault,
    sensed: Sensed,
    orders: SiteOrders,
    sinks: Sequence[SinkReading],
) -> str:
    if fault.code in SENSOR_FAULTS:
        return _sensor_missing(fault, sensed, sinks)
    for order in orders.units:
        for words in ("pump", "meter", "unknown for too long", "sensor lost"):
            if words in order.reason:
                return f"{order.unit_id}: {order.reason}"
    return ""


def _sensor_missing(fault: Fault, sensed: Sensed, sinks: Sequence[SinkReading]) -> str:
    if fault.point == "outdoor_temperature":
        return "" if sensed.outdoor_temp_c is not None else "outdoor temperature is still missing"
    if fault.point == "temperature":
        told = next((one for one in sensed.readings.sinks if one.sink_id == fault.target), None)
        true = next(one for one in sinks if one.sink_id == fault.target)
        if told is None:
            return "the sink is still missing"
        told_c = (told.layers_c or (told.temp_c,))[fault.index]
        true_c = (true.layers_c or (true.temp_c,))[fault.index]
        return "" if abs(told_c - true_c) < _CLOSE_K else f"it is believed to have {told_c:.1f}, not {true_c:.1f} °C"
    unit = next((one for one in sensed.readings.units if one.unit_id == fault.target), None)
    if unit is None:
        return "the unit is still missing"
    if fault.point == "loop_temperature" and not math.isfinite(unit.loop_temp_c):
        return "the loop temperature is still missing"
    return "" if math.isfinite(unit.heat_j) else "the heat meter is still missing"
