"""Sums of what was measured or modelled node by node, held against the site's own electricity meter."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondol.accounting.conservation import Finding
from ondol.accounting.measured_overhead import LEAST_SEEN, MOST_PUE, Added, Beyond, added_rows, beyond
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SiteId, UnitId
from ondol.model.ledger import EnergyRow, Metered, MeterRow, Share, Tier

Floats = npt.NDArray[np.float64]
BAND = 2.0
"""Most by which a meter may scale what was recorded, up or down: that of tier T4, for models of this kind disagree by
up to 4.3 at one load (`reference/footprint.md` §3.4). Beyond it the meter measures something else than these nodes, or
one of both is wrong: scaling would hide it."""
SCALED = (Tier.T3_RAPL, Tier.T4_CURVE, Tier.T5_ARCHETYPE)
"""Tiers that give way to a site's meter; meters of single nodes (T1, T2) stand beside it."""
_COVERED = 1e-3  # share of a meter's window of which the ledger may have nothing: edges in float seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Energy rows of one site as columns of one length.

    Parameters
    ----------
    start_s, end_s : windows [s since the epoch]
    energy_j : ≥ 0 [J]
    scaled : whether a row gives way to the meter, see `SCALED`
    overhead : whether it is the site's overhead, and no server's
    """

    start_s: Floats
    end_s: Floats
    energy_j: Floats
    scaled: npt.NDArray[np.bool_]
    overhead: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """How one site's recorded electricity stands to its meter.

    Parameters
    ----------
    subject : the site, or the unit whose own meter it is
    meter_ids : the meters; several of them are feeds of one site and are summed
    windows, refused : windows of the meter, and those of them by which nothing was scaled: see `findings`
    covered_s : length of the windows that were used [s]
    metered_j, recorded_j : in the windows that were used, by the meter and as recorded [J]
    residual_raw : recorded / metered − 1, before scaling; None where nothing was used
    residual_after : the same of the scaled rows; a float's rounding
    factor : reconciled / recorded over all that was scaled; None where nothing was used
    """

    subject: SiteId | UnitId
    meter_ids: tuple[str, ...]
    windows: int
    refused: int
    covered_s: float
    metered_j: float
    recorded_j: float
    residual_raw: float | None
    residual_after: float | None
    factor: float | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Rows as they were recorded but for the energy, in their order; and how every metered site stands.

    `metered` says of each row which part of it a meter's window stands behind, 0 to 1. A row keeps its tier: the meter
    settles the sum of a site, not who had which part of it.
    """

    rows: tuple[EnergyRow, ...]
    metered: tuple[float, ...]
    sites: tuple[Reconciliation, ...]
    units: tuple[Reconciliation, ...]


def reconcile(rows: Sequence[EnergyRow], meters: Iterable[MeterRow]) -> Reconciled:
    """Scale what was recorded to the site meters, window by window; nothing in the ledger changes.

    In each window of a site's electricity meter, with M its amount, F the rows of tiers T1 and T2 and S the others, the
    latter are multiplied by (M − F) / S: the residual goes to what was not measured, in proportion (`footprint.md`
    §3.4). The overhead by a stated PUE is scaled alike, since the meter holds both and tells neither. A window stays as
    recorded, with a finding, where the factor is beyond `BAND` or the ledger does not cover it. Where every server is
    measured, S is the overhead alone: the meter then says what it is, however far that is from what was stated, also
    where nothing was (`ondol.accounting.measured_overhead`); such rows stand behind all others. A unit's own meter is
    compared only.

    Raises InvalidFieldError where two windows of one meter overlap.
    """
    by_site: dict[SiteId, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_site[row.site_id].append(number)
    new: list[EnergyRow] = []
    of_site: dict[SiteId, list[MeterRow]] = defaultdict(list)
    of_unit: dict[tuple[SiteId, str], list[MeterRow]] = defaultdict(list)
    for meter in meters:
        if meter.kind is not Metered.ELECTRICITY_J:
            continue
        entity = meter.meter_id.partition(".")[0]
        if entity == meter.site_id:
            of_site[meter.site_id].append(meter)
        else:
            of_unit[meter.site_id, entity].append(meter)
    energy_j = [row.energy_j for row in rows]
    metered = [0.0] * len(rows)
    sites = []
    for site in sorted(of_site):
        own = by_site.get(site, [])
        spans = spans_of([rows[number] for number in own])
        found, factors, parts, added = scale_to_meter(site, spans, of_site[site])
        sites.append(found)
        grid = np.array([rows[number].grid_g_per_kwh for number in own], dtype=np.float64)
        new += added_rows(site, added, mean_over(spans, grid, added))
        for number, factor, more_j, part in zip(
            own, factors.tolist(), added.onto_j.tolist(), parts.tolist(), strict=True
        ):
            energy_j[number] = energy_j[number] * factor + more_j
            metered[number] = part
    units = []
    for site, entity in sorted(of_unit):
        own_rows = [rows[number] for number in by_site.get(site, []) if rows[number].unit_id == entity]
        units.append(scale_to_meter(UnitId(entity), spans_of(own_rows), of_unit[site, entity])[0])
    scaled = tuple(
        row if joules == row.energy_j else dataclasses.replace(row, energy_j=joules)
        for row, joules in zip(rows, energy_j, strict=True)
    )
    return Reconciled((*scaled, *new), (*metered, *(1.0 for _ in new)), tuple(sites), tuple(units))


def spans_of(rows: Sequence[EnergyRow]) -> Spans:
    """Put rows of one site in columns."""
    return Spans(
        start_s=np.array([row.start.timestamp() for row in rows], dtype=np.float64),
        end_s=np.array([row.end.timestamp() for row in rows], dtype=np.float64),
        energy_j=np.array([row.energy_j for row in rows], dtype=np.float64),
        scaled=np.array([row.tier in SCALED for row in rows], dtype=np.bool_),
        overhead=np.array([row.share is Share.OVERHEAD for row in rows], dtype=np.bool_),
    )


def scale_to_meter(
    subject: SiteId | UnitId, spans: Spans, meters: Iterable[MeterRow]
) -> tuple[Reconciliation, Floats, Floats, Added]:
    """Hold rows of one site against its meter; see `reconcile`.

    Parameters
    ----------
    meters : of electricity, of this site alone

    Returns
    -------
    how it stands, the factor of every row's energy (1 where there is no meter), the part of it that is metered, and
    overhead where none was recorded
    """
    given = list(meters)
    start_s, end_s, amount_j = _feeds(given)
    row, window, share = _overlaps(spans, start_s, end_s)
    joules = spans.energy_j[row] * share
    count = len(start_s)
    scalable_j = np.bincount(window, joules * spans.scaled[row], minlength=count).astype(np.float64)
    guessed_j = np.bincount(window, joules * (spans.scaled & ~spans.overhead)[row], minlength=count)
    recorded_j = np.bincount(window, joules, minlength=count).astype(np.float64)
    covered = _coverage(spans, start_s, end_s)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor = (amount_j - (recorded_j - scalable_j)) / scalable_j
    whole = covered >= 1.0 - _COVERED
    measured = (guessed_j == 0.0) & (recorded_j > scalable_j)
    rest = beyond(amount_j, recorded_j - scalable_j, whole & measured)
    sound = np.where(measured, rest.used, whole & (factor >= 1.0 / BAND) & (factor <= BAND))
    stated = scalable_j > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(measured, rest.overhead_j / scalable_j, factor)
    used = np.where(sound & stated, factor, 1.0)
    bare = sound & ~stated & (rest.overhead_j > 0.0)
    parts = np.bincount(row, share * sound[window], minlength=len(spans.energy_j))
    gained = np.bincount(row, share * (used[window] - 1.0), minlength=len(spans.energy_j))
    factors = np.where(spans.scaled, 1.0 + gained, 1.0)
    metered_j, before_j = float(amount_j[sound].sum()), float(recorded_j[sound].sum())
    moved_j = math.fsum((scalable_j[sound] * (used[sound] - 1.0)).tolist())
    after_j = before_j + moved_j + float(rest.overhead_j[bare].sum())
    taken_j = float(scalable_j[sound].sum())
    found = Reconciliation(
        subject=subject,
        meter_ids=tuple(sorted({meter.meter_id for meter in given})),
        windows=count,
        refused=int(count - sound.sum()),
        covered_s=float((end_s - start_s)[sound].sum()),
        metered_j=metered_j,
        recorded_j=before_j,
        residual_raw=before_j / metered_j - 1.0 if metered_j > 0 else None,
        residual_after=after_j / metered_j - 1.0 if metered_j > 0 else None,
        factor=1.0 + moved_j / taken_j if taken_j > 0 else None,
        findings=_findings(subject, whole, sound, factor, measured, rest),
    )
    inside_s = np.where(spans.overhead[row], share * (spans.end_s - spans.start_s)[row], 0.0)
    empty_s = np.bincount(window, inside_s, minlength=count).astype(np.float64)
    per_s = np.where(bare & (empty_s > 0.0), rest.overhead_j / np.where(empty_s > 0.0, empty_s, 1.0), 0.0)
    onto_j = np.bincount(row, inside_s * per_s[window], minlength=len(spans.energy_j)).astype(np.float64)
    bare &= empty_s <= 0.0
    added = Added(onto_j, start_s[bare], end_s[bare], rest.overhead_j[bare])
    return found, factors, np.clip(parts, 0.0, 1.0), added


def mean_over(spans: Spans, values: Floats, added: Added) -> Floats:
    """Mean of a value of rows over the windows of what was added, weighted by the rows' energy in them."""
    if not len(added.energy_j):
        return np.zeros(0)
    row, window, share = _overlaps(spans, added.start_s, added.end_s)
    joules = spans.energy_j[row] * share
    whole = np.bincount(window, joules, minlength=len(added.energy_j)).astype(np.float64)
    mean: Floats = np.bincount(window, joules * values[row], minlength=len(added.energy_j)) / whole
    return mean


def _feeds(meters: Sequence[MeterRow]) -> tuple[Floats, Floats, Floats]:
    """Sum the feeds of a site where all of them were read: starts, ends [s] and amounts [J]."""
    by_meter: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for meter in meters:
        by_meter[meter.meter_id].append((meter.start.timestamp(), meter.end.timestamp(), meter.amount))
    for name, windows in sorted(by_meter.items()):
        windows.sort()
        for (_, end_s, _), (start_s, _, _) in itertools.pairwise(windows):
            if start_s < end_s - 1e-3:
                raise InvalidFieldError(
                    f"meters[{name}]", start_s, "windows that do not overlap, or its kWh count twice"
                )
    if len(by_meter) == 1:
        only = np.array(next(iter(by_meter.values())), dtype=np.float64)
        return only[:, 0], only[:, 1], only[:, 2]
    edges = np.array(sorted({edge for windows in by_meter.values() for one in windows for edge in one[:2]}))
    begins, ends = edges[:-1], edges[1:]
    total, known = np.zeros(len(begins)), np.ones(len(begins), dtype=np.bool_)
    for windows in by_meter.values():
        table = np.array(windows, dtype=np.float64)
        at = np.searchsorted(table[:, 1], begins, side="right")
        inside = np.minimum(at, len(table) - 1)
        covers = (at < len(table)) & (table[inside, 0] <= begins) & (table[inside, 1] >= ends)
        total += table[inside, 2] * (ends - begins) / (table[inside, 1] - table[inside, 0])
        known &= covers
    return begins[known], ends[known], total[known]


def _overlaps(
    spans: Spans, start_s: Floats, end_s: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Which rows touch which windows of the meter: ranks of both, and the share of the row's time in the window."""
    first = np.searchsorted(end_s, spans.start_s, side="right")
    last = np.searchsorted(start_s, spans.end_s, side="left")
    count = np.maximum(last - first, 0)
    row = np.repeat(np.arange(len(count)), count)
    window = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + first[row]
    inside_s = np.minimum(spans.end_s[row], end_s[window]) - np.maximum(spans.start_s[row], start_s[window])
    return row, window, np.maximum(inside_s, 0.0) / (spans.end_s - spans.start_s)[row]


def _coverage(spans: Spans, start_s: Floats, end_s: Floats) -> Floats:
    """Share of each window of the meter of which the ledger has rows; rows of one start are one span."""
    order = np.argsort(spans.start_s, kind="stable")
    begins, ends = spans.start_s[order], spans.end_s[order]
    first = np.flatnonzero(np.diff(begins, prepend=-np.inf) > 0.0)
    begins, ends = begins[first], np.maximum.reduceat(ends, first) if len(first) else ends
    all_of = np.ones(len(begins), dtype=np.bool_)
    alone = Spans(start_s=begins, end_s=ends, energy_j=ends - begins, scaled=all_of, overhead=~all_of)
    row, window, share = _overlaps(alone, start_s, end_s)
    inside_s = np.bincount(window, alone.energy_j[row] * share, minlength=len(start_s))
    covered: Floats = inside_s / (end_s - start_s)
    return covered


def _findings(
    subject: str,
    whole: npt.NDArray[np.bool_],
    sound: npt.NDArray[np.bool_],
    factor: Floats,
    measured: npt.NDArray[np.bool_],
    rest: Beyond,
) -> tuple[Finding, ...]:
    found = []
    gaps = int((~whole).sum())
    if gaps:
        text = f"{gaps} of {len(whole)} windows of the meter are not wholly in the ledger: they stay as recorded"
        found.append(Finding(kind="gap", subject=subject, detail=text))
    if rest.short:
        text = (
            "over all its windows the meter has less than what the servers' own meters counted: PUE would be below 1, "
            "and PUE cannot be that. It does not see all of them, or one of them is wrong; they stay as recorded"
        )
        found.append(Finding(kind="meter", subject=subject, detail=text))
    absurd = int(rest.absurd.sum())
    if absurd:
        text = (
            f"in {absurd} of {len(whole)} windows the meter is not from {LEAST_SEEN:g} to {MOST_PUE:g} times what the "
            "servers' own meters counted: PUE cannot be that, one of them is wrong; they stay as recorded"
        )
        found.append(Finding(kind="meter", subject=subject, detail=text))
    asked = factor[whole & ~sound & ~measured]
    if len(asked):
        known = asked[np.isfinite(asked)]
        by = f"by {known.min():.3g} to {known.max():.3g}" if len(known) else "nothing was recorded that could be scaled"
        text = (
            f"in {len(asked)} of {len(whole)} windows the meter asks for more than a factor of {BAND:g} ({by}): "
            "it measures something else than these nodes, or one of both is wrong; they stay as recorded"
        )
        found.append(Finding(kind="meter", subject=subject, detail=text))
    return tuple(found)
