"""Sums of sites over a window, which key figures are made of: many rows are summed up where decisions do not wait."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ondol.accounting.kpi_site import SiteFlows, site_flows
from ondol.control.statement_rows import SMALL_ROWS, ColumnReader
from ondol.control.workbench import Workbench
from ondol.control.workshop import Workshop
from ondol.model.ids import SiteId
from ondol.model.ledger import Metered

LIMIT_S = 900.0  # a year of a large site is minutes of a core [s, wall]
_WAITS = threading.Event()  # never set: a request for key figures does not tell when its client goes


@dataclass(frozen=True, slots=True, kw_only=True)
class SumsOrder:
    """Sums of some sites over rows that begin in [start, end)."""

    sites: tuple[SiteId, ...]
    start: dt.datetime
    end: dt.datetime
    what: ClassVar[str] = "sum for key figures"
    limit_s: ClassVar[float] = LIMIT_S

    def made(self, bench: Workbench) -> tuple[SiteFlows, ...]:
        """Sum up site by site, those with electricity in the window; rows are not kept."""
        fleet, store = bench.fleet, bench.store
        cores = {node.id: node.host_cores / bench.clock_rate for node in fleet.nodes if not node.gpu}
        written_off = bench.ground.book.written_off()
        found = (
            site_flows(
                site_id,
                lambda site_id=site_id: store.energy(site_id=site_id, start=self.start, end=self.end),  # type: ignore[misc]
                store.heat(site_id=site_id, start=self.start, end=self.end),
                store.meters(site_id=site_id, kind=Metered.ELECTRICITY_J, start=self.start, end=self.end),
                basis=bench.ground.basis,
                written_off=written_off,
                cores=cores,
            )
            for site_id in self.sites
        )
        return tuple(one for one in found if one.cover.spans)


def site_sums(
    bench: Workbench, workshop: Workshop | None, sites: Sequence[SiteId], start: dt.datetime, end: dt.datetime
) -> tuple[SiteFlows, ...]:
    """Give the sums of some sites, those with electricity in the window, in the order of `sites`.

    Parameters
    ----------
    workshop : where many rows are summed up; here where left out

    Raises what `Workshop.make` and `site_flows` raise.
    """
    order = SumsOrder(sites=tuple(sites), start=start, end=end)
    store = bench.store
    large = (
        isinstance(store, ColumnReader)
        and store.energy_count(start, end, order.sites, at_most=SMALL_ROWS + 1) > SMALL_ROWS
    )
    if workshop is None or not large:
        return order.made(bench)
    made: tuple[SiteFlows, ...] = workshop.make(order, _WAITS)  # type: ignore[assignment]  # what was ordered
    return made
