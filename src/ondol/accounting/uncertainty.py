"""How far a figure may be off: named causes, their root-sum-square, and which of them matters most.

First-order propagation of independent causes (JCGM 100:2008, GUM, §5.1.2); one cause that touches several addends, such
as one power model on all servers, is fully correlated and adds up linearly (§5.2.2). Method choices are no error: they
are a range of scenarios beside it (`reference/footprint.md` §5, item 11).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError


@dataclass(frozen=True, slots=True)
class Cause:
    """By how much one cause may lower and raise a figure, relative to it; 0.5 and 1.0 for half to double."""

    name: str
    below: float
    above: float

    def __post_init__(self) -> None:
        check_range(f"cause[{self.name}].below", self.below, 0.0, 1.0)
        check_range(f"cause[{self.name}].above", self.above, 0.0, 1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A sum with its band.

    Parameters
    ----------
    low : None where the causes below together exceed the value: then only a smaller share of it is certain than none
    causes : (name, amount below, amount above) of each cause in the unit of the value, the largest first
    """

    value: float
    low: float | None
    high: float
    causes: tuple[tuple[str, float, float], ...]

    @property
    def driver(self) -> str:
        """The cause that matters most; "" where none is stated."""
        return self.causes[0][0] if self.causes else ""

    def share_of(self, name: str) -> float:
        """Share of the variance above that one cause makes, 0 to 1."""
        whole = math.fsum(above**2 for _, _, above in self.causes)
        return next((above**2 / whole for one, _, above in self.causes if one == name), 0.0) if whole > 0.0 else 0.0


@dataclass(slots=True)
class Addends:
    """Addends of a figure, each with its causes; `band` sums them up."""

    _value: list[float] = field(default_factory=list)
    _below: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _above: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, value: float, causes: Iterable[Cause] = ()) -> None:
        """Add an addend ≥ 0; causes of one name are one and the same in all addends."""
        check_range("addend", value, 0.0, 1e300)
        self._value.append(value)
        for cause in causes:
            self._below[cause.name].append(value * cause.below)
            self._above[cause.name].append(value * cause.above)

    @property
    def band(self) -> Band:
        """The sum with its band."""
        value = math.fsum(self._value)
        causes = [(name, math.fsum(self._below[name]), math.fsum(self._above[name])) for name in sorted(self._above)]
        causes.sort(key=lambda cause: (-max(cause[1], cause[2]), cause[0]))
        below = math.sqrt(math.fsum(cause[1] ** 2 for cause in causes))
        above = math.sqrt(math.fsum(cause[2] ** 2 for cause in causes))
        low = value - below
        return Band(
            value=value,
            low=low if low >= 0.0 else None,
            high=value + above,
            causes=tuple(cause for cause in causes if cause[1] > 0.0 or cause[2] > 0.0),
        )


def together(values: Mapping[str, float], causes: Mapping[str, Iterable[Cause]]) -> Band:
    """Sum up addends by name, each with the causes of that name.

    Raises InvalidFieldError for an addend whose causes are not given.
    """
    addends = Addends()
    for name in sorted(values):
        if name not in causes:
            raise InvalidFieldError("causes", name, "a name in the causes, with () where none is stated")
        addends.add(values[name], causes[name])
    return addends.band


def relative(value: float, low: float, high: float, name: str) -> Cause:
    """Make a cause of a factor's low and high: relative to its value, which must be above 0.

    Raises InvalidFieldError where it does not lie between them.
    """
    if not 0.0 <= low <= value <= high or value <= 0.0:
        raise InvalidFieldError(f"cause[{name}]", value, f"above 0, from low {low} to high {high}")
    return Cause(name, (value - low) / value, (high - value) / value)
