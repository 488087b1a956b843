"""How fast work goes, what it draws, and when it ends: by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.model.decision import Decision, Pause, Resume, SetPower, Start, Stop
from ondol.model.errors import ConflictError
from ondol.model.view import ServiceClass, View
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.nouns import FaultSpec, OverflowSpec, SiteSpec
from ondol.twin.speed import LEAST_FREQUENCY, hull, speed_at
from unit.twin.small_fleets import fleet, jobs_of, lived, network, series_of, unit


def rack(**changes: Any) -> Scenario:
    """One network with one unit, nothing beside it; power is what the policy asks for."""
    of_unit = {"nodes": 1, "idle_w": 20.0, "max_w": 100.0, "off_w": 0.0, "boot_s": 0.0, "off_after_s": 0.0}
    heater = network(base_w=0.0, slope_w_per_k=0.0, unit=(unit(**(of_unit | changes)),))
    plain = {"overflow": OverflowSpec(nodes=0), "place_s": 0.0, "filler": False, "days": 0.25}
    return fleet(heater, **plain)


class Script:
    """Decides what it was told, at the first look at or after each time, and asks for power all the time."""

    name = "script"
    fills = False

    def __init__(self, power_w: float, *orders: tuple[float, Any]) -> None:
        self._power_w, self._orders = power_w, list(orders)
        self._begin_s: float | None = None

    def fresh(self) -> None:
        return None

    def decide(self, view: View, memory: None) -> tuple[Decision, None]:
        self._begin_s = view.now_s if self._begin_s is None else self._begin_s
        due = [order for at_s, order in self._orders if view.now_s - self._begin_s >= at_s]
        self._orders = self._orders[len(due) :]
        asks = [SetPower(view.units.ids[0], self._power_w, "")]
        return (*due, *asks), None


def starts(scenario: Scenario, *instances: int, node: int = 0) -> list[tuple[float, Any]]:
    nodes = FleetTwin(scenario, series_of(scenario), jobs_of((0.0, 1.0)), Script(0.0)).layout.node_ids
    return [(0.0, Start(f"i{row:08d}", nodes[node], "")) for row in instances]  # type: ignore[arg-type]


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_speed_rises_and_bends_down(low: float, high: float, between: float) -> None:
    low, high = sorted((low, high))
    assert 0.0 <= speed_at(low) <= speed_at(high) <= 1.0
    middle = low + between * (high - low)
    chord = speed_at(low) + between * (speed_at(high) - speed_at(low))
    # above the lowest frequency it is concave; below, work goes with power
    if low >= LEAST_FREQUENCY**3 or high <= LEAST_FREQUENCY**3:
        assert speed_at(middle) >= chord - 1e-12


def test_speed_by_hand() -> None:
    assert speed_at(0.7) == pytest.approx(0.888, abs=0.001)
    assert speed_at(LEAST_FREQUENCY**3) == pytest.approx(LEAST_FREQUENCY)
    assert speed_at(0.5 * LEAST_FREQUENCY**3) == pytest.approx(0.5 * LEAST_FREQUENCY)
    assert [speed_at(share) for share in (-1.0, 0.0, 1.0, 2.0)] == [0.0, 0.0, 1.0, 1.0]


@given(st.floats(0.0, 199.0), st.floats(0.0, 1.0))
def test_no_pace_of_a_node_lies_below_its_hull(idle_w: float, share: float) -> None:
    # given a node, and any pace that it can really go at
    power_w, speed = hull(idle_w, 200.0)
    drawn_w = idle_w + share * (200.0 - idle_w)
    # then the hull is convex, begins at nothing, ends at full, and asks for no more power than the node draws
    slopes = np.diff(power_w) / np.diff(speed)
    assert (np.diff(slopes) > -1e-9).all()
    assert (power_w[0], speed[0]) == (0.0, 0.0)
    assert (power_w[-1], speed[-1]) == pytest.approx((200.0, 1.0))
    assert np.interp(speed_at(share), speed, power_w) <= drawn_w + 1e-9
    # nor does any mix of off and a pace, and the line is not much too low
    least_w = min(
        share * (idle_w + (200.0 - idle_w) * pace**3) / pace for pace in np.linspace(max(share, 0.45), 1.0, 99)
    )
    if share > 0.0:
        assert least_w - 0.01 * (200.0 - idle_w) <= np.interp(share, speed, power_w) <= least_w + 1e-9


@pytest.mark.parametrize("target_w", [100.0, 76.0, 40.0, 22.0])
def test_a_job_under_a_cap_takes_its_time_by_the_speed(target_w: float) -> None:
    # given a node of 20 to 100 W that may draw so much
    scenario = rack()
    share = (target_w - 20.0) / 80.0
    twin = lived(scenario, jobs_of((0.0, 600.0)), Script(target_w, *starts(scenario, 0)))
    # then it ends after run / speed, wherever steps lie in between
    took_s = 600.0 / speed_at(share)
    assert twin.attempts.end_s[0] == pytest.approx(took_s, abs=1e-3)
    assert twin.attempts.energy_j[0] == pytest.approx(share * 80.0 * took_s, rel=1e-6)
    assert twin.score.electric_j == pytest.approx(target_w * took_s, rel=1e-6)


def test_no_power_no_progress() -> None:
    scenario = rack()
    twin = lived(scenario, jobs_of((0.0, 600.0)), Script(20.0, *starts(scenario, 0)))
    assert twin.attempts.done_s[0] == 0.0
    assert np.isnan(twin.attempts.end_s[0])
    assert twin.score.electric_j == pytest.approx(20.0 * 0.25 * 86_400.0)  # it stands idle, and holds its slot


def test_slots_share_a_node() -> None:
    # given two slots, one taken: half the range is drawn; then both
    scenario = rack(slots=2)
    one = lived(scenario, jobs_of((0.0, 1000.0)), Script(100.0, *starts(scenario, 0)))
    both = lived(scenario, jobs_of((0.0, 1000.0), (0.0, 500.0)), Script(100.0, *starts(scenario, 0, 1)))
    assert one.score.electric_j == pytest.approx((20.0 + 40.0) * 1000.0)
    assert both.attempts.end_s.tolist() == pytest.approx([1000.0, 500.0])
    assert both.score.electric_j == pytest.approx(20.0 * 1000.0 + 40.0 * 1500.0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_node_is_switched_off_after_its_last_end(order: tuple[int, int]) -> None:
    # given two slots whose work ends at 300 s and 500 s within one step, the longer in the first or the second row
    scenario = rack(slots=2, off_after_s=100.0)
    rows = tuple((0.0, (300.0, 500.0)[k]) for k in order)
    twin = lived(scenario, jobs_of(*rows), Script(100.0, *starts(scenario, 0, 1)))
    # then it stands idle until 600 s
    assert twin.score.electric_j == pytest.approx(20.0 * 600.0 + 40.0 * 800.0)
    assert twin.machines.up.tolist() == [0]


def test_who_comes_while_a_node_boots_waits_for_it_too() -> None:
    # given a node of two slots that boots for 200 s, and work that comes at 50 s
    scenario = rack(slots=2, boot_s=200.0)
    script = Script(100.0, *starts(scenario, 0), (50.0, starts(scenario, 1)[0][1]))
    twin = lived(scenario, jobs_of((0.0, 300.0), (50.0, 300.0)), script)
    # then both run from 200 s on, and the boot is drawn at idle
    assert twin.attempts.end_s.tolist() == pytest.approx([500.0, 500.0])
    assert twin.machines.starts == 1
    assert twin.score.electric_j == pytest.approx(20.0 * 500.0 + 2 * 40.0 * 300.0)


def test_a_faster_node_is_done_sooner() -> None:
    scenario = rack(speed=2.0)
    twin = lived(scenario, jobs_of((0.0, 1000.0)), Script(100.0, *starts(scenario, 0)))
    assert twin.attempts.end_s[0] == pytest.approx(500.0)
    assert twin.attempts.done_s[0] == 1000.0


def test_frozen_work_stands_still_and_goes_on() -> None:
    # given work that is frozen from 900 s to 1,800 s
    scenario = rack()
    frozen = [(900.0, Pause("i00000000", "")), (1800.0, Resume("i00000000", ""))]  # type: ignore[arg-type]
    twin = lived(scenario, jobs_of((0.0, 1200.0)), Script(100.0, *starts(scenario, 0), *frozen))
    # then it ends that much later, and drew only idle power meanwhile
    assert twin.attempts.end_s[0] == pytest.approx(2100.0)
    assert twin.attempts.lost_s == twin.attempts.kills == 0.0
    assert twin.score.electric_j == pytest.approx(20.0 * 2100.0 + 80.0 * 1200.0)


@pytest.mark.parametrize("resumable", [True, False])
def test_work_that_is_stopped_begins_anew_or_goes_on(resumable: bool) -> None:
    # given 1,200 s of work that is stopped after 900 s and started again at 1,800 s
    scenario = rack()
    again = [(900.0, Stop("i00000000", "")), (1800.0, starts(scenario, 0)[0][1])]  # type: ignore[arg-type]
    trace = jobs_of((0.0, 1200.0), resumable=np.array([resumable]))
    twin = lived(scenario, trace, Script(100.0, *starts(scenario, 0), *again))
    # then what can go on does; the rest is lost, and said to be
    assert twin.attempts.end_s[0] == pytest.approx(2100.0 if resumable else 3000.0)
    assert twin.attempts.lost_s == pytest.approx(0.0 if resumable else 900.0)
    assert (twin.attempts.kills, twin.attempts.moves) == ((0.0, 1.0) if resumable else (1.0, 0.0))
    assert twin.attempts.attempts[0] == 2


def test_decisions_that_cannot_be_are_refused() -> None:
    scenario = rack()
    begin = starts(scenario, 0)
    two = jobs_of((0.0, 3000.0), (0.0, 3000.0))
    twice = [*begin, *begin]
    for orders in (
        twice,  # one instance twice
        starts(scenario, 0, 1),  # two on one slot
        [*begin, (900.0, begin[0][1])],  # one that runs already
        [(0.0, Stop("i00000000", ""))],  # one that does not run  # type: ignore[arg-type]
        [*begin, (900.0, Stop("i00000000", "")), (900.0, Stop("i00000000", ""))],  # type: ignore[arg-type]
    ):
        with pytest.raises(ConflictError):
            lived(scenario, two, Script(100.0, *orders))


def test_a_site_draws_no_more_than_its_connection() -> None:
    # given four nodes of 20 to 100 W behind a connection of 200 W
    heater = network(base_w=0.0, slope_w_per_k=0.0, unit=(unit(nodes=2, idle_w=20.0, max_w=100.0), unit(nodes=2)))
    houses = (SiteSpec(id="house", sink=(heater,), electrical_limit_w=200.0),)
    scenario = fleet(site=houses, overflow=OverflowSpec(nodes=0), filler=False)
    twin = lived(scenario, jobs_of(*[(0.0, 1e6)] * 4), "fcfs")
    # then all stand idle and share what is left
    power_w = twin.machines.power_w()
    assert power_w.sum() == pytest.approx(200.0)
    assert (twin.machines.share > 0.0).all()
    assert (twin.machines.share < 1.0).all()


def test_a_node_that_breaks_down_loses_its_work_and_takes_none_until_mended() -> None:
    # given a node that breaks down about every hour
    faults = FaultSpec(node_mtbf_h=1.0, node_mttr_h=0.5)
    scenario = fleet(
        network(unit=(unit(nodes=1, off_w=0.0),)), fault=faults, overflow=OverflowSpec(nodes=0), days=2.0, filler=False
    )
    trace = jobs_of(*[(900.0 * k, 5000.0) for k in range(40)], resumable=np.zeros(40, dtype=np.bool_))
    refused: list[float] = []

    def watch(view: View, _: object, decision: Decision) -> None:
        if not view.nodes.accepts.all():
            refused.append(view.now_s)
            assert not [action for action in decision if isinstance(action, Start)]

    twin = lived(scenario, trace, "fcfs", watch)
    assert refused
    assert twin.attempts.lost_s > 0.0
    assert twin.attempts.kills == 0.0  # nobody decided it
    assert twin.attempts.attempts.max() > 1


def test_classes_wait_in_lines_of_their_own() -> None:
    kinds = np.array([int(kind) for kind in (ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST)] * 2)
    scenario = rack()
    trace = jobs_of(*[(float(k), 50.0) for k in range(6)], service=ServiceClass.FLEX)
    trace.jobs.service[:] = kinds
    twin = FleetTwin(scenario, series_of(scenario), trace, Script(0.0))
    assert twin.attempts.arrive(10.0) == 6
    assert {kind: line.tolist() for kind, line in twin.attempts.lines.items()} == {
        ServiceClass.ON_DEMAND: [0, 3],
        ServiceClass.FLEX: [1, 4],
        ServiceClass.HARVEST: [2, 5],
        ServiceClass.FILLER: [],
    }
