"""The lifecycle's own tables as arrays: thousands of attempts move by the rules that move one in production."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ondol.lifecycle.attempt import ATTEMPT_TABLE, PHASES, AttemptSignal
from ondol.lifecycle.instance import INSTANCE_TABLE, InstanceSignal
from ondol.model.compute import AttemptState, InstanceState
from ondol.model.errors import ConflictError
from ondol.model.view import Ints, Phase
from ondol.twin.compiled import compiled

ATTEMPT_STATES = tuple(AttemptState)
INSTANCE_STATES = tuple(InstanceState)
NO_ATTEMPT = -1
Codes = npt.NDArray[np.int8]
_SIGNALS: tuple[enum.Enum, ...] = (*AttemptSignal, *InstanceSignal)
PHASE_OF = np.array([PHASES.get(state, Phase.QUEUED) for state in ATTEMPT_STATES], dtype=np.int64)
"""Phase of the View by code of the attempt's state."""


def attempt_code(state: AttemptState) -> int:
    """Code of an attempt's state."""
    return ATTEMPT_STATES.index(state)


def instance_code(state: InstanceState) -> int:
    """Code of an instance's state."""
    return INSTANCE_STATES.index(state)


class Transitions:
    """One table of states as an array: `apply` moves rows and refuses what the table does not know."""

    def __init__(
        self, table: Mapping[tuple[enum.Enum, enum.Enum], enum.Enum], states: tuple[enum.Enum, ...], noun: str
    ) -> None:
        self._states, self._noun = states, noun
        self._next = np.full((len(states), len(_SIGNALS)), -1, dtype=np.int8)
        for (state, signal), after in table.items():
            self._next[states.index(state), _SIGNALS.index(signal)] = states.index(after)
        self._after = {signal: self._next[:, column].copy() for column, signal in enumerate(_SIGNALS)}

    def apply(self, codes: Ints, rows: Ints, signal: enum.Enum) -> None:
        """Move rows by a signal, in place.

        Raises
        ------
        ConflictError : the signal leads nowhere from the state of one of them
        """
        refused = _move(codes, rows, self._after[signal])
        if refused >= 0:
            row = int(rows[refused])
            state = self._states[int(codes[row])].value if codes[row] >= 0 else "none"
            raise ConflictError(f"{self._noun} of row {row} is {state}; '{signal.value}' leads nowhere from there")


@compiled
def _move(codes: Ints, rows: Ints, after: Codes) -> int:
    """Move rows to what comes after their states; gives the place of the first that may not move, -1 for none.

    Nothing is moved where one may not, unless a row is named twice and may not move twice.
    """
    for k in range(len(rows)):
        code = codes[rows[k]]
        if code < 0 or after[code] < 0:
            return k
    for k in range(len(rows)):
        code = after[codes[rows[k]]]
        if code < 0:
            return k
        codes[rows[k]] = code
    return -1


ATTEMPTS = Transitions(ATTEMPT_TABLE, ATTEMPT_STATES, "Attempt")  # type: ignore[arg-type]  # Mapping's keys are invariant
INSTANCES = Transitions(INSTANCE_TABLE, INSTANCE_STATES, "Instance")  # type: ignore[arg-type]
