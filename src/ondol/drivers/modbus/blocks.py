"""Which registers are asked for together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ondol.drivers.profiles.profile import Register

GAP = 8
"""Registers that nobody needs are read along up to this many in a row: a request costs more than they do."""

MOST_WORDS = 125
"""Most registers in one answer (Modbus Application Protocol V1.1b3, §6.3)."""

MOST_BITS = 2000
"""Most coils or inputs in one answer (the same, §6.1)."""


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbours in one table, read with one request.

    Parameters
    ----------
    registers : by number; never empty
    """

    registers: tuple[Register, ...]

    @property
    def table(self) -> str:
        """The table."""
        return self.registers[0].table

    @property
    def number(self) -> int:
        """First register."""
        return self.registers[0].number

    @property
    def count(self) -> int:
        """How many registers."""
        return max(register.last for register in self.registers) - self.number + 1

    def halves(self) -> tuple[Block, ...]:
        """Split at the widest gap, the middle one of equals: what a device refuses is likely to lie in a gap."""
        if len(self.registers) == 1:
            return (self,)
        gaps = [
            (later.number - earlier.last, -abs(2 * at - len(self.registers)), at)
            for at, (earlier, later) in enumerate(zip(self.registers, self.registers[1:], strict=False), 1)
        ]
        _, _, cut = max(gaps)
        return Block(self.registers[:cut]), Block(self.registers[cut:])


def blocks_of(registers: Iterable[Register]) -> tuple[Block, ...]:
    """Group registers into as few requests as the rules allow, by table and number."""
    found: list[Block] = []
    run: list[Register] = []
    end = -1
    for register in sorted(registers, key=lambda one: (one.table, one.number, one.words, one.name)):
        most = MOST_BITS if register.type == "bool" else MOST_WORDS
        fits = (
            bool(run)
            and register.table == run[0].table
            and register.number - end - 1 <= GAP
            and max(end, register.last) - run[0].number + 1 <= most
        )
        if run and not fits:
            found.append(Block(tuple(run)))
            run = []
        end = max(end, register.last) if fits else register.last
        run.append(register)
    if run:
        found.append(Block(tuple(run)))
    return tuple(found)
