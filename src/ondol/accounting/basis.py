"""On which footing grams are counted: one named basis for statements, budgets and quotes of an installation.

The ledger records with each row the hourly intensity of its grid as the packaged series has it (`grid_g_per_kwh`,
direct-emission style). A basis turns it into the intensity that is counted, site by site:

- `direct_hourly`: as recorded. Power plants while they run; scope 2, location-based.
- `lca_annual`: the registry's life-cycle factor of the site's country, the same in every hour.
- `lca_levelled`: the recorded hour plus a constant, chosen so that the mean over the series' year is the life-cycle
  factor: it varies as the grid does and is as high as a life cycle is. The constant must not be negative.

All three are affine in what was recorded, so that energy × intensity stays additive over any split of a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Scope
from ondol.model.ids import SiteId
from ondol.model.ledger import EnergyRow

NAMES = ("lca_levelled", "lca_annual", "direct_hourly")


@dataclass(frozen=True, slots=True)
class Line:
    """Counted intensity = slope × recorded + offset [gCO2e/kWh]; slope is 0 or 1."""

    slope: float
    offset_g_per_kwh: float

    def __post_init__(self) -> None:
        if self.slope not in (0.0, 1.0):
            raise InvalidFieldError("basis.slope", self.slope, "0 (a constant) or 1 (the recorded hour)")
        check_range("basis.offset_g_per_kwh", self.offset_g_per_kwh, 0.0, 3000.0, "g/kWh")


@dataclass(frozen=True, slots=True)
class Basis:
    """A basis for the sites of a fleet.

    Parameters
    ----------
    name : one of `NAMES`
    scope : of the grams that come out
    lines : by site; a site without one is refused where its rows are counted
    note : one sentence for statements, with the factors and the version of the registry that it rests on
    """

    name: str
    scope: Scope
    lines: Mapping[SiteId, Line]
    note: str

    def g_per_kwh(self, site_id: SiteId, recorded_g_per_kwh: float) -> float:
        """Intensity that is counted for a site in a window [gCO2e/kWh].

        Raises InvalidFieldError for a site that the basis knows nothing of.
        """
        line = self.lines.get(site_id)
        if line is None:
            raise InvalidFieldError("basis", site_id, f"a site with a line in the basis {self.name}")
        return line.slope * recorded_g_per_kwh + line.offset_g_per_kwh

    def g_of(self, row: EnergyRow) -> float:
        """Operational carbon of a row [gCO2e]."""
        return row.energy_j / 3.6e6 * self.g_per_kwh(row.site_id, row.grid_g_per_kwh)
