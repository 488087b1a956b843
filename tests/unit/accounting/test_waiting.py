"""How late a window of a task's run is, against a run that began as soon as it could and never stopped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.waiting import NO_WAIT_S, Run


def _late_s(run: Run, *windows: tuple[float, float]) -> list[float]:
    found = []
    for start_s, end_s in windows:
        found.append(run.late_s(start_s))
        run = run.after(start_s, end_s)
    return found


def test_each_window_of_work_that_waited_two_hours_is_two_hours_late() -> None:
    assert _late_s(Run(0.0), (7200.0, 7260.0), (7260.0, 7320.0)) == [7200.0, 7200.0]


def test_a_stop_on_the_way_adds_to_what_was_waited() -> None:
    """Given a wait of an hour, a minute of work, a stop of ten minutes, then what follows is 70 minutes late."""
    assert _late_s(Run(0.0), (3600.0, 3660.0), (4260.0, 4320.0)) == [3600.0, 4200.0]


@given(
    begin_s=st.floats(0.0, 59.0),
    length_s=st.sampled_from([15.0, 60.0, 300.0]),
    boot_s=st.integers(0, 3),
    count=st.integers(1, 200),
)
def test_work_that_begins_at_once_is_never_late(begin_s: float, length_s: float, boot_s: int, count: int) -> None:
    """Given a submission anywhere in a window and a boot of some minutes, then no window of its run is late."""
    first_s = length_s * (begin_s // length_s) + 60.0 * boot_s
    windows = [(first_s + length_s * n, first_s + length_s * (n + 1)) for n in range(count)]
    assert _late_s(Run(begin_s), *windows) == [0.0] * count


@pytest.mark.parametrize(("start_s", "late_s"), [(NO_WAIT_S - 1.0, 0.0), (NO_WAIT_S, NO_WAIT_S), (-60.0, 0.0)])
def test_less_than_five_minutes_are_no_waiting(start_s: float, late_s: float) -> None:
    assert Run(0.0).late_s(start_s) == late_s
