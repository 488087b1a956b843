"""Foretells of a task when it starts and ends, what it takes and emits, and learns from what came of those before.

The same code stands behind quotes and reservations of the platform and behind the twin's study of them. A model gives
each figure's scale (`QueueAhead`, `RunTimes`, power of slots); `calibration` turns scales into a median and a value
that nine of ten stay below, with what was known at the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ondol.accounting.calibration import STEP, Figure, Said
from ondol.accounting.run_times import RunTime, RunTimes
from ondol.control.queue_ahead import Ahead, Asked, QueueAhead, energy_weights
from ondol.model.view import Floats, ServiceClass, View
from ondol.policy.plan.forecasts import steps

START_S, END_S = 60.0, 60.0  # added to waits before ratios are taken: nobody is told seconds
J_PER_KWH = 3.6e6
FRESH_S = 30.0
SPREADS = {"start": 1.0, "end": 0.5, "end_mid": 0.5, "energy": 0.5, "co2e": 0.5}
"""Of ln(ratio) before anything is known; assumptions (tier T5)."""

STEPS = {"start": 0.04}
"""Starts are known soon and come in steps, so that their level has farther to go than others'."""


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
    """

    basis: str
    slope: Floats
    offset_g_per_kwh: Floats
    embodied_g_per_h: Floats
    speed: Floats
    metered: bool = True


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


class Foreteller:
    """Tells, and learns. Deterministic: what it says depends on what it was told before, and on nothing else."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        self.runs = RunTimes(None if kept is None else kept["runs"])
        self.figures = {name: Figure(spread, STEPS.get(name, STEP)) for name, spread in SPREADS.items()}
        self._told_at: dict[str, float] = {}
        self._spent: dict[str, tuple[float, float]] = {}
        self._fresh: dict[tuple[str, tuple[str, ...]], tuple[float, int, tuple[float, float, float]]] = {}
        if kept is not None:
            for name, figure in self.figures.items():
                figure.unpack(kept["figures"][name])
            self._told_at = dict(kept["told_at"])
            self._spent = {key: (one[0], one[1]) for key, one in kept["spent"].items()}

    def tell(self, ahead: QueueAhead, asked: Asked, terms: Terms) -> Told:
        """Foretell a task that is submitted at the View's moment."""
        run = self.runs.expect(asked.kind, asked.service, asked.declared_s, asked.limit_s)
        stands = ahead.of(asked, run.p50_s)
        now_s = ahead.view.now_s
        said: dict[str, Said] = {}
        kind = asked.service.name.lower()

        def figure(name: str, group: tuple[str, ...], scale: float) -> tuple[float, float, float]:
            low, middle, high = self._quantiles(name, group, now_s)
            said[name] = Said(group, scale, high * scale)
            return low * scale, middle * scale, high * scale

        _, start50, start90 = figure("start", (kind, stands.state), _start_scale(asked, stands))
        start50, start90 = max(start50 - START_S, 0.0), _up(start90 - START_S)
        length = asked.service.name.lower(), run.grounds
        slowest_s = (run.p50_s * stands.waves) / max(_mean_speed(ahead, terms, asked, stands), 1e-6)
        _, end50, _ = figure("end_mid", length, start50 + slowest_s + END_S)
        _, _, end90 = figure("end", length, start90 + slowest_s + END_S)
        end50, end90 = max(end50 - END_S, start50), max(_up(end90 - END_S), start90)
        weight = energy_weights(ahead, asked, stands.share_heated)
        per_s_w = _slot_w(ahead.view) / terms.speed
        run_s = asked.instances * run.mean_s
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
        )

    def note(self, key: str, told: Told) -> None:
        """A task was submitted of which this was told: what comes of it is learned from, unless very many are open."""
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
            "figures": {name: figure.pack() for name, figure in self.figures.items()},
            "told_at": self._told_at,
            "spent": {key: list(one) for key, one in self._spent.items()},
        }

    def _quantiles(self, name: str, group: tuple[str, ...], now_s: float) -> tuple[float, float, float]:
        """Quantiles of a ratio, kept for `FRESH_S` while nothing came: a list of 1,000 tasks works them out once."""
        figure = self.figures[name]
        known = self._fresh.get((name, group))
        if known is None or known[1] != figure.came or not 0.0 <= now_s - known[0] < FRESH_S:
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


def _start_scale(asked: Asked, stands: Ahead) -> float:
    """What waits are compared with: the longest that the class lets wait, where there is one and a wait at all."""
    bound = asked.service is ServiceClass.FLEX and stands.state != "now"
    return (stands.window_s if bound else stands.start_s) + START_S


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


def _slot_w(view: View) -> Floats:
    return np.asarray(view.nodes.max_w / np.maximum(view.nodes.slots, 1))


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
