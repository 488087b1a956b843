"""The pricing: published closed-form values, estimates within their errors, controls that help."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.demo.jobs import inputs, price


def options() -> dict[str, price.Option]:
    _, _, found = price.read_portfolio(json.dumps(inputs.portfolio()))
    return {option.kind: option for option in found}


def test_black_scholes_gives_the_textbook_values() -> None:
    """Hull, Options, Futures and Other Derivatives, example in the chapter on Black–Scholes–Merton: 4.76 and 0.81."""
    assert price.black_scholes(42, 40, 0.10, 0.20, 0.5, call=True) == pytest.approx(4.76, abs=0.005)
    assert price.black_scholes(42, 40, 0.10, 0.20, 0.5, call=False) == pytest.approx(0.81, abs=0.005)


@given(st.floats(50, 200), st.floats(50, 200), st.floats(-0.05, 0.15), st.floats(0.05, 0.8), st.floats(0.05, 5))
def test_put_and_call_differ_by_the_forward(s: float, k: float, r: float, v: float, t: float) -> None:
    call = price.black_scholes(s, k, r, v, t, call=True)
    put = price.black_scholes(s, k, r, v, t, call=False)
    assert call - put == pytest.approx(s - k * math.exp(-r * t), abs=1e-9)
    assert call >= -1e-9
    assert put >= -1e-9


def test_barrier_far_away_is_the_plain_call_and_at_the_spot_is_nothing() -> None:
    option = options()["up_out_call"]
    plain = price.black_scholes(option.spot, option.strike, option.rate, option.volatility, option.years, call=True)
    assert price.up_out_call(replace(option, barrier=1e5)) == pytest.approx(plain, rel=1e-9)
    assert price.up_out_call(replace(option, barrier=option.spot * (1 + 1e-9))) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("kind", ["call", "put", "up_out_call"])
def test_estimates_agree_with_their_closed_form(kind: str) -> None:
    option = options()[kind]
    found = price.estimate(option, 40_000, np.random.default_rng(3))
    exact = price.closed_form(option)
    assert exact is not None
    assert abs(found.value - exact) < 4 * found.standard_error
    assert found.paths == 80_000


@pytest.mark.parametrize("kind", ["asian_call", "basket_call"])
def test_control_variates_change_the_error_and_not_the_value(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    option = options()[kind]
    with_control = price.estimate(option, 20_000, np.random.default_rng(5))
    monkeypatch.setattr(price, "control_value", lambda _: None)
    plain = price.estimate(option, 20_000, np.random.default_rng(6))
    assert with_control.standard_error < plain.standard_error / 5
    assert abs(with_control.value - plain.value) < 4 * math.hypot(with_control.standard_error, plain.standard_error)


def test_an_asian_call_with_one_date_and_a_basket_of_one_are_plain_calls() -> None:
    """Then the control is the payoff itself, its weight 1, and the error vanishes."""
    asian = replace(options()["asian_call"], dates=1)
    basket = replace(options()["basket_call"], weights=np.ones(1), volatilities=np.array([0.25]))
    plain = price.black_scholes(100, 100, 0.03, 0.25, 1, call=True)
    for option in (asian, basket):
        found = price.estimate(option, 5_000, np.random.default_rng(7))
        assert found.value == pytest.approx(plain, abs=1e-9)
        assert found.standard_error < 1e-9


def test_instances_draw_their_own_numbers_and_the_same_ones_again() -> None:
    seed, _, found = price.read_portfolio(json.dumps(inputs.portfolio()))
    first, again, other = (price.price_all(seed, 500, found[:2], i) for i in (0, 0, 1))
    assert first == again
    assert first["options"][0]["value"] != other["options"][0]["value"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pairs": 0}, "pairs = 0"),
        ({"pairs": "many"}, "pairs = 'many'"),
        ({"seeds": 1}, "seeds is not a key"),
        ({"options": []}, "options = []"),
        ({"options": [{"kind": "swap"}]}, "options[0].kind = 'swap'"),
        (
            {"options": [{"kind": "call", "name": "a", "spot": -1, "strike": 1, "rate": 0, "years": 1}]},
            "options[0].spot",
        ),
    ],
)
def test_a_bad_portfolio_ends_with_2_and_names_the_key(
    change: dict[str, object], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "portfolio.json"
    file.write_text(json.dumps({**inputs.portfolio(), **change}), encoding="utf-8")
    assert price.main([str(file)]) == 2
    assert named in capsys.readouterr().err
