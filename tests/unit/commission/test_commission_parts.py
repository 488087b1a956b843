"""The parts of commissioning: lags, mistakes of units, patches of fleet files, excitation, faults."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.commission.check_energy import resolution_j
from ondol.agent.commission.excite import REACH_SHARE, excited
from ondol.agent.commission.lag_fit import fit_lag
from ondol.agent.commission.mistakes import ENERGIES, TEMPERATURES, explain, explain_ratio
from ondol.agent.commission.patch import diff, patched
from ondol.drivers.virtual.sim_faults import KINDS, read_fault, told
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.points import PointKey
from scenario.commission.sites import site

STEP_S = 30.0


def lagged(power_w: np.ndarray, gain: float, lag_s: float, delay_s: float, offset_w: float) -> np.ndarray:
    """Means over the steps by small explicit steps, so by other means than the fit's."""
    fine = 30
    dt_s = STEP_S / fine
    late = np.concatenate([np.full(int(delay_s / dt_s), power_w[0]), np.repeat(power_w, fine)])
    y, out = gain * power_w[0], []
    for k in range(power_w.size * fine):
        y += dt_s / lag_s * (gain * late[k] - y)
        out.append(y)
    return np.array(out).reshape(-1, fine).mean(axis=1) + offset_w


@settings(max_examples=8, deadline=None)
@given(
    gain=st.floats(0.5, 1.0),
    lag_s=st.floats(120.0, 2400.0),
    delay_steps=st.integers(0, 6),
    seed=st.integers(0, 1000),
)
def test_a_lag_is_found_again(gain: float, lag_s: float, delay_steps: int, seed: int) -> None:
    """Given heat that follows power by a lag and a delay, with noise; when it is fitted; then both come out."""
    draw = np.random.default_rng(seed)
    power_w = np.repeat(draw.choice([300.0, 1200.0], 24), 40)
    heat_w = lagged(power_w, gain, lag_s, delay_steps * STEP_S, -40.0) + draw.normal(0.0, 5.0, power_w.size)
    fit = fit_lag(power_w, heat_w, STEP_S)
    assert fit.identifiable
    assert fit.gain == pytest.approx(gain, abs=0.05)
    assert fit.lag_s + fit.delay_s == pytest.approx(lag_s + delay_steps * STEP_S, rel=0.15, abs=30.0)


def test_a_power_that_stands_still_tells_no_lag() -> None:
    """Given constant power; when a lag is fitted; then it is refused with what to do."""
    heat_w = 500.0 + np.random.default_rng(1).normal(0.0, 5.0, 600)
    fit = fit_lag(np.full(600, 600.0), heat_w, STEP_S)
    assert not fit.identifiable
    assert "let the power move" in fit.reason
    with pytest.raises(InvalidFieldError, match="3 h"):
        fit_lag(np.ones(10), np.ones(10), STEP_S)


def test_mistakes_are_told_apart() -> None:
    """Given values in wrong units; when they are explained; then the right mistake is named, and nothing else."""
    for read, name in ((68.0, "°F"), (293.2, "K in"), (205.0, "tenths"), (-20.0, "sign")):
        mistake = explain(read, 5.0, 35.0, TEMPERATURES)
        assert mistake is not None
        assert mistake.name.startswith(name) or name in mistake.name
    assert explain(-60.0, 5.0, 35.0, TEMPERATURES) is None
    assert explain_ratio(1.0, ENERGIES, within=1.25) is None
    assert explain_ratio(2.5, ENERGIES, within=1.25) is None
    found = explain_ratio(980.0, ENERGIES, within=1.25)
    assert found is not None
    assert found.name == "kWh read as MWh"


def test_the_step_of_a_counter_shows_in_its_value() -> None:
    """Given counters that stand still; when their step is guessed; then it is the coarsest that divides the value."""
    assert resolution_j(1234.0 * 3.6e6) == 3.6e6
    assert resolution_j(1234.5 * 3.6e6) == pytest.approx(3.6e5)
    assert resolution_j(1_000_123_457.0 * 3.6e3) == 3.6e3


FILE = """# the house
[fleet]
name = "x"

[[zone]]
id = "kitchen" # north side
ua_w_per_k = 20.0 # from the survey

[[zone]]
id = "hall"

[[unit]]
id = "hall"
"""


def test_a_patch_keeps_what_it_does_not_change() -> None:
    """Given a commented fleet file; when numbers are patched; then only those lines differ."""
    out = patched(FILE, {("zone", "kitchen"): {"ua_w_per_k": 31.25}, ("zone", "hall"): {"gains_w": 80.0}})
    assert "ua_w_per_k = 31.25 # from the survey" in out
    assert 'id = "hall"\ngains_w = 80\n' in out
    assert out.count("gains_w") == 1
    changed = [line for line in diff(FILE, out, "f").splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert len(changed) == 3
    with pytest.raises(NotFoundError, match="attic"):
        patched(FILE, {("zone", "attic"): {"gains_w": 1.0}})


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_excitation_stays_within_the_band(seed: int) -> None:
    """Given any site; when its set-points are excited; then each stays in its band, and both ends are used."""
    fleet = site(seed % 50)
    for before, after in zip(fleet.requests, excited(fleet, seed).requests, strict=True):
        base = before.schedule.slots[0].value
        values = {slot.value for slot in after.schedule.slots}
        assert all(abs(value - base) <= REACH_SHARE * before.band_k + 1e-3 for value in values)
        assert len(values) == 2


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("nonsense:room", InvalidFieldError, "sensor-frozen"),
        ("sensor-frozen:attic", NotFoundError, "attic"),
        ("sensor-frozen:room.colour", InvalidFieldError, "temperature"),
        ("wrong-unit:room=stone", InvalidFieldError, "fahrenheit"),
        ("pulse-value:boiler=lots", InvalidFieldError, "factor"),
        ("meter-exchanged:boiler", InvalidFieldError, "kWh"),
        ("meter-rolls-over:boiler=-1", InvalidFieldError, "kWh"),
        ("swapped-sensors:room=room", InvalidFieldError, "another sink"),
        ("sensor-frozen:room.temperature.7", NotFoundError, "temperature.7"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(text: str, error: type[Exception], said: str) -> None:
    """Given a fault that the site cannot have; when it is read; then the error names what there is."""
    points = [PointKey("room", "temperature"), PointKey("boiler", "heat_meter"), PointKey("boiler", "heat_power")]
    with pytest.raises(error, match=said):
        read_fault(text, points)
    assert set(KINDS) >= {"dead-actuator", "meter-backwards"}


def test_meters_are_exchanged_and_roll_over_as_real_ones_do() -> None:
    """Given a meter that has counted 2 kWh more; then another stands that much above its own beginning, or behind 0."""
    key, kwh_j = PointKey("boiler", "heat_meter"), 3.6e6
    first, now = {key: 1_000.0 * kwh_j}, {key: 1_002.0 * kwh_j}

    def shown(text: str, values: dict[PointKey, float]) -> float:
        return told(values, [read_fault(text, [key])], before=values, first=first)[key]

    assert shown("meter-exchanged:boiler=5", now) == pytest.approx(7.0 * kwh_j)
    assert shown("meter-rolls-over:boiler=0.5", first) == pytest.approx(1e5 * kwh_j - 0.5 * kwh_j)
    assert shown("meter-rolls-over:boiler=0.5", now) == pytest.approx(1.5 * kwh_j)
