"""Every joule that went into, out of and stayed in the virtual plant."""

from __future__ import annotations

import math
from dataclasses import dataclass

FLOWS = (
    "electric_in",
    "sun_in",
    "people_in",
    "other_heat_in",
    "rack_out",
    "case_out",
    "uncaptured_out",
    "room_out",
    "draw_out",
    "standing_out",
    "pool_out",
    "stored",
)


@dataclass(frozen=True, slots=True)
class Balance:
    """Sums since the start [J].

    Parameters
    ----------
    in_j : electricity, sun, people, other heat
    out_j : all losses and the heat of drawn water
    stored_j : gain of shells, loops, rooms, tanks and pools
    """

    in_j: float
    out_j: float
    stored_j: float

    @property
    def relative_error(self) -> float:
        """What is missing, over all that moved; 0 where nothing did."""
        moved = abs(self.in_j) + abs(self.out_j) + abs(self.stored_j)
        return 0.0 if moved == 0 else abs(self.in_j - self.out_j - self.stored_j) / moved


class EnergyBook:
    """Sums of flows by name; a name ends with `_in`, `_out` or is `stored`."""

    def __init__(self, sums: dict[str, float] | None = None) -> None:
        self._sums = dict.fromkeys(FLOWS, 0.0) | (sums or {})

    def add(self, flow: str, heat_j: float) -> None:
        """Add to a flow of `FLOWS` [J]."""
        self._sums[flow] += heat_j

    def sums(self) -> dict[str, float]:
        """All flows since the start [J]."""
        return dict(self._sums)

    def balance(self) -> Balance:
        """In, out and stored."""
        return Balance(
            in_j=math.fsum(v for k, v in self._sums.items() if k.endswith("_in")),
            out_j=math.fsum(v for k, v in self._sums.items() if k.endswith("_out")),
            stored_j=self._sums["stored"],
        )
