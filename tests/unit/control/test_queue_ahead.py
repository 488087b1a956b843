"""Given a View, when a task is to join it, then its projected start follows slots, lines and wanted heat."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from integration.api.memory_desk import small_fleet
from ondol.control.bare_view import bare_view
from ondol.control.foretelling import Foreteller, Terms, intensity, plain
from ondol.control.grids import Grids
from ondol.control.queue_ahead import LONGEST_S, Asked, QueueAhead, energy_weights
from ondol.model.view import InstanceColumns, Phase, ServiceClass, SinkColumns, View

FLEET = small_fleet()  # a boiler of four slots, a heater of two
NOW = 1_768_176_000.0
FLEX, HARVEST, ON_DEMAND, FILLER = ServiceClass.FLEX, ServiceClass.HARVEST, ServiceClass.ON_DEMAND, ServiceClass.FILLER


def view(*instances: dict[str, Any], wanted_w: float = 0.0, demand_w: float | None = None, **changes: Any) -> View:
    """A View of the small fleet with these instances; held ones name their node."""
    bare = bare_view(FLEET, Grids(FLEET), NOW)
    plain_row = {"service": ON_DEMAND, "phase": Phase.QUEUED, "node": -1, "expected_s": 1000.0, "done_s": 0.0}
    rows = [{**plain_row, "deadline_s": math.inf, **one} for one in instances]
    node = np.array([row["node"] for row in rows], dtype=np.int64)
    count = len(rows)
    columns = InstanceColumns(
        ids=tuple(f"i{n}" for n in range(count)),  # type: ignore[arg-type]
        task=np.arange(count),
        phase=np.array([row["phase"] for row in rows], dtype=np.int64),
        service=np.array([row["service"] for row in rows], dtype=np.int64),
        node=node,
        submitted_s=np.full(count, NOW),
        deadline_s=np.array([row["deadline_s"] for row in rows], dtype=np.float64),
        since_s=np.full(count, NOW),
        expected_s=np.array([row["expected_s"] for row in rows], dtype=np.float64),
        done_s=np.array([row["done_s"] for row in rows], dtype=np.float64),
        attempts=np.zeros(count, dtype=np.int64),
        resumable=np.zeros(count, dtype=np.bool_),
        allowed=np.zeros(count, dtype=np.int64),
        data=np.zeros(count, dtype=np.int64),
    )
    held = np.bincount(node[node >= 0], minlength=len(bare.nodes.ids))
    made = dataclasses.replace(
        bare,
        instances=columns,
        nodes=dataclasses.replace(bare.nodes, slots_free=bare.nodes.slots - held),
        units=dataclasses.replace(bare.units, wanted_w=np.full(len(bare.units.ids), wanted_w)),
        **changes,
    )
    return made if demand_w is None else dataclasses.replace(made, **_sinks(made, demand_w))


def _sinks(made: View, demand_w: float) -> dict[str, Any]:
    sinks = len(FLEET.sinks)
    spans = np.full(4, 43_200.0)
    ahead = np.full((sinks, 4), demand_w)
    return {
        "sinks": SinkColumns(
            ids=tuple(one.id for one in FLEET.sinks),
            site=np.zeros(sinks, dtype=np.int64),
            store_j=np.zeros(sinks),
            capacity_j=np.zeros(sinks),
            loss_per_s=np.zeros(sinks),
            capture=np.ones(sinks),
            demand_w=ahead,
            demand_high_w=ahead,
            backup_g_per_kwh=ahead,
            backup_eur_per_kwh=ahead,
        ),
        "ahead_s": spans,
        "ahead_grid_g_per_kwh": np.array([[50.0, 100.0, 50.0, 100.0]]),
    }


def running(node: int, service: ServiceClass = ON_DEMAND, left_s: float = 1000.0) -> dict[str, Any]:
    return {"node": node, "phase": Phase.RUNNING, "service": service, "expected_s": left_s}


def asked(service: ServiceClass, instances: int = 1, **fields: Any) -> Asked:
    return Asked(kind="", service=service, instances=instances, **fields)


def terms(**fields: Any) -> Terms:
    count = len(FLEET.nodes)
    named = {"basis": "b", "slope": np.ones(1), "offset_g_per_kwh": np.zeros(1), "embodied_g_per_h": np.zeros(count)}
    return Terms(**{**named, "speed": np.ones(count), **fields})


def test_on_demand_starts_at_once_where_a_slot_is_free_or_runs_filler() -> None:
    for busy in ([], [running(0, FILLER)] * 4 + [running(1, FILLER)] * 2):
        stands = QueueAhead(view(*busy)).of(asked(ON_DEMAND), 600.0)
        assert (stands.start_s, stands.state) == (0.0, "now")


def test_on_demand_waits_for_the_first_that_ends_and_for_who_came_before() -> None:
    busy = [running(0, left_s=100.0 * n) for n in (4, 3, 2, 1)] + [running(1, left_s=900.0)] * 2
    assert QueueAhead(view(*busy)).of(asked(ON_DEMAND), 600.0).start_s == pytest.approx(100.0)
    line = [*busy, {"service": ON_DEMAND}, {"service": ON_DEMAND}]
    stands = QueueAhead(view(*line)).of(asked(ON_DEMAND), 600.0)
    assert (stands.start_s, stands.state) == (pytest.approx(300.0), "full")


def test_more_instances_than_slots_run_in_rounds() -> None:
    assert QueueAhead(view()).of(asked(ON_DEMAND, 6), 600.0).waves == 1.0
    assert QueueAhead(view()).of(asked(ON_DEMAND, 13), 600.0).waves >= 3.0


def test_flex_starts_at_once_where_heat_is_wanted_and_nobody_waits() -> None:
    stands = QueueAhead(view(wanted_w=220.0)).of(asked(FLEX, deadline_s=NOW + 86_400.0), 600.0)
    assert (stands.start_s, stands.state) == (0.0, "now")


def test_flex_waits_for_heat_no_longer_than_its_deadline_lets_it() -> None:
    stands = QueueAhead(view(demand_w=0.0)).of(asked(FLEX, deadline_s=NOW + 86_400.0), 1000.0)
    assert stands.window_s == pytest.approx(86_400.0 - 1300.0 - 600.0)
    assert stands.start_s == stands.window_s


def test_harvest_waits_for_ever_where_no_sink_wants_heat() -> None:
    line = [{"service": HARVEST}]
    stands = QueueAhead(view(*line, demand_w=0.0)).of(asked(HARVEST), 1000.0)
    assert stands.start_s == LONGEST_S


def test_flex_of_a_full_fleet_waits_behind_what_must_start_before() -> None:
    """Given days of work on six slots, when flex joins, then it starts past its time, and is told so."""
    line = [{"service": FLEX, "deadline_s": NOW + 20_000.0, "expected_s": 10_000.0}] * 60
    full = QueueAhead(view(*line, demand_w=0.0)).of(asked(FLEX, deadline_s=NOW + 40_000.0), 1000.0)
    assert full.state == "crowded"
    assert full.start_s > full.window_s
    calm = QueueAhead(view(*line[:3], demand_w=0.0)).of(asked(FLEX, deadline_s=NOW + 40_000.0), 1000.0)
    assert (calm.state, calm.start_s) == ("calm", calm.window_s)


def test_nobody_promises_flex_of_a_calm_fleet_for_later_than_it_may_wait() -> None:
    ahead = QueueAhead(view({"service": FLEX}, demand_w=0.0))
    told = Foreteller().tell(ahead, asked(FLEX, deadline_s=NOW + 40_000.0, declared_s=1000.0), terms())
    assert told.promised
    assert told.start_p90_s <= told.ahead.window_s + 1.0


def test_before_anything_is_known_the_lines_tell_when_flex_of_a_calm_fleet_starts() -> None:
    """Given heat for the one before it and more, then the median is soon, and not all that it may wait."""
    before = {"service": FLEX, "deadline_s": NOW + 40_000.0}
    teller, ahead = Foreteller(), QueueAhead(view(before, demand_w=400.0))
    patient = asked(FLEX, deadline_s=NOW + 86_400.0, declared_s=1000.0)
    first = teller.tell(ahead, patient, terms())
    assert first.ahead.state == "calm"
    assert first.start_p50_s <= first.ahead.start_s < 0.2 * first.ahead.window_s
    for number in range(30):  # what comes is believed, once it is more than a few
        teller.note(f"t{number}", teller.tell(ahead, patient, terms()))
        teller.started(f"t{number}", NOW + 0.8 * first.ahead.window_s)
    taught = Foreteller(teller.pack()).tell(QueueAhead(view(before, demand_w=400.0)), patient, terms())
    assert taught.start_p50_s > 0.5 * first.ahead.window_s


def test_harvest_that_is_not_foreseen_is_said_to_be_so() -> None:
    told = Foreteller().tell(QueueAhead(view({"service": HARVEST}, demand_w=0.0)), asked(HARVEST), terms())
    assert not told.promised
    assert 0.0 < told.not_within_s < LONGEST_S
    assert not told.said["start"].promised
    assert Foreteller().tell(QueueAhead(view(wanted_w=220.0)), asked(HARVEST), terms()).promised


def test_what_came_lately_is_thought_to_come_again() -> None:
    """Given much flex in the last day, when harvest is told, then it waits for longer than the line alone makes it."""
    teller, ahead = Foreteller(), QueueAhead(view({"service": HARVEST}, demand_w=100.0))
    alone = teller.tell(ahead, asked(HARVEST), terms()).ahead.start_s
    for hour in range(24):
        teller.arrivals.come(NOW - hour * 3600.0, FLEX, 6 * 3600.0, 12 * 3600.0)
    later = QueueAhead(view({"service": HARVEST}, demand_w=100.0))
    assert teller.tell(later, asked(HARVEST), terms()).ahead.start_s > alone
    again = Foreteller(teller.pack())
    assert again.arrivals.pack() == teller.arrivals.pack()


def test_the_longer_the_line_the_later_the_start() -> None:
    waits = [
        QueueAhead(view(*[{"service": HARVEST, "expected_s": 36_000.0}] * n, demand_w=30.0)).of(asked(HARVEST), 1e3)
        for n in (2, 6, 12)
    ]
    starts = [one.start_s for one in waits]
    assert starts == sorted(starts)
    assert starts[0] < starts[-1]


def test_a_task_is_not_in_its_own_way() -> None:
    seen = view({"service": HARVEST, "expected_s": 1e6}, demand_w=30.0)
    alone = QueueAhead(seen, np.array([True])).of(asked(HARVEST), 1e3)
    assert alone.start_s < QueueAhead(seen).of(asked(HARVEST), 1e3).start_s


def test_only_nodes_that_it_may_use_count() -> None:
    heater = np.array([node.id == "heater-1" for node in FLEET.nodes])
    ahead = QueueAhead(view(*[running(1, left_s=500.0)] * 2))
    assert ahead.of(asked(ON_DEMAND), 600.0).start_s == 0.0
    weights = energy_weights(ahead, asked(ON_DEMAND, nodes=heater), 1.0)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[~heater].sum() == 0.0


def test_carbon_is_that_of_the_hours_in_which_it_runs() -> None:
    seen = view(demand_w=30.0)
    assert intensity(seen, terms(), 0.0, 43_200.0)[0] == pytest.approx(50.0)
    assert intensity(seen, terms(), 21_600.0, 64_800.0)[0] == pytest.approx(75.0)
    assert intensity(seen, terms(), 1e6, 2e6)[0] == pytest.approx(75.0)  # beyond the forecast: its mean
    assert intensity(seen, terms(offset_g_per_kwh=np.array([30.0])), 0.0, 1.0)[0] == pytest.approx(80.0)


def test_what_is_told_is_ordered_and_scales_with_the_work() -> None:
    ahead = QueueAhead(view(demand_w=100.0, wanted_w=100.0))
    one = Foreteller().tell(ahead, asked(FLEX, 1, declared_s=3600.0), terms())
    ten = Foreteller().tell(ahead, asked(FLEX, 10, declared_s=3600.0), terms())
    for told in (one, ten):
        assert told.start_p50_s <= told.start_p90_s
        assert told.end_p50_s <= told.end_p90_s
        assert told.co2e_p10_g <= told.co2e_p50_g <= told.co2e_p90_g
        assert told.energy_p50_kwh <= told.energy_p90_kwh
        assert all(value is None or math.isfinite(value) for value in plain(told).values())
    assert ten.energy_p50_kwh == pytest.approx(10.0 * one.energy_p50_kwh, rel=1e-6)
    # an hour of a slot of a node of 220 W with four or two slots, times PUE 1.02
    assert 220.0 / 4 * 1.02e-3 * 0.9 < one.energy_p50_kwh < 220.0 / 2 * 1.02e-3 * 1.2


def test_heat_is_told_only_where_a_meter_tells() -> None:
    ahead = QueueAhead(view(wanted_w=220.0))
    assert Foreteller().tell(ahead, asked(HARVEST), terms(metered=False)).heat_kwh is None
    told = Foreteller().tell(ahead, asked(HARVEST), terms())
    assert told.heat_kwh is not None
    assert 0.0 < told.heat_kwh <= told.energy_p50_kwh


def test_embodied_carbon_is_added_where_it_is_known() -> None:
    ahead = QueueAhead(view())
    without = Foreteller().tell(ahead, asked(ON_DEMAND, declared_s=3600.0), terms())
    known = terms(embodied_g_per_h=np.full(len(FLEET.nodes), 8.0))
    assert Foreteller().tell(ahead, asked(ON_DEMAND, declared_s=3600.0), known).co2e_p50_g > without.co2e_p50_g + 1.0
