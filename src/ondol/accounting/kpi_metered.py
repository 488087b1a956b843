"""A site's electricity held against its own meter, before key figures are made of it.

Where the servers' energy is estimated (tiers T3 to T5) the rows are scaled to the meter, window by window, as in
statements (`ondol.accounting.reconcile`). Where each server is measured (T1, T2) both hold, and the meter is E_DC.
"""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ondol.accounting.coverage import Cover, coincide
from ondol.accounting.reconcile import SCALED, Spans, scale_to_meter
from ondol.model.ids import SiteId
from ondol.model.ledger import EnergyRow, Metered, MeterRow, Share

Read = Callable[[], Iterable[EnergyRow]]
_ROUNDING = 1e-9
_WHOLE = 0.99
_KWH_J = 3.6e6


@dataclass(frozen=True, slots=True)
class AtMeter:
    """A site's rows, and what its meter says of their sum.

    Parameters
    ----------
    rows : to be read once, scaled where they were estimated
    e_dc_j : of the meter, where it is not the sum of the rows [J]; None where it is
    said : how E_DC was got
    findings : what was not used, and why
    """

    rows: Iterable[EnergyRow]
    e_dc_j: float | None
    said: str
    findings: tuple[str, ...]


def at_meter(site_id: SiteId, read: Read, meters: Iterable[MeterRow]) -> AtMeter:
    """Hold a site's rows against its own meter of electricity; meters of single units are no part of it.

    Parameters
    ----------
    read : gives the site's rows from the first on, each time in the same order; called twice where there is a meter
    """
    own = [
        one
        for one in meters
        if one.site_id == site_id and one.kind is Metered.ELECTRICITY_J and one.meter_id.partition(".")[0] == site_id
    ]
    if not own:
        return AtMeter(read(), None, "the sum of rows", ())
    spans, cover, estimated_j, it_j = _columns(read())
    if estimated_j == 0.0:
        return _beside(site_id, read, own, cover, it_j)
    found, factors, _ = scale_to_meter(site_id, spans, own)
    findings = tuple(f"Meter of {site_id}: {one.detail}." for one in found.findings)
    if found.refused == found.windows:
        return AtMeter(read(), None, "the sum of rows", findings)
    whole = found.covered_s >= _WHOLE * cover.total_s
    return AtMeter(_scaled(read(), factors.tolist()), None, "metered" if whole else "metered in part", findings)


def _columns(rows: Iterable[EnergyRow]) -> tuple[Spans, Cover, float, float]:
    """Give what `scale_to_meter` needs, the time covered, and energy of servers: estimated, and all [J]."""
    start_s, end_s, energy_j, scaled, overhead = array("d"), array("d"), array("d"), array("b"), array("b")
    estimated, servers, cover = array("d"), array("d"), Cover()
    for row in rows:
        start_s.append(row.start.timestamp())
        end_s.append(row.end.timestamp())
        energy_j.append(row.energy_j)
        scaled.append(row.tier in SCALED)
        overhead.append(row.share is Share.OVERHEAD)
        cover.add(row.start, row.end)
        if row.share is not Share.OVERHEAD:
            servers.append(row.energy_j)
            if row.tier in SCALED:
                estimated.append(row.energy_j)
    spans = Spans(
        start_s=np.array(start_s, dtype=np.float64),
        end_s=np.array(end_s, dtype=np.float64),
        energy_j=np.array(energy_j, dtype=np.float64),
        scaled=np.array(scaled, dtype=np.bool_),
        overhead=np.array(overhead, dtype=np.bool_),
    )
    return spans, cover, math.fsum(estimated), math.fsum(servers)


def _scaled(rows: Iterable[EnergyRow], factors: Sequence[float]) -> Iterator[EnergyRow]:
    for row, factor in zip(rows, factors, strict=False):  # a row that was appended meanwhile comes behind them
        yield row if factor == 1.0 else dataclasses.replace(row, energy_j=row.energy_j * factor)


def _beside(site_id: SiteId, read: Read, own: Sequence[MeterRow], cover: Cover, it_j: float) -> AtMeter:
    by_meter: dict[str, Cover] = {}
    for one in own:
        by_meter.setdefault(one.meter_id, Cover()).add(one.start, one.end)
    if not all(coincide(seen, cover) for seen in by_meter.values()):
        text = f"Ledger and electricity meter of {site_id} cover different times; its rows are counted."
        return AtMeter(read(), None, "the sum of rows", (text,))
    counted_j = math.fsum(one.amount for one in own)
    if counted_j < it_j * (1.0 - _ROUNDING):
        text = (
            f"The electricity meter of {site_id} counted {counted_j / _KWH_J:g} kWh, less than the "
            f"{it_j / _KWH_J:g} kWh of its servers: PUE would be below 1. It "
            "does not see all of them; its rows are counted."
        )
        return AtMeter(read(), None, "the sum of rows", (text,))
    return AtMeter(read(), counted_j, "metered", ())
