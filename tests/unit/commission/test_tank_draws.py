"""`site identify` on tanks from which water is drawn at any hour: draws are found, or the tank is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.commission.draws import fit_tank_with_draws, undrawn
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SinkId, SiteId
from ondol.model.sink import Tank
from ondol.thermal.fit.tank_fit import TankReadings, fit_tank

STEP_S = 900.0
UA, LITRES = 4.0, 500.0
C = LITRES / 1000.0 * 983.2 * 4186.0
PRIOR = Tank(id=SinkId("tank"), site_id=SiteId("home"), name="Tank", volume_l=600.0, ua_w_per_k=6.0)


def readings(
    seed: int, *, share: float, days: float = 5.0, noise_k: float = 0.02, steady_w: float = 0.0
) -> TankReadings:
    """A mixed tank that is charged some hours a day, with a draw of 3 to 25 L in a share of all steps."""
    draw = np.random.default_rng(seed)
    steps = round(days * 96)
    charge_w = np.where((np.arange(steps) // 12) % 3 == 0, 1500.0 + 6000.0 * share, 0.0)
    drawn_j = np.where(draw.random(steps) < share, draw.uniform(3.0, 25.0, steps), 0.0) * 4186.0 * 40.0
    temp_c = np.empty(steps)
    now_c = 50.0
    for k in range(steps):
        temp_c[k] = now_c
        now_c += (charge_w[k] * STEP_S - UA * (now_c - 18.0) * STEP_S - steady_w * STEP_S - drawn_j[k]) / C
    return TankReadings(
        step_s=STEP_S,
        temp_c=temp_c + draw.normal(0.0, noise_k, steps),
        charge_w=charge_w,
        draw_w=np.zeros(steps),
        ambient_c=np.full(steps, 18.0),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_draws_at_any_hour_are_found_and_left_out(seed: int) -> None:
    """Given draws in one step of twelve, by night too, that nobody tells, then loss and size are near the truth."""
    told = readings(seed, share=0.08)
    fit, left_out = fit_tank_with_draws(told, PRIOR)
    assert fit.identifiable
    assert fit.ua_w_per_k == pytest.approx(UA, rel=0.1)
    assert fit.capacity_j_per_k == pytest.approx(C, rel=0.05)
    assert left_out == pytest.approx(0.08, abs=0.03)
    naive = fit_tank(told, PRIOR)
    assert abs(naive.ua_w_per_k - UA) > 3 * abs(fit.ua_w_per_k - UA), "what a fit that trusts in no draws would say"


def test_a_tank_from_which_nobody_draws_is_fitted_as_before() -> None:
    told = readings(4, share=0.0)
    fit, left_out = fit_tank_with_draws(told, PRIOR)
    assert left_out < 0.02
    assert fit.ua_w_per_k == pytest.approx(fit_tank(told, PRIOR).ua_w_per_k, rel=0.02)


def test_a_tank_that_is_drawn_from_all_the_time_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidFieldError, match="stretches of 2 h without draws"):
        fit_tank_with_draws(readings(5, share=0.4), PRIOR)


def test_water_that_runs_all_the_time_counts_as_loss() -> None:
    """What cannot be told apart is not claimed to be: the docs say so."""
    fit, _ = fit_tank_with_draws(readings(6, share=0.0, steady_w=60.0), PRIOR)
    mean_k = float(readings(6, share=0.0, steady_w=60.0).temp_c.mean()) - 18.0
    assert fit.ua_w_per_k == pytest.approx(UA + 60.0 / mean_k, rel=0.1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e4, 1e5), min_size=12, max_size=200))
def test_the_steps_that_are_kept_are_those_that_lack_least(lacking_w: list[float]) -> None:
    values = np.array(lacking_w)
    kept = undrawn(values, np.ones(values.size, dtype=np.bool_))
    assert kept.any()
    if (~kept).any():
        assert values[kept].max() <= values[~kept].min()
