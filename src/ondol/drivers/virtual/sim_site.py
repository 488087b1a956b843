"""One site that exists in equations, with the instruments and actuators of a real one: for a desk and for tests."""

from __future__ import annotations

import datetime as dt
import math
import random
import threading
from collections.abc import Mapping

from ondol.drivers.virtual.plant import VirtualPlant
from ondol.drivers.virtual.sim_faults import Fault, read_fault, told
from ondol.drivers.virtual.surroundings import Surroundings
from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId
from ondol.model.points import PointKey
from ondol.model.site import Unit, UnitKind

POWER_LAG_S = 1.0
"""Time constant of a node's power after a new cap: RAPL and NVML settle within a second (`reference/heat.md` §3.1)."""

STEP_S = 60.0
LEAST_STEP_S = 0.01
"""Callers that ask within this time of each other see the same moment: the thermal models take no shorter steps."""
MOST_SENSORS = 10
METER_BEGAN_J = 3.6e3 * 1_000_123_457.0
"""A meter that is not new: 1,000 MWh and a bit, so that one that counts backwards does not pass zero at once."""


class SimSite:
    """Rooms, water, boilers and nodes of a site, and what their instruments say; safe to call from any thread.

    Compute is stood in for: a unit draws the lesser of its load and its power cap, with a lag of `POWER_LAG_S`.
    A backup heats its sink with its power while it is switched on.

    Parameters
    ----------
    fleet : of which one site is simulated
    surroundings : weather, mains water, draws
    start : platform time at which it begins, aware
    noise_k, noise_share : standard deviation of every thermometer [K], and of powers and flows (share of the value)
    """

    def __init__(
        self,
        fleet: Fleet,
        site_id: SiteId,
        surroundings: Surroundings,
        start: dt.datetime,
        *,
        noise_k: float = 0.0,
        noise_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        check_range("noise_k", noise_k, 0.0, 5.0, "K")
        check_range("noise_share", noise_share, 0.0, 0.5)
        self.fleet, self.site_id = fleet.of_site(site_id), site_id
        self._plant = VirtualPlant(self.fleet, surroundings, start)
        self._lock = threading.RLock()
        self._noise_k, self._noise_share, self._random = noise_k, noise_share, random.Random(seed)
        nodes = {unit.id: self.fleet.nodes_of(unit.id) for unit in self.fleet.units}
        self.power_max_w = {unit_id: sum(node.curve.max_w for node in own) for unit_id, own in nodes.items()}
        self.idle_w = {unit_id: sum(node.curve.idle_w for node in own) for unit_id, own in nodes.items()}
        self._share = {
            node.id: (unit_id, node.curve.max_w / self.power_max_w[unit_id])
            for unit_id, own in nodes.items()
            for node in own
        }
        self._load_w, self._cap_w = dict(self.power_max_w), dict(self.power_max_w)
        self._power_w = dict(self.idle_w)
        self._electric_j = dict.fromkeys(self.power_max_w, METER_BEGAN_J)
        self.backup_power_w = {sink.id: _backup_w(sink) for sink in self.fleet.sinks if _backup_w(sink) > 0}
        self._backup_on = dict.fromkeys(self.backup_power_w, False)
        self._faults: tuple[Fault, ...] = ()
        self._shown: dict[PointKey, float] = {}
        self._shown = self._first = self._measured()

    @property
    def now(self) -> dt.datetime:
        """Platform time up to which it has moved."""
        return self._plant.now

    @property
    def plant(self) -> VirtualPlant:
        """The truth, for tests."""
        return self._plant

    def advance(self, now: dt.datetime) -> None:
        """Let time pass until `now`; a time before the last is ignored, for two callers may cross.

        What is left of it below `LEAST_STEP_S` passes with the next call.
        """
        with self._lock:
            while (now - self._plant.now).total_seconds() >= LEAST_STEP_S:
                until = min(now, self._plant.now + dt.timedelta(seconds=STEP_S))
                self._step(until)
            self._shown = told(self._measured(), self._faults, before=self._shown, first=self._first)

    def points(self) -> dict[PointKey, float]:
        """What every instrument shows, in the unit of its kind where nothing is wired wrong."""
        with self._lock:
            return dict(self._shown)

    def held(self) -> dict[PointKey, float]:
        """What can be written, and what it stands at; actuators take and hold also what they do not do."""
        with self._lock:
            caps = {PointKey(unit_id, "power_cap"): cap_w for unit_id, cap_w in self._cap_w.items()}
            return caps | {PointKey(sink_id, "backup"): float(on) for sink_id, on in self._backup_on.items()}

    def write(self, key: PointKey, value: float) -> None:
        """Set a power cap [W] or a backup (0 or 1).

        Raises
        ------
        NotFoundError : nothing of that kind can be written
        InvalidFieldError : a value outside of what the point can take
        """
        with self._lock:
            if key not in self.held():
                raise NotFoundError("point that can be written", str(key))
            check_range(str(key), value, key.kind.low, key.kind.high, key.kind.unit)
            if key.point == "power_cap":
                self._cap_w[UnitId(key.entity_id)] = value
            else:
                self._backup_on[SinkId(key.entity_id)] = value >= 0.5

    def load(self, unit_id: UnitId) -> float:
        """Power that the unit's work would draw [W]."""
        return self._load_w[unit_id]

    def set_load(self, unit_id: UnitId, load_w: float) -> None:
        """Say what the unit's work would draw if nothing capped it; at least its idle power is drawn [W].

        Raises
        ------
        NotFoundError : the site has no such unit
        InvalidFieldError : not a number from 0
        """
        if unit_id not in self._load_w:
            raise NotFoundError("unit", unit_id)
        if not (math.isfinite(load_w) and load_w >= 0):
            raise InvalidFieldError(f"load[{unit_id}]", load_w, "a number of watts from 0")
        with self._lock:
            self._load_w[unit_id] = min(load_w, self.power_max_w[unit_id])

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wired wrong now."""
        return self._faults

    def set_faults(self, texts: tuple[str, ...]) -> None:
        """Wire wrong what the texts say (see `read_fault`), and right all else; errors as `read_fault`."""
        keys = [*self._first, *self.held()]
        faults = tuple(read_fault(text, keys) for text in texts)
        with self._lock:
            self._faults = faults
            self._shown = told(self._measured(), faults, before=self._shown, first=self._first)

    def _step(self, until: dt.datetime) -> None:
        span_s = (until - self._plant.now).total_seconds()
        dead = {fault.entity_id for fault in self._faults if fault.kind == "dead-actuator"}
        spent: dict[UnitId, float] = {}
        for unit_id, began_w in self._power_w.items():
            cap_w = math.inf if unit_id in dead else self._cap_w[unit_id]
            aim_w = max(min(self._load_w[unit_id], cap_w), min(self.idle_w[unit_id], cap_w))
            faded = math.exp(-span_s / POWER_LAG_S)
            spent[unit_id] = aim_w * span_s + (began_w - aim_w) * POWER_LAG_S * (1.0 - faded)
            left_w = (
                began_w - aim_w
            ) * faded  # no instrument shows 1e-35 W, and drivers take that for a wrong word order
            self._power_w[unit_id] = aim_w + (left_w if abs(left_w) >= 1e-6 else 0.0)
            self._electric_j[unit_id] += spent[unit_id]
        energy_j: dict[NodeId, float] = {n: spent[unit_id] * share for n, (unit_id, share) in self._share.items()}
        on = {s: w for s, w in self.backup_power_w.items() if self._backup_on[s] and s not in dead}
        self._plant.heat_sinks(on)
        self._plant.advance(until, energy_j)

    def _measured(self) -> dict[PointKey, float]:
        """True values with the instruments' noise."""
        values: dict[PointKey, float] = {}
        outdoor_c = self._plant.outdoor_temp_c()
        if outdoor_c is not None:
            values[PointKey(self.site_id, "outdoor_temperature")] = outdoor_c + self._noise()
        for sink in self._plant.sinks():
            layers = sink.layers_c or (sink.temp_c,)
            for index, row in enumerate(sensor_rows(len(layers))):
                values[PointKey(sink.sink_id, "temperature", index)] = layers[row] + self._noise()
        water = {one.unit_id: one for one in self._plant.hydraulics()}
        for reading in self._plant.units():
            unit = self.fleet.unit(reading.unit_id)
            values |= self._unit_values(unit, reading.heat_j, reading.loop_temp_c)
            if (loop := water.get(unit.id)) is not None:
                values[PointKey(unit.id, "heat_power")] = loop.heat_w * self._spread()
                values[PointKey(unit.id, "flow")] = loop.flow_kg_s * self._spread()
                values[PointKey(unit.id, "supply_temperature")] = loop.supply_c + self._noise()
                values[PointKey(unit.id, "return_temperature")] = loop.return_c + self._noise()
                values[PointKey(unit.id, "flow_switch")] = float(loop.flow_kg_s > 0)
        return values

    def _unit_values(self, unit: Unit, heat_j: float, loop_c: float) -> dict[PointKey, float]:
        values = {
            PointKey(unit.id, "electric_power"): max(self._power_w[unit.id] * self._spread(), 0.0),
            PointKey(unit.id, "electric_meter"): self._electric_j[unit.id],
        }
        if unit.kind is not UnitKind.SERVER_RACK:
            values[PointKey(unit.id, "heat_meter")] = METER_BEGAN_J + heat_j
            values[PointKey(unit.id, "loop_temperature")] = loop_c + self._noise()
        return values

    def _noise(self) -> float:
        return self._random.gauss(0.0, self._noise_k) if self._noise_k > 0 else 0.0

    def _spread(self) -> float:
        return 1.0 + (self._random.gauss(0.0, self._noise_share) if self._noise_share > 0 else 0.0)


def sensor_rows(layers: int) -> tuple[int, ...]:
    """Rows of the model's layers that have a thermometer, top to bottom: all, or ten spread evenly."""
    if layers <= MOST_SENSORS:
        return tuple(range(layers))
    return tuple(round(k * (layers - 1) / (MOST_SENSORS - 1)) for k in range(MOST_SENSORS))


def _backup_w(sink: object) -> float:
    return float(getattr(sink, "backup_power_w", 0.0))


def loads_of(site: SimSite, load: str) -> Mapping[UnitId, float]:
    """Read what stands in for compute: "full", "idle", or watts for every unit.

    Raises
    ------
    InvalidFieldError : something else
    """
    if load in ("full", "idle"):
        return site.power_max_w if load == "full" else site.idle_w
    try:
        watts = float(load)
    except ValueError:
        watts = math.nan
    if not (math.isfinite(watts) and watts >= 0):
        raise InvalidFieldError("load", load, "full, idle, or a number of watts from 0")
    return dict.fromkeys(site.power_max_w, watts)
