"""Work as ramps: what can be done by a time, and what must be."""

from __future__ import annotations

import numpy as np
import pytest

from ondol.twin.bound.curves import ramp


def test_one_long_instance_is_not_done_at_once() -> None:
    # given ten hours of work that may begin at 1 h, on nodes twice as quick as the mean
    hours = np.arange(1.0, 9.0) * 3600.0
    done = ramp(hours, np.array([3600.0]), np.array([2.0]), np.array([36_000.0]))
    # then two hours of work can be done in each hour, and no more than there is
    assert done / 3600.0 == pytest.approx([0, 2, 4, 6, 8, 10, 10, 10])


def test_ramps_add_up_like_single_ones() -> None:
    rng = np.random.default_rng(7)
    begin_s, pace, most = rng.uniform(0, 3e7, 500), rng.uniform(0.5, 2.0, 500), rng.uniform(1.0, 4e5, 500)
    at_s = np.arange(900.0, 3.2e7, 86_400.0)
    singly = np.minimum(most, pace * np.maximum(at_s[:, None] - begin_s, 0.0)).sum(axis=1)
    assert ramp(at_s, begin_s, pace, most) == pytest.approx(singly, rel=1e-9, abs=1e-3)


def test_no_work_is_no_ramp() -> None:
    none = np.zeros(0)
    assert ramp(np.array([1.0, 2.0]), none, none, none).tolist() == [0.0, 0.0]
