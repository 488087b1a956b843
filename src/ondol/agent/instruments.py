"""All instruments of a site behind its connections: what they say, how far it can be trusted, and what is wrong."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec

from ondol.agent.counters import CounterMemory, CounterRules, count_on, counter_alarms
from ondol.agent.expected import Evidence, ExpectedMemory, level_of, shells_disagree, step_expected
from ondol.agent.layout import SiteLayout, UnitLayout, lay_out
from ondol.agent.orders import AlarmNote, SiteReadings
from ondol.agent.plausible import Judged, PointMemory, PointRules, judge, rules_of
from ondol.agent.sensed import Trusted, capacity_shares, flow_lost, heat_rate_w, sink_reading, unit_reading
from ondol.drivers.ports import Driver, ReadsPoints, SinkReading, UnitReading
from ondol.model.alarm import Severity
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.ids import UnitId
from ondol.model.points import PointKey, PointReading, Quality

_log = logging.getLogger(__name__)
_BURST_K = 60.0  # by so much a loop may cool at once when its pump starts
_LONGEST_STEP_S = 900.0
_WORKS = 0.1  # share of a unit's power from which it works
_LEAST_STALE_S, _STALE_POLLS = 60.0, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """What the instruments of a site say at one time.

    Parameters
    ----------
    readings : of sinks and units, trusted values only: a lost sink is left out, a lost value of a unit is nan
    points : every point that ever spoke, by key, with the quality that was found
    alarms : all that is wrong with instruments now
    outdoor_temp_c : None where no sensor can be trusted [°C]
    """

    readings: SiteReadings
    points: tuple[PointReading, ...]
    alarms: tuple[AlarmNote, ...]
    outdoor_temp_c: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentsMemory:
    """All that is kept of a site's instruments; all of it is JSON.

    Parameters
    ----------
    read_s : time of the last reading, 0 for never [s since the epoch]
    points, counters : by point
    estimated_j : heat integrated where there is no meter, by unit or circuit [J]
    """

    read_s: float = 0.0
    points: Mapping[str, PointMemory] = field(default_factory=dict)
    counters: Mapping[str, CounterMemory] = field(default_factory=dict)
    estimated_j: Mapping[str, float] = field(default_factory=dict)
    expected: ExpectedMemory = field(default_factory=ExpectedMemory)


class SiteInstruments:
    """Reads a site's drivers and makes of points what its agent steers by.

    Parameters
    ----------
    fleet : the part of one site, `Fleet.of_site`
    drivers : its connections; those that read points are asked
    now : platform time, from which on a point that never spoke is missed
    """

    def __init__(self, fleet: Fleet, drivers: Sequence[Driver], now: Callable[[], dt.datetime]) -> None:
        self._fleet, self._started = fleet, now()
        self._layout: SiteLayout = lay_out(fleet, fleet.sites[0].id)
        self._drivers = tuple(cast("ReadsPoints", driver) for driver in drivers if hasattr(driver, "readings"))
        interval_s = {connection.id: connection.interval_s for connection in fleet.connections}
        sinks = {sink.id: sink for sink in fleet.sinks}
        self._rules: dict[PointKey, PointRules] = {}
        self._counts: dict[PointKey, CounterRules] = {}
        for binding in fleet.bindings:
            if not binding.connection_id or (binding.key.kind.writable and not binding.address):
                continue
            polls_s = _STALE_POLLS * interval_s[binding.connection_id]
            stale_s = binding.stale_after_s or max(polls_s, _LEAST_STALE_S)
            thing = next((sink for sink_id, sink in sinks.items() if sink_id == binding.entity_id), None)
            self._rules[binding.key] = rules_of(binding.key, thing, stale_after_s=stale_s)
            if binding.point == "heat_meter":
                self._counts[binding.key] = self._counter_rules(binding.entity_id, abs(binding.scale))
        self._shares = capacity_shares(self._layout)
        self._sink_ids = tuple(sink.id for sink in fleet.sinks)
        self._bound = tuple(sorted(self._rules))
        self._hold(InstrumentsMemory())

    def _hold(self, memory: InstrumentsMemory) -> None:
        self._read_s, self._expected = memory.read_s, memory.expected
        self._points = {key: memory.points[str(key)] for key in self._bound if str(key) in memory.points}
        self._counters = {key: memory.counters[str(key)] for key in self._counts if str(key) in memory.counters}
        self._estimated_j = dict(memory.estimated_j)

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as JSON-able values."""
        memory = InstrumentsMemory(
            read_s=self._read_s,
            points={str(key): kept for key, kept in self._points.items()},
            counters={str(key): kept for key, kept in self._counters.items()},
            estimated_j=self._estimated_j,
            expected=self._expected,
        )
        return dict(msgspec.to_builtins(memory))

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot; points that are not bound any more are forgotten.

        Raises
        ------
        InvalidFieldError : it is not one
        """
        try:
            self._hold(msgspec.convert(snapshot, InstrumentsMemory))
        except msgspec.ValidationError as error:
            raise InvalidFieldError("snapshot", str(error), "what snapshot() gave; start afresh without it") from error

    def read(self, now: dt.datetime, power_w: Mapping[UnitId, float] | None = None) -> Sensed:
        """Ask all drivers, judge every value and put the trusted ones together.

        Parameters
        ----------
        power_w : electric power by unit as its nodes tell it, in place of instruments; makes frozen sensors show [W]
        """
        now_s = now.timestamp()
        dt_s = min(max(now_s - self._read_s, 0.0), _LONGEST_STEP_S) if self._read_s else 0.0
        said = {reading.key: reading for driver in self._drivers for reading in _readings_of(driver)}
        raw = {key: said[key] for key in self._bound if key in said}
        judged = {key: self._judge(reading, now_s) for key, reading in raw.items()}
        trusted = Trusted(
            values={key: raw[key].value for key, verdict in judged.items() if verdict.quality is Quality.GOOD},
            last={key: kept.value for key, kept in self._points.items()},
            bound=self._bound,
        )
        outdoor_c = trusted.of(self._fleet.sites[0].id, "outdoor_temperature")
        measured_w = self._powers(trusted)
        powers = {**(power_w or {}), **measured_w}
        firsts = {sink_id: PointKey(sink_id, "temperature") for sink_id in self._sink_ids}
        evidence = Evidence(
            power_w=powers,
            loops_c=self._loops(trusted),
            sinks_c={sink_id: raw[key].value for sink_id, key in firsts.items() if key in raw},
            outdoor_c=outdoor_c if math.isfinite(outdoor_c) else None,
            frozen=frozenset(sink_id for sink_id, key in firsts.items() if _is_frozen(judged.get(key))),
        )
        self._read_s, self._expected = now_s, step_expected(self._layout, self._expected, evidence, dt_s)
        trusted, judged = self._cross_checked(trusted, judged)
        self._integrate(trusted, dt_s)
        sinks = tuple(
            reading for sink in self._fleet.sinks if (reading := sink_reading(sink, trusted, now)) is not None
        )
        units = self._units(trusted, measured_w, now)
        lost = self._flow_lost(trusted, sinks, units, powers)
        points = [_of_quality(reading, judged[key].quality) for key, reading in raw.items()]
        return Sensed(
            readings=SiteReadings(sinks=sinks, units=units, flow_lost=lost),
            points=tuple(sorted((*points, *self._estimates(now)), key=lambda point: point.key)),
            alarms=self._alarms(judged, trusted, now_s),
            outdoor_temp_c=outdoor_c if math.isfinite(outdoor_c) else None,
        )

    def _judge(self, reading: PointReading, now_s: float) -> Judged:
        key = reading.key
        level = level_of(self._layout, self._expected, key.entity_id, key.point)
        verdict, memory = judge(self._points.get(key), reading, self._rules[key], now_s=now_s, level=level)
        if memory is not None:
            self._points[key] = memory
        if key in self._counts and verdict.quality is Quality.GOOD:
            _, self._counters[key] = count_on(self._counters.get(key), reading, self._counts[key])
        return verdict

    def _cross_checked(
        self, trusted: Trusted, judged: dict[PointKey, Judged]
    ) -> tuple[Trusted, dict[PointKey, Judged]]:
        """Doubt a room's sensor that its heaters' shells have contradicted for long."""
        doubted = [sink_id for sink_id in self._sink_ids if shells_disagree(self._layout, self._expected, sink_id)]
        if not doubted:
            return trusted, judged
        lies = {
            key: Judged(
                quality=Quality.SUSPECT,
                code="sensor-disagrees",
                text=f"{key} says {value:.1f} °C, but power and shell of its heaters tell another temperature.",
            )
            for key, value in trusted.values.items()
            if key.point == "temperature" and key.entity_id in doubted
        }
        values = {key: value for key, value in trusted.values.items() if key not in lies}
        return replace(trusted, values=values), {**judged, **lies}

    def _loops(self, trusted: Trusted) -> dict[UnitId, float]:
        loops = {unit.unit.id: trusted.of(unit.unit.id, "loop_temperature") for unit in self._layout.units}
        return {unit_id: loop_c for unit_id, loop_c in loops.items() if math.isfinite(loop_c)}

    def _powers(self, trusted: Trusted) -> dict[UnitId, float]:
        """Electric power by instruments, of the unit or of all its nodes [W]."""
        powers = {}
        for unit in self._layout.units:
            nodes_w = sum(trusted.of(node.id, "electric_power") for node in unit.nodes)
            own_w = trusted.of(unit.unit.id, "electric_power")
            if math.isfinite(own_w) or math.isfinite(nodes_w):
                powers[unit.unit.id] = own_w if math.isfinite(own_w) else nodes_w
        return powers

    def _metered(self, unit: UnitLayout) -> float:
        """Counted heat of a unit: its own meter, else its part of its circuit's; else integrated; nan without [J]."""
        for entity_id, share in ((unit.unit.id, 1.0), (unit.unit.circuit_id, self._shares[unit.unit.id])):
            if entity_id is None:
                continue
            counters = [kept.total_j for key, kept in sorted(self._counters.items()) if key.entity_id == entity_id]
            if counters:
                return share * sum(counters)
            if entity_id in self._estimated_j:
                return share * self._estimated_j[entity_id]
        return math.nan

    def _integrate(self, trusted: Trusted, dt_s: float) -> None:
        """Add up heat of what has temperatures and flow, but no meter."""
        metered = {key.entity_id for key in self._counts}
        for entity_id in (*(unit.unit.id for unit in self._layout.units), *(one.id for one in self._fleet.circuits)):
            heat_w = heat_rate_w(entity_id, trusted)
            if entity_id not in metered and math.isfinite(heat_w):
                self._estimated_j[entity_id] = self._estimated_j.get(entity_id, 0.0) + max(heat_w, 0.0) * dt_s

    def _estimates(self, now: dt.datetime) -> list[PointReading]:
        return [
            PointReading(
                key=PointKey(entity_id, "heat_meter"), value=heat_j, measured_at=now, quality=Quality.ESTIMATED
            )
            for entity_id, heat_j in sorted(self._estimated_j.items())
        ]

    def _units(self, trusted: Trusted, powers: Mapping[UnitId, float], now: dt.datetime) -> tuple[UnitReading, ...]:
        found = (
            unit_reading(
                unit,
                trusted,
                self._metered(unit),
                self._shares[unit.unit.id],
                now,
                powers.get(unit.unit.id, math.nan),
            )
            for unit in self._layout.units
        )
        return tuple(reading for reading in found if reading is not None)

    def _flow_lost(
        self,
        trusted: Trusted,
        sinks: Sequence[SinkReading],
        units: Sequence[UnitReading],
        powers: Mapping[UnitId, float],
    ) -> frozenset[UnitId]:
        loads = {reading.sink_id: (reading.layers_c or (reading.temp_c,))[-1] for reading in sinks}
        loops = {reading.unit_id: reading.loop_temp_c for reading in units}
        lost = []
        for unit in self._layout.units:
            if unit.unit.circuit_id is None:
                continue
            circuit = self._fleet.circuit(unit.unit.circuit_id)
            unit_id = unit.unit.id
            works = powers.get(unit_id, math.inf) > _WORKS * unit.power_max_w
            loop_c, load_c = loops.get(unit_id, math.nan), loads.get(circuit.sink_id, math.nan)
            if flow_lost(unit, circuit, trusted, loop_c=loop_c, load_c=load_c, works=works):
                lost.append(unit_id)
        return frozenset(lost)

    def _alarms(self, judged: Mapping[PointKey, Judged], trusted: Trusted, now_s: float) -> tuple[AlarmNote, ...]:
        texts: dict[tuple[str, str], list[str]] = {}
        for key in self._bound:
            verdict = judged.get(key)
            if verdict is None and now_s - self._started.timestamp() > self._rules[key].stale_after_s:
                verdict = Judged(quality=Quality.STALE, code="sensor-lost", text=f"{key} has never spoken.")
            if verdict is not None and verdict.code:
                texts.setdefault((key.entity_id, verdict.code), []).append(verdict.text)
        notes = [
            AlarmNote(entity_id=entity_id, code=code, severity=Severity.FAULT, text=" ".join(said)[:1000])
            for (entity_id, code), said in texts.items()
        ]
        for key, counter in sorted(self._counters.items()):
            notes += counter_alarms(counter, key.entity_id, now_s)
        for key, value in trusted.values.items():
            if key.point == "fault" and value >= 0.5:
                text = f"{key.entity_id} reports a fault of its own: look at its display."
                notes.append(
                    AlarmNote(entity_id=key.entity_id, code="device-fault", severity=Severity.FAULT, text=text)
                )
        return tuple(sorted(notes, key=lambda note: (note.entity_id, note.code)))

    def _counter_rules(self, entity_id: str, count_j: float) -> CounterRules:
        own = [u for u in self._layout.units if entity_id in (u.unit.id, u.unit.circuit_id)]
        burst_j = sum(unit.unit.heat_capacity_j_per_k for unit in own) * _BURST_K
        heat_max_w = sum(unit.power_max_w for unit in own)
        if not own:  # a meter of a whole site or sink: all its units
            heat_max_w = sum(unit.power_max_w for unit in self._layout.units)
            burst_j = sum(unit.unit.heat_capacity_j_per_k for unit in self._layout.units) * _BURST_K
        return CounterRules(heat_max_w=heat_max_w, burst_j=burst_j, count_j=count_j if count_j > 1.0 else 0.0)


def _readings_of(driver: ReadsPoints) -> tuple[PointReading, ...]:
    try:
        return tuple(driver.readings())
    except Exception:  # noqa: BLE001 - the site's other instruments must not go blind over one connection
        _log.exception("a connection cannot be read")
        return ()


def _of_quality(reading: PointReading, quality: Quality) -> PointReading:
    return reading if reading.quality is quality else replace(reading, quality=quality)


def _is_frozen(verdict: Judged | None) -> bool:
    return verdict is not None and verdict.code == "sensor-frozen"
