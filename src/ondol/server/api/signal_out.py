"""The list of areas of the heat signal as JSON."""

from __future__ import annotations

from typing import Any

from ondol.control.signal_areas import Areas
from ondol.model.heat_signal import AreaSignal, SignalTerms
from ondol.report.signal_json import VERSION, head_json, step_json


def list_out(signals: list[AreaSignal], areas: Areas, terms: SignalTerms) -> dict[str, Any]:
    """All areas with their state of now, where regions were merged, and what is withheld."""
    merged = {region: place for region, place in sorted(areas.place_of.items()) if place and place != region}
    withheld = [region for region, place in sorted(areas.place_of.items()) if not place]
    reason = f"fewer than {terms.least_sites} sites of different hosts"
    return {
        "version": VERSION,
        "least_sites": terms.least_sites,
        "areas": [{**head_json(one), "now": step_json(one.now)} for one in signals],
        "merged": merged,
        "withheld": [{"region": region, "reason": reason} for region in withheld],
    }
