"""The contract of every policy: a frozen view and its own memory in, a decision and the new memory out."""

from __future__ import annotations

from typing import Protocol, TypeVar

from ondol.model.decision import Decision
from ondol.model.view import View

MemoryT = TypeVar("MemoryT")


class Policy(Protocol[MemoryT]):
    """Decides where and when work runs. Pure: same view and memory, same answer; nothing else is read.

    `memory` is a frozen value that msgspec can encode; `fresh()` gives the first one. Registered by the entry-point
    group ``ondol.policies``.
    """

    name: str

    def fresh(self) -> MemoryT:
        """Give the memory of a policy that has seen nothing."""
        ...

    def decide(self, view: View, memory: MemoryT) -> tuple[Decision, MemoryT]:
        """Answer a view. Actions come in the order in which they are to be applied; ties are broken by id."""
        ...
