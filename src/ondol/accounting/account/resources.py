"""More than carbon: water, minerals and primary energy, of the electricity and of making the hardware."""

from __future__ import annotations

from ondol.accounting.account.case import Case
from ondol.accounting.account.figure import Figure, Section, unknown
from ondol.accounting.uncertainty import Addends, relative
from ondol.model.factor import Factor

_LABELS = {
    "adpe": ("adpe_kgsb", "Minerals and metals (ADPe)", "kgSb", "heat reuse does not lessen it"),
    "pe": ("pe_mj", "Primary energy", "MJ", ""),
}


def resources(case: Case) -> Section:
    """Give water, ADPe and primary energy; one that no source has for a site or a node is left out and named."""
    kwh = _kwh_by_site(case)
    figures = [_criterion(case, kwh, one) for one in _LABELS]
    figures.append(_water(case, kwh))
    return Section(
        key="resources",
        title="More than carbon",
        figures=tuple(figures),
        note="Reusing heat lowers none of these by itself: the hardware and its minerals are the same.",
    )


def _criterion(case: Case, kwh: dict[str, float], one: str) -> Figure:
    key, label, unit, note = _LABELS[one]
    rows = {site: case.grounds.side(site, one) for site in kwh}
    gaps = sorted(site for site, row in rows.items() if row is None)
    nodes = 1.0 - case.whole.known_share[one]
    equipment = case.equipment.of(one)
    if gaps or nodes > 1e-9 or equipment is None:
        why = []
        if gaps:
            why.append(f"no factor of the electricity at {', '.join(gaps[:5])}")
        if nodes > 1e-9:
            why.append(f"no source gives it for the hardware of {100 * nodes:.0f} % of the slot time")
        if equipment is None:
            why.append("no factor of the heat equipment")
        return unknown(key, label, unit, "; ".join(why))
    addends = Addends()
    _electricity(addends, kwh, rows)
    value, low, high = case.whole.embodied[one]
    if value > 0.0:
        addends.add(value, [relative(value, low, high, "embodied model")])
    if equipment.value > 0.0:
        addends.add(equipment.value, [relative(equipment.value, equipment.low, equipment.high, "heat equipment")])
    return _figure(
        addends, key, label, unit, rows, "electricity with overhead × factor + embodied" + (f"; {note}" if note else "")
    )


def _water(case: Case, kwh: dict[str, float]) -> Figure:
    rows = {site: case.grounds.side(site, "water") for site in kwh}
    gaps = sorted(site for site, row in rows.items() if row is None)
    if gaps:
        return unknown("water_l", "Water of making the electricity", "L", f"no factor at {', '.join(gaps[:5])}")
    addends = Addends()
    _electricity(addends, kwh, rows)
    return _figure(addends, "water_l", "Water of making the electricity", "L", rows,
                   "electricity with overhead × factor; water taken in on site is a meter's, beside it")  # fmt: skip


def _electricity(addends: Addends, kwh: dict[str, float], rows: dict[str, Factor | None]) -> None:
    for site in sorted(kwh):
        row = rows[site]
        if row is not None and row.value > 0.0:
            cause = relative(row.value, row.low, row.high, f"factor {row.id}")
            addends.add(kwh[site] * row.value, [cause])


def _figure(addends: Addends, key: str, label: str, unit: str, rows: dict[str, Factor | None], method: str) -> Figure:
    band = addends.band
    sources = sorted({row.source for row in rows.values() if row is not None})
    return Figure(
        key=key, label=label, value=band.value, low=band.low, high=band.high, unit=unit, method=method,
        source="; ".join(sources),
    )  # fmt: skip


def _kwh_by_site(case: Case) -> dict[str, float]:
    return {site: place.sums.total_kwh for site, place in case.places.items()}
