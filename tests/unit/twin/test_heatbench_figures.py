"""Figures of the benchmark by hand: heat, discomfort by zone, waits by class, misses, attempts, starts, bytes."""

from __future__ import annotations

import numpy as np
import pytest

from ondol.model.view import ServiceClass
from ondol.twin.scenario.nouns import OverflowSpec
from ondol.twin.summary import summarise, summarise_sinks
from unit.twin.small_fleets import fleet, jobs_of, lived, network, site, unit

HOUR_S = 3600.0


def test_heat_comfort_and_service_by_hand() -> None:
    # given six hours of two networks: one with a node of 50 to 100 W wants far more than that and has no backup, one
    # has neither node nor backup; and three jobs of an hour in line, one of each class
    node = unit(nodes=1, idle_w=50.0, max_w=100.0, off_w=50.0, boot_s=0.0)
    heated = network(id="heated", base_w=1e5, slope_w_per_k=0.0, backup_max_w=0.0, unit=(node,))
    cold = network(id="cold", base_w=1e4, slope_w_per_k=0.0, backup_max_w=0.0, unit=())
    calm = network(id="calm", base_w=1e4, slope_w_per_k=0.0, backup_max_w=1e6, unit=())
    houses = (site(heated, calm, id="a"), site(cold, id="b"))
    scenario = fleet(site=houses, days=0.25, place_s=0.0, filler=False, overflow=OverflowSpec(nodes=0))
    trace = jobs_of((0.0, HOUR_S), (1.0, HOUR_S), (2.0, HOUR_S), deadline_s=np.array([np.inf, 5400.0, np.inf]))
    kinds = (ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST)
    trace.jobs.service[:] = [int(kind) for kind in kinds]
    twin = lived(scenario, trace)
    figures = summarise(twin) | summarise_sinks(twin)

    # then three hours at 100 W and three at 50 W are all useful
    assert figures["electric_kwh"] == pytest.approx(0.45)
    assert figures["heat_useful_kwh"] == pytest.approx(0.45)
    assert (figures["useful_share"], figures["erf"]) == (pytest.approx(1.0), pytest.approx(1.0))
    assert figures["useful_kwh@a-heated"] == pytest.approx(0.45)
    assert figures["useful_kwh@b-cold"] == 0.0

    # the two that nobody makes up for are short all the time, a kelvin each by the twin's rule; the third is not
    zones = {name: figures[f"discomfort_kh@{name}"] for name in ("a-heated", "a-calm", "b-cold")}
    assert zones == {"a-heated": pytest.approx(6.0), "a-calm": 0.0, "b-cold": pytest.approx(6.0)}
    assert figures["discomfort_network_kh"] == pytest.approx(12.0)
    assert figures["discomfort_network_kh"] == pytest.approx(figures["discomfort_kh"])
    assert figures["worst_sink_kh"] == pytest.approx(6.0)
    assert "discomfort_room_kh" not in figures

    # the backup gives what the third wants, and nothing else
    assert figures["backup_kwh@a-calm"] == pytest.approx(figures["backup_kwh"])
    assert figures["backup_kwh"] == pytest.approx(figures["heat_wanted_kwh"] * 1e4 / 1.2e5)

    # waits are to the first start: 0 s, an hour less a second, two hours less two
    for kind, wait_s in (("on_demand", 0.0), ("flex", HOUR_S - 1.0), ("harvest", 2 * HOUR_S - 2.0)):
        assert [figures[f"wait_{kind}_p{share}_s"] for share in (50, 90, 99)] == [pytest.approx(wait_s, abs=1e-6)] * 3

    # the flexible one ends after two hours, half an hour too late
    assert (figures["deadline_misses"], figures["deadline_miss_share"]) == (1.0, 1.0)
    assert figures["attempts_per_instance"] == 1.0
    assert (figures["kills"], figures["lost_work_h"], figures["moved_bytes"]) == (0.0, 0.0, 0.0)


def test_quantiles_of_waits_and_starts_a_day_by_hand() -> None:
    # given one node that is switched off after ten minutes, and two jobs of ten minutes three hours apart in six hours
    node = unit(nodes=1, idle_w=50.0, max_w=100.0, off_w=1.0, boot_s=120.0, off_after_s=600.0)
    heater = network(base_w=0.0, slope_w_per_k=0.0, unit=(node,))
    scenario = fleet(heater, days=0.25, place_s=0.0, filler=False, overflow=OverflowSpec(nodes=0))
    trace = jobs_of(
        (60.0, 600.0), (60.0 + 3 * HOUR_S, 600.0), (60.0 + 3 * HOUR_S, 600.0), service=ServiceClass.ON_DEMAND
    )
    figures = summarise(lived(scenario, trace))
    # then it starts twice in a quarter of a day
    assert figures["node_starts_per_day"] == pytest.approx(8.0)
    # and two jobs are given the node at once, the third when the second has booted and run: linear between them
    third_s = 120.0 + 600.0
    assert figures["wait_on_demand_p50_s"] == pytest.approx(0.0, abs=121.0)
    assert figures["wait_on_demand_p99_s"] > 0.9 * third_s
    assert figures["wait_on_demand_p50_s"] <= figures["wait_on_demand_p90_s"] <= figures["wait_on_demand_p99_s"]
