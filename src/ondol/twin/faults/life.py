"""One sequence: a drawn site lives through its faults under the very agent of production."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from ondol.agent.instruments import Sensed, SiteInstruments
from ondol.agent.orders import NodeStatus, SiteOrders
from ondol.agent.site_agent import SiteAgent
from ondol.control.surroundings import PackagedSurroundings
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.ids import NodeId, SinkId, UnitId
from ondol.twin.faults.fault import Fault, draw_faults
from ondol.twin.faults.hardware import Hardware
from ondol.twin.faults.instruments import SpoiltPoints
from ondol.twin.faults.site_of import SINK, SITE, DrawnSite, draw_site
from ondol.twin.faults.verdicts import Judge, Violation
from ondol.twin.faults.work import draw_work

COARSE_S, FINE_S = 120.0, 15.0
FLOORS_KEPT_S = 7_200.0  # how long a site goes on with the last plan when its link is lost
_NEAR_LOOP_K, _NEAR_SINK_K = 1.0, 1.0
_FINE_AFTER_S = 900.0  # steps stay fine for so long after a pump or a cap failed

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a sequence; `steps` is how often the agent was asked."""

    number: int
    kind: str
    faults: tuple[Fault, ...]
    violations: tuple[Violation, ...]
    steps: int
    alarms: tuple[str, ...]


def live(seed: int, number: int, *, hours: float = 12.0, tell: Tell | None = None) -> Outcome:
    """Live through sequence `number` of a seed; the same numbers give the same outcome.

    Parameters
    ----------
    hours : length of the sequence [h]
    tell : is given a line a step
    """
    draw = random.Random(f"{seed}/{number}")
    site = draw_site(draw)
    faults = draw_faults(draw, site, hours * 3600.0)
    return _Life(draw, site, faults, hours * 3600.0, number, tell).run()


def live_with(site: DrawnSite, faults: tuple[Fault, ...], *, seed: int, hours: float = 12.0) -> Outcome:
    """Live through chosen faults at a chosen site; weather and work are drawn."""
    draw = random.Random(f"{seed}/chosen")
    return _Life(draw, site, faults, hours * 3600.0, 0, None).run()


class Around:
    """Packaged weather, mains and draws; the weather of a step is asked once."""

    def __init__(self, site: DrawnSite) -> None:
        self._inner = PackagedSurroundings(site.fleet)
        self._at: dt.datetime | None = None
        self._state = OutdoorState(temp_c=0.0)

    def outdoor(self, at: dt.datetime) -> OutdoorState:
        if at != self._at:
            self._at, self._state = at, self._inner.outdoor(at)
        return self._state

    def outdoor_temp_c(self, at: dt.datetime) -> float:
        return self._inner.outdoor_temp_c(at)

    def mains_temp_c(self, at: dt.datetime) -> float:
        return self._inner.mains_temp_c(at)

    def draw_l(self, sink_id: SinkId, start: dt.datetime, end: dt.datetime) -> float:
        return self._inner.draw_l(sink_id, start, end)


class _Life:
    def __init__(
        self,
        draw: random.Random,
        site: DrawnSite,
        faults: tuple[Fault, ...],
        span_s: float,
        number: int,
        tell: Tell | None,
    ) -> None:
        self.site, self.faults, self.span_s, self.number, self.tell = site, faults, span_s, number, tell
        day = dt.timedelta(days=draw.randrange(365), hours=draw.randrange(24))
        self.start = dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + day
        self.around = Around(site)
        self.plant = VirtualPlant(site.fleet, self.around, self.start)
        self.hardware = Hardware(site, draw_work(draw, site, span_s), faults)
        self.offset_s = 0.0
        self.now_s = 0.0
        self.points = SpoiltPoints(
            site.fleet, self.plant, draw, self.clock, lambda: self.around.outdoor_temp_c(self.plant.now)
        )
        self.judge = Judge(site, faults)
        self.agent: SiteAgent | None = None
        self.instruments: SiteInstruments | None = None
        self.kept: str | None = None
        self.latest_s = 0.0
        self.statuses: dict[NodeId, NodeStatus] = {}
        self.floors: dict[UnitId, float] = {}
        self.linked_s = 0.0
        self.sensed: Sensed | None = None
        self.orders: SiteOrders | None = None
        self.jumped: set[int] = set()
        self.alarms: set[str] = set()
        self._unit_ids = {unit.id for unit in site.fleet.units}

    def clock(self) -> dt.datetime:
        """The site's clock, which faults may set wrong."""
        return self.start + dt.timedelta(seconds=self.now_s + self.offset_s)

    def run(self) -> Outcome:
        steps, power_w = 0, 0.0
        while self.now_s < self.span_s:
            codes = self._faults_now()
            sinks, units = self.plant.sinks(), self.plant.units()
            self.judge.limits(self.now_s, sinks, units, power_w)
            self.points.poll(self.now_s, self.faults, self._blocked())
            if "agent-killed" in codes:
                self.agent = self.instruments = self.sensed = self.orders = None
            else:
                try:
                    self._ask(codes)
                except Exception as error:  # noqa: BLE001 - whatever escapes the agent is a finding, not the campaign's end
                    text = f"{type(error).__name__}: {error}"
                    self.judge.note(Violation(code="crashed", at_s=self.now_s, by=1.0, text=text))
                    self.agent = self.instruments = self.sensed = self.orders = None
                steps += 1
            self.judge.recovered(self.now_s, sensed=self.sensed, orders=self.orders, sinks=sinks)
            hottest_c = max((sinks[0].temp_c, *sinks[0].layers_c))
            loops_c = {unit.unit_id: unit.loop_temp_c for unit in units}
            dt_s = self._step_s(hottest_c, max(loops_c.values()))
            self.judge.hygiene_true(self.now_s, dt_s, min((sinks[0].temp_c, *sinks[0].layers_c)), self.orders)
            powers = self.hardware.live(self.now_s, dt_s, hottest_c=hottest_c, loops_c=loops_c)
            power_w = sum(powers.values()) + self.hardware.backup_w
            if self.tell is not None:
                self.tell(self._line(codes, power_w, hottest_c))
            self.now_s += dt_s
            self.plant.block_pumps(self._blocked())
            self.plant.heat_sinks({SINK: self.hardware.backup_w})
            self.plant.advance(
                self.start + dt.timedelta(seconds=self.now_s), {node: watts * dt_s for node, watts in powers.items()}
            )
        return Outcome(
            number=self.number,
            kind=self.site.kind,
            faults=self.faults,
            violations=self.judge.violations,
            steps=steps,
            alarms=tuple(sorted(self.alarms)),
        )

    def _faults_now(self) -> set[str]:
        """Codes of what fails now; a jump of the clock takes place once."""
        for k, fault in enumerate(self.faults):
            if fault.code == "clock-jump" and self.now_s >= fault.begin_s and k not in self.jumped:
                self.jumped.add(k)
                self.offset_s += fault.size
        return {fault.code for fault in self.faults if fault.at(self.now_s)}

    def _blocked(self) -> frozenset[UnitId]:
        lost = [fault.target for fault in self.faults if fault.code == "flow-lost" and fault.at(self.now_s)]
        return frozenset(UnitId(target) for target in lost)

    def _ask(self, codes: set[str]) -> None:
        """Let the agent go one step, as its process does: with a clock that never goes back."""
        now = self.clock()
        if now.timestamp() < self.latest_s:  # the process goes by its monotonic clock where the wall clock goes back
            self.offset_s += self.latest_s - now.timestamp() + 1.0
            now = self.clock()
        self.latest_s = now.timestamp()
        if self.agent is None or self.instruments is None:
            self._begin()
        assert self.agent is not None  # noqa: S101
        assert self.instruments is not None  # noqa: S101
        link = not codes & {"link-lost", "server-killed"}
        if link:
            self.linked_s, self.floors = self.now_s, self.hardware.work.floors(self.now_s)
        elif self.now_s - self.linked_s > FLOORS_KEPT_S:
            self.floors = {}
        statuses = self.hardware.statuses(link, self.statuses, self.now_s)
        self.statuses = {status.node_id: status for status in statuses}
        power_w = {
            unit_id: sum(self.statuses[node.id].power_w for node in self.site.fleet.nodes_of(unit_id))
            for unit_id in sorted(self._unit_ids)
        }
        self.sensed = self.instruments.read(now, power_w)
        self.orders = self.agent.step(
            now,
            readings=self.sensed.readings,
            nodes=statuses,
            floors=self.floors,
            outdoor_temp_c=self.sensed.outdoor_temp_c,
        )
        self.alarms |= {note.code for note in (*self.sensed.alarms, *self.orders.alarms)}
        self.hardware.obey(self.orders, self.now_s)
        self.judge.hygiene(self.now_s, self.orders)
        dies = any(f.code == "agent-killed" and 0.0 <= f.begin_s - self.now_s <= 2.0 * COARSE_S for f in self.faults)
        if dies:
            self.kept = json.dumps({"agent": self.agent.snapshot(), "instruments": self.instruments.snapshot()})

    def _begin(self) -> None:
        self.agent = SiteAgent(self.site.fleet, SITE)
        self.instruments = SiteInstruments(self.site.fleet, (self.points,), self.clock)
        if self.kept is not None:
            kept = json.loads(self.kept)
            self.agent.restore(kept["agent"])
            self.instruments.restore(kept["instruments"])

    def _step_s(self, hottest_c: float, loop_c: float) -> float:
        """Fine where something could pass a limit within a coarse step, or has just failed."""
        loop_max_c = min(unit.loop_temp_max_c for unit in self.site.fleet.units)
        near = loop_c > loop_max_c - _NEAR_LOOP_K or hottest_c > self.site.sink.temp_max_c - _NEAR_SINK_K
        failed = any(
            fault.code in ("flow-lost", "cap-ignored") and 0.0 <= self.now_s - fault.begin_s < _FINE_AFTER_S
            for fault in self.faults
        )
        step_s = FINE_S if near or failed else COARSE_S
        edges = [edge for fault in self.faults for edge in (fault.begin_s, fault.end_s) if edge > self.now_s + 1e-6]
        return min(step_s, min(edges, default=step_s + self.now_s) - self.now_s)

    def _line(self, codes: set[str], power_w: float, hottest_c: float) -> str:
        told = "–" if self.sensed is None or not self.sensed.readings.sinks else self.sensed.readings.sinks[0].temp_c
        told = told if isinstance(told, str) else f"{told:.1f}"
        reason = "" if self.orders is None else self.orders.units[0].reason
        loops = " ".join(f"{u.loop_temp_c:.1f}" for u in self.plant.units())
        return (
            f"{self.now_s / 3600.0:6.2f} h  true {hottest_c:5.1f} °C  told {told:>5}  loops {loops}  {power_w:6.0f} W"
            f"  {','.join(sorted(codes)) or '–'}  {reason}"
        )
