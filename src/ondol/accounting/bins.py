"""The ledger resolved in time: what each site took and gave in every bin of a fixed length."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ondol.model.checks import check_range
from ondol.model.ids import SinkId, SiteId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share

BIN_S = 900.0  # a quarter of an hour: the settlement period of electricity and of heat meters


def slices(start: dt.datetime, end: dt.datetime, bin_s: float) -> tuple[tuple[int, float], ...]:
    """Give (bin number, fraction of the window in that bin); bins are aligned to the epoch, fractions sum to 1."""
    return pieces(start.timestamp(), end.timestamp(), bin_s)


def pieces(begin_s: float, end_s: float, bin_s: float) -> tuple[tuple[int, float], ...]:
    """As `slices`, of a window [s since the epoch]; most windows lie in one bin."""
    number = math.floor(begin_s / bin_s)
    if end_s <= (number + 1) * bin_s:
        return ((number, 1.0),)
    last = math.ceil(end_s / bin_s)
    span_s = end_s - begin_s
    return tuple(
        (one, (min(end_s, (one + 1) * bin_s) - max(begin_s, one * bin_s)) / span_s) for one in range(number, last)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkHeat:
    """Heat of one sink over all bins [J]; useful is Σ over bins of min(delivered, demanded)."""

    sink_id: SinkId
    site_id: SiteId
    delivered_j: float
    demanded_j: float
    useful_j: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteBin:
    """One site in one bin.

    Parameters
    ----------
    it_j : electricity of its nodes [J]
    overhead_j, overhead_g : of its overhead [J], [gCO2e]
    useful_j : heat that was both delivered and demanded in this bin [J]; None where no heat was metered
    """

    it_j: float
    overhead_j: float
    overhead_g: float
    useful_j: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A ledger resolved into bins of `bin_s` seconds.

    Parameters
    ----------
    estimated_j : heat of units without a heat meter, by site; it is in none of the bins and sinks [J]
    """

    bin_s: float
    sites: dict[tuple[SiteId, int], SiteBin]
    sinks: dict[SinkId, SinkHeat]
    estimated_j: dict[SiteId, float] = field(default_factory=dict)


def resolve(rows: Iterable[LedgerRow], bin_s: float = BIN_S) -> Resolved:
    """Spread every row over the bins that its window touches, in proportion to time.

    Useful heat is min(delivered, demanded) by sink and bin (`reference/footprint.md` §0 rule 3): heat that comes when
    nobody asked for it is not useful, however much was asked for at another time. Units of one sink count together.
    Heat that was only estimated is left out, and told beside.

    Parameters
    ----------
    bin_s : length of a bin, 1 to 86,400 [s]; a longer bin forgives more
    """
    check_range("bin_s", bin_s, 1.0, 86_400.0, "s")
    it: dict[tuple[SiteId, int], list[float]] = defaultdict(list)
    overhead: dict[tuple[SiteId, int], list[float]] = defaultdict(list)
    overhead_g: dict[tuple[SiteId, int], list[float]] = defaultdict(list)
    delivered: dict[tuple[SiteId, SinkId, int], list[float]] = defaultdict(list)
    demanded: dict[tuple[SiteId, SinkId, int], list[float]] = defaultdict(list)
    estimated: dict[SiteId, list[float]] = defaultdict(list)
    for row in rows:
        if isinstance(row, HeatRow) and not row.metered:
            estimated[row.site_id].append(row.delivered_j)
            continue
        for number, fraction in slices(row.start, row.end, bin_s):
            if isinstance(row, HeatRow):
                delivered[row.site_id, row.sink_id, number].append(row.delivered_j * fraction)
                demanded[row.site_id, row.sink_id, number].append(row.demanded_j * fraction)
            elif row.share is Share.OVERHEAD:
                overhead[row.site_id, number].append(row.energy_j * fraction)
                overhead_g[row.site_id, number].append(carbon_g(row) * fraction)
            else:
                it[row.site_id, number].append(row.energy_j * fraction)
    useful: dict[tuple[SiteId, int], list[float]] = defaultdict(list)
    sinks: dict[SinkId, list[tuple[SiteId, float, float, float]]] = defaultdict(list)
    for (site, sink, number), parts in delivered.items():
        given_j, asked_j = math.fsum(parts), math.fsum(demanded[site, sink, number])
        useful[site, number].append(min(given_j, asked_j))
        sinks[sink].append((site, given_j, asked_j, min(given_j, asked_j)))
    keys = sorted({*it, *overhead, *useful})
    return Resolved(
        bin_s=bin_s,
        sites={
            key: SiteBin(
                it_j=math.fsum(it.get(key, ())),
                overhead_j=math.fsum(overhead.get(key, ())),
                overhead_g=math.fsum(overhead_g.get(key, ())),
                useful_j=math.fsum(useful[key]) if key in useful else None,
            )
            for key in keys
        },
        sinks={
            sink: SinkHeat(
                sink_id=sink,
                site_id=parts[0][0],
                delivered_j=math.fsum(part[1] for part in parts),
                demanded_j=math.fsum(part[2] for part in parts),
                useful_j=math.fsum(part[3] for part in parts),
            )
            for sink, parts in sorted(sinks.items())
        },
        estimated_j={site: math.fsum(parts) for site, parts in sorted(estimated.items())},
    )


def carbon_g(row: EnergyRow) -> float:
    """Operational carbon of a row, energy × carbon intensity of the grid in its window [gCO2e]."""
    return row.energy_j / 3.6e6 * row.grid_g_per_kwh
