"""Statements of a job, a site and the fleet, computed from ledger rows alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ondol.accounting.bins import BIN_S, Resolved, carbon_g, resolve, slices
from ondol.accounting.comfort import ComfortTotals, comfort_by_sink
from ondol.accounting.figures import FACTOR, J_PER_KWH, Figures, band_of, figures, kwh_by_tier
from ondol.accounting.split import CpuTimeRule
from ondol.model.errors import NotFoundError
from ondol.model.ids import AccountId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which conventions a statement is made; it is printed with it.

    Parameters
    ----------
    bin_s : time resolution of useful heat, 1 to 86,400 [s]
    factor : name of the grid factor, with its source
    method : name of the split rule that made the rows
    names : names of sites, units, sinks and tasks by id; an id without one shows itself
    """

    bin_s: float = BIN_S
    factor: str = FACTOR
    method: str = CpuTimeRule.name
    names: dict[str, str] = field(default_factory=dict)

    def name(self, key: str) -> str:
        """Name of an id."""
        return self.names.get(key, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job ran: IT energy [kWh], CPU time [s], and slot time in whole ledger windows [s]."""

    site_id: SiteId
    site_name: str
    unit_id: UnitId
    unit_name: str
    it_kwh: float
    cpu_s: float
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatement:
    """The account of one task over all its attempts, the failed and stopped ones too.

    Parameters
    ----------
    it_kwh, overhead_kwh, total_kwh : electricity of its share of nodes, its part of the sites' overhead, and both
    carbon_g, carbon_low_g, carbon_high_g : inventory line for the user: JOB share with overhead, no credit for heat
    charged_to_heat_kwh, charged_to_heat_g : of the energy above, what ran for heat alone and is charged to the heat
    useful_heat_kwh : Σ over bins of job energy × (useful heat / IT energy of its site); None where no site of it is
        metered for heat
    attempts, accounts : how many tries, and who pays
    """

    task_id: TaskId
    name: str
    accounts: tuple[AccountId, ...]
    attempts: int
    it_kwh: float
    overhead_kwh: float
    total_kwh: float
    charged_to_heat_kwh: float
    carbon_g: float
    carbon_low_g: float
    carbon_high_g: float
    charged_to_heat_g: float
    useful_heat_kwh: float | None
    cpu_s: float
    places: tuple[Place, ...]
    kwh_by_tier: tuple[tuple[Tier, float], ...]
    factor: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatement:
    """The account of one site with the comfort of its sinks."""

    site_id: SiteId
    name: str
    figures: Figures
    comfort: tuple[ComfortTotals, ...]
    discomfort_kh: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStatement:
    """The account of all sites together, by site and by job."""

    figures: Figures
    discomfort_kh: float
    sites: tuple[SiteStatement, ...]
    jobs: tuple[JobStatement, ...]
    method: str


def job_statement(task_id: TaskId, rows: Iterable[LedgerRow], terms: Terms | None = None) -> JobStatement:
    """Give the account of one task.

    Parameters
    ----------
    rows : all rows of the sites it ran on while it ran, not its own only: overhead and useful heat are shares of theirs

    Raises NotFoundError where the ledger has no row of it (yet).
    """
    ledger = list(rows)
    terms = terms or Terms()
    return _job(
        task_id, [row for row in _energy(ledger) if row.task_id == task_id], resolve(ledger, terms.bin_s), terms
    )


def site_statement(site_id: SiteId, rows: Iterable[LedgerRow], terms: Terms | None = None) -> SiteStatement:
    """Give the account of one site; rows of other sites are passed over. NotFoundError without a row of it."""
    terms = terms or Terms()
    own = [row for row in rows if row.site_id == site_id]
    if not own:
        raise NotFoundError("ledger row of site", site_id)
    return _site(site_id, own, resolve(own, terms.bin_s), terms)


def fleet_statement(rows: Iterable[LedgerRow], terms: Terms | None = None) -> FleetStatement:
    """Give the account of every site, every job and all together. NotFoundError where there are no rows at all."""
    ledger = list(rows)
    terms = terms or Terms()
    if not ledger:
        raise NotFoundError("ledger row", "of any site; a window must have passed first")
    resolved = resolve(ledger, terms.bin_s)
    by_site: dict[SiteId, list[LedgerRow]] = defaultdict(list)
    by_task: dict[TaskId, list[EnergyRow]] = defaultdict(list)
    for row in ledger:
        by_site[row.site_id].append(row)
        if isinstance(row, EnergyRow) and row.task_id is not None:
            by_task[row.task_id].append(row)
    sites = tuple(_site(site, by_site[site], resolved, terms) for site in sorted(by_site))
    return FleetStatement(
        figures=figures(ledger, resolved, terms.names, terms.factor),
        discomfort_kh=math.fsum(site.discomfort_kh for site in sites),
        sites=sites,
        jobs=tuple(_job(task, by_task[task], resolved, terms) for task in sorted(by_task)),
        method=terms.method,
    )


def _energy(rows: Iterable[LedgerRow]) -> list[EnergyRow]:
    return [row for row in rows if isinstance(row, EnergyRow)]


def _site(site_id: SiteId, rows: Sequence[LedgerRow], resolved: Resolved, terms: Terms) -> SiteStatement:
    comfort = comfort_by_sink([row for row in rows if isinstance(row, HeatRow)], terms.names)
    return SiteStatement(
        site_id=site_id,
        name=terms.name(site_id),
        figures=figures(rows, resolved, terms.names, terms.factor),
        comfort=comfort,
        discomfort_kh=math.fsum(sink.discomfort_kh for sink in comfort),
        method=terms.method,
    )


@dataclass(slots=True)
class _Tally:
    """Parts of a job's sums, kept apart until the end so that the sums are exact."""

    it_j: list[float] = field(default_factory=list)
    overhead_j: list[float] = field(default_factory=list)
    grams: list[float] = field(default_factory=list)
    low_g: list[float] = field(default_factory=list)
    high_g: list[float] = field(default_factory=list)

    def add(self, row: EnergyRow, resolved: Resolved) -> None:
        """Add a row with its part of its site's overhead, bin by bin."""
        band = band_of(row.tier)
        overhead_j: list[float] = []
        grams = [carbon_g(row)]
        for number, fraction in slices(row.start, row.end, resolved.bin_s):
            site = resolved.sites[row.site_id, number]
            if site.it_j > 0:
                part = row.energy_j * fraction / site.it_j
                overhead_j.append(site.overhead_j * part)
                grams.append(site.overhead_g * part)
        self.it_j.append(row.energy_j)
        self.overhead_j += overhead_j
        self.grams += grams
        self.low_g += [gram / band for gram in grams]
        self.high_g += [gram * band for gram in grams]

    @property
    def kwh(self) -> float:
        """IT and overhead together [kWh]."""
        return math.fsum([*self.it_j, *self.overhead_j]) / J_PER_KWH


def _job(task_id: TaskId, own: Sequence[EnergyRow], resolved: Resolved, terms: Terms) -> JobStatement:
    if not own:
        raise NotFoundError("ledger row of task", task_id)
    user, heat = _Tally(), _Tally()
    for row in own:
        (heat if row.share is Share.HEAT_ONLY else user).add(row, resolved)
    it_j = [*user.it_j, *heat.it_j]
    overhead_j = [*user.overhead_j, *heat.overhead_j]
    return JobStatement(
        task_id=task_id,
        name=terms.name(task_id),
        accounts=tuple(sorted({row.account_id for row in own if row.account_id is not None})),
        attempts=len({row.attempt_id for row in own}),
        it_kwh=math.fsum(it_j) / J_PER_KWH,
        overhead_kwh=math.fsum(overhead_j) / J_PER_KWH,
        total_kwh=math.fsum([*it_j, *overhead_j]) / J_PER_KWH,
        charged_to_heat_kwh=heat.kwh,
        carbon_g=math.fsum(user.grams),
        carbon_low_g=math.fsum(user.low_g),
        carbon_high_g=math.fsum(user.high_g),
        charged_to_heat_g=math.fsum(heat.grams),
        useful_heat_kwh=_useful_kwh(own, resolved),
        cpu_s=math.fsum(row.cpu_s for row in own),
        places=_places(own, terms),
        kwh_by_tier=kwh_by_tier(own),
        factor=terms.factor,
        method=terms.method,
    )


def _useful_kwh(own: Sequence[EnergyRow], resolved: Resolved) -> float | None:
    """Σ job energy in a bin × useful heat of the site / its IT energy in that bin."""
    parts: list[float] = []
    metered = {site for (site, _), one in resolved.sites.items() if one.useful_j is not None}
    if not any(row.site_id in metered for row in own):
        return None
    for row in own:
        for number, fraction in slices(row.start, row.end, resolved.bin_s):
            site = resolved.sites[row.site_id, number]
            if site.useful_j is not None and site.it_j > 0:
                parts.append(row.energy_j * fraction * (site.useful_j / site.it_j))
    return math.fsum(parts) / J_PER_KWH


def _places(own: Sequence[EnergyRow], terms: Terms) -> tuple[Place, ...]:
    at: dict[tuple[SiteId, UnitId], list[EnergyRow]] = defaultdict(list)
    for row in own:
        if row.unit_id is not None:
            at[row.site_id, row.unit_id].append(row)
    return tuple(
        Place(
            site_id=site,
            site_name=terms.name(site),
            unit_id=unit,
            unit_name=terms.name(unit),
            it_kwh=math.fsum(row.energy_j for row in at[site, unit]) / J_PER_KWH,
            cpu_s=math.fsum(row.cpu_s for row in at[site, unit]),
            window_s=math.fsum((row.end - row.start).total_seconds() for row in at[site, unit]),
        )
        for site, unit in sorted(at)
    )
