"""A small ledger of two sites, three servers and two users, on a grid that changes; for the tests of statements."""

from __future__ import annotations

import datetime as dt
import itertools
import math

from ondol.accounting.account.assemble import assemble, ground_rows
from ondol.accounting.account.columns import Mask, energy_columns, heat_columns
from ondol.accounting.account.grounds import Grounds
from ondol.accounting.account.hardware import Hold, Made, machines
from ondol.accounting.account.shared import Shared
from ondol.accounting.account.statement import Statement, Subject
from ondol.accounting.allocation import AllocationTerms
from ondol.accounting.basis import basis_for
from ondol.accounting.embodied import EmbodiedBook
from ondol.model.accounting_terms import AccountingTerms
from ondol.model.fleet import Fleet
from ondol.model.hardware_parts import Hardware
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, SinkId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share, Tier
from ondol.model.power import PowerCurve
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.signals.factors import packaged_registry, series_means

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
WINDOW = dt.timedelta(seconds=300)
SITES = ("north", "south")
ALICE, BOB = AccountId("alice"), AccountId("bob")
TASKS = {"a-one": ALICE, "a-two": ALICE, "b-one": BOB, "b-fill": BOB}
UNTIL = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def fleet(*, known: bool = True) -> Fleet:
    """Two homes: the north one has two servers and a reference heater, the south one a server and none."""
    sites = (
        Site(
            id=SiteId("north"),
            name="North",
            pue=1.05,
            reference_heater="heater-gas-condensing-collective",
            reference_heater_until=UNTIL,
            reference_heater_evidence="heat contract of 2024",
            heat_price_eur_per_kwh=0.08,
            compute_price_eur_per_kwh=1.0,
        ),
        Site(id=SiteId("south"), name="South", pue=1.0),
    )
    units = tuple(
        Unit(
            id=UnitId(f"{site}-unit"),
            site_id=SiteId(site),
            kind=UnitKind.DIGITAL_HEATER,
            zone_id=SinkId(f"{site}-room"),
        )
        for site in SITES
    )
    nodes = tuple(
        Node(
            id=NodeId(key),
            unit_id=UnitId(f"{key.split('-')[0]}-unit"),
            curve=PowerCurve(20.0, 220.0),
            slots=2,
            cores_per_slot=4,
            cpu_model="virtual",
        )
        for key in ("north-1", "north-2", "south-1")
    )
    hardware = (Hardware(specification="virtual", lifetime_h=43_800.0, archetype="dell-r740"),) if known else ()
    return Fleet(
        name="small",
        sites=sites,
        units=units,
        nodes=nodes,
        sinks=tuple(Zone(id=SinkId(f"{site}-room"), site_id=SiteId(site), name=f"{site} room") for site in SITES),
        hardware=hardware,
    )


def ledger(windows: int = 24, *, metered: tuple[str, ...] = ("north",)) -> list[LedgerRow]:
    """Rows of some windows of five minutes: every server runs, its second slot now and then idle."""
    rows: list[LedgerRow] = []
    turns = itertools.cycle(sorted(TASKS))
    for number in range(windows):
        start, end = T0 + number * WINDOW, T0 + (number + 1) * WINDOW
        grid = 30.0 + 20.0 * math.sin(number / 4.0)
        it_j = dict.fromkeys(SITES, 0.0)
        for node in ("north-1", "north-2", "south-1"):
            site = node.split("-")[0]
            held = [next(turns) for _ in range(1 + (number + len(node)) % 2)]
            for slot, task in enumerate(held):
                energy_j = 20_000.0 + 777.0 * ((number * 7 + slot) % 11)
                rows.append(_row(site, node, start, end, grid, energy_j, task, slot))
                it_j[site] += energy_j
            if len(held) < 2:
                rows.append(_row(site, node, start, end, grid, 3_000.0, "", 1))
                it_j[site] += 3_000.0
        for site in SITES:
            if site == "north":
                over = EnergyRow(
                    site_id=SiteId(site), unit_id=None, node_id=None, share=Share.OVERHEAD, start=start, end=end,
                    energy_j=0.05 * it_j[site], grid_g_per_kwh=grid, tier=Tier.T5_ARCHETYPE,
                )  # fmt: skip
                rows.append(over)
            given = 0.9 * it_j[site]
            asked = given * (1.5 if number // 3 % 2 else 0.5)
            rows.append(
                HeatRow(
                    site_id=SiteId(site), unit_id=UnitId(f"{site}-unit"), sink_id=SinkId(f"{site}-room"), start=start,
                    end=end, electric_j=it_j[site], delivered_j=given, demanded_j=asked,
                    temp_c=20.0 + number % 2,
                    setpoint_c=20.0, lower_c=19.0, upper_c=22.0, discomfort_kh=0.0,
                    tier=Tier.T1_METER if site in metered else Tier.T4_CURVE,
                )
            )  # fmt: skip
    return rows


def _row(
    site: str, node: str, start: dt.datetime, end: dt.datetime, grid: float, energy_j: float, task: str, slot: int
) -> EnergyRow:
    share = Share.IDLE if not task else Share.HEAT_ONLY if task == "b-fill" else Share.JOB
    return EnergyRow(
        site_id=SiteId(site),
        unit_id=UnitId(f"{site}-unit"),
        node_id=NodeId(node),
        share=share,
        start=start,
        end=end,
        energy_j=energy_j,
        grid_g_per_kwh=grid,
        tier=Tier.T4_CURVE if node.startswith("north") else Tier.T3_RAPL,
        cpu_s=200.0 if task else 0.0,
        account_id=TASKS.get(task),
        task_id=TaskId(task) if task else None,
        instance_id=InstanceId(f"{task}/0") if task else None,
        attempt_id=AttemptId(f"{task}/{node}/{slot}/{start:%d%H%M}") if task else None,
    )


def grounds(*, basis: str = "lca_levelled", known: bool = True, of: Fleet | None = None) -> Grounds:
    """The grounds of that fleet; all its servers a Dell R740 where their hardware is known."""
    small, registry = of or fleet(known=known), packaged_registry()
    return Grounds(
        registry=registry,
        basis=basis_for(small.sites, registry, basis, series_mean_g_per_kwh=series_means(), series_year=2022),
        machines=machines(small, EmbodiedBook.of(small, registry)),
        sites={str(site.id): site for site in small.sites},
        accounting=AccountingTerms(),
        split_rule="dynamic by CPU time, idle by reserved slots",
        allocation={
            str(site.id): AllocationTerms(
                heat_eur_per_kwh=site.heat_price_eur_per_kwh, compute_eur_per_kwh=site.compute_price_eur_per_kwh
            )
            for site in small.sites
        },
        names={site.id: site.name for site in small.sites} | {"a-one": "One of Alice"},
    )


def shared_out(rows: list[LedgerRow], on: Grounds, holds: dict[str, Hold] | None = None) -> tuple[Shared, Made]:
    """Share a ledger out."""
    return ground_rows(
        energy_columns(row for row in rows if isinstance(row, EnergyRow)),
        heat_columns(row for row in rows if isinstance(row, HeatRow)),
        on,
        holds or {},
    )


def mask_of(shared: Shared, kind: str, key: str) -> Mask:
    """Rows of a task, a user, a site, or (fleet) all."""
    rows = shared.rows
    if kind == "task":
        return rows.task == rows.tasks.index(key)
    if kind == "user":
        return rows.account == rows.accounts.index(key)
    if kind == "site":
        return rows.site == rows.sites.index(key)
    return rows.energy_j >= 0.0


def statement(kind: str, key: str, rows: list[LedgerRow] | None = None, on: Grounds | None = None) -> Statement:
    """The statement of a subject of that ledger."""
    ground = on or grounds()
    shared, made = shared_out(ledger() if rows is None else rows, ground)
    subject = Subject(kind=kind, id=key, name=ground.name(key))
    return assemble(subject, shared, made, mask_of(shared, kind, key), ground)
