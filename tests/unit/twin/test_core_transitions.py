"""The arrays of states go exactly as the lifecycle's tables say."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ondol.lifecycle.attempt import ATTEMPT_TABLE, AttemptSignal
from ondol.lifecycle.instance import INSTANCE_TABLE, InstanceSignal
from ondol.model.compute import AttemptState, InstanceState
from ondol.model.errors import ConflictError
from ondol.model.view import Phase
from ondol.twin.transitions import (
    ATTEMPTS,
    INSTANCES,
    NO_ATTEMPT,
    PHASE_OF,
    Transitions,
    attempt_code,
    instance_code,
)

TABLES: list[tuple[Transitions, Mapping[Any, Any], tuple[enum.Enum, ...], tuple[enum.Enum, ...]]] = [
    (ATTEMPTS, ATTEMPT_TABLE, tuple(AttemptState), tuple(AttemptSignal)),
    (INSTANCES, INSTANCE_TABLE, tuple(InstanceState), tuple(InstanceSignal)),
]


@pytest.mark.parametrize(("moves", "table", "states", "signals"), TABLES, ids=["attempts", "instances"])
def test_every_move_is_that_of_the_table(
    moves: Transitions, table: Mapping[Any, Any], states: tuple[enum.Enum, ...], signals: tuple[enum.Enum, ...]
) -> None:
    for code, state in enumerate(states):
        for signal in signals:
            # given one row in this state among others
            codes = np.zeros(3, dtype=np.int64)
            codes[1] = code
            after = table.get((state, signal))
            if after is None:
                # then what the table does not know is refused, names state and signal, and moves nothing
                with pytest.raises(ConflictError, match=str(state.value)) as error:
                    moves.apply(codes, np.array([1]), signal)
                assert signal.value in str(error.value)
                assert codes.tolist() == [0, code, 0]
            else:
                moves.apply(codes, np.array([1]), signal)
                assert states[codes[1]] is after
                assert codes[[0, 2]].tolist() == [0, 0]


def test_one_row_that_may_not_move_moves_nobody() -> None:
    codes = np.array([instance_code(InstanceState.QUEUED), instance_code(InstanceState.SUCCEEDED)])
    with pytest.raises(ConflictError, match="row 1"):
        INSTANCES.apply(codes, np.array([0, 1]), InstanceSignal.STARTED)
    assert codes.tolist() == [instance_code(InstanceState.QUEUED), instance_code(InstanceState.SUCCEEDED)]


def test_what_has_no_attempt_cannot_be_stopped() -> None:
    codes = np.array([NO_ATTEMPT])
    with pytest.raises(ConflictError):
        ATTEMPTS.apply(codes, np.array([0]), AttemptSignal.STOP_ASKED)


def test_nobody_starts_twice_in_one_go() -> None:
    codes = np.array([instance_code(InstanceState.QUEUED)])
    with pytest.raises(ConflictError):
        INSTANCES.apply(codes, np.array([0, 0]), InstanceSignal.STARTED)


def test_phases_are_those_of_the_view() -> None:
    phases = {state: Phase(int(PHASE_OF[attempt_code(state)])) for state in AttemptState}
    assert phases[AttemptState.PLACED] is phases[AttemptState.STAGING] is Phase.PLACED
    assert phases[AttemptState.RUNNING] is Phase.RUNNING
    assert phases[AttemptState.PAUSED] is Phase.PAUSED
    assert phases[AttemptState.STOPPING] is phases[AttemptState.UPLOADING] is Phase.LEAVING
