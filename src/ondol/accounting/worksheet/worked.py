"""A whole worksheet worked out, table by table: one that is refused says why and keeps no other from its figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from ondol.accounting.kpi import Sci, sci
from ondol.accounting.registry import Registry
from ondol.accounting.split import AttemptUse, NodeWindow, Piece
from ondol.accounting.split_rules import rule_named
from ondol.accounting.worksheet.places import PlaceFigures, place_figures
from ondol.accounting.worksheet.sheet import Sheet, Software, Split
from ondol.accounting.worksheet.works import JobFigures, job_figures
from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError, OndolError
from ondol.model.factor import Mix
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, SiteId, TaskId, UnitId
from ondol.model.ledger import Share

_BYTES_PER_GB = 1e9
_YEAR_S = 366 * 86_400.0
_BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # a split looks at the length of its window alone
NOBODY = "nobody"
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSplit:
    """A node's energy by who had it [kWh] and [W]; "nobody" is idle, and all sum to the node."""

    name: str
    rule: str
    total_kwh: float
    parts: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What a worksheet comes to.

    Parameters
    ----------
    refused : by place in the sheet, why there are no figures of it
    """

    sites: tuple[PlaceFigures, ...]
    jobs: tuple[JobFigures, ...]
    software: tuple[tuple[str, Sci], ...]
    splits: tuple[NodeSplit, ...]
    refused: tuple[tuple[str, str], ...]


def work_out(sheet: Sheet, registry: Registry) -> Worked:
    """Work a sheet out; see `sheet.Sheet` for its tables."""
    refused: list[tuple[str, str]] = []
    alone = _each(sheet.site, "site", lambda one: place_figures([one]), refused)
    sites = [found for (found,) in alone]
    if len(alone) == len(sheet.site) > 1:
        sites += _each([sheet.site], "sites", lambda every: place_figures(every)[-1], refused)
    elif len(sheet.site) > 1:
        refused.append(("sites", "all together: not while one of them is refused, or the sum would lack it"))
    return Worked(
        sites=tuple(sites),
        jobs=tuple(_each(sheet.job, "job", lambda one: job_figures(one, registry), refused)),
        software=tuple(_each(sheet.sci, "sci", lambda one: (one.name, _sci(one)), refused)),
        splits=tuple(_each(sheet.split, "split", _split, refused)),
        refused=tuple(refused),
    )


def _each(tables: Iterable[T], kind: str, make: Callable[[T], R], refused: list[tuple[str, str]]) -> list[R]:
    """Work out each table by itself; why not, of those that are refused."""
    found: list[R] = []
    for table in tables:
        try:
            found.append(make(table))
        except OndolError as error:
            refused.append((f"{kind} {getattr(table, 'name', '')}".strip(), str(error)))
    return found


def _sci(one: Software) -> Sci:
    if one.mix is Mix.MARKET:
        raise InvalidFieldError(
            "sci.mix", one.mix.value, "average or marginal: ISO/IEC 21031 excludes market-based ones"
        )
    return sci(
        e_it_kwh=one.e_it_kwh,
        pue=one.pue,
        grid_g_per_kwh=one.g_per_kwh,
        embodied_total_g=one.embodied_total_g,
        lifetime_h=one.lifetime_h,
        reserved_h=one.reserved_h,
        resources_reserved=one.resources_reserved,
        resources_total=one.resources_total,
        functional_units=one.functional_units,
    )


def _split(one: Split) -> NodeSplit:
    rule = rule_named(one.rule)
    check_range(f"split[{one.name}].seconds", one.seconds, 1e-3, _YEAR_S, "s")
    check_range(f"split[{one.name}].power_w", one.power_w, 0.0, 1e6, "W")
    for use in one.use:
        if use.name == NOBODY:
            raise InvalidFieldError(
                f"split[{one.name}].use.name", use.name, "a name of its own: it is that of the idle part"
            )
    joules = one.power_w * one.seconds
    window = NodeWindow(
        site_id=SiteId("site"),
        unit_id=UnitId("unit"),
        node_id=NodeId("node"),
        start=_BEGIN,
        end=_BEGIN + dt.timedelta(seconds=one.seconds),
        energy_j=joules,
        idle_w=one.idle_w,
        slots=one.slots,
        package_j=None if one.package_w is None else one.package_w * one.seconds,
        dram_j=None if one.dram_w is None else one.dram_w * one.seconds,
    )
    pieces = rule.split(
        window,
        [
            AttemptUse(
                attempt_id=AttemptId(use.name),
                instance_id=InstanceId(use.name),
                task_id=TaskId(use.name),
                account_id=AccountId("worksheet"),
                cpu_s=use.cpu_s,
                share=Share.HEAT_ONLY if use.filler else Share.JOB,
                slots=use.slots,
                held_s=use.held_s,
                memory_bytes=None if use.memory_gb is None else use.memory_gb * _BYTES_PER_GB,
            )
            for use in one.use
        ],
    )
    return NodeSplit(
        name=one.name,
        rule=rule.name,
        total_kwh=joules / 3.6e6,
        parts=tuple((_whose(piece), piece.energy_j / 3.6e6, piece.energy_j / one.seconds) for piece in pieces),
    )


def _whose(piece: Piece) -> str:
    return NOBODY if piece.use is None else str(piece.use.attempt_id)
