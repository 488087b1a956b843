"""The split rule of CEEMS: processor energy by CPU time, memory energy by memory used, a tenth in equal parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ondol.accounting.split import AttemptUse, NodeWindow, Piece, by_attempt, card_joules, conserve, held_seconds
from ondol.model.errors import UnavailableError
from ondol.model.ledger import Share

MEASURED_SHARE = 0.9
"""Of the node's energy, shared by counters; the rest is fans, disks and board (CEEMS, cpu-ipmi-redfish.rules)."""


@dataclass(frozen=True, slots=True)
class CeemsRule:
    """CEEMS's rule for nodes with counters of processor and memory (`reference/footprint.md` §3.4).

    With E the node's energy, E_cpu = 0.9·E·pkg/(pkg + dram), E_mem = 0.9·E·dram/(pkg + dram), E_misc = 0.1·E: an
    attempt gets E_cpu by its share of CPU time, E_mem by its share of resident memory (weighted by how long it was
    there), and of E_misc an equal part of the time it was there. What nobody used is idle: all of E_cpu without CPU
    time, all of E_mem without memory, and E_misc while nobody was there. Idle power is thereby the users', also of
    slots that nobody reserved; `CpuTimeRule` keeps those apart.
    """

    name: ClassVar[str] = "CEEMS: 0.9 by RAPL package and memory on CPU time and memory used, 0.1 in equal parts"

    def split(self, window: NodeWindow, uses: Sequence[AttemptUse]) -> tuple[Piece, ...]:
        """Share the window's energy; see `SplitRule`.

        Raises
        ------
        UnavailableError : no counter of processor or memory, or an attempt whose memory nothing tells
        InvalidFieldError : an attempt that was there for longer than the window
        """
        if window.package_j is None or window.dram_j is None or window.package_j + window.dram_j <= 0.0:
            raise UnavailableError(f"Node {window.node_id} has no counters of processor and memory to split by")
        ordered = by_attempt(uses)
        counted_j = window.package_j + window.dram_j
        cpu_j = MEASURED_SHARE * window.host_j * (window.package_j / counted_j)
        memory_j = MEASURED_SHARE * window.host_j * (window.dram_j / counted_j)
        misc_j = window.host_j - cpu_j - memory_j
        held = [min(1.0, held_seconds(window, use) / window.seconds) for use in ordered]
        cpu = [use.cpu_s for use in ordered]
        memory = [_memory(use) for use in ordered]
        cards_j = card_joules(window, ordered)
        # How far the stays of several overlapped is not known: at least the longest of them was occupied.
        occupied_j = misc_j * max(held, default=0.0)
        pieces = [
            Piece(
                share=use.share,
                energy_j=cpu_j * one + memory_j * other + occupied_j * part + card_j,
                use=use,
            )
            for use, one, other, part, card_j in zip(
                ordered, _shares(cpu), _shares(memory), _shares(held), cards_j, strict=True
            )
        ]
        given_j = math.fsum(piece.energy_j for piece in pieces)
        idle_j = max(0.0, window.energy_j - given_j)
        if idle_j > 1e-12 * window.energy_j or not pieces:
            pieces.append(Piece(share=Share.IDLE, energy_j=idle_j))
        return conserve(pieces, window.energy_j)


def _memory(use: AttemptUse) -> float:
    if use.memory_bytes is None:
        raise UnavailableError(f"Nothing tells how much memory attempt {use.attempt_id} used")
    return use.memory_bytes


def _shares(amounts: Sequence[float]) -> list[float]:
    total = math.fsum(amounts)
    return [amount / total if total > 0 else 0.0 for amount in amounts]
