"""States out of watts: thresholds, hysteresis, dwell, probability."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.model.heat_signal import HeatState
from ondol.policy.heat_states import DWELL_S, ENTER_SHARE, LEAVE_SHARE, Before, states_of
from ondol.policy.heat_work import LEVELS

W, N, X = HeatState.WANTED, HeatState.NEUTRAL, HeatState.WASTED
POWER_W = 1000.0


def levels(*watts: float) -> np.ndarray:
    return np.repeat(np.array([watts]), len(LEVELS), axis=0)


def test_a_state_begins_at_a_tenth_and_ends_below_a_twentieth():
    wanted = levels(0.0, 99.0, 100.0, 51.0, 50.0, 49.0, 99.0)
    found = states_of(wanted, 0 * wanted, POWER_W, None, 0.0, known_spread=True)
    assert found.states == (N, N, W, W, W, N, N)
    wasted = states_of(0 * wanted, wanted, POWER_W, None, 0.0, known_spread=True)
    assert wasted.states == (N, N, X, X, X, N, N)


def test_wanted_goes_before_wasted():
    assert states_of(levels(200.0), levels(500.0), POWER_W, None, 0.0, known_spread=True).states == (W,)


def test_the_state_of_now_holds_for_a_quarter_of_an_hour_whatever_comes():
    before = Before(W, 0.0)
    young = states_of(levels(0.0, 0.0), levels(0.0, 0.0), POWER_W, before, DWELL_S - 1.0, known_spread=True)
    assert young.states == (W, N)
    assert young.before == before
    old = states_of(levels(0.0, 0.0), levels(0.0, 0.0), POWER_W, young.before, DWELL_S, known_spread=True)
    assert old.states == (N, N)
    assert old.before == Before(N, DWELL_S)


def test_confidence_is_the_share_of_quantiles_that_agree():
    """Given more than the threshold from the 35 % quantile up, then wanted has three chances in four or so."""
    wanted = np.where(np.array(LEVELS) >= 0.35, 150.0, 50.0)[:, None]
    found = states_of(wanted, 0 * wanted, POWER_W, None, 0.0, known_spread=True)
    assert found.states == (W,)
    assert found.confidence[0] == pytest.approx(1.0 - 0.275)


def test_nothing_is_claimed_beyond_the_last_quantile_nor_without_any():
    sure = states_of(levels(900.0), levels(0.0), POWER_W, None, 0.0, known_spread=True)
    assert sure.confidence == (0.99,)
    assert states_of(levels(900.0), levels(0.0), POWER_W, None, 0.0, known_spread=False).confidence == (None,)


@given(st.lists(st.floats(0.0, 150.0), min_size=2, max_size=60), st.floats(0.0, 1.0))
def test_small_noise_makes_no_flapping(watts: list[float], noise: float):
    """Whatever is wanted, a wiggle smaller than the band between the shares turns no state back and forth."""
    level = watts[0]
    wiggle = noise * (ENTER_SHARE - LEAVE_SHARE) * POWER_W * 0.49
    series = levels(*(level + (wiggle if k % 2 else -wiggle) for k in range(len(watts))))
    states = states_of(np.maximum(series, 0.0), 0 * series, POWER_W, None, 0.0, known_spread=True).states
    assert sum(a is not b for a, b in itertools.pairwise(states)) <= 1
