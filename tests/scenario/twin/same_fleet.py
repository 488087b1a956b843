"""A small fleet with heat, for twin and platform to live through, and both lives with all that they saw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ondol.control.record import pack_decision, pack_view
from ondol.model.decision import Decision
from ondol.model.view import View
from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.same.levelled import level, level_work
from ondol.twin.same.platform_life import PlatformLife
from ondol.twin.scenario import Scenario, read_scenario
from ondol.twin.scenario.series import Series, make_series
from ondol.twin.workload import Trace
from unit.twin.small_fleets import work

TEXT = """
name = "same"
begin = 2026-01-12T00:00:00Z
days = {days}
step_s = 300
filler = {filler}
[overflow]
nodes = 6
[[site]]
id = "flats"
count = 4
[[site.sink]]
id = "living"
kind = "room"
setpoint_c = 20.0
setback_c = 20.0
[[site.sink.unit]]
nodes = 3
[[site]]
id = "house"
[[site.sink]]
id = "tank"
kind = "tank"
target_c = 50
initial_temp_c = 49
temp_max_c = 50.9
volume_l = 1500
[[site.sink.unit]]
nodes = 5
slots = 2
max_w = 165
case_ua_w_per_k = 2
[[site.sink]]
id = "bath"
kind = "room"
ua_w_per_k = 35
setpoint_c = 22.0
setback_c = 22.0
initial_temp_c = 20.0
[[site.sink.unit]]
count = 2
nodes = 2
"""


def fleet(days: float, *, filler: bool) -> Scenario:
    """27 nodes in 7 units: four flats, a bath, a tank, and a rack."""
    return read_scenario(TEXT.format(days=days, filler=str(filler).lower()))


def jobs(days: float, count: int) -> Trace:
    """Work of all classes over nine tenths of the span, half of it not resumable."""
    return work(count, days * 0.9 * 86_400.0, 7)


@lru_cache(maxsize=2)
def levelled(days: float, count: int, *, filler: bool) -> tuple[Scenario, Series, Trace]:
    """The same as both can live it."""
    scenario, _ = level(fleet(days, filler=filler))
    trace, _ = level_work(jobs(days, count), days * 86_400.0)
    return scenario, make_series(scenario, Path()), trace


@dataclass(frozen=True, slots=True)
class Seen:
    """A tick as it was recorded."""

    at_s: float
    view: bytes
    decision: bytes


def twin_ticks(policy: str, days: float, count: int, *, filler: bool) -> list[Seen]:
    """All that the twin's policy saw and said."""
    ticks: list[Seen] = []
    scenario, series, trace = levelled(days, count, filler=filler)
    twin = FleetTwin(scenario, series, trace, load_policy(policy), _into(ticks, series))
    twin.machines.up[:] = 1
    twin.live(series.steps)
    return ticks


def platform_ticks(
    policy: str, days: float, count: int, *, filler: bool, steady: bool, record: Path | None = None
) -> list[Seen]:
    """All that the platform's policy saw and said."""
    ticks: list[Seen] = []
    scenario, series, trace = levelled(days, count, filler=filler)
    chosen = load_policy(policy)
    life = PlatformLife(scenario, series, trace, chosen, steady=steady, watch=_into(ticks, series), ticks=record)
    life.live()
    return ticks


def _into(ticks: list[Seen], series: Series) -> Any:
    def watch(view: View, _memory: object, decision: Decision) -> None:
        ticks.append(Seen(round(view.now_s - series.begin_s, 3), pack_view(view), pack_decision(decision)))

    return watch
