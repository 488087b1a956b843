"""What a statement is the sum of, and whether it is: of tasks, places, shares or sites."""

from __future__ import annotations

import dataclasses

import numpy as np

from ondol.accounting.account.case import Case
from ondol.accounting.account.columns import NOBODY, SHARES, Codes, Floats
from ondol.accounting.account.statement import Part
from ondol.accounting.account.sums import J_PER_KWH

MOST_PARTS = 200
"""So many parts are named, the largest first; the rest is one line."""
OTHERS = "work of others"
"""Name of what belongs to the subject and is not the reader's to see by name."""
_SHARE_NAMES = {
    "job": "users' work",
    "heat_only": "work run for heat alone",
    "idle": "servers that nobody had reserved",
    "overhead": "overhead while no server had a row",
    "equipment": "making the heat equipment",
}


def parts(case: Case) -> tuple[tuple[Part, ...], float]:
    """Give the parts, the largest first, and the relative difference between their sum and the whole.

    The whole is summed without regard to parts, over all rows at once; the difference is printed with the statement.
    """
    kind, key, names = _key(case)
    shared, rows = case.shared, case.shared.rows
    mine = case.counted & (shared.it | shared.loose_overhead)
    codes, rank = np.unique(key[mine], return_inverse=True)
    rank = rank.reshape(-1)

    def total(amount: Floats) -> Floats:
        return np.bincount(rank, weights=amount[mine], minlength=len(codes)).astype(np.float64)

    gwp = case.made.by_criterion["gwp"][0]
    it_kwh = total(np.where(shared.it, rows.energy_j, 0.0)) / J_PER_KWH
    all_kwh = total(rows.energy_j + shared.overhead_j) / J_PER_KWH
    operational = total(shared.counted_g)
    grams = operational + 1e3 * total(np.where(np.isfinite(gwp), gwp, 0.0))
    known = total(np.isfinite(shared.useful_j).astype(np.float64)) > 0.0
    useful = total(np.where(np.isfinite(shared.useful_j), shared.useful_j, 0.0)) / J_PER_KWH
    found = [
        Part(
            kind=kind,
            id=names[codes[place]] if codes[place] != NOBODY else "",
            name=_named(case, kind, names[codes[place]]) if codes[place] != NOBODY else OTHERS,
            it_kwh=float(it_kwh[place]),
            total_kwh=float(all_kwh[place]),
            operational_g=float(operational[place]),
            total_g=float(grams[place]),
            useful_kwh=float(useful[place]) if known[place] else None,
        )
        for place in range(len(codes))
    ]
    found = _with_equipment(case, found)
    found.sort(key=lambda part: (-part.total_g, part.id))
    whole = case.whole
    pairs = (
        (sum(part.total_kwh for part in found), whole.total_kwh),
        (sum(part.operational_g for part in found), whole.counted_g),
        (sum(part.total_g for part in found), case.total.value),
        (sum(part.useful_kwh or 0.0 for part in found), whole.useful_kwh or 0.0),
    )
    residual = max((abs(one - other) / max(one, other) for one, other in pairs if max(one, other) > 0.0), default=0.0)
    return _cut(found), residual


def _with_equipment(case: Case, found: list[Part]) -> list[Part]:
    """Add what making heat equipment costs: to its site, or of one site as a part of its own."""
    if case.subject.of_work or not case.grounds.equipment_per_h:
        return found
    hours = case.site_hours
    grams = {
        site: 1e3 * impacts.gwp.value * hours[site]
        for site, impacts in case.grounds.equipment_per_h.items()
        if impacts.gwp is not None and site in hours
    }
    if case.subject.kind != "site":
        return [dataclasses.replace(part, total_g=part.total_g + grams.get(part.id, 0.0)) for part in found]
    made_g = sum(grams.values())
    if made_g <= 0.0:
        return found
    own = Part(
        kind="share",
        id="equipment",
        name=_SHARE_NAMES["equipment"],
        it_kwh=0.0,
        total_kwh=0.0,
        operational_g=0.0,
        total_g=made_g,
        useful_kwh=None,
    )
    return [*found, own]


def _key(case: Case) -> tuple[str, Codes, tuple[str, ...]]:
    rows = case.shared.rows
    if case.subject.kind in ("instance", "task"):
        return "place", rows.site, rows.sites
    if case.subject.of_work:
        return "task", rows.task if case.named is None else np.where(case.named, rows.task, NOBODY), rows.tasks
    if case.subject.kind == "site":
        return "share", rows.share, tuple(share.value for share in SHARES)
    return "site", rows.site, rows.sites


def _named(case: Case, kind: str, key: str) -> str:
    return _SHARE_NAMES[key] if kind == "share" else case.grounds.name(key)


def _cut(found: list[Part]) -> tuple[Part, ...]:
    if len(found) <= MOST_PARTS:
        return tuple(found)
    rest = found[MOST_PARTS - 1 :]
    heat = [part.useful_kwh for part in rest if part.useful_kwh is not None]
    last = Part(
        kind=rest[0].kind,
        id="",
        name=f"{len(rest)} others together",
        it_kwh=sum(part.it_kwh for part in rest),
        total_kwh=sum(part.total_kwh for part in rest),
        operational_g=sum(part.operational_g for part in rest),
        total_g=sum(part.total_g for part in rest),
        useful_kwh=sum(heat) if heat else None,
        count=len(rest),
    )
    return (*found[: MOST_PARTS - 1], last)
