"""Does the ledger add up? Every joule owned once, every second of every node covered once."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ondol.model.ids import AttemptId, SiteId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share

RELATIVE = 1e-9
_Row = TypeVar("_Row", EnergyRow, HeatRow)
_CLOCK_GRAIN = dt.timedelta(milliseconds=1)  # edges of windows come from float seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in the ledger that does not add up.

    Parameters
    ----------
    kind : "total", "meter", "gap", "overlap" or "twice"
    subject : the site, unit or node it is about
    detail : what was found, in words
    """

    kind: str
    subject: str
    detail: str


def check(rows: Iterable[LedgerRow], site_total_j: Mapping[SiteId, float] | None = None) -> list[Finding]:
    """Give everything that does not add up; an empty list is a sound ledger.

    Per site: jobs + heat-only + idle + overhead = total, and = `site_total_j` [J] where a total was measured by itself.
    Per unit with heat rows: the nodes' rows = the electricity that the heat side saw. Both to 1e-9 relative. Per node,
    unit and overhead: windows follow each other without gap or overlap, and no row stands twice.
    """
    ledger = list(rows)
    energy = [row for row in ledger if isinstance(row, EnergyRow)]
    heat = [row for row in ledger if isinstance(row, HeatRow)]
    return [
        *_totals(energy, site_total_j or {}),
        *_units(energy, heat),
        *_tiling("node", [row for row in energy if row.node_id is not None], lambda row: str(row.node_id)),
        *_tiling("overhead of", [row for row in energy if row.share is Share.OVERHEAD], lambda row: row.site_id),
        *_tiling("heat of", heat, lambda row: row.unit_id),
        *_twice(energy, heat),
    ]


def joules_by_attempt(rows: Iterable[LedgerRow]) -> dict[AttemptId, float]:
    """Electricity of every attempt [J], by attempt id."""
    parts: dict[AttemptId, list[float]] = defaultdict(list)
    for row in rows:
        if isinstance(row, EnergyRow) and row.attempt_id is not None:
            parts[row.attempt_id].append(row.energy_j)
    return {attempt: math.fsum(parts[attempt]) for attempt in sorted(parts)}


def joules_by_share(rows: Iterable[LedgerRow]) -> dict[SiteId, dict[Share, float]]:
    """Electricity of every site by share [J]; each share is named even where it is 0."""
    parts: dict[SiteId, dict[Share, list[float]]] = {}
    for row in rows:
        if isinstance(row, EnergyRow):
            parts.setdefault(row.site_id, {share: [] for share in Share})[row.share].append(row.energy_j)
    return {site: {share: math.fsum(parts[site][share]) for share in Share} for site in sorted(parts)}


def worst_residual(rows: Iterable[LedgerRow]) -> float:
    """Largest relative difference between two ways to sum the same electricity, over all sites and units.

    Shares against rows by site, nodes against the heat side by unit; a sound ledger stays below `RELATIVE`.
    """
    ledger = list(rows)
    energy = [row for row in ledger if isinstance(row, EnergyRow)]
    pairs = [*_site_sums(energy), *_unit_sums(energy, [row for row in ledger if isinstance(row, HeatRow)])]
    return max((abs(one - other) / max(one, other) for _, one, other in pairs if max(one, other) > 0), default=0.0)


def _totals(energy: Sequence[EnergyRow], site_total_j: Mapping[SiteId, float]) -> list[Finding]:
    found: list[Finding] = []
    for site, sum_j, rows_j in _site_sums(energy):
        for kind, total_j in (("total", rows_j), ("meter", site_total_j.get(SiteId(site), rows_j))):
            if not _same(sum_j, total_j):
                found.append(Finding(kind=kind, subject=site, detail=f"shares sum to {sum_j!r} J, site {total_j!r} J"))
    return found


def _units(energy: Sequence[EnergyRow], heat: Sequence[HeatRow]) -> list[Finding]:
    return [
        Finding(kind="total", subject=unit, detail=f"nodes took {nodes_j!r} J, the heat side saw {seen_j!r} J")
        for unit, nodes_j, seen_j in _unit_sums(energy, heat)
        if not _same(nodes_j, seen_j)
    ]


def _site_sums(energy: Sequence[EnergyRow]) -> list[tuple[str, float, float]]:
    of_site: dict[SiteId, list[float]] = defaultdict(list)
    for row in energy:
        of_site[row.site_id].append(row.energy_j)
    return [
        (site, math.fsum(by_share.values()), math.fsum(of_site[site]))
        for site, by_share in joules_by_share(energy).items()
    ]


def _unit_sums(energy: Sequence[EnergyRow], heat: Sequence[HeatRow]) -> list[tuple[str, float, float]]:
    """Give (unit, J of its nodes, J that the heat side saw), both within the span of the heat rows."""
    seen: dict[str, list[float]] = defaultdict(list)
    span: dict[str, tuple[dt.datetime, dt.datetime]] = {}
    for row in heat:
        seen[row.unit_id].append(row.electric_j)
        start, end = span.get(row.unit_id, (row.start, row.end))
        span[row.unit_id] = min(start, row.start), max(end, row.end)
    nodes: dict[str, list[float]] = defaultdict(list)
    for owned in energy:
        unit = str(owned.unit_id)
        if unit in span and owned.node_id is not None and span[unit][0] <= owned.start and owned.end <= span[unit][1]:
            nodes[unit].append(owned.energy_j)
    return [(unit, math.fsum(nodes[unit]), math.fsum(seen[unit])) for unit in sorted(seen)]


def _tiling(what: str, rows: Sequence[_Row], key: Callable[[_Row], str]) -> list[Finding]:
    windows: dict[str, set[tuple[dt.datetime, dt.datetime]]] = defaultdict(set)
    for row in rows:
        windows[key(row)].add((row.start, row.end))
    found: list[Finding] = []
    for subject in sorted(windows):
        ordered = sorted(windows[subject])
        for (_, end), (start, _) in itertools.pairwise(ordered):
            if abs(start - end) > _CLOCK_GRAIN:
                kind = "gap" if start > end else "overlap"
                detail = f"{what} {subject}: one window ends {end.isoformat()}, the next starts {start.isoformat()}"
                found.append(Finding(kind=kind, subject=subject, detail=detail))
    return found


def _twice(energy: Sequence[EnergyRow], heat: Sequence[HeatRow]) -> list[Finding]:
    count: dict[tuple[Hashable, ...], int] = defaultdict(int)
    for row in energy:
        count[row.start, str(row.node_id or row.site_id), row.share.value, str(row.attempt_id or "")] += 1
    for warm in heat:
        count[warm.start, warm.unit_id, "heat", warm.sink_id] += 1
    return [
        Finding(kind="twice", subject=str(key[1]), detail=f"{n} rows for {key[2]} {key[3]} from {key[0]}".strip())
        for key, n in sorted(count.items(), key=lambda item: tuple(map(str, item[0])))
        if n > 1
    ]


def _same(one_j: float, other_j: float) -> bool:
    return math.isclose(one_j, other_j, rel_tol=RELATIVE, abs_tol=1e-9)
