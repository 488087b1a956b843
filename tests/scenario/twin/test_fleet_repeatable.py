"""The same fleet gives the same run: whatever the order of its file, the hash seed, or where it was cut in two."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario import Scenario, read_scenario
from ondol.twin.summary import summarise
from unit.twin.small_fleets import fleet, load_policy, series_of, work

TOP = """
name = "order"
begin = 2026-02-03T00:00:00Z
days = 0.5
step_s = 900
place_s = 150
[overflow]
nodes = 4
"""
FLAT = """
[[site]]
id = "flat"
count = 2
[[site.sink]]
id = "room"
kind = "room"
"""
BATHS = """
[[site]]
id = "baths"
climate = "H3"
[[site.sink]]
id = "basin"
kind = "pool"
area_m2 = 40
volume_m3 = 60
[[site.sink.unit]]
nodes = 6
"""
TANK = """
[[site.sink]]
id = "tank"
kind = "tank"
[[site.sink.unit]]
nodes = 3
"""
BIG, SMALL = "[[site.sink.unit]]\nnodes = 3\nmax_w = 120\n", "[[site.sink.unit]]\nnodes = 1\nidle_w = 10\n"


def run(scenario: Scenario, policy: str) -> FleetTwin:
    twin = FleetTwin(scenario, series_of(scenario), work(60, 40_000.0, 3), load_policy(policy))
    twin.live(twin.series.steps)
    return twin


@pytest.mark.parametrize("policy", ["fcfs", "follow", "greedy"])
def test_the_order_in_a_file_says_nothing(policy: str) -> None:
    # given the same fleet with its sites, sinks and units in another order
    one = read_scenario(TOP + FLAT + BIG + SMALL + BATHS + TANK)
    climate, basin = BATHS.split("[[site.sink]]")
    other = read_scenario(TOP + climate + TANK + "[[site.sink]]" + basin + FLAT + SMALL + BIG)
    # when both are lived through
    first, second = run(one, policy), run(other, policy)
    # then they have the same rows and the same figures
    assert first.layout.unit_ids == second.layout.unit_ids
    assert summarise(first) == summarise(second)
    assert np.array_equal(first.attempts.end_s, second.attempts.end_s, equal_nan=True)


SAY = """
import sys
sys.path.insert(0, {tests!r})
from scenario.twin.test_fleet_repeatable import said
print(said())
"""


def said() -> str:
    """Digest of a run with everything in it, under a policy with memory."""
    twin = run(fleet(days=0.5, seed=5), "follow")
    parts = [twin.attempts.end_s.tobytes(), twin.attempts.energy_j.tobytes(), repr(sorted(summarise(twin).items()))]
    parts += [value.tobytes() for value in twin.plant.state().values()]
    return hashlib.sha256(b"".join(one if isinstance(one, bytes) else one.encode() for one in parts)).hexdigest()


def test_another_hash_seed_changes_nothing() -> None:
    tests = str(Path(__file__).resolve().parents[2])
    digests = set()
    for seed in ("1", "2026"):
        done = subprocess.run(
            [sys.executable, "-c", SAY.format(tests=tests)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout.strip())
    assert digests == {said()}


def test_another_seed_is_another_run() -> None:
    one, other = (run(fleet(days=0.5, seed=seed), "follow") for seed in (5, 6))
    assert summarise(one) != summarise(other)


@pytest.mark.parametrize("cuts", [(1,) * 48, (7, 30, 11)])
def test_steps_may_be_lived_in_any_portions(cuts: tuple[int, ...]) -> None:
    scenario = fleet(days=0.5)
    whole = run(scenario, "greedy")
    parts = FleetTwin(scenario, series_of(scenario), work(60, 40_000.0, 3), load_policy("greedy"))
    for steps in cuts:
        parts.live(steps)
    assert parts.over
    assert summarise(parts) == summarise(whole)
