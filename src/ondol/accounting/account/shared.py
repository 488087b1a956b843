"""What belongs to each row of a node: its part of the site's overhead and of the site's heat, bin by bin.

A row's part in a bin is its energy over the site's IT energy in that bin. Heat that stores hand over while no server of
the site draws anything goes to the rows of that bin by their time, overhead too. All that follows is additive: a user
is the sum of its tasks, a site the sum of its users, its filler work and its idle servers, a fleet that of its sites.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ondol.accounting.account.columns import SHARES, TIERS, Codes, EnergyColumns, Floats, HeatColumns, Mask
from ondol.accounting.basis import Basis
from ondol.accounting.bins import BIN_S
from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SiteId
from ondol.model.ledger import Share, Tier

_J_PER_KWH = 3.6e6
METERED = (Tier.T1_METER, Tier.T2_BMC)  # heat that was measured: a heat meter, or flow × temperature difference
_OVERHEAD = SHARES.index(Share.OVERHEAD)
_METERED = np.array([tier in METERED for tier in TIERS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Energy rows with what belongs to each; arrays are as long as the rows.

    Parameters
    ----------
    overhead_j : part of the site's overhead [J]; 0 on the overhead's own rows
    own_g : each row's own energy on the basis, without overhead [gCO2e]
    recorded_g : energy and that overhead, at the intensity of each window as the ledger recorded it [gCO2e]
    counted_g : the same on the basis [gCO2e]
    handed_j, useful_j : part of the heat that was handed over, and of it what was demanded in the same bin [J]; nan on
        rows of a site without a heat meter
    estimated_j : part of the heat that was estimated and not metered [J]; nan where there is none
    sink_temp_c : mean temperature of what was heated, weighted by heat [°C]; nan where it is not known
    metered : part of each row that the site's own electricity meter stands behind, 0 to 1
    loose_overhead : overhead rows in whose bin no node of the site draws any; they are in the site, and in no job
    """

    rows: EnergyColumns
    heat: HeatColumns
    basis: Basis
    bin_s: float
    overhead_j: Floats
    own_g: Floats
    recorded_g: Floats
    counted_g: Floats
    handed_j: Floats
    useful_j: Floats
    estimated_j: Floats
    sink_temp_c: Floats
    metered: Floats
    loose_overhead: Mask

    @property
    def it(self) -> Mask:
        """Rows of nodes: all but overhead."""
        found: Mask = self.rows.share != _OVERHEAD
        return found

    def where(self, numbers: Codes) -> Shared:
        """Give some of the rows by their numbers; heat rows stay."""
        arrays = {name: getattr(self, name)[numbers] for name in _ARRAYS}
        return dataclasses.replace(self, rows=self.rows.where(numbers), **arrays)


_ARRAYS = (
    "overhead_j", "own_g", "recorded_g", "counted_g", "handed_j", "useful_j", "estimated_j", "sink_temp_c", "metered",
    "loose_overhead",
)  # fmt: skip


def counted_g(rows: EnergyColumns, basis: Basis) -> Floats:
    """Energy of each row × its intensity on the basis [gCO2e]; see `Basis.g_of`.

    Raises InvalidFieldError for a site that the basis knows nothing of.
    """
    slope, offset = np.zeros(len(rows.sites)), np.zeros(len(rows.sites))
    present = np.unique(rows.site)
    for code in present:
        line = basis.lines.get(SiteId(rows.sites[code]))
        if line is None:
            raise InvalidFieldError("basis", rows.sites[code], f"a site with a line in the basis {basis.name}")
        slope[code], offset[code] = line.slope, line.offset_g_per_kwh
    intensity: Floats = slope[rows.site] * rows.grid_g_per_kwh + offset[rows.site]
    return rows.energy_j / _J_PER_KWH * intensity


def share_out(
    rows: EnergyColumns,
    heat: HeatColumns,
    basis: Basis,
    *,
    bin_s: float = BIN_S,
    metered: Floats | None = None,
) -> Shared:
    """Give every row of a node its part of overhead and heat.

    Useful heat is min(delivered, demanded) by sink and bin (`reference/footprint.md` §0 rule 3).

    Parameters
    ----------
    rows, heat : all rows of the sites in the window, not those of one's own work only
    bin_s : time resolution, 1 to 86,400 [s]
    metered : part of each row that the site's own meter stands behind; none of any where left out
    """
    check_range("bin_s", bin_s, 1.0, 86_400.0, "s")
    piece, number, fraction = pieces(rows.start_s, rows.end_s, bin_s)
    warm, warm_number, warm_fraction = pieces(heat.start_s, heat.end_s, bin_s)
    names = tuple(sorted({*rows.sites, *heat.sites}))
    at = {name: rank for rank, name in enumerate(names)}
    site = _translated(rows.site, rows.sites, at)[piece]
    keys, key = _groups(
        np.concatenate([site, _translated(heat.site, heat.sites, at)[warm]]), np.concatenate([number, warm_number])
    )
    key, warm_key = key[: len(piece)], key[len(piece) :]
    counted, recorded = counted_g(rows, basis), rows.energy_j / _J_PER_KWH * rows.grid_g_per_kwh
    overhead = rows.share[piece] == _OVERHEAD
    part_j = rows.energy_j[piece] * fraction
    it_j = _sums(key[~overhead], part_j[~overhead], keys)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(overhead | (it_j[key] <= 0.0), 0.0, part_j / it_j[key])
        inside_s = fraction * (rows.end_s - rows.start_s)[piece]
        warm_part = np.where(it_j[key] > 0.0, part, inside_s / _sums(key, inside_s, keys)[key])

    def owed(amount: Floats) -> Floats:
        """Each row's part of something that the overhead rows have."""
        whole = _sums(key[overhead], (amount[piece] * fraction)[overhead], keys)
        return _sums(piece, part * whole[key], len(rows))

    handed, useful, estimated, warmth = _heat_by_bin(heat, warm, warm_number, warm_fraction, warm_key, keys)

    def given(whole: Floats) -> Floats:
        """Each row's part of heat; nan where the site has none of that kind in any of the row's bins."""
        known = np.isfinite(whole)
        said = _sums(piece, known[key].astype(np.float64), len(rows)) > 0.0
        return np.where(said, _sums(piece, warm_part * np.where(known, whole, 0.0)[key], len(rows)), np.nan)

    return Shared(
        rows=rows,
        heat=heat,
        basis=basis,
        bin_s=bin_s,
        overhead_j=owed(rows.energy_j),
        own_g=counted,
        recorded_g=recorded + owed(recorded),
        counted_g=counted + owed(counted),
        handed_j=given(handed),
        useful_j=given(useful),
        estimated_j=given(estimated),
        sink_temp_c=_mean(piece, warm_part * np.where(np.isfinite(warmth), handed, 0.0)[key], warmth[key], len(rows)),
        metered=np.zeros(len(rows)) if metered is None else metered,
        loose_overhead=_sums(piece, (overhead & (it_j[key] <= 0.0)).astype(np.float64), len(rows)) > 0.0,
    )


def _heat_by_bin(
    heat: HeatColumns, piece: Codes, number: Codes, fraction: Floats, key: Codes, keys: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Heat handed over, useful, and estimated by site and bin [J]; nan without; and the mean temperature of it [°C]."""
    metered = _METERED[heat.tier[piece]]
    sinks, sink_key = _groups(heat.sink[piece], number)
    delivered, demanded = heat.delivered_j[piece] * fraction, heat.demanded_j[piece] * fraction
    given = _sums(sink_key[metered], delivered[metered], sinks)
    asked = _sums(sink_key[metered], demanded[metered], sinks)
    site_key = np.zeros(sinks, dtype=np.int64)
    site_key[sink_key] = key
    there = np.zeros(sinks, dtype=np.bool_)
    there[sink_key[metered]] = True
    seen = _sums(site_key[there], np.ones(int(there.sum())), keys) > 0.0
    handed = np.where(seen, _sums(site_key[there], given[there], keys), np.nan)
    useful = np.where(seen, _sums(site_key[there], np.minimum(given, asked)[there], keys), np.nan)
    guessed = _sums(key[~metered], np.ones(int((~metered).sum())), keys) > 0.0
    estimated = np.where(guessed, _sums(key[~metered], delivered[~metered], keys), np.nan)
    felt = metered & np.isfinite(heat.temp_c[piece])
    return handed, useful, estimated, _mean(key[felt], delivered[felt], heat.temp_c[piece][felt], keys)


def pieces(start_s: Floats, end_s: Floats, bin_s: float) -> tuple[Codes, Codes, Floats]:
    """Cut windows at the edges of bins: row, bin number (aligned to the epoch) and fraction of each piece."""
    first = np.floor(start_s / bin_s).astype(np.int64)
    last = np.maximum(np.ceil(end_s / bin_s).astype(np.int64) - 1, first)
    count = last - first + 1
    row = np.repeat(np.arange(len(start_s)), count)
    number = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    inside = np.minimum(end_s[row], (number + 1) * bin_s) - np.maximum(start_s[row], number * bin_s)
    fraction: Floats = inside / (end_s - start_s)[row]
    return row, number, fraction


def _groups(one: Codes, other: Codes) -> tuple[int, Codes]:
    """Number of different pairs, and the rank of each pair among them."""
    if not len(one):
        return 0, one
    low = int(other.min())
    pairs, rank = np.unique(one * (int(other.max()) - low + 1) + (other - low), return_inverse=True)
    return len(pairs), rank.reshape(-1)


def _sums(key: Codes, amount: Floats, length: int) -> Floats:
    return np.bincount(key, weights=amount, minlength=length).astype(np.float64)


def _mean(key: Codes, weight: Floats, value: Floats, length: int) -> Floats:
    """Weighted mean by key; nan where the weights are nothing."""
    total = _sums(key, weight, length)
    felt = np.where(weight > 0.0, value, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0.0, _sums(key, weight * felt, length) / total, np.nan)


def _translated(codes: Codes, names: tuple[str, ...], at: Mapping[str, int]) -> Codes:
    table = np.array([at[name] for name in names], dtype=np.int64)
    return table[codes] if len(codes) else codes
