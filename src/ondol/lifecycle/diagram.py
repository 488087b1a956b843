"""Draws the tables as Mermaid state diagrams, so that the documentation cannot differ from the code."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeVar

from ondol.lifecycle.attempt import ATTEMPT_TABLE
from ondol.lifecycle.instance import INSTANCE_TABLE
from ondol.lifecycle.job import JOB_TABLE
from ondol.lifecycle.node import NODE_TABLE
from ondol.lifecycle.pool import POOL_TABLE
from ondol.lifecycle.request import REQUEST_TABLE
from ondol.lifecycle.task import TASK_TABLE

StateT = TypeVar("StateT", bound=enum.Enum)
SignalT = TypeVar("SignalT", bound=enum.Enum)


def mermaid(table: Mapping[tuple[StateT, SignalT], StateT]) -> str:
    """Draw a table of (state, signal) → state; signals that change nothing are left out, those with one way joined."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, signal), after in table.items():
        if state is not after:
            arrows.setdefault((state.value, after.value), []).append(signal.value)
    lines = [f"    {a} --> {b} : {' / '.join(signals)}" for (a, b), signals in arrows.items()]
    return "\n".join(["stateDiagram-v2", *lines]) + "\n"


def diagrams() -> dict[str, str]:
    """Draw all machines, by name."""
    return {
        "task": _usual(TASK_TABLE),
        "job": mermaid(JOB_TABLE),
        "pool": _usual(POOL_TABLE),
        "instance": mermaid(INSTANCE_TABLE),
        "attempt": mermaid(ATTEMPT_TABLE),
        "node": mermaid(NODE_TABLE),
        "request": mermaid(REQUEST_TABLE),
    }


def _usual(table: Mapping[StateT, tuple[StateT, ...]]) -> str:
    """Draw the usual way of something whose state is read off its parts."""
    ways = [f"    {a.value} --> {b.value}" for a, after in table.items() for b in after]
    return "\n".join(["stateDiagram-v2", *ways]) + "\n"
