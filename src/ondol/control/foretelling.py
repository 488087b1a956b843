"""Foretells of a task when it starts and ends, what it takes and emits, and learns from what came of those before.

The same code stands behind quotes and reservations of the platform and behind the twin's study of them. A model gives
each figure's scale (`QueueAhead`, `RunTimes`, power of slots); `calibration` turns scales into a median and a value
that nine of ten stay below, with what was known at the time.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ondol.accounting.arrivals import Arrivals
from ondol.accounting.calibration import Figure, Said
from ondol.accounting.run_times import RunTime, RunTimes
from ondol.control.queue_ahead import HORIZON_S, LONGEST_S, Ahead, Asked, QueueAhead, energy_weights
from ondol.model.power import dynamic_share
from ondol.model.view import Floats, ServiceClass, View
from ondol.policy.plan.forecasts import steps

START_S, END_S = 60.0, 60.0  # added to waits before ratios are taken: nobody is told seconds
J_PER_KWH = 3.6e6
FRESH_S = 30.0
SPREADS = {"start": 1.0, "end": 0.5, "end_mid": 0.5, "energy": 0.5, "co2e": 0.5}
"""Of ln(ratio) before anything is known; assumptions (tier T5)."""

CALM_START = 1.0
"""Most p90 over the time that flex may wait, where the fleet is not full: it is started by then, that is its class. It
is never less than what the lines say."""

FIRST_LOW = -1.5
"""Of ln(wait) that nine of ten are said to exceed, before it is known; an assumption (tier T5)."""

FEW = 20  # tasks that are over, below which the lines tell the median start of flex in a calm fleet better than they

CROWDED_START, CROWDED_END = 1.25, 1.0
"""Least p90 over what the fluid says where the fleet is full: it was easy until then, and misses are seen days later.
Found on the twin."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """What a View does not tell: the carbon basis by site, embodied carbon by node.

    Parameters
    ----------
    basis : its name
    slope, offset_g_per_kwh : (sites,) counted intensity = slope · recorded + offset
    embodied_g_per_h : (nodes,) 0 where it is not known
    speed : (nodes,) of each against the reference that run times are of
    metered : whether some heat meter tells what is useful heat
    share_at : share of the range from idle to full power that a slot draws at a share of its full speed
    """

    basis: str
    slope: Floats
    offset_g_per_kwh: Floats
    embodied_g_per_h: Floats
    speed: Floats
    metered: bool = True
    share_at: Callable[[float], float] = dynamic_share


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was foretold; waits count from the moment of telling.

    Parameters
    ----------
    at_s : that moment [s since the epoch]
    start_p50_s … end_p90_s : waits [s]
    co2e_p10_g : one of ten stays below [g]
    heat_kwh : useful heat, None where no meter tells
    said : by figure, to be learned from
    work_s : that it takes of slots [slot-s]
    promised : whether p90 of start and end can be relied on; else nobody knows by when
    not_within_s : nine of ten like it wait for longer than this for their start [s]
    """

    at_s: float
    start_p50_s: float
    start_p90_s: float
    end_p50_s: float
    end_p90_s: float
    energy_p50_kwh: float
    energy_p90_kwh: float
    co2e_p10_g: float
    co2e_p50_g: float
    co2e_p90_g: float
    heat_kwh: float | None
    run: RunTime
    ahead: Ahead
    said: Mapping[str, Said]
    service: ServiceClass
    work_s: float
    promised: bool = True
    not_within_s: float = 0.0


class Foreteller:
    """Tells, and learns. Deterministic: what it says depends on what it was told before, and on nothing else."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        self.runs = RunTimes(None if kept is None else kept["runs"])
        self.figures = {name: Figure(spread, FIRST_LOW if name == "start" else 0.0) for name, spread in SPREADS.items()}
        self.arrivals = Arrivals(() if kept is None else kept["arrivals"])
        self._told_at: dict[str, float] = {}
        self._spent: dict[str, tuple[float, float]] = {}
        self._looked: dict[str, float] = {}  # when, by figure
        self._fresh: dict[tuple[str, tuple[str, ...]], tuple[float, int, tuple[float, float, float]]] = {}
        if kept is not None:
            for name, figure in self.figures.items():
                figure.unpack(kept["figures"][name])
            self._told_at = dict(kept["told_at"])
            self._spent = {key: (one[0], one[1]) for key, one in kept["spent"].items()}

    def tell(self, ahead: QueueAhead, asked: Asked, terms: Terms) -> Told:
        """Foretell a task that is submitted at the View's moment."""
        cap = asked.speed_cap
        limit_s = None if asked.limit_s is None else asked.limit_s * cap  # a limit counts the time that it takes
        run = self.runs.expect(asked.kind, asked.service, asked.declared_s, limit_s)
        stands = ahead.of(asked, run.p50_s / cap, self.arrivals)
        now_s = ahead.view.now_s
        said: dict[str, Said] = {}
        kind = asked.service.name.lower()

        def figure(
            name: str, group: tuple[str, ...], scale: float, least: float = 0.0, most: float = math.inf
        ) -> tuple[float, float, float]:
            low, middle, high = (ratio * scale for ratio in self._quantiles(name, group, now_s))
            middle, high = min(middle, most * scale), min(max(high, least * scale), most * scale)
            said[name] = Said(group, scale, high, low)
            return low, middle, high

        crowded, calm = stands.state == "crowded", stands.state == "calm"
        start10, start50, start90 = figure(
            "start",
            (kind, stands.state),
            stands.scale_s + START_S,
            least=CROWDED_START
            if crowded
            else stands.start_s / stands.scale_s
            if calm and stands.scale_s > 0.0
            else 0.0,
            most=CALM_START if calm else math.inf,
        )
        if calm and self.figures["start"].number(said["start"].group) < FEW:
            start50 = min(start50, stands.start_s + START_S)  # the scale is all that it may wait, no median
        start50, start90 = max(start50 - START_S, 0.0), _up(start90 - START_S)
        waits_s = stands.window_s if math.isfinite(stands.window_s) else 0.0
        promised = start50 <= waits_s + HORIZON_S and start90 <= LONGEST_S
        # What is capped has a group of its own: heat slows it down less, and it does not always compute.
        length: tuple[str, ...] = (kind, run.grounds) if cap >= 1.0 else (kind, run.grounds, "capped")
        slowest_s = (run.p50_s / cap * stands.waves) / max(_mean_speed(ahead, terms, asked, stands), 1e-6)
        _, end50, _ = figure("end_mid", length, start50 + slowest_s + END_S)
        _, _, end90 = figure("end", length, start90 + slowest_s + END_S, least=CROWDED_END if crowded else 0.0)
        end50, end90 = max(end50 - END_S, start50), max(_up(end90 - END_S), start90)
        if not promised:
            said |= {name: dataclasses.replace(said[name], promised=False) for name in ("start", "end")}
        weight = energy_weights(ahead, asked, stands.share_heated)
        per_s_w = _slot_w(ahead.view, terms.share_at(cap)) / terms.speed
        run_s = asked.instances * run.mean_s / cap
        pue = ahead.view.sites.pue[_site(ahead.view)]
        raw_kwh = run_s * float(weight @ (per_s_w * pue)) / J_PER_KWH
        _, energy50, energy90 = figure("energy", length, max(raw_kwh, 1e-9))
        g_per_kwh = intensity(ahead.view, terms, start50, max(end50, start50 + 1.0))
        raw_g = run_s * float(weight @ (per_s_w * pue * g_per_kwh[_site(ahead.view)])) / J_PER_KWH
        raw_g += run_s / 3600.0 * float(weight @ (terms.embodied_g_per_h / np.maximum(ahead.view.nodes.slots, 1)))
        co2e10, co2e50, co2e90 = figure("co2e", length, max(raw_g, 1e-9))
        return Told(
            at_s=now_s,
            start_p50_s=start50,
            start_p90_s=max(start90, start50),
            end_p50_s=end50,
            end_p90_s=max(end90, end50),
            energy_p50_kwh=energy50,
            energy_p90_kwh=max(energy90, energy50),
            co2e_p10_g=min(co2e10, co2e50),
            co2e_p50_g=co2e50,
            co2e_p90_g=max(co2e90, co2e50),
            heat_kwh=_heat_kwh(ahead, weight, per_s_w * run_s) * energy50 / max(raw_kwh, 1e-9)
            if terms.metered
            else None,
            run=run,
            ahead=stands,
            said=said,
            service=asked.service,
            work_s=run_s,
            promised=promised,
            not_within_s=max(start10 - START_S, 0.0),
        )

    def note(self, key: str, told: Told) -> None:
        """A task was submitted of which this was told: what comes of it is learned from, unless very many are open."""
        self.arrivals.come(told.at_s, told.service, told.work_s, told.ahead.window_s)
        if any(figure.full for figure in self.figures.values()):
            return
        self._told_at[key] = told.at_s
        for name, said in told.said.items():
            self.figures[name].say(key, said)

    def started(self, key: str, at_s: float) -> None:
        """Its first instance began to run [s since the epoch]."""
        if key in self._told_at:
            self.figures["start"].over(key, max(at_s - self._told_at[key], 0.0) + START_S)

    def spent(self, key: str, energy_kwh: float, co2e_g: float) -> None:
        """What it has taken so far."""
        if key in self._told_at:
            self._spent[key] = (energy_kwh, co2e_g)

    def so_far(self, key: str) -> tuple[float, float] | None:
        """What it has taken so far [kWh, gCO2e]; None where nothing more is to be learned from it."""
        return self._spent.get(key, (0.0, 0.0)) if key in self._told_at else None

    def ended(self, key: str, at_s: float) -> None:
        """Its last instance is over."""
        if key in self._told_at:
            for name in ("end", "end_mid"):
                self.figures[name].over(key, max(at_s - self._told_at[key], 0.0) + END_S)

    def settled(self, key: str, energy_kwh: float, co2e_g: float) -> None:
        """What it took in all; nothing more comes of it."""
        if key in self._told_at:
            self.figures["energy"].over(key, energy_kwh)
            self.figures["co2e"].over(key, co2e_g)
            self.forget(key)

    def forget(self, key: str) -> None:
        """Nothing is to be learned from it any more: it was cancelled, or has failed."""
        for figure in self.figures.values():
            figure.forget(key)
        self._told_at.pop(key, None)
        self._spent.pop(key, None)

    def forget_but(self, keys: Iterable[str]) -> None:
        """Forget all that is open but these: what came of the others nobody will tell any more."""
        kept = frozenset(keys)
        for key in sorted({*self._told_at, *(key for figure in self.figures.values() for key in figure.open)} - kept):
            self.forget(key)

    def pack(self) -> dict[str, Any]:
        """All that was learned, as plain values."""
        return {
            "runs": self.runs.pack(),
            "arrivals": self.arrivals.pack(),
            "figures": {name: figure.pack() for name, figure in self.figures.items()},
            "told_at": self._told_at,
            "spent": {key: list(one) for key, one in self._spent.items()},
        }

    def _quantiles(self, name: str, group: tuple[str, ...], now_s: float) -> tuple[float, float, float]:
        """Quantiles of a ratio, kept for `FRESH_S` while nothing came: a list of 1,000 tasks works them out once."""
        figure = self.figures[name]
        known = self._fresh.get((name, group))
        if known is None or known[1] != figure.came or not 0.0 <= now_s - known[0] < FRESH_S:
            if self._looked.get(name) != now_s:
                figure.look(lambda key: self._so_far(name, key, now_s))
                self._looked[name] = now_s
            found = figure.quantiles(group, lambda key: self._so_far(name, key, now_s))
            known = self._fresh[name, group] = (now_s, figure.came, found)
        return known[2]

    def _so_far(self, name: str, key: str, now_s: float) -> float:
        if name in ("energy", "co2e"):
            return self._spent.get(key, (0.0, 0.0))[name == "co2e"]
        return max(now_s - self._told_at[key], 0.0) + (START_S if name == "start" else END_S)


def _up(wait_s: float) -> float:
    """Round up to whole seconds, so that no rounding of clocks breaks what was told."""
    return float(math.ceil(max(wait_s, 0.0) + 0.001))


def intensity(view: View, terms: Terms, from_s: float, to_s: float) -> Floats:
    """Mean counted carbon intensity at every site between two waits from now, from_s < to_s [gCO2e/kWh].

    Beyond the forecast's horizon its mean goes on; without a forecast the intensity of now does.
    """
    kept = steps(view)
    grid = view.ahead_grid_g_per_kwh
    if grid.shape != (len(view.sites.ids), len(view.ahead_s)) or not kept.any():
        grid, lasts = view.sites.grid_g_per_kwh, np.full(view.sites.grid_g_per_kwh.shape[1], view.step_s)
    else:
        grid, lasts = grid[:, kept], view.ahead_s[kept]
    edges = np.concatenate([[0.0], np.cumsum(lasts)])
    inside = np.maximum(np.minimum(edges[1:], to_s) - np.maximum(edges[:-1], from_s), 0.0)
    beyond = max(to_s - max(from_s, float(edges[-1])), 0.0)
    mean = grid @ lasts / edges[-1]
    recorded = (grid @ inside + mean * beyond) / (float(inside.sum()) + beyond)
    return np.asarray(terms.slope * recorded + terms.offset_g_per_kwh)


def _site(view: View) -> Any:
    return view.units.site[view.nodes.unit]


def _slot_w(view: View, share: float) -> Floats:
    """What a slot of each node draws at a share of its range from idle to full, its part of idle power included [W]."""
    nodes = view.nodes
    node_w = nodes.max_w if share >= 1.0 else nodes.idle_w + share * (nodes.max_w - nodes.idle_w)
    return np.asarray(node_w / np.maximum(nodes.slots, 1))


def _mean_speed(ahead: QueueAhead, terms: Terms, asked: Asked, stands: Ahead) -> float:
    return float(energy_weights(ahead, asked, stands.share_heated) @ terms.speed)


def _heat_kwh(ahead: QueueAhead, weight: Floats, per_node_j: Floats) -> float:
    """Heat that sinks get of work spread like this, before it is calibrated [kWh]."""
    view = ahead.view
    sink = view.units.sink[view.nodes.unit]
    capture = np.ones(len(sink)) if not len(view.sinks.ids) else view.sinks.capture[np.maximum(sink, 0)]
    return float((weight * per_node_j * capture)[ahead.heated].sum()) / J_PER_KWH


def plain(told: Told) -> dict[str, float | None]:
    """The figures alone, waits in seconds."""
    names = ("start_p50_s", "start_p90_s", "end_p50_s", "end_p90_s", "energy_p50_kwh", "energy_p90_kwh")
    found: dict[str, float | None] = {name: getattr(told, name) for name in (*names, "co2e_p50_g", "co2e_p90_g")}
    return found | {"heat_kwh": told.heat_kwh}


def nothing_told(told: Told) -> bool:
    """Whether some figure is no number: a fleet without nodes for it."""
    return not all(math.isfinite(value) for value in plain(told).values() if value is not None)
