"""Work to come is what came in the same hours before: against a loop that says it word by word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.policy.plan.expected_work import expected_work_s

DAY = 6


def spans(now: int) -> tuple[np.ndarray, np.ndarray]:
    edges = now + np.array([0, 1, 2, 4, 7, 12])
    return edges[:-1], edges[1:]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=80))
def test_it_is_the_mean_of_the_same_hours_of_the_days_before(came: list[int]) -> None:
    now = len(came)
    first, ends = spans(now)
    sums = np.concatenate([[0.0], np.cumsum(came)])[None, :]
    told = expected_work_s(sums, first, ends, DAY)[0]
    days = min(7, now // DAY)
    for span in range(len(first)):
        if days == 0:
            assert told[span] == pytest.approx(sum(came) / now * (ends[span] - first[span]))
            continue
        ahead = (ends[span] - 1 - now) // DAY
        total = sum(
            came[step - DAY * (back + ahead)]
            for back in range(1, days + 1)
            for step in range(first[span], ends[span])
            if step - DAY * (back + ahead) >= 0
        )
        assert told[span] == pytest.approx(total / days)


def test_before_anything_could_come_nothing_is_expected() -> None:
    first, ends = spans(0)
    assert not expected_work_s(np.zeros((2, 1)), first, ends, DAY).any()
