"""Given foretold states and what came of them, then the score counts them and the confidence follows what was seen."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.policy.signal_score import BANDS_H, LEADS_H, STATES, Correction, Tally, band_of

WANTED, NEUTRAL, WASTED = range(len(STATES))


def test_a_score_by_hand() -> None:
    """Given four pairs, two of which came, then hit rate, Brier score and distance are those of pen and paper."""
    tally = Tally()
    for said, computed, was in ((0.8, 0.9, WANTED), (0.8, 0.9, WANTED), (0.8, 0.9, NEUTRAL), (0.4, 0.5, WASTED)):
        tally.add(said, computed, WANTED, was, NEUTRAL)
    assert (tally.compared, tally.came, tally.stayed) == (4, 2, 1)
    assert tally.squares == pytest.approx(2 * 0.04 + 0.64 + 0.16)
    assert tally.squares_before == pytest.approx(2 * 0.01 + 0.81 + 0.25)
    assert tally.bins[8] == [3, 2, pytest.approx(2.4)]
    assert tally.off == pytest.approx((abs(2.4 - 2) + 0.4) / 4)
    assert (tally.foretold, tally.foretold_came, tally.happened) == ([4, 0, 0], [2, 0, 0], [2, 1, 1])
    assert tally.plus(tally).squares == pytest.approx(2 * tally.squares)
    assert Tally(*tally.pack()) == tally


def test_lead_times_are_told_apart_as_they_are_published() -> None:
    assert [band_of(lead) for lead in (1, 5, 6, 23, 24, 47)] == [0, 0, 1, 1, 2, 2]
    assert {band_of(lead) for lead in LEADS_H} == set(range(len(BANDS_H)))


def test_what_is_said_too_surely_is_said_less_surely_once_that_was_seen() -> None:
    """Given 200 hours of which 95 % was computed and a quarter came, then about a quarter is said; of others nothing is
    learned, and when half a year has passed less is known of it."""
    correction = Correction()
    for hour in range(200):
        correction.learn(30, WANTED, 0.95, hour % 4 == 0)
    assert correction.said(36, WANTED, 0.95) == pytest.approx(0.25, abs=0.06)
    assert correction.said(3, WANTED, 0.95) == pytest.approx(0.95)
    assert correction.said(36, NEUTRAL, 0.95) == Correction().said(36, NEUTRAL, 0.95)
    assert correction.said(0, WANTED, 0.95) == 0.95
    assert Correction(correction.pack()).said(36, WANTED, 0.95) == correction.said(36, WANTED, 0.95)
    correction.fade(24 * 180)
    assert correction.said(36, WANTED, 0.95) > 0.6


def test_before_anything_was_seen_far_hours_are_said_less_surely() -> None:
    fresh = Correction()
    assert fresh.said(2, WANTED, 0.9) == pytest.approx(0.9)
    assert 0.5 < fresh.said(40, WANTED, 0.9) < fresh.said(12, WANTED, 0.9) < 0.9


def test_an_area_begins_with_what_was_seen_of_sites_and_then_has_its_own() -> None:
    sites = Correction()
    area = Correction(wider=sites)
    for _ in range(400):
        sites.learn(12, WANTED, 0.85, False)
    assert area.said(12, WANTED, 0.85) < 0.15
    for _ in range(400):
        area.learn(12, WANTED, 0.85, True)
    assert area.said(12, WANTED, 0.85) > 0.85


@given(
    pairs=st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), max_size=120),
    asked=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12),
    lead=st.sampled_from(LEADS_H),
)
def test_whatever_came_it_stays_a_probability_and_more_computed_is_never_less_said(
    pairs: list[tuple[float, bool]], asked: list[float], lead: int
) -> None:
    correction = Correction()
    for computed, came in pairs:
        correction.learn(lead, WANTED, computed, came)
    said = [correction.said(lead, WANTED, one) for one in sorted(asked)]
    assert all(0.01 <= one <= 0.99 for one in said)
    assert all(low <= high + 1e-12 for low, high in itertools.pairwise(said))


@given(share=st.floats(0.1, 0.9), computed=st.floats(0.05, 0.95), lead=st.sampled_from(LEADS_H))
def test_with_many_pairs_what_is_said_is_what_came(share: float, computed: float, lead: int) -> None:
    correction, came = Correction(), 0
    for number in range(1, 2001):
        true = round(number * share) > came
        came += true
        correction.learn(lead, NEUTRAL, computed, true)
    assert correction.said(lead, NEUTRAL, computed) == pytest.approx(share, abs=0.03)
