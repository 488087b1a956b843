"""What is proved when the solver is stopped long before it is done."""

from __future__ import annotations

import numpy as np

from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.certificate import lagrangian, polish
from ondol.twin.bound.programme import programme_of
from ondol.twin.bound.solving import Effort, solve
from unit.twin.bound_cases import random_problem


def test_multipliers_of_a_stopped_solver_prove_more_once_polished() -> None:
    # given forty problems and a solver that is stopped after five iterations
    lost, regained = [], []
    for seed in range(40):
        question = random_problem(seed)
        best = lower_bound(question)
        programme = programme_of(question)
        answer = solve(programme, Effort(iterations=5))
        raw = lagrangian(programme, answer.multipliers)
        polished = lagrangian(programme, polish(programme, answer.multipliers, answer.values))
        # then both numbers are true
        assert max(raw, polished) <= best.near + 1e-9 * (1.0 + abs(best.near))
        lost.append(best.near - raw)
        regained.append((polished - raw) / (best.near - raw + 1e-9))
    # and polishing takes back a good part of what was left unproved, in nearly all of them
    assert np.median(lost) > 0.0
    assert np.median(regained) > 0.2
    assert np.mean(np.array(regained) > 0.0) > 0.9


def test_bound_is_the_better_of_both_and_tells_how_it_ended() -> None:
    question = random_problem(3)
    stopped = lower_bound(question, Effort(iterations=2))
    done = lower_bound(question)
    assert stopped.status == "Iteration limit reached"
    assert done.status == "Optimal"
    assert stopped.iterations <= 2 < done.iterations
    assert stopped.gap > done.gap
