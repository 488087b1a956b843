"""How the sums of a statement stand to the sites' own electricity meters, which settle them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ondol.accounting.account.columns import SHARES, TIERS, EnergyColumns, Floats
from ondol.accounting.account.figure import Figure, Section, unknown
from ondol.accounting.reconcile import SCALED, Reconciliation, Spans, mean_over, scale_to_meter
from ondol.model.ids import SiteId
from ondol.model.ledger import Metered, MeterRow, Share
from ondol.storage.ports import Store

_J_PER_KWH = 3.6e6
_SCALED = np.array([tier in SCALED for tier in TIERS])
_OVERHEAD = SHARES.index(Share.OVERHEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Rows after the sites' meters, and how the sums stood to them."""

    rows: EnergyColumns
    metered: Floats
    sites: tuple[Reconciliation, ...]


def settle(store: Store, rows: EnergyColumns, start: dt.datetime | None, end: dt.datetime | None) -> Settled:
    """Scale rows to the electricity meters of their sites, window by window; nothing in the ledger changes.

    Overhead that no row holds stands behind the others: what the meter counted beyond servers that are all measured.
    """
    energy_j, metered = rows.energy_j.copy(), np.zeros(len(rows))
    found: list[Reconciliation] = []
    new: list[EnergyColumns] = []
    for code in np.unique(rows.site):
        site = SiteId(rows.sites[code])
        meters = [
            row
            for row in store.meters(site_id=site, kind=Metered.ELECTRICITY_J, start=start, end=end)
            if _is_of_site(row)
        ]
        if not meters:
            continue
        here = rows.site == code
        spans = Spans(
            start_s=rows.start_s[here],
            end_s=rows.end_s[here],
            energy_j=rows.energy_j[here],
            scaled=_SCALED[rows.tier[here]],
            overhead=rows.share[here] == _OVERHEAD,
        )
        stands, factors, parts, added = scale_to_meter(site, spans, meters)
        new.append(
            rows.overhead(
                int(code),
                added.start_s,
                added.end_s,
                added.energy_j,
                mean_over(spans, rows.grid_g_per_kwh[here], added),
            )
        )
        energy_j[here] = energy_j[here] * factors + added.onto_j
        metered[here] = parts
        found.append(stands)
    settled = dataclasses.replace(rows, energy_j=energy_j).followed_by(new)
    metered = np.concatenate([metered, np.ones(len(settled) - len(rows))])
    return Settled(rows=settled, metered=metered, sites=tuple(found))


def meters_section(found: Collection[Reconciliation], sites: Sequence[str], names: Mapping[str, str]) -> Section:
    """How the sums of servers and overhead stand to the sites' own meters, with the residual before and after."""
    by_site = {str(one.subject): one for one in found}
    figures: list[Figure] = []
    for site in sites:
        one, name = by_site.get(site), names.get(site, site)
        if one is None:
            why = "no electricity meter of the site in the ledger: its sums stay as recorded"
            figures.append(unknown(f"{site}.metered_kwh", f"{name}: by its meter", "kWh", why))
            continue
        method = f"{one.windows - one.refused} of {one.windows} windows of {', '.join(one.meter_ids)} used"
        figures.append(
            Figure(
                key=f"{site}.metered_kwh", label=f"{name}: by its meter", value=one.metered_j / _J_PER_KWH, unit="kWh",
                tier="T1", method=method, source="ledger, meter rows",
            )
        )  # fmt: skip
        for key, label, value in (
            ("residual_raw", "recorded / metered − 1, as recorded", one.residual_raw),
            ("residual_after", "the same after scaling", one.residual_after),
        ):
            if value is None:
                figures.append(
                    unknown(f"{site}.{key}", f"{name}: {label}", "1", "no window of the meter could be used")
                )
            else:
                how = (
                    "T3 to T5 scaled to the meter, window by window; never over a factor of two, but for the overhead "
                    "of servers that are all measured"
                )
                figures.append(Figure(key=f"{site}.{key}", label=f"{name}: {label}", value=value, unit="1", method=how))
    return Section(
        key="meters",
        title="Against the meters",
        figures=tuple(figures),
        note="A meter settles the sum of its site; who had which part of it stays as the split rule says.",
    )


def _is_of_site(row: MeterRow) -> bool:
    return row.meter_id.partition(".")[0] == row.site_id
