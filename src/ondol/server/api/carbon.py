"""Carbon facts of a task against a reference data centre: the keys of the SDKs, from ledger rows alone (§8).

Attributional figures (energy, own footprint) carry no credit for heat. What is "saved" is a comparison: the same IT
energy, on the same grid in the same hours, with the reference's PUE; the heat against a heat pump on that same grid.
One method of grid factors for all, so nothing is gained by mixing them. Each may be negative, and then says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ondol.accounting.statement import JobStatement, job_statement
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import TaskId
from ondol.model.ledger import EnergyRow, LedgerRow, Share

J_PER_WH = 3600.0
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class ReferenceDatacenter:
    """A data centre to compare with.

    Parameters
    ----------
    name : shown to the user
    pue : total over IT energy (ISO/IEC 30134-2)
    source : of the PUE
    """

    name: str
    pue: float
    source: str


REFERENCES = {
    "european_dc": ReferenceDatacenter(
        "Average of the European Union, same grid and hours",
        1.36,
        "weighted average of 776 data centres reporting for 2023–2024 under the Energy Efficiency Directive "
        "(European Commission dashboard, 2025)",
    ),
    "world_average": ReferenceDatacenter(
        "Average of the world, same grid and hours", 1.56, "Uptime Institute Global Data Center Survey 2024"
    ),
    "hyperscale": ReferenceDatacenter(
        "Hyperscale, same grid and hours",
        1.10,
        "fleet-wide figure that Google published for the second quarter of 2021",
    ),
}
DEFAULT_REFERENCE = "european_dc"

# Air-to-water heat pump on radiators at 55 °C, seasonal: the strictest common counterfactual of heat
# (`reference/footprint.md` §0 rule 4 and §2.2, from France Chaleur Urbaine's publicodes).
HEAT_PUMP_SCOP = 2.78


def reference(key: str | None) -> ReferenceDatacenter:
    """Reference by key, any case; the default where there is none. Raises InvalidFieldError for an unknown one."""
    found = REFERENCES.get((key or DEFAULT_REFERENCE).strip().lower())
    if found is None:
        raise InvalidFieldError("comparisonDatacenter", key, "one of " + ", ".join(REFERENCES))
    return found


def carbon_facts(
    task_id: TaskId, own: list[EnergyRow], around: list[LedgerRow], compared: ReferenceDatacenter
) -> dict[str, Any]:
    """Give the facts; a task without a row yet has used nothing. Figures nobody can know are left out, not zero.

    Only the user's share counts: filler work is charged to the heat (`reference/footprint.md` §0 rule 5).

    Parameters
    ----------
    own : the task's rows
    around : rows of its sites while it ran, `own` among them
    """
    mine = [row for row in own if row.share is Share.JOB]
    it_wh = math.fsum(row.energy_j for row in mine) / J_PER_WH
    it_g = math.fsum(row.energy_j / J_PER_WH * row.grid_g_per_kwh / 1e3 for row in mine)
    if not mine:
        total_wh, footprint_g, useful_wh = 0.0, 0.0, None
    else:
        statement = job_statement(task_id, around)
        total_wh = (statement.total_kwh - statement.charged_to_heat_kwh) * 1e3
        if math.isclose(total_wh, it_wh, rel_tol=_ROUNDING):  # sums in another order: no overhead is not a PUE below 1
            total_wh = it_wh
        footprint_g, useful_wh = statement.carbon_g, _useful_wh(statement)
    equivalent_g = it_g * compared.pue
    saved_compute_g = equivalent_g - footprint_g
    saved_heat_g = (useful_wh or 0.0) / HEAT_PUMP_SCOP * (it_g / it_wh if it_wh else 0.0)
    facts: dict[str, Any] = {
        "total_consumed_energy_Wh": total_wh,
        "total_energy_it_Wh": it_wh,
        "total_reused_energy_Wh": useful_wh,
        "qarnot_carbon_footprint": footprint_g,
        "equivalent_datacenter_name": compared.name,
        "equivalent_DC_carbon_footprint": equivalent_g,
        "saved_carbon_footprint_compute": saved_compute_g,
        "saved_carbon_footprint_heat": saved_heat_g if useful_wh is not None else None,
        "saved_carbon_footprint_compute_heat": saved_compute_g + saved_heat_g,
        "saved_carbon_footprint_percent": 100.0 * (saved_compute_g + saved_heat_g) / equivalent_g
        if equivalent_g
        else None,
        "PUE": total_wh / it_wh if it_wh else None,
        **_reuse(total_wh, it_wh, useful_wh),
    }
    facts |= {
        "totalConsumedEnergyWh": total_wh,
        "totalEnergyITWh": it_wh,
        "totalReuseEnergyWh": useful_wh,
        "carbonFootprintC02Eq": footprint_g,
        "pue": facts["PUE"],
        "ere": facts["ERE"],
        "erf": facts["ERF"],
        "comparisonDataCenterName": compared.name,
        "equivalentDCCarbonFootprintC02Eq": equivalent_g,
        "savedCarbonFootprintComputeC02Eq": saved_compute_g,
        "savedCarbonFootprintHeatC02Eq": facts["saved_carbon_footprint_heat"],
        "savedCarbonFootprintComputeHeatC02Eq": facts["saved_carbon_footprint_compute_heat"],
        "savedCarbonFootprintPercentage": facts["saved_carbon_footprint_percent"],
        "comparisonDatacenterPue": compared.pue,
        "comparisonDatacenterSource": compared.source,
        "heatCounterfactual": f"air-to-water heat pump, seasonal performance {HEAT_PUMP_SCOP}, same grid and hours",
    }
    return {key: value for key, value in facts.items() if value is not None}


def _useful_wh(statement: JobStatement) -> float | None:
    """Useful heat of the user's share; in proportion where part of the work was charged to the heat."""
    if statement.useful_heat_kwh is None or statement.total_kwh == 0:
        return None
    mine = 1.0 - statement.charged_to_heat_kwh / statement.total_kwh
    return statement.useful_heat_kwh * mine * 1e3


def _reuse(total_wh: float, it_wh: float, useful_wh: float | None) -> dict[str, float | None]:
    """ERF and ERE; left out without a heat meter, and where stored heat of earlier work makes the ratio impossible."""
    if useful_wh is None or not it_wh or useful_wh > total_wh * (1.0 + _ROUNDING):
        return {"ERF": None, "ERE": None}
    return {"ERF": useful_wh / total_wh, "ERE": max(0.0, total_wh - useful_wh) / it_wh}
