"""`ondol site check` on sites in equations: silent on good ones, and it finds what an electrician gets wrong."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.commission.check import check_recording
from ondol.agent.commission.finding import CODES, Verdict
from ondol.agent.commission.recording import Recording
from ondol.agent.commission.trial import WARM_K, Trial, TrialPlan
from ondol.drivers.virtual.sim_site import SimSite
from ondol.drivers.virtual.surroundings import SteadySurroundings
from scenario.commission.bench import START, SimBench
from scenario.commission.sites import HOME, site

PLAN = TrialPlan(sample_s=60.0)


def tried(seed: int, *faults: str, noise_k: float = 0.03, load: str = "full") -> tuple[SimSite, Recording, Verdict]:
    """Give a site, the recording of its trial, and the verdict; it may be warm from before."""
    fleet = site(seed)
    around = SteadySurroundings(outdoor_temp_c=3.0, draw_l_per_h=15.0)
    simulated = SimSite(fleet, HOME, around, START, noise_k=noise_k, noise_share=0.01, seed=seed)
    if load == "idle":
        for unit_id, idle_w in simulated.idle_w.items():
            simulated.set_load(unit_id, idle_w)
    simulated.set_faults(faults)
    bench = SimBench(simulated)
    bench.wait_until(START + dt.timedelta(minutes=(7 * seed) % 60))
    recording = Trial(bench, fleet, PLAN).run()
    return simulated, recording, check_recording(recording, fleet, expected_outdoor_c=5.0)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), noise_k=st.sampled_from((0.0, 0.02, 0.06)))
def test_a_good_site_raises_no_alarm(seed: int, noise_k: float) -> None:
    """Given a site that is wired right, of any size and noise; when it is checked; then nothing is found."""
    _, recording, verdict = tried(seed, noise_k=noise_k)
    assert [f"{one.where}: {one.code}: {one.evidence}" for one in verdict.findings] == []
    assert len(recording.steps) == 3


GROUPS = (
    {
        "swapped-supply-return:tank-boiler": ("tank-boiler.supply_temperature", "swapped-supply-return"),
        "wrong-unit:heater-0.electric_power=kilowatts": ("heater-0.electric_power", "wrong-unit"),
        "wrong-sign:room-1": ("room-1.temperature", "wrong-sign"),
    },
    {
        "sensor-frozen:room-0": ("room-0.temperature", "frozen"),
        "flow-switch-inverted:tank-boiler": ("tank-boiler.flow_switch", "flow-switch-inverted"),
        "wrong-unit:heater-1.loop_temperature=fahrenheit": ("heater-1.loop_temperature", "wrong-unit"),
        "wrong-unit:tank-boiler.heat_meter=kwh-as-mwh": ("tank-boiler.heat_meter", "wrong-unit"),
    },
    {
        "wrong-unit:room-0=fahrenheit": ("room-0.temperature", "wrong-unit"),
        "meter-backwards:tank-boiler": ("tank-boiler.heat_meter", "meter-backwards"),
        "dead-actuator:heater-1": ("heater-1.power_cap", "dead-actuator"),
        "wrong-unit:home.outdoor_temperature=fahrenheit": ("home.outdoor_temperature", "wrong-unit"),
    },
    {
        "layers-upside-down:tank": ("tank.temperature", "layers-upside-down"),
        "wrong-unit:tank-boiler.flow=litres-per-minute": ("tank-boiler.flow", "wrong-unit"),
        "wrong-sign:tank-boiler": ("tank-boiler.heat_power", "wrong-sign"),
        "sensor-frozen:heater-0.loop_temperature": ("heater-0.loop_temperature", "frozen"),
    },
    {
        "swapped-sensors:room-0=room-1": ("room-1.temperature", "wrong-place"),
        "pulse-value:tank-boiler=2.5": ("tank-boiler.heat_meter", "energy-mismatch"),
        "sensor-frozen:tank": ("tank.temperature", "frozen"),
    },
)


@pytest.mark.parametrize("faults", GROUPS, ids=lambda faults: next(iter(faults)))
def test_each_wrong_wiring_is_found_where_it_is(faults: dict[str, tuple[str, str]]) -> None:
    """Given several wrong wirings at once; when the site is checked; then each is named at its place."""
    _, _, verdict = tried(11, *faults)
    found = {(one.where, one.code) for one in verdict.findings}
    assert set(faults.values()) <= found
    for one in verdict.findings:
        assert one.evidence, one.where
        assert one.todo, one.where
        assert one.code in CODES
        assert 0.5 <= one.confidence <= 1.0


def test_a_site_without_work_is_not_called_broken() -> None:
    """Given nodes that have nothing to do; when caps are raised; then what cannot be told is said to be so."""
    _, _, verdict = tried(5, load="idle")
    assert not verdict.findings
    assert any("no work" in one.reason for one in verdict.unjudged if one.where == "heater-0")


def test_a_heater_that_never_rests_is_found_though_its_room_is_too_warm_for_a_step() -> None:
    """Given a cap that nobody obeys and a room that is hot by it; when it is checked; then the actuator is named."""
    fleet = site(3)
    simulated = SimSite(fleet, HOME, SteadySurroundings(outdoor_temp_c=10.0), START)
    simulated.set_faults(("dead-actuator:heater-0",))
    bench = SimBench(simulated)
    bench.wait_until(START + dt.timedelta(hours=3))
    recording = Trial(bench, fleet, PLAN).run()
    assert "heater-0" in recording.skipped
    found = check_recording(recording, fleet).findings
    assert ("heater-0.power_cap", "dead-actuator") in {(one.where, one.code) for one in found}


def test_a_hot_room_is_not_heated_for_a_check() -> None:
    """Given a room above its host's band; when the site is checked; then its heater gets no step, and that is said."""
    fleet = site(3)
    simulated = SimSite(fleet, HOME, SteadySurroundings(outdoor_temp_c=19.0), START)
    bench = SimBench(simulated)
    bench.wait_until(START + dt.timedelta(hours=5))  # at full power
    recording = Trial(bench, fleet, PLAN).run()
    skipped = {str(unit_id): reason for unit_id, reason in recording.skipped.items()}
    assert "room-0" in skipped["heater-0"] or "its sink" in skipped["heater-0"]
    told = check_recording(recording, fleet).unjudged
    assert skipped["heater-0"] in [one.reason for one in told if one.where == "heater-0"]


def test_caps_are_as_before_and_comfort_is_kept() -> None:
    """Given a check; when it ends; then every cap is as it was, and no sink passed its band by more than a little."""
    simulated, recording, _ = tried(9)
    for key, held in simulated.held().items():
        if key.point == "power_cap":
            assert held == simulated.power_max_w[next(u.id for u in simulated.fleet.units if u.id == key.entity_id)]
    for request in simulated.fleet.requests:
        temps = recording.of(request.target_id, "temperature")
        assert temps is not None
        upper_c = request.schedule.slots[0].value + request.band_k
        for step in recording.steps:
            if step.cut == "":
                assert temps[step.begin : step.end].max() <= upper_c + WARM_K + 0.3
