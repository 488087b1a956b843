"""Whatever is measured, the map from setting to power never falls, and a limit that was passed is not passed again."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.drivers.host_power.power_map import PowerMap
from ondol.model.errors import InvalidFieldError

SHARE = st.floats(0.0, 1.0)
SETTINGS = [k / 10 for k in range(11)]


def line() -> PowerMap:
    return PowerMap(SETTINGS, [50.0 + 40.0 * k for k in range(11)], idle_w=50.0)


@given(st.lists(st.tuples(SHARE, st.floats(0.0, 900.0)), max_size=30), SHARE)
def test_it_never_falls(measured: list[tuple[float, float]], setting: float) -> None:
    curve = line()
    for where, power_w in measured:
        curve.learn(where, power_w)
        knots = curve.powers_w
        assert all(b >= a for a, b in itertools.pairwise(knots))
    assert knots_around(curve, setting)


def knots_around(curve: PowerMap, setting: float) -> bool:
    return curve.powers_w[0] <= curve.power_w(setting) <= curve.powers_w[-1]


@given(st.lists(st.tuples(SHARE, st.floats(0.0, 900.0)), max_size=10), SHARE, st.floats(0.0, 1.0))
def test_what_passed_the_limit_is_known_from_then_on(
    measured: list[tuple[float, float]], setting: float, over: float
) -> None:
    curve = line()
    for where, power_w in measured:
        curve.learn(where, power_w)
    most_w = 50.0 + 2.0 * 400.0 * setting  # twice the first curve above idle is believed
    passed_w = curve.power_w(setting) + over * max(most_w - curve.power_w(setting), 0.0)
    curve.learn(setting, passed_w)
    assert curve.power_w(setting) >= passed_w - 1e-6


def test_power_that_the_setting_cannot_explain_is_not_learnt() -> None:
    curve = line()
    assert not curve.learn(0.2, 450.0)
    assert curve.powers_w == line().powers_w


@given(st.lists(st.tuples(SHARE, st.floats(0.0, 900.0)), max_size=10), st.floats(0.0, 900.0))
def test_a_setting_draws_no_more_than_its_limit(measured: list[tuple[float, float]], cap_w: float) -> None:
    curve = line()
    for where, power_w in measured:
        curve.learn(where, power_w)
    setting = curve.setting_for(cap_w)
    assert 0.0 <= setting <= 1.0
    assert curve.power_w(setting) <= max(cap_w, curve.powers_w[0]) + 1e-6


@pytest.mark.parametrize(("settings", "powers_w"), [([0.0], [1.0]), ([0.0, 0.0], [1.0, 2.0]), ([0.0, 1.0], [2.0, 1.0])])
def test_a_map_that_is_none_is_refused(settings: list[float], powers_w: list[float]) -> None:
    with pytest.raises(InvalidFieldError):
        PowerMap(settings, powers_w, idle_w=0.0)
