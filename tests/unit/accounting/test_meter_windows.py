"""Given readings of a meter at any times, when they are cut into windows, then nothing is lost and time is covered."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.accounting.meter_windows import GAP_S, Counted, closed, count_window, opened


def test_a_quarter_ends_between_two_readings() -> None:
    window = opened(870.0, 100.0)
    done, window = count_window(window, 930.0, 160.0)
    assert done == (Counted(870.0, 900.0, 30.0),)
    assert closed(window) == (Counted(900.0, 930.0, 30.0),)


def test_a_long_silence_is_a_window_of_its_own() -> None:
    window = opened(0.0, 0.0)
    _, window = count_window(window, 100.0, 10.0)
    done, window = count_window(window, 100.0 + GAP_S + 1.0, 70.0)
    assert done == (Counted(0.0, 100.0, 10.0), Counted(100.0, 101.0 + GAP_S, 60.0))
    assert closed(window) == ()


@given(
    st.floats(0.0, 4e9), st.lists(st.tuples(st.floats(0.5, 3 * GAP_S), st.floats(0.0, 1e12)), min_size=1, max_size=20)
)
@settings(max_examples=200, deadline=None)
def test_windows_cover_time_once_and_sum_to_the_rise(begin_s: float, steps: list[tuple[float, float]]) -> None:
    window, at_s, total = opened(begin_s, 0.0), begin_s, 0.0
    done: list[Counted] = []
    for span_s, rise in steps:
        at_s, total = at_s + span_s, total + rise
        ended, window = count_window(window, at_s, total)
        done += ended
    done += closed(window)
    assert math.isclose(math.fsum(one.amount for one in done), total, rel_tol=1e-9, abs_tol=1e-6)
    assert all(one.amount >= 0.0 and one.end_s > one.start_s for one in done)
    assert (done[0].start_s, done[-1].end_s) == (begin_s, at_s)
    assert all(one.end_s == other.start_s for one, other in itertools.pairwise(done))
    assert all(one.end_s - one.start_s <= 3 * GAP_S + 1e-3 for one in done)
