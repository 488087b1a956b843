"""Carbon facts for people: in kWh, kg and grams rather than in the keys of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ondol.cli.listing import print_json, print_pairs
from ondol.cli.output import Out
from ondol.cli.wording import energy

_ENERGY = {
    "total_consumed_energy_Wh": "energy",
    "total_energy_it_Wh": "of it computing",
    "total_reused_energy_Wh": "heat put to use",
}
_CARBON = {
    "qarnot_carbon_footprint": "footprint",
    "equivalent_DC_carbon_footprint": "in the data centre compared",
    "saved_carbon_footprint_compute": "less for the computing",
    "saved_carbon_footprint_heat": "less for the heat",
    "saved_carbon_footprint_compute_heat": "less in all",
}


def print_facts(facts: Mapping[str, Any], out: Out) -> None:
    """Print carbon facts; what nobody meters is not there."""
    if out.json:
        print_json(facts)
        return
    compared = facts.get("equivalent_datacenter_name")
    percent = facts.get("saved_carbon_footprint_percent")
    print_pairs(
        [
            *((words, energy(float(facts[key]) / 1e3)) for key, words in _ENERGY.items() if _is_number(facts, key)),
            *((words, _carbon(float(facts[key]))) for key, words in _CARBON.items() if _is_number(facts, key)),
            ("less in all, share", f"{float(percent):.0f} %" if isinstance(percent, int | float) else ""),
            ("compared with", compared),
            *((key, f"{float(facts[key]):.3f}") for key in ("PUE", "ERE", "ERF", "WUE") if _is_number(facts, key)),
        ],
        out,
    )


def _is_number(facts: Mapping[str, Any], key: str) -> bool:
    return isinstance(facts.get(key), int | float)


def _carbon(grams: float) -> str:
    if abs(grams) >= 999.5:
        return f"{grams / 1e3:.2f} kgCO2e"
    return f"{grams:.3g} gCO2e"
