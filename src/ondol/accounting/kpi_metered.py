"""A site's electricity held against its own meter, before key figures are made of it.

As in statements, and by the same function (`ondol.accounting.reconcile`): where the servers' energy is estimated (tiers
T3 to T5) the rows are scaled to the meter, window by window; where each server is measured (T1, T2), what the meter
counted beyond them is the overhead.
"""

from __future__ import annotations

import dataclasses
import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondol.accounting.coverage import Cover
from ondol.accounting.measured_overhead import added_rows
from ondol.accounting.reconcile import SCALED, Spans, mean_over, scale_to_meter
from ondol.model.ids import SiteId
from ondol.model.ledger import EnergyRow, Metered, MeterRow, Share

Read = Callable[[], Iterable[EnergyRow]]
_WHOLE = 0.99


@dataclass(frozen=True, slots=True)
class AtMeter:
    """A site's rows as its meter has them.

    Parameters
    ----------
    rows : to be read once, scaled where they were estimated, with what the meter counted beyond measured servers
    said : how E_DC was got
    findings : what was not used, and why
    """

    rows: Iterable[EnergyRow]
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
        return AtMeter(read(), "the sum of rows", ())
    spans, grid, cover = _columns(read())
    found, factors, _, added = scale_to_meter(site_id, spans, own)
    findings = tuple(f"Meter of {site_id}: {one.detail}." for one in found.findings)
    if found.refused == found.windows:
        return AtMeter(read(), "the sum of rows", findings)
    whole = found.covered_s >= _WHOLE * cover.total_s
    more = added_rows(site_id, added, mean_over(spans, grid, added))
    rows = itertools.chain(_scaled(read(), factors.tolist(), added.onto_j.tolist()), more)
    return AtMeter(rows, "metered" if whole else "metered in part", findings)


def _columns(rows: Iterable[EnergyRow]) -> tuple[Spans, npt.NDArray[np.float64], Cover]:
    """Give what `scale_to_meter` needs, the intensity of each row's grid [gCO2e/kWh], and the time covered."""
    start_s, end_s, energy_j, scaled, overhead = array("d"), array("d"), array("d"), array("b"), array("b")
    grid, cover = array("d"), Cover()
    for row in rows:
        start_s.append(row.start.timestamp())
        end_s.append(row.end.timestamp())
        energy_j.append(row.energy_j)
        scaled.append(row.tier in SCALED)
        overhead.append(row.share is Share.OVERHEAD)
        cover.add(row.start, row.end)
        grid.append(row.grid_g_per_kwh)
    spans = Spans(
        start_s=np.array(start_s, dtype=np.float64),
        end_s=np.array(end_s, dtype=np.float64),
        energy_j=np.array(energy_j, dtype=np.float64),
        scaled=np.array(scaled, dtype=np.bool_),
        overhead=np.array(overhead, dtype=np.bool_),
    )
    return spans, np.array(grid, dtype=np.float64), cover


def _scaled(rows: Iterable[EnergyRow], factors: Sequence[float], onto_j: Sequence[float]) -> Iterator[EnergyRow]:
    for row, factor, more_j in zip(rows, factors, onto_j, strict=False):  # one that was appended meanwhile comes behind
        same = factor == 1.0 and more_j == 0.0
        yield row if same else dataclasses.replace(row, energy_j=row.energy_j * factor + more_j)
