"""The section of heat: what was handed over, what of it was useful, and what reuse that is."""

from __future__ import annotations

import numpy as np

from ondol.accounting import kpi
from ondol.accounting.account.case import Case
from ondol.accounting.account.columns import TIERS
from ondol.accounting.account.figure import Figure, Section, unknown
from ondol.accounting.account.lines import ratio
from ondol.accounting.account.shared import METERED
from ondol.model.ledger import Tier

_NO_METER = "no heat meter: heat is left out, which is not zero"


def heat(case: Case) -> Section:
    """Heat that came of it: handed over, useful, and only estimated."""
    whole, filler = case.whole, case.heat_only
    minutes = case.shared.bin_s / 60.0
    given = "share of the site's IT electricity in each bin × its heat in that bin"
    figures: list[Figure] = []
    for key, label, value, method in (
        ("handed_over_kwh", "Heat handed over", whole.handed_kwh, given),
        (
            "useful_kwh",
            "Of it useful",
            whole.useful_kwh,
            f"min(delivered, demanded) by sink and {minutes:g} min; {given}",
        ),
    ):
        if value is None:
            figures.append(unknown(key, label, "kWh", _NO_METER))
        else:
            figures.append(
                Figure(
                    key=key, label=label, value=value, unit="kWh", tier=_heat_tier(case), method=method,
                    source="ledger, heat rows",
                )
            )  # fmt: skip
    if whole.estimated_kwh is not None:
        figures.append(
            Figure(
                key="estimated_kwh",
                label="Beside it: heat of units without a heat meter, estimated",
                value=whole.estimated_kwh,
                unit="kWh",
                tier=Tier.T4_CURVE.value,
                method="electricity × capture − case loss; in no ratio, no view, no comparison and no claim",
                source="ledger, heat rows",
            )
        )
    all_kwh = whole.it_kwh + (filler.it_kwh if case.subject.of_work else 0.0)
    figures.append(
        ratio(case, "filler_share", "Share of work run for heat alone", filler.it_kwh / all_kwh if all_kwh else None,
               "filler electricity / all electricity of servers")
    )  # fmt: skip
    if not case.subject.of_work and whole.useful_kwh is not None:
        figures += _reuse(case, whole.useful_kwh)
    if whole.sink_temp_c is not None:
        figures.append(
            Figure(
                key="sink_temp_c",
                label="Mean temperature of what was heated",
                value=whole.sink_temp_c,
                unit="°C",
                method="weighted by heat handed over; the supply is warmer, and is not in the ledger",
                source="ledger, heat rows",
            )
        )
    return Section(key="heat", title="Heat", figures=tuple(figures))


def _reuse(case: Case, useful_kwh: float) -> list[Figure]:
    whole = case.whole
    source = "ISO/IEC 30134-6; ERE: Green Grid WP29; boundary: plug of the units to hand-over of the heat"
    if case.apart:
        why = f"heat meter and electricity cover different times: {', '.join(case.apart[:5])}; see the key figures"
        return [unknown("erf", "ERF", "1", why, source=source), unknown("ere", "ERE", "1", why, source=source)]
    if useful_kwh > whole.total_kwh * (1.0 + 1e-9):
        why = "stores gave back heat from before the window: more was useful than electricity came in"
        return [unknown("erf", "ERF", "1", why, source=source), unknown("ere", "ERE", "1", why, source=source)]
    return [
        ratio(case, "erf", "ERF", kpi.erf(useful_kwh, whole.total_kwh), source),
        ratio(case, "ere", "ERE", kpi.ere(whole.total_kwh, useful_kwh, whole.it_kwh), source),
    ]


def _heat_tier(case: Case) -> str:
    heat_rows = case.shared.heat
    here = np.array([site in case.places for site in heat_rows.sites], dtype=np.bool_)
    ranks = np.unique(heat_rows.tier[here[heat_rows.site]]) if len(heat_rows) else ()
    return "+".join(TIERS[rank].value for rank in ranks if TIERS[rank] in METERED)
