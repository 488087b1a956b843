"""The desk of statements: rights first, then rows, then the whole statement."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ondol.accounting.account.assemble import assemble, ground_rows
from ondol.accounting.account.columns import EnergyColumns, Mask
from ondol.accounting.account.grounds import Grounds
from ondol.accounting.account.hardware import Made, machines
from ondol.accounting.account.shared import Shared
from ondol.accounting.account.statement import Held, Statement
from ondol.accounting.allocation import AllocationTerms
from ondol.accounting.burnt import burnt_of, burnt_sections
from ondol.accounting.split_rules import rule_named
from ondol.control.carbon_ground import CarbonGround
from ondol.control.claim_book import ClaimBook
from ondol.control.grids import Grids
from ondol.control.heat_temps import outdoor_c, supply_and_return_c
from ondol.control.host_ports import HostDesk
from ondol.control.mirror_made import Mirror, mirror_of
from ondol.control.statement_more import (
    Settled,
    claims_held,
    meters_section,
    settle,
    waste_section,
    work_of,
)
from ondol.control.statement_rows import WindowRows, rows_around, sites_of, window_rows
from ondol.control.statement_subjects import Chosen, Subjects
from ondol.model.account import Account
from ondol.model.binding import Binding
from ondol.model.checks import check_choice
from ondol.model.errors import NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import TaskId
from ondol.model.ledger import EnergyRow
from ondol.model.site import Site, UnitKind
from ondol.storage.ports import Store

_FEW = 200
"""Up to so many tasks, a group's rows are found by task; of more, by the time since the first was submitted."""

_NONE_THEN = "in this window: nothing ran then (from and to say another)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    chosen: Chosen
    rows: WindowRows
    whole: bool
    grounds: Grounds
    settled: Settled
    shared: Shared
    made: Made
    mine: Mask


class StatementDesk:
    """Gives whole statements.

    Parameters
    ----------
    hosts : says which sites an account may see
    ground : factors, basis and hardware of the installation
    now : platform time
    claims : registers of who holds which heat; statements say nothing of it without
    clock_rate : platform seconds per wall second: rows count CPU time in the latter
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        hosts: HostDesk,
        ground: CarbonGround,
        now: Callable[[], dt.datetime],
        claims: ClaimBook | None = None,
        *,
        clock_rate: float = 1.0,
    ) -> None:
        self._fleet, self._store, self._now, self._claims = fleet, store, now, claims
        self._subjects = Subjects(fleet, store, hosts)
        self._ground = ground
        self._machines = machines(fleet, ground.book)
        site_of = {str(unit.id): str(unit.site_id) for unit in fleet.units} | {site.id: site.id for site in fleet.sites}
        self._meter_error = _worst(fleet.bindings, "electric_meter", {site.id: site.id for site in fleet.sites})
        self._heat_error = _worst(fleet.bindings, "heat_meter", site_of)
        racks = {str(unit.site_id) for unit in fleet.units if unit.kind is UnitKind.SERVER_RACK}
        self._heatless = frozenset(racks - {str(u.site_id) for u in fleet.units if u.kind is not UnitKind.SERVER_RACK})
        # A virtual node stands for a real one on a share of this machine: the same as in facts of attempts.
        self._cpu_scale = {
            str(node.id): clock_rate * node.cores_per_slot * node.slots / node.host_cores for node in fleet.nodes
        }
        self._grids: Grids | None = None

    def statement(
        self,
        caller: Account,
        kind: str,
        key: str,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
    ) -> Statement:
        """Give the statement of a subject.

        Parameters
        ----------
        kind, key : as `Subjects.choose`
        start, end : rows that begin in [start, end), platform time; of a task, job or pool all of its rows where both
            are None

        Raises
        ------
        NotFoundError : no such subject for the caller, or no row of it in the window
        InvalidFieldError : an unknown kind; more rows than are held at once; rows that say the impossible
        """
        look = self._look(caller, kind, key, start, end)
        chosen, rows, shared, mine, settled = look.chosen, look.rows, look.shared, look.mine, look.settled
        grounds = look.grounds
        work = work_of(self._store, self._fleet, shared, mine)
        more = [waste_section(work.waste), *burnt_sections(burnt_of(work.spent, work.works))]
        stands = [one for one in settled.sites if chosen.sites is None or one.subject in chosen.sites]
        if chosen.sites is not None:
            more.append(meters_section(stands, chosen.sites, grounds.names))
        return assemble(
            chosen.subject,
            shared,
            look.made,
            mine,
            grounds,
            whole=look.whole,
            timezone=self._timezone(chosen),
            named=_named(shared, chosen),
            more=more,
            claims=self._held(caller, chosen, rows),
            findings=[f"{one.subject}: {one.detail}" for stand in stands for one in stand.findings],
        )

    def mirror(
        self,
        caller: Account,
        kind: str,
        key: str,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
    ) -> Mirror:
        """Give the usage mirror of a user or a project.

        Parameters
        ----------
        kind : "user" or "project"; key, start, end and what is raised as for `statement`
        """
        check_choice("kind", kind, ("user", "project"))
        look = self._look(caller, kind, key, start, end)
        if not look.mine.any():
            raise NotFoundError(f"ledger row of {kind}", f"{look.chosen.subject.name} {_NONE_THEN}")
        named = _named(look.shared, look.chosen)
        own = look.mine if named is None else look.mine & named
        found = work_of(self._store, self._fleet, look.shared, look.mine)
        told = found if named is None else work_of(self._store, self._fleet, look.shared, own)
        if self._grids is None:
            self._grids = Grids(self._fleet)
        return mirror_of(look.chosen.subject, self._fleet, self._grids, look.shared, look.mine, found, told)

    def _look(self, caller: Account, kind: str, key: str, start: dt.datetime | None, end: dt.datetime | None) -> _Look:
        chosen = self._subjects.choose(caller, kind, key)
        rows, whole = self._rows(chosen, start, end)
        if not len(rows.energy):
            raise NotFoundError(f"ledger row of {kind}", f"{chosen.subject.name or 'any site'} {_NONE_THEN}")
        grounds = self._grounds(self._names(chosen, rows), rows)
        settled = settle(self._store, rows.energy, *rows.span)
        energy = _in_cores(settled.rows, self._cpu_scale)
        shared, made = ground_rows(energy, rows.heat, grounds, rows.holds, metered=settled.metered)
        return _Look(
            chosen=chosen,
            rows=rows,
            whole=whole,
            grounds=grounds,
            settled=settled,
            shared=shared,
            made=made,
            mine=_mask(shared, chosen),
        )

    def _held(self, caller: Account, chosen: Chosen, rows: WindowRows) -> tuple[Held, ...] | None:
        if self._claims is None or chosen.sites is None:
            return None
        start, end = rows.span
        return claims_held(self._claims, caller, chosen.sites, start, end)

    def _rows(self, chosen: Chosen, start: dt.datetime | None, end: dt.datetime | None) -> tuple[WindowRows, bool]:
        subject = chosen.subject
        if subject.kind in ("instance", "task", "job", "pool") and start is None and end is None:
            tasks = chosen.tasks or frozenset()
            if len(tasks) <= _FEW:
                own: list[EnergyRow] = []
                for task in sorted(tasks):
                    own += self._store.energy(task_id=TaskId(task))
                if not own:
                    raise NotFoundError(
                        f"ledger row of {subject.kind}", f"{subject.name} (yet: a minute after work began there is one)"
                    )
                return rows_around(self._store, own), True
            return window_rows(self._store, chosen.since, None), True
        sites = chosen.sites
        if chosen.account_id is not None:
            sites = sites_of(self._store, chosen.account_id, start, end)
        return window_rows(self._store, start, end, sites), start is None and end is None

    def _grounds(self, names: Mapping[str, str], rows: WindowRows) -> Grounds:
        fleet, ground = self._fleet, self._ground
        return Grounds(
            registry=ground.registry,
            basis=ground.basis,
            machines=self._machines,
            sites={str(site.id): site for site in fleet.sites},
            accounting=fleet.accounting,
            split_rule=rule_named(fleet.accounting.split_rule).name,
            equipment_per_h={str(site): impacts for site, impacts in ground.book.equipment_per_h.items()},
            allocation={site.id: self._terms(site, *rows.span) for site in fleet.sites if site.id in rows.energy.sites},
            names=names,
            meter_error=self._meter_error,
            heat_error=self._heat_error,
            heatless=self._heatless,
        )

    def _terms(self, site: Site, start: dt.datetime, end: dt.datetime) -> AllocationTerms:
        measured = supply_and_return_c(self._fleet, self._store, site, start, end)
        return AllocationTerms(
            supply_c=None if measured is None else measured[0],
            return_c=None if measured is None else measured[1],
            reference_c=None if measured is None else outdoor_c(site, start, end),
            heat_eur_per_kwh=site.heat_price_eur_per_kwh,
            compute_eur_per_kwh=site.compute_price_eur_per_kwh,
        )

    def _names(self, chosen: Chosen, rows: WindowRows) -> dict[str, str]:
        names: dict[str, str] = {noun.id: noun.name for noun in (*self._fleet.sites, *self._fleet.sinks)}
        if chosen.subject.of_work:
            wanted = [TaskId(key) for key in rows.energy.tasks if chosen.tasks is None or key in chosen.tasks]
            for first in range(0, len(wanted), 1000):
                facts = self._store.work_facts(task_ids=wanted[first : first + 1000])
                names |= {fact.task_id: fact.name for fact in facts}
        return names

    def _timezone(self, chosen: Chosen) -> str:
        sites = chosen.sites or ()
        return self._fleet.site(sites[0]).timezone if sites else self._fleet.sites[0].timezone


def _worst(bindings: Iterable[Binding], point: str, site_of: Mapping[str, str]) -> dict[str, float]:
    """By site, the worst uncertainty of its meters of a kind; none where one of them has no stated class."""
    by_site: dict[str, list[float]] = {}
    for one in bindings:
        if one.point == point and one.entity_id in site_of and one.connection_id:
            by_site.setdefault(site_of[one.entity_id], []).append(one.uncertainty)
    return {site: max(found) for site, found in by_site.items() if all(found)}


def _mask(shared: Shared, chosen: Chosen) -> Mask:
    rows = shared.rows
    if chosen.sites is not None:
        wanted = np.array([name in chosen.sites for name in rows.sites], dtype=np.bool_)
        return wanted[rows.site] if len(rows) else np.zeros(0, dtype=np.bool_)
    if chosen.account_id is not None:
        mine = np.array([*(name == chosen.account_id for name in rows.accounts), False], dtype=np.bool_)
        return mine[rows.account]
    if chosen.attempts:
        tried = np.array([*(name.startswith(chosen.attempts) for name in rows.attempts), False], dtype=np.bool_)
        return tried[rows.attempt]
    tasks = chosen.tasks or frozenset()
    of_it = np.array([*(name in tasks for name in rows.tasks), False], dtype=np.bool_)
    return of_it[rows.task]


def _named(shared: Shared, chosen: Chosen) -> Mask | None:
    if chosen.named_for is None:
        return None
    rows = shared.rows
    mine = np.array([*(name == chosen.named_for for name in rows.accounts), False], dtype=np.bool_)
    return mine[rows.account]


def _in_cores(rows: EnergyColumns, scale: Mapping[str, float]) -> EnergyColumns:
    """Give rows with CPU time in seconds of a core of their node, platform time, as reservations are counted."""
    by_node = np.array([*(scale.get(node, 1.0) for node in rows.nodes), 1.0])  # the last is nobody's
    return dataclasses.replace(rows, cpu_s=rows.cpu_s * by_node[rows.node])
