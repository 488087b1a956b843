"""What is no problem is refused by field, value and what is allowed, before anything is solved."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.problem import BoundProblem
from ondol.twin.bound.solving import Effort
from unit.twin.bound_cases import const, network, problem, tank, unit, work

STEPS = 3


def asked(part: str, **fields: Any) -> BoundProblem:
    """A sound problem, with one part changed."""
    parts: dict[str, Any] = {
        "sink": tank(STEPS, demand_w=const(500.0, STEPS)),
        "unit": unit(STEPS),
        "work": work(STEPS, {0: 900.0}, {1: 450.0}),
    }
    if part in parts:
        parts[part] = replace(parts[part], **fields)
    question = problem([parts["sink"]], [parts["unit"]], [parts["work"]])
    return replace(question, **fields) if part == "problem" else question


def test_the_sound_problem_is_solved() -> None:
    assert lower_bound(asked("problem")).bound > 0.0


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("sink", "A", np.array([[-0.1]])),
        ("sink", "A", np.array([[nan]])),
        ("sink", "A", np.ones((2, 1))),
        ("sink", "heat", np.array([-1e-3])),
        ("sink", "heat", np.zeros(2)),
        ("sink", "backup", np.array([inf])),
        ("sink", "draw", np.array([1e-3])),
        ("sink", "draw", np.zeros(1)),
        ("sink", "drive", np.zeros((STEPS + 1, 1))),
        ("sink", "drive", const(nan, STEPS)[:, None]),
        ("sink", "start", np.array([inf])),
        ("sink", "observe", np.array([-1.0])),
        ("sink", "lower_c", const(inf, STEPS)),
        ("sink", "lower_c", const(nan, STEPS)),
        ("sink", "lower_c", const(61.0, STEPS)),
        ("sink", "upper_c", const(-inf, STEPS)),
        ("sink", "demand_w", const(-1.0, STEPS)),
        ("sink", "demand_w", np.zeros(STEPS - 1)),
        ("sink", "demand_w", [0.0] * STEPS),
        ("sink", "backup_max_w", -1.0),
        ("sink", "backup_max_w", inf),
        ("sink", "backup_cost", const(nan, STEPS)),
        ("sink", "end_value", np.array([-1.0])),
        ("unit", "sink", 1),
        ("unit", "sink", -2),
        ("unit", "power_max_w", nan),
        ("unit", "speed_w", np.array([1001.0])),
        ("unit", "speed", np.array([-1.0])),
        ("unit", "speed", np.ones(2)),
        ("unit", "capture", -0.1),
        ("unit", "electric_cost", const(inf, STEPS)),
        ("work", "released", np.array([900.0, 800.0, 900.0])),
        ("work", "released", const(nan, STEPS)),
        ("work", "due", np.array([0.0, 0.0, 901.0])),
        ("work", "due", np.array([0.0, 450.0, 400.0])),
        ("work", "late_cost", -1.0),
        ("work", "late_cost", inf),
        ("problem", "step_s", 0.0),
        ("problem", "discomfort_cost", -1.0),
        ("problem", "limit_w", np.array([-1.0])),
        ("problem", "limit_w", np.array([100.0])),
        ("problem", "site", np.array([0])),
    ],
)
def test_what_has_no_meaning_is_refused(part: str, field: str, value: object) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        lower_bound(asked(part, **{field: value}))
    named = "site" if part == "problem" and field == "limit_w" and np.all(np.asarray(value) > 0) else field
    assert named in refused.value.field


def bent(**fields: Any) -> BoundProblem:
    losses = ((np.array([100.0]), 0.0),)
    return asked("sink", **{"losses": losses, "loss_gain": np.array([-1e-4]), **fields})


def test_tangents_are_taken() -> None:
    assert np.isfinite(lower_bound(bent()).bound)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("loss_gain", np.array([1e-4])),
        ("loss_gain", np.zeros(0)),
        ("losses", ((np.array([nan]), 0.0),)),
        ("losses", ((np.array([1.0]), inf),)),
        ("losses", ((np.array([1e5]), 0.0),)),  # a K warmer would lose 10 K in a step
        ("loss_max_w", nan),
        ("loss_max_w", -1.0),
    ],
)
def test_tangents_that_have_no_meaning_are_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        lower_bound(bent(**{field: value}))
    assert field in refused.value.field


def test_losses_need_a_most_where_warmth_may_cost() -> None:
    # given a backup that is paid for being used
    cheap = const(-1e-5, STEPS)
    with pytest.raises(InvalidFieldError, match="loss_max_w"):
        lower_bound(bent(backup_cost=cheap))
    # then the caller has to say how much the sink can lose at most
    assert np.isfinite(lower_bound(bent(backup_cost=cheap, loss_max_w=20_000.0)).bound)


def test_nothing_is_no_problem() -> None:
    with pytest.raises(InvalidFieldError, match="no sink and no unit"):
        lower_bound(problem([], []))
    with pytest.raises(InvalidFieldError, match="no step"):
        lower_bound(problem([network(0, np.zeros(0), np.zeros(0))], []))


@pytest.mark.parametrize("fields", [{"method": "guess"}, {"tolerance": 0.0}, {"tolerance": nan}, {"iterations": 0}])
def test_effort_is_checked(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidFieldError):
        Effort(**fields)
