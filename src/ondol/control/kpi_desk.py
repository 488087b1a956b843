"""Key figures by site, legal entity and fleet, and what authorities want to be told, for those who may see it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence

from ondol.accounting.boundary import Boundary
from ondol.accounting.disclosure.eu_2024_1364 import NOT_SAID, EuReport, Premises, eu_report
from ondol.accounting.disclosure.france import FrenchThresholds, french_thresholds
from ondol.accounting.kpi_extras import NOTHING_DECLARED, Declared, Extras
from ondol.accounting.kpi_set import KpiSet, figures_of
from ondol.accounting.kpi_site import SiteFlows, site_flows
from ondol.accounting.registry import residual_of
from ondol.accounting.scope_two import Contract, site_contract
from ondol.control.carbon_ground import CarbonGround
from ondol.control.directory import OPERATOR
from ondol.control.host_rights import HostRights, is_operator
from ondol.model.account import Account
from ondol.model.errors import ForbiddenError, InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, SiteId, task_of
from ondol.model.ledger import Metered, MeterRow
from ondol.model.site import Site
from ondol.storage.ledger_ports import PAGE
from ondol.storage.ports import Store

_LONGEST = dt.timedelta(days=366, hours=1)
_H_S = 3600.0
_TASKS = 1000  # whose attempts are asked for at once


class KpiDesk:
    """Answers for windows of up to a year; rows are read site by site and not kept.

    Parameters
    ----------
    ground : factors, basis and hardware of the installation
    clock_rate : platform seconds by wall second: CPU time is counted in the latter
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        rights: HostRights,
        ground: CarbonGround,
        *,
        now: Callable[[], dt.datetime],
        clock_rate: float = 1.0,
        boundary: Boundary | None = None,
    ) -> None:
        self._fleet, self._store, self._rights, self._ground, self._now = fleet, store, rights, ground, now
        self._boundary = boundary or Boundary()
        self._sites = {site.id: site for site in fleet.sites}
        site_of_unit = {unit.id: unit.site_id for unit in fleet.units}
        self._site_of_node = {node.id: site_of_unit[node.unit_id] for node in fleet.nodes}
        self._cores = {node.id: node.host_cores / clock_rate for node in fleet.nodes}
        self._written_off = ground.book.written_off()
        self._slots = {node.id: node.slots for node in fleet.nodes}
        self._gpu_nodes = frozenset(node.id for node in fleet.nodes if node.gpu)
        self._counted_cores = {node: cores for node, cores in self._cores.items() if node not in self._gpu_nodes}
        by_kind = {one.specification: one for one in fleet.benchmarks}
        self._benchmarks = {
            node.id: by_kind[node.specification] for node in fleet.nodes if node.specification in by_kind
        }

    def site(
        self,
        account: Account,
        site_id: SiteId,
        start: dt.datetime,
        end: dt.datetime,
        declared: Declared = NOTHING_DECLARED,
    ) -> KpiSet:
        """Give the key figures of a site that the account may see."""
        self._rights.check_sees(account, site_id)
        return self._set("site", site_id, [site_id], start, end, declared)

    def entity(
        self, account: Account, name: str, start: dt.datetime, end: dt.datetime, declared: Declared = NOTHING_DECLARED
    ) -> KpiSet:
        """Give the key figures of all sites of a legal entity; for the operator.

        Raises NotFoundError where no site names it.
        """
        _check_operator(account)
        return self._set("entity", name, self.sites_of(name), start, end, declared)

    def fleet(
        self, account: Account, start: dt.datetime, end: dt.datetime, declared: Declared = NOTHING_DECLARED
    ) -> KpiSet:
        """Give the key figures of all sites; for the operator."""
        _check_operator(account)
        return self._set("fleet", self._fleet.name, sorted(self._sites), start, end, declared)

    def eu_report(
        self,
        account: Account,
        of: tuple[str, str],
        start: dt.datetime,
        end: dt.datetime,
        premises: Premises = NOT_SAID,
        declared: Declared = NOTHING_DECLARED,
    ) -> EuReport:
        """Give the table of Regulation (EU) 2024/1364; for the operator.

        Parameters
        ----------
        of : ("site", id), ("entity", name) or ("fleet", "")
        """
        _check_operator(account)
        kind, key = of
        if kind == "site":
            figures = self.site(account, SiteId(key), start, end, declared)
        elif kind == "entity":
            figures = self.entity(account, key, start, end, declared)
        else:
            figures = self.fleet(account, start, end, declared)
        power_w = math.fsum(self.installed_it_w(site_id) for site_id in self._of(kind, key))
        return eu_report(figures, installed_it_w=power_w, contracts=declared.contracts, premises=premises)

    def thresholds(self, account: Account, start: dt.datetime, end: dt.datetime) -> FrenchThresholds:
        """Hold installed power against the French thresholds, a window's reuse beside it; for the operator."""
        _check_operator(account)
        self._check_span(start, end)
        reuse: dict[SiteId, tuple[float | None, float]] = {}
        for site_id in sorted(self._sites):
            sums = self._flows(site_id, start, end)
            if sums is not None:
                useful = None if sums.useful_j is None else sums.useful_j / 3.6e6
                reuse[site_id] = useful, sums.total_j / 3.6e6
        powers = {site_id: self.installed_it_w(site_id) for site_id in self._sites}
        return french_thresholds(self._fleet.sites, powers, reuse)

    def installed_it_w(self, site_id: SiteId) -> float:
        """Rated power of a site's IT, as it was stated, or the sum of its servers at full load [W]."""
        stated = self._sites[site_id].installed_it_w
        if stated is not None:
            return stated
        own = [node.curve.max_w for node in self._fleet.nodes if self._site_of_node[node.id] == site_id]
        return math.fsum(own)

    def entity_of(self, site: Site) -> str:
        """Who runs a site; "" where nobody is named."""
        return site.legal_entity or self._fleet.accounting.legal_entity

    def sites_of(self, name: str) -> list[SiteId]:
        """Sites of a legal entity; raises NotFoundError where there are none."""
        found = [site.id for site in self._fleet.sites if name and self.entity_of(site) == name]
        if not found:
            known = sorted({self.entity_of(site) for site in self._fleet.sites} - {""})
            raise NotFoundError("legal entity", f"{name} (there are: {', '.join(known) or 'none; set legal_entity'})")
        return found

    # -- parts --

    def _of(self, kind: str, key: str) -> Sequence[SiteId]:
        return [SiteId(key)] if kind == "site" else self.sites_of(key) if kind == "entity" else sorted(self._sites)

    def _set(
        self, kind: str, key: str, sites: Sequence[SiteId], start: dt.datetime, end: dt.datetime, declared: Declared
    ) -> KpiSet:
        self._check_span(start, end)
        sums = [one for site_id in sites if (one := self._flows(site_id, start, end)) is not None]
        if not sums:
            raise NotFoundError("ledger row", f"of {kind} {key} from {start.isoformat()} to {end.isoformat()}")
        meters: list[MeterRow] = []
        for site_id in sites:
            meters += self._store.meters(site_id=site_id, start=start, end=end)
        extras = Extras(
            cores=self._cores,
            gpu_nodes=self._gpu_nodes,
            benchmarks=self._benchmarks,
            embodied_g=self._embodied_g(sums),
            declared=declared,
            contracts=self._contracts(sums, start.year),
            residuals={
                one.site_id: residual
                for one in sums
                if (residual := residual_of(self._ground.registry, self._sites[one.site_id].country)) is not None
            },
        )
        return figures_of(
            sums, meters, kind=kind, subject=key, start=start, end=end, boundary=self._boundary, extras=extras
        )

    def _flows(self, site_id: SiteId, start: dt.datetime, end: dt.datetime) -> SiteFlows | None:
        sums = site_flows(
            site_id,
            lambda: self._store.energy(site_id=site_id, start=start, end=end),
            self._store.heat(site_id=site_id, start=start, end=end),
            self._store.meters(site_id=site_id, kind=Metered.ELECTRICITY_J, start=start, end=end),
            basis=self._ground.basis,
            written_off=self._written_off,
            cores=self._counted_cores,
        )
        return sums if sums.cover.spans else None

    def _contracts(self, sums: Sequence[SiteFlows], year: int) -> dict[SiteId, Contract]:
        """What the sites' operators stated of their electricity."""
        found = {one.site_id: site_contract(self._sites[one.site_id], one.total_j / 3.6e6, year) for one in sums}
        return {site_id: contract for site_id, contract in found.items() if contract is not None}

    def _embodied_g(self, sums: Sequence[SiteFlows]) -> float | None:
        """Share of making the servers, for the time for which they were on in their life; None where one is not known.

        Slots that work run for heat alone held are not in it: see `ondol.accounting.sci.SCI_BOUNDARY`.
        """
        rates = self._ground.embodied_g_per_h
        parts: list[float] = []
        for one in sums:
            for node, living_s in one.living_s.items():
                if node not in rates:
                    return None
                parts.append(rates[node] * living_s / _H_S)
            held_s = self._held_s(one)
            for attempt, (node, rows_s) in one.filler_s.items():
                of_slot_g = rates.get(node, 0.0) / self._slots.get(node, 1) / _H_S
                parts.append(-of_slot_g * min(rows_s, held_s.get(attempt, rows_s)))
        return max(0.0, math.fsum(parts))

    def _held_s(self, sums: SiteFlows) -> dict[AttemptId, float]:
        """For how long attempts of such work held a slot, of those that are over: rows are of whole windows."""
        found: dict[AttemptId, float] = {}
        tasks = sorted({task_of(attempt) for attempt in sums.filler_s})
        for first in range(0, len(tasks), _TASKS):
            after, full = "", True
            while full:
                page = self._store.attempt_facts(tasks[first : first + _TASKS], after=after, limit=PAGE)
                found |= {fact.attempt_id: fact.slots * fact.held_s for fact in page}
                full = len(page) == PAGE
                after = page[-1].attempt_id if page else ""
        return found

    def _check_span(self, start: dt.datetime, end: dt.datetime) -> None:
        if not start < end or end - start > _LONGEST:
            raise InvalidFieldError("to", end.isoformat(), f"after from, {start.isoformat()}, by a year at most")


def _check_operator(account: Account) -> None:
    if not is_operator(account):
        raise ForbiddenError(
            f"Key figures of more than a site are for this installation's operator ({OPERATOR}); ask for one site"
        )
