"""Key figures by site, legal entity and fleet, and what authorities want to be told, for those who may see it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Sequence

from ondol.accounting.boundary import Boundary
from ondol.accounting.disclosure.eu_2024_1364 import NOT_SAID, EuReport, Premises, eu_report
from ondol.accounting.disclosure.france import FrenchThresholds, french_thresholds
from ondol.accounting.kpi_extras import NOTHING_DECLARED, Declared, Extras
from ondol.accounting.kpi_set import KpiSet, figures_of
from ondol.accounting.kpi_site import SiteFlows
from ondol.accounting.registry import residual_of
from ondol.accounting.scope_two import Contract, site_contract
from ondol.control.carbon_ground import CarbonGround
from ondol.control.directory import OPERATOR
from ondol.control.fact_pages import attempt_facts_of, work_facts_of
from ondol.control.host_rights import HostRights, is_operator
from ondol.control.site_sums import site_sums
from ondol.control.workbench import Workbench
from ondol.control.workshop import Workshop
from ondol.model.account import Account
from ondol.model.errors import ForbiddenError, InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, SiteId, TaskId, task_of
from ondol.model.ledger import MeterRow
from ondol.model.site import Site
from ondol.storage.ports import Store

_LONGEST = dt.timedelta(days=366, hours=1)
_H_S = 3600.0


class KpiDesk:
    """Answers for windows of up to a year; rows are read site by site and not kept.

    Parameters
    ----------
    ground : factors, basis and hardware of the installation
    clock_rate : platform seconds by wall second: CPU time is counted in the latter
    workshop : where many rows are summed up; here where left out
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
        workshop: Workshop | None = None,
    ) -> None:
        self._bench = Workbench(fleet=fleet, store=store, ground=ground, clock_rate=clock_rate)
        self._workshop = workshop
        self._fleet, self._store, self._rights, self._ground, self._now = fleet, store, rights, ground, now
        self._boundary = boundary or Boundary()
        self._sites = {site.id: site for site in fleet.sites}
        site_of_unit = {unit.id: unit.site_id for unit in fleet.units}
        self._site_of_node = {node.id: site_of_unit[node.unit_id] for node in fleet.nodes}
        self._cores = {node.id: node.host_cores / clock_rate for node in fleet.nodes}
        self._slots = {node.id: node.slots for node in fleet.nodes}
        self._gpu_nodes = frozenset(node.id for node in fleet.nodes if node.gpu)
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
        for sums in site_sums(self._bench, self._workshop, sorted(self._sites), start, end):
            useful = None if sums.useful_j is None else sums.useful_j / 3.6e6
            reuse[sums.site_id] = useful, sums.total_j / 3.6e6
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
        sums = [
            dataclasses.replace(one, tasks=self._without_holders(one))
            for one in site_sums(self._bench, self._workshop, sites, start, end)
        ]
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

    def _without_holders(self, sums: SiteFlows) -> frozenset[TaskId]:
        """Users' tasks: the hidden ones that hold slots of compute pools are no functional unit of SCI."""
        facts = work_facts_of(self._store, sorted(sums.tasks))
        return sums.tasks - {fact.task_id for fact in facts if fact.holds_pool}

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
        tasks = sorted({task_of(attempt) for attempt in sums.filler_s})
        return {fact.attempt_id: fact.slots * fact.held_s for fact in attempt_facts_of(self._store, tasks)}

    def _check_span(self, start: dt.datetime, end: dt.datetime) -> None:
        if not start < end or end - start > _LONGEST:
            raise InvalidFieldError("to", end.isoformat(), f"after from, {start.isoformat()}, by a year at most")


def _check_operator(account: Account) -> None:
    if not is_operator(account):
        raise ForbiddenError(
            f"Key figures of more than a site are for this installation's operator ({OPERATOR}); ask for one site"
        )
