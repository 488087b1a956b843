"""What the hosts felt: totals of temperature against the comfort band, by sink."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ondol.model.ids import SinkId, SiteId
from ondol.model.ledger import HeatRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ComfortTotals:
    """Comfort of one sink over the rows given.

    Parameters
    ----------
    discomfort_kh : ∫ deviation outside of the band dt [K·h] (BOPTEST tdis_tot for one zone)
    observed_h : hours with a temperature reading [h]
    in_band_share : share of those hours with the window's mean temperature in the band; None without a reading
    coldest_c, warmest_c : extreme window means [°C]; None without a reading
    """

    sink_id: SinkId
    site_id: SiteId
    name: str
    discomfort_kh: float
    observed_h: float
    in_band_share: float | None
    coldest_c: float | None
    warmest_c: float | None


def comfort_by_sink(rows: Iterable[HeatRow], names: dict[str, str] | None = None) -> tuple[ComfortTotals, ...]:
    """Give the comfort totals of every sink in the rows, by id.

    Units that heat the same sink each have a row for the same window: discomfort is summed (only one of them carries
    it), the temperature of a window counts once.
    """
    by_sink: dict[SinkId, list[HeatRow]] = defaultdict(list)
    for row in rows:
        by_sink[row.sink_id].append(row)
    return tuple(_totals(by_sink[sink_id], (names or {}).get(sink_id, sink_id)) for sink_id in sorted(by_sink))


def discomfort_kh(rows: Iterable[HeatRow]) -> float:
    """Discomfort of all sinks together [K·h]."""
    return math.fsum(row.discomfort_kh for row in rows)


def _totals(rows: list[HeatRow], name: str) -> ComfortTotals:
    windows = {(row.start, row.end): row for row in sorted(rows, key=lambda row: row.unit_id, reverse=True)}
    seen = [row for row in windows.values() if math.isfinite(row.temp_c)]
    hours = [(row.end - row.start).total_seconds() / 3600.0 for row in seen]
    inside = [h for row, h in zip(seen, hours, strict=True) if row.lower_c <= row.temp_c <= row.upper_c]
    observed_h = math.fsum(hours)
    return ComfortTotals(
        sink_id=rows[0].sink_id,
        site_id=rows[0].site_id,
        name=name,
        discomfort_kh=discomfort_kh(rows),
        observed_h=observed_h,
        in_band_share=math.fsum(inside) / observed_h if observed_h > 0 else None,
        coldest_c=min((row.temp_c for row in seen), default=None),
        warmest_c=max((row.temp_c for row in seen), default=None),
    )
