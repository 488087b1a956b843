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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ondol.accounting.registry import Registry, electricity_lca
from ondol.model.accounting_terms import BASES
from ondol.model.checks import check_choice, check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import GRAMS, Factor, Mix, Scope
from ondol.model.ids import SiteId
from ondol.model.ledger import EnergyRow
from ondol.model.site import Site

NAMES = BASES


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


def basis_for(
    sites: Iterable[Site],
    registry: Registry,
    name: str = "lca_levelled",
    *,
    series_mean_g_per_kwh: Mapping[str, float],
    series_year: int,
    series_scope: Scope = Scope.DIRECT,
) -> Basis:
    """Make the basis of a fleet's sites.

    Levelled offset of a country = its life-cycle factor − mean of its recorded series (ADR 13).

    Parameters
    ----------
    sites : whose rows will be counted
    registry : where the life-cycle factors are
    name : one of `NAMES`
    series_mean_g_per_kwh : by country, mean of the recorded series over its year [gCO2e/kWh]
    series_year : of the series, for the note
    series_scope : of the series

    Raises
    ------
    InvalidFieldError : another name; levelling a country whose series has no mean here, is not of direct emissions, or
        lies above its life-cycle factor, so that the constant would be negative
    NotFoundError : a country without life-cycle factor in the registry
    """
    check_choice("accounting.basis", name, NAMES)
    found = sorted(sites, key=lambda site: site.id)
    countries = sorted({site.country for site in found})
    if name == "direct_hourly":
        note = f"{name}: the grid's hourly series of {series_year} as recorded, {series_scope.value} emissions."
        return Basis(name, series_scope, {site.id: Line(1.0, 0.0) for site in found}, note)
    levels = {country: electricity_lca(registry, country) for country in countries}
    told = "; ".join(f"{row.geography} {row.value:g} {row.unit}, {row.year} ({row.id})" for row in levels.values())
    if name == "lca_annual":
        lines = {country: Line(0.0, _g_per_kwh(row)) for country, row in levels.items()}
        note = f"{name}: one life-cycle factor a country in every hour: {told}; {registry.label}."
    else:
        if series_scope is not Scope.DIRECT:
            raise InvalidFieldError(
                "accounting.basis", name, f"lca_annual or direct_hourly where the series is {series_scope.value}"
            )
        lines = {
            country: Line(1.0, _offset(country, _g_per_kwh(row), series_mean_g_per_kwh))
            for country, row in levels.items()
        }
        offsets = ", ".join(f"{country} +{line.offset_g_per_kwh:.2f}" for country, line in lines.items())
        note = (
            f"{name}: the grid's hourly series of {series_year} ({series_scope.value} emissions) plus a constant "
            f"({offsets} g/kWh), so that its mean is the life-cycle factor: {told}; {registry.label}."
        )
    return Basis(name, Scope.LCA, {site.id: lines[site.country] for site in found}, note)


def _g_per_kwh(row: Factor) -> float:
    if row.unit not in GRAMS or row.scope is not Scope.LCA or row.mix is not Mix.AVERAGE:
        raise InvalidFieldError(
            f"factor[{row.id}]",
            f"{row.unit}, {row.scope.value}, {row.mix.value}",
            f"one of {', '.join(GRAMS)}, of scope lca and mix average",
        )
    return row.g_per_kwh


def _offset(country: str, level_g_per_kwh: float, means: Mapping[str, float]) -> float:
    mean = means.get(country)
    if mean is None:
        raise InvalidFieldError(
            "accounting.basis", "lca_levelled", f"lca_annual for {country}: it has no recorded series to level"
        )
    check_range(f"series mean of {country}", mean, 0.0, 3000.0, "g/kWh")
    if mean > level_g_per_kwh:
        raise InvalidFieldError(
            "accounting.basis",
            "lca_levelled",
            f"lca_annual or direct_hourly for {country}: the mean of its series, {mean:.1f} g/kWh, is above its "
            f"life-cycle factor, {level_g_per_kwh:.1f} g/kWh, so the two do not belong together",
        )
    return level_g_per_kwh - mean
