"""`ondol site check --backups`: other heaters are tried with consent alone, for a bounded heat, and put back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ondol.agent.commission.check import check_recording
from ondol.agent.commission.check_backup import most_rise_k, run_s
from ondol.agent.commission.finding import Verdict
from ondol.agent.commission.recording import Recording
from ondol.agent.commission.trial import Trial, TrialPlan
from ondol.agent.layout import lay_out
from ondol.drivers.ports import Written
from ondol.drivers.virtual.sim_site import SimSite
from ondol.drivers.virtual.surroundings import SteadySurroundings
from ondol.model.fleet import Fleet
from ondol.model.points import PointKey
from scenario.commission.bench import START, SimBench
from scenario.commission.sites import HOME, site

PLAN = TrialPlan(sample_s=60.0, backups=True)
ROOM, TANK = PointKey("room-0", "backup"), PointKey("tank", "backup")


def house(seed: int) -> Fleet:
    """A room with an electric heater and a tank with a gas boiler, both cool enough to be heated."""
    fleet = site(seed, rooms=1)
    backups = {"room-0": ("electric", 1000.0), "tank": ("gas", 8000.0)}
    sinks = tuple(
        replace(sink, backup_kind=backups[sink.id][0], backup_power_w=backups[sink.id][1], initial_temp_c=start_c)
        for sink, start_c in zip(fleet.sinks, (18.5, 40.0), strict=True)
    )
    return replace(fleet, sinks=sinks)


class Inverted(SimBench):
    """A contact that is normally closed: told to rest it heats."""

    def write(self, key: PointKey, value: float) -> Written:
        done = super().write(key, 1.0 - value if key.point == "backup" else value)
        return replace(done, requested=value, accepted=value)


def tried(
    seed: int, *faults: str, bench: type[SimBench] = SimBench, plan: TrialPlan = PLAN
) -> tuple[SimSite, Recording, Verdict]:
    fleet = house(seed)
    around = SteadySurroundings(outdoor_temp_c=8.0, draw_l_per_h=10.0)
    simulated = SimSite(fleet, HOME, around, START, noise_k=0.03, noise_share=0.01, seed=seed)
    simulated.set_faults(faults)
    for unit_id, idle_w in simulated.idle_w.items():
        simulated.set_load(unit_id, idle_w)  # no work: only the other heaters are looked at
    recording = Trial(bench(simulated), fleet, plan).run()
    return simulated, recording, check_recording(recording, fleet, expected_outdoor_c=8.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_heaters_in_order_raise_no_alarm_and_stand_as_before(seed: int) -> None:
    simulated, recording, verdict = tried(seed)
    assert [one for one in verdict.findings if one.point == "backup"] == []
    assert {run.sink_id for run in recording.backups} == {"room-0", "tank"}
    assert (simulated.held()[ROOM], simulated.held()[TANK]) == (0.0, 0.0)
    for group in lay_out(house(seed), HOME).sinks:
        run = next(one for one in recording.backups if one.sink_id == group.sink.id)
        temps = recording.of(group.sink.id, "temperature")
        assert temps is not None
        assert temps[run.begin : run.rest_end].max() - temps[run.begin - 1] <= 2.5 * most_rise_k(group)


@pytest.mark.parametrize("sink", ["room-0", "tank"])
def test_a_heater_that_does_nothing_is_named(sink: str) -> None:
    _, _, verdict = tried(4, f"dead-actuator:{sink}")
    assert ("dead-actuator", f"{sink}.backup") in {(one.code, one.where) for one in verdict.findings}
    other = {"room-0": "tank", "tank": "room-0"}[sink]
    assert f"{other}.backup" not in {one.where for one in verdict.findings}


def test_a_contact_that_is_inverted_is_named() -> None:
    _, _, verdict = tried(5, bench=Inverted)
    assert ("backup-inverted", "room-0.backup") in {(one.code, one.where) for one in verdict.findings}


def test_nothing_is_switched_without_consent_and_that_is_said() -> None:
    simulated, recording, verdict = tried(6, plan=replace(PLAN, backups=False))
    assert recording.backups == ()
    assert simulated.held()[TANK] == 0.0
    assert "consents" in next(one.reason for one in verdict.unjudged if one.where == "tank.backup")


def test_a_heater_that_ran_before_runs_on() -> None:
    fleet = house(7)
    simulated = SimSite(fleet, HOME, SteadySurroundings(outdoor_temp_c=8.0), START, seed=7)
    simulated.write(TANK, 1.0)
    Trial(SimBench(simulated), fleet, PLAN).run()
    assert simulated.held()[TANK] == 1.0


def test_a_room_that_is_warm_enough_is_not_heated_for_it() -> None:
    fleet = house(8)
    warm = tuple(replace(sink, initial_temp_c=23.5) if sink.id == "room-0" else sink for sink in fleet.sinks)
    simulated = SimSite(replace(fleet, sinks=warm), HOME, SteadySurroundings(outdoor_temp_c=22.0), START, seed=8)
    recording = Trial(SimBench(simulated), replace(fleet, sinks=warm), PLAN).run()
    assert "room-0" in recording.untried
    assert "host wants at most" in recording.untried["room-0"]  # type: ignore[index]


def test_a_boiler_of_a_house_warms_a_small_tank_for_minutes_only() -> None:
    groups = {group.sink.id: group for group in lay_out(house(1), HOME).sinks}
    assert 600.0 <= run_s(groups["tank"], 1800.0) < 1200.0  # type: ignore[index]
    strong = replace(groups["tank"], sink=replace(groups["tank"].sink, backup_power_w=80_000.0))  # type: ignore[index]
    assert run_s(strong, 1800.0) == 600.0, "no burner gives heat in less"
    assert 300.0 <= run_s(groups["room-0"], 1800.0) <= 1800.0  # type: ignore[index]
