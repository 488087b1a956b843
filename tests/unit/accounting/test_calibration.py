"""Given what came of tasks before, when the next is quoted, then nine of ten stay below its p90."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.calibration import LAST, MOST_OPEN, OFFSETS, STEP, Figure, Said, quantiles


def test_quantiles_of_values_that_are_all_known_are_the_plain_ones() -> None:
    value = np.array([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    ones = np.ones(10)
    assert quantiles(value, ones, ones, (0.1, 0.5, 0.9)) == [1.0, 5.0, 9.0]


def test_the_product_limit_estimate_by_hand() -> None:
    # 1, 2+, 3, 4+, 5: S(1) = 4/5, S(3) = 4/5·2/3 = 8/15, S(5) = 0
    value, over = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 0.0, 1.0, 0.0, 1.0])
    ones = np.ones(5)
    assert quantiles(value, ones, over, (0.2, 7.0 / 15.0, 0.5)) == [1.0, 3.0, 5.0]


def test_what_still_runs_is_not_left_out() -> None:
    value = np.concatenate([np.full(80, 1.0), np.full(20, 3.0)])
    over = np.concatenate([np.ones(80), np.zeros(20)])
    with_open = quantiles(value, np.ones(100), over, (0.9,))[0]
    without = quantiles(value[:80], np.ones(80), np.ones(80), (0.9,))[0]
    assert without == 1.0
    assert with_open > 3.0


@given(st.lists(st.tuples(st.floats(0.01, 100.0), st.booleans()), min_size=1, max_size=40))
def test_quantiles_rise_and_are_finite(members: list[tuple[float, bool]]) -> None:
    value = np.array([one for one, _ in members])
    over = np.array([float(known) for _, known in members])
    low, middle, high = quantiles(value, np.ones(len(value)), over, (0.1, 0.5, 0.9))
    assert 0.0 < low <= middle <= high < np.inf


def _kept(scales: np.ndarray, spread: float, seed: int, *, skew: float = 0.0) -> tuple[float, float]:
    """Quote tasks one a minute whose figure takes as long to come as it is large; give the shares kept of p50, p90.

    The first hundred are left out: nothing had come when they were quoted.
    """
    lots = np.random.Generator(np.random.PCG64(seed))
    figure = Figure(0.5)
    told_at: dict[str, float] = {}
    coming: list[tuple[float, str, float]] = []
    kept: list[tuple[bool, bool]] = []
    for number, scale in enumerate(scales.tolist()):
        now = 60.0 * number
        while coming and coming[0][0] <= now:
            _, key, came = heapq.heappop(coming)
            figure.over(key, came)
        figure.look(lambda key, now=now: now - told_at[key])
        _, p50, p90 = figure.quantiles(("flex", "own"), lambda key, now=now: now - told_at[key])
        came = 600.0 * scale * float(np.exp(spread * lots.standard_normal() + skew))
        figure.say(str(number), Said(("flex", "own"), 600.0, 600.0 * p90))
        told_at[str(number)] = now
        heapq.heappush(coming, (now + came, str(number), came))
        kept.append((came <= 600.0 * p50, came <= 600.0 * p90))
    return tuple(np.mean(kept[100:], axis=0).tolist())  # type: ignore[return-value]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_steady_world_is_met_nine_times_of_ten(seed: int) -> None:
    p50, p90 = _kept(np.ones(1000), 1.0, seed, skew=1.2)
    assert 0.44 <= p50 <= 0.56
    assert 0.86 <= p90 <= 0.94


def test_a_world_that_turns_is_followed() -> None:
    scales = np.concatenate([np.ones(400), np.full(300, 3.0), np.full(400, 0.5)])
    assert 0.85 <= _kept(scales, 0.5, 4)[1] <= 0.95


def test_a_group_without_members_borrows_from_its_class_not_from_others() -> None:
    figure = Figure(0.5)
    for number in range(60):
        for service, ratio in (("flex", 4.0), ("harvest", 40.0)):
            key = f"{service}{number}"
            figure.say(key, Said((service, "own"), 1.0, 1.0))
            figure.over(key, ratio)
    _, middle, _ = figure.quantiles(("flex", "declared"), lambda _key: 0.0)
    assert middle == pytest.approx(4.0)


def _high(figure: Figure, group: tuple[str, ...] = ("flex",)) -> float:
    return {tuple(one): offset for one, offset in figure.pack()["high"]}[group]  # type: ignore[attr-defined]


def test_p90_follows_misses_within_bounds() -> None:
    figure = Figure(0.5)
    for number in range(200):
        figure.say(str(number), Said(("flex",), 1.0, 0.5))
        figure.over(str(number), 1.0)  # always more than was said
    assert _high(figure) == OFFSETS[1]
    assert figure.kept == {"flex": (200, 0)}
    assert figure.last == {"flex": [False] * LAST}
    for number in range(2000):
        figure.say(str(number), Said(("flex",), 1.0, 2.0))
        figure.over(str(number), 1.0)
    assert _high(figure) == OFFSETS[0]


def test_what_waits_past_its_p90_is_a_miss_now_and_not_again_at_its_end() -> None:
    """Given a task that has not come by its p90, when the next is quoted, then that is known already."""
    figure = Figure(0.5)
    for key in "abc":
        figure.say(key, Said(("flex",), 1.0, 2.0))
    figure.look({"a": 2.5, "b": 1.5, "c": 2.0}.__getitem__)
    assert figure.kept == {"flex": (1, 0)}
    assert _high(figure) == pytest.approx(0.9 * STEP)
    figure.over("a", 3.0)
    assert figure.kept == {"flex": (1, 0)}
    figure.over("b", 1.9)
    assert figure.kept == {"flex": (2, 1)}
    again = Figure(0.5)
    again.unpack(figure.pack())
    figure.look(lambda _key: 2.5)
    again.look(lambda _key: 2.5)
    assert again.pack() == figure.pack()
    assert figure.kept == {"flex": (3, 1)}


def test_what_was_not_promised_counts_neither_as_kept_nor_as_missed() -> None:
    figure = Figure(0.5)
    figure.say("a", Said(("harvest",), 1.0, 2.0, promised=False))
    figure.over("a", 9.0)
    assert figure.kept == {}
    assert figure.last == {}


def test_nine_of_ten_come_to_more_than_the_low_value() -> None:
    lots = np.random.Generator(np.random.PCG64(7))
    figure, more = Figure(0.5, low=-1.5), []
    for number in range(1500):
        low, _, _ = figure.quantiles(("harvest",), lambda _key: 0.0)
        came = float(np.exp(lots.standard_normal()))
        figure.say(str(number), Said(("harvest",), 1.0, 9.0, low))
        figure.over(str(number), came)
        more.append(came >= low)
    assert more[:50].count(False) <= 3  # careful at first
    assert 0.86 <= float(np.mean(more[500:])) <= 0.94


def test_what_was_learned_outlives_a_restart() -> None:
    figure = Figure(0.5)
    for number in range(30):
        figure.say(str(number), Said(("flex", "own"), 2.0, 3.0))
        if number % 3:
            figure.over(str(number), 1.0 + number)
    figure.look(float)
    again = Figure(0.5)
    again.unpack(figure.pack())
    assert again.pack() == figure.pack()
    assert again.quantiles(("flex", "own"), lambda _key: 5.0) == figure.quantiles(("flex", "own"), lambda _key: 5.0)


def test_what_came_to_nothing_teaches_nothing() -> None:
    figure = Figure(0.5)
    figure.say("a", Said(("flex",), 1.0, 1.0))
    figure.forget("a")
    figure.over("a", 9.0)
    assert figure.kept == {}
    assert list(figure.open) == []


def test_very_many_open_ones_are_not_all_followed() -> None:
    figure = Figure(0.5)
    for number in range(MOST_OPEN + 5):
        figure.say(str(number), Said(("flex",), 1.0, 1.0))
    assert figure.full
    assert len(list(figure.open)) == MOST_OPEN
    figure.over("0", 1.0)
    assert not figure.full
