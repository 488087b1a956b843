"""Makes whole statements and mirrors of subjects that somebody may see; rights are looked at before."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

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
from ondol.control.fact_pages import work_facts_of
from ondol.control.grids import Grids
from ondol.control.heat_temps import handover, surroundings
from ondol.control.meter_classes import electricity_error, heat_error
from ondol.control.mirror_made import Mirror, mirror_of
from ondol.control.mirror_runs import run_before
from ondol.control.statement_meters import Settled, meters_section, settle
from ondol.control.statement_more import held_in, waste_section, whys_of, work_of
from ondol.control.statement_rows import WindowRows, rows_around, sites_of, task_spans, window_rows
from ondol.control.statement_subjects import LIVES, Chosen
from ondol.model.errors import NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.site import Site, UnitKind
from ondol.storage.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    rows: WindowRows
    whole: bool
    grounds: Grounds
    settled: Settled
    shared: Shared
    made: Made
    mine: Mask


class StatementMaker:
    """Turns rows of the ledger into statements, with what an installation counts by.

    Parameters
    ----------
    ground : factors, basis and hardware of the installation
    clock_rate : platform seconds per wall second: rows count CPU time in the latter
    """

    def __init__(self, fleet: Fleet, store: Store, ground: CarbonGround, *, clock_rate: float = 1.0) -> None:
        self._fleet, self._store, self._ground = fleet, store, ground
        self._machines = machines(fleet, ground.book)
        self._meter_error, self._heat_error = electricity_error(fleet), heat_error(fleet)
        racks = {str(unit.site_id) for unit in fleet.units if unit.kind is UnitKind.SERVER_RACK}
        self._heatless = frozenset(racks - {str(u.site_id) for u in fleet.units if u.kind is not UnitKind.SERVER_RACK})
        # A virtual node stands for a real one on a share of this machine: the same as in facts of attempts.
        self._cpu_scale = {
            str(node.id): clock_rate * node.cores_per_slot * node.slots / node.host_cores for node in fleet.nodes
        }
        sink_of_circuit = {circuit.id: circuit.sink_id for circuit in fleet.circuits}
        sink_of = {
            unit.id: unit.zone_id if unit.circuit_id is None else sink_of_circuit[unit.circuit_id]
            for unit in fleet.units
        }
        self._sink_of_node = {str(node.id): str(sink) for node in fleet.nodes if (sink := sink_of[node.unit_id])}
        self._grids: Grids | None = None

    def statement(
        self, chosen: Chosen, start: dt.datetime | None, end: dt.datetime | None, held: tuple[Held, ...] | None
    ) -> Statement:
        """Make the statement of a subject.

        Parameters
        ----------
        start, end : rows that begin in [start, end), platform time; of a task, job or pool all of its rows where both
            are None
        held : claims on the heat of the subject's sites, of any time; None where that is not for the reader

        Raises
        ------
        NotFoundError : no row of it in the window
        TooMuchError : more rows than are held at once
        InvalidFieldError : rows that say the impossible
        """
        look = self._look(chosen, start, end)
        rows, shared, mine, settled = look.rows, look.shared, look.mine, look.settled
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
            holders={task for task, fact in work.works.items() if fact.holds_pool},
            more=more,
            claims=None if held is None else held_in(held, *rows.span),
            findings=[f"{one.subject}: {one.detail}" for stand in stands for one in stand.findings],
        )

    def mirror(self, chosen: Chosen, start: dt.datetime | None, end: dt.datetime | None) -> Mirror:
        """Make the usage mirror of a user or a project; what is raised as for `statement`."""
        look = self._look(chosen, start, end)
        if not look.mine.any():
            raise _nothing(chosen, start, end)
        named = _named(look.shared, chosen)
        own = look.mine if named is None else look.mine & named
        found = work_of(self._store, self._fleet, look.shared, look.mine)
        told = found if named is None else work_of(self._store, self._fleet, look.shared, own)
        whys = whys_of(self._store, told.ends.values())
        if self._grids is None:
            self._grids = Grids(self._fleet)
        return mirror_of(
            chosen.subject,
            self._fleet,
            self._grids,
            look.shared,
            look.mine,
            found,
            told,
            whys,
            run_before=partial(run_before, self._store, start),
        )

    def _look(self, chosen: Chosen, start: dt.datetime | None, end: dt.datetime | None) -> _Look:
        rows, whole = self._rows(chosen, start, end)
        if not len(rows.energy):
            raise _nothing(chosen, start, end)
        grounds = self._grounds(self._names(chosen, rows), rows)
        settled = settle(self._store, rows.energy, *rows.span)
        energy = _in_cores(settled.rows, self._cpu_scale)
        shared, made = ground_rows(energy, rows.heat, grounds, rows.holds, metered=settled.metered)
        return _Look(
            rows=rows,
            whole=whole,
            grounds=grounds,
            settled=settled,
            shared=shared,
            made=made,
            mine=_mask(shared, chosen),
        )

    def _rows(self, chosen: Chosen, start: dt.datetime | None, end: dt.datetime | None) -> tuple[WindowRows, bool]:
        subject = chosen.subject
        if subject.kind in LIVES and start is None and end is None:
            spans = task_spans(self._store, chosen.tasks or ())
            if not spans:
                raise NotFoundError(
                    f"ledger row of {subject.kind}", f"{subject.name} (yet: a minute after work began there is one)"
                )
            return rows_around(self._store, spans), True
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
            sink_of_node=self._sink_of_node,
            heatless=self._heatless,
        )

    def _terms(self, site: Site, start: dt.datetime, end: dt.datetime) -> AllocationTerms:
        measured, around = handover(self._fleet, self._store, site, start, end), None
        if measured is not None:
            around = surroundings(self._fleet, self._store, site, start, end)
        return AllocationTerms(
            supply_c=None if measured is None else measured.supply_c,
            return_c=None if measured is None else measured.return_c,
            heat_measured_share=1.0 if measured is None else measured.share,
            reference_c=None if around is None else around[0],
            reference_from="" if around is None else around[1],
            heat_eur_per_kwh=site.heat_price_eur_per_kwh,
            compute_eur_per_kwh=site.compute_price_eur_per_kwh,
        )

    def _names(self, chosen: Chosen, rows: WindowRows) -> dict[str, str]:
        names: dict[str, str] = {noun.id: noun.name for noun in (*self._fleet.sites, *self._fleet.sinks)}
        if chosen.subject.of_work:
            wanted = [key for key in rows.energy.tasks if chosen.tasks is None or key in chosen.tasks]
            names |= {fact.task_id: fact.name for fact in work_facts_of(self._store, wanted)}
        return names

    def _timezone(self, chosen: Chosen) -> str:
        sites = chosen.sites or ()
        return self._fleet.site(sites[0]).timezone if sites else self._fleet.sites[0].timezone


def _nothing(chosen: Chosen, start: dt.datetime | None, end: dt.datetime | None) -> NotFoundError:
    """The error of a window without rows."""
    subject = chosen.subject
    since, until = ("" if one is None else f"{one.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC" for one in (start, end))
    span = (f" from {since}" if since else "") + (f" to {until}" if until else "")
    who = f"of {subject.kind} {subject.name or subject.id}"
    return NotFoundError("ledger rows", f"{who}{span}: nothing ran then (from and to say another window)")


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
