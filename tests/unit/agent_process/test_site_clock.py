"""The site's clock follows the server's, without ever going back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.agent.site_clock import ClockNote, SiteClock

NOTE = ClockNote(platform_s=1_000_000.0, wall_s=500.0, rate=60.0)


class Hands:
    """Clocks of a machine: the monotonic one and the wall's, which NTP may step."""

    def __init__(self) -> None:
        self.monotonic_s, self.wall_s = 10.0, 500.0

    def go(self, span_s: float) -> None:
        self.monotonic_s += span_s
        self.wall_s += span_s

    def clock(self, note: ClockNote = NOTE, *, not_before_s: float = 0.0) -> SiteClock:
        return SiteClock(note, not_before_s=not_before_s, monotonic=lambda: self.monotonic_s, wall=lambda: self.wall_s)


def test_it_goes_at_the_platforms_rate_and_an_ntp_step_moves_nothing() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.go(2.0)
    hands.wall_s -= 3600.0
    assert clock.now_s() == pytest.approx(1_000_120.0)


def test_a_start_without_server_goes_on_from_the_note_but_not_before_the_last_step() -> None:
    hands = Hands()
    hands.wall_s = 600.0
    assert hands.clock().now_s() == pytest.approx(1_006_000.0)
    hands.wall_s = 400.0  # the wall was set back
    assert hands.clock(not_before_s=1_009_000.0).now_s() == pytest.approx(1_009_000.0)


def test_it_jumps_forth_and_waits_where_it_is_ahead() -> None:
    hands = Hands()
    clock = hands.clock()
    clock.follow(1_000_500.0, 60.0)
    assert clock.now_s() == pytest.approx(1_000_500.0)
    clock.follow(1_000_200.0, 60.0)
    assert clock.ahead_s == pytest.approx(300.0)
    hands.go(1.0)
    assert clock.now_s() == pytest.approx(1_000_506.0), "a tenth of its rate"
    hands.go(30.0)
    assert clock.ahead_s == pytest.approx(0.0)
    note = clock.follow(1_002_060.0, 60.0, way_s=0.2)
    assert note.platform_s == pytest.approx(1_002_060.0, abs=31.0)


@given(
    st.lists(
        st.tuples(st.floats(0.0, 100.0), st.floats(-1e5, 1e5), st.floats(0.01, 600.0), st.floats(-1e5, 1e5)),
        max_size=20,
    )
)
def test_it_never_runs_backwards(steps: list[tuple[float, float, float, float]]) -> None:
    hands = Hands()
    clock = hands.clock()
    before_s = clock.now_s()
    for span_s, off_s, rate, wall_step_s in steps:
        hands.go(span_s)
        hands.wall_s += wall_step_s
        clock.follow(1_000_000.0 + off_s, rate, way_s=0.1)
        now_s = clock.now_s()
        assert now_s >= before_s
        before_s = now_s
