"""Runs a site under its own agent on excited set-points, and records it: the data that `ondol site identify` fits.

The agent is the very `SiteAgent` of every day, so that comfort, hard limits and minimum times are kept as ever; only
its set-points move.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping

import numpy as np

from ondol.agent.commission.bench import Bench
from ondol.agent.commission.excite import excited
from ondol.agent.commission.recording import Recording
from ondol.agent.layout import SiteLayout, lay_out
from ondol.agent.orders import NodeStatus, SiteOrders, SiteReadings
from ondol.agent.sensed import Trusted, sink_reading, unit_reading
from ondol.agent.site_agent import SiteAgent
from ondol.model.checks import check_range
from ondol.model.fleet import Fleet
from ondol.model.points import PointKey, Quality

_REWRITE_S = 600.0


class Watch:
    """Excites and records one site.

    Parameters
    ----------
    fleet : with the site's units, sinks and requests as they are every day
    sample_s : between samples, and steps of the agent; 10 to 300 s
    seed : of the random set-points
    tell : is told once a day how far it is
    """

    def __init__(
        self,
        bench: Bench,
        fleet: Fleet,
        *,
        sample_s: float = 60.0,
        seed: int = 1,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        check_range("sample_s", sample_s, 10.0, 300.0, "s")
        self._bench, self._sample_s = bench, sample_s
        self._layout: SiteLayout = lay_out(fleet, fleet.sites[0].id)
        self._agent = SiteAgent(excited(fleet, seed), fleet.sites[0].id)
        self._bound = tuple(sorted({binding.key for binding in fleet.bindings}))
        self._tell = tell or (lambda _: None)
        self._caps: dict[PointKey, tuple[float, float]] = {}

    def run(self, duration_s: float) -> Recording:
        """Watch for so long; power caps are put back to all that the units may draw, whatever happens."""
        began = self._bench.now
        samples = round(duration_s / self._sample_s)
        times: list[float] = []
        rows: list[Mapping[PointKey, float]] = []
        last: Mapping[PointKey, float] = {}
        try:
            for number in range(1, samples + 1):
                self._bench.wait_until(began + dt.timedelta(seconds=number * self._sample_s))
                now = self._bench.now
                read = self._bench.read()
                good = {key: one.value for key, one in read.items() if one.quality is not Quality.STALE}
                times.append(now.timestamp())
                rows.append(good)
                self._drive(self._agent_step(now, good, last), now)
                last = {**last, **good}
                if number * self._sample_s % 86_400.0 < self._sample_s:
                    self._tell(f"{number * self._sample_s / 86_400.0:.0f} of {duration_s / 86_400.0:.0f} days")
        finally:
            for unit in self._layout.units:
                self._write(PointKey(unit.unit.id, "power_cap"), unit.power_max_w)
        keys = sorted({key for row in rows for key in row})
        series = {key: np.array([row.get(key, math.nan) for row in rows], dtype=np.float64) for key in keys}
        return Recording(times_s=np.array(times, dtype=np.float64), values=series)

    def _agent_step(
        self, now: dt.datetime, good: Mapping[PointKey, float], last: Mapping[PointKey, float]
    ) -> SiteOrders:
        trusted = Trusted(values=good, last=last, bound=self._bound or tuple(sorted(good)))
        sinks = [sink_reading(group.sink, trusted, now) for group in self._layout.sinks]
        units = []
        nodes = []
        for unit in self._layout.units:
            power_w = trusted.of(unit.unit.id, "electric_power")
            heat_j = trusted.of(unit.unit.id, "heat_meter")
            units.append(unit_reading(unit, trusted, heat_j, 1.0, now, power_w))
            drawn_w = unit.idle_w if math.isnan(power_w) else max(power_w, 0.0)
            for node in unit.nodes:
                share = node.curve.max_w / unit.power_max_w
                nodes.append(NodeStatus(node_id=node.id, power_w=drawn_w * share, busy_slots=node.slots))
        outdoor_c = trusted.of(self._layout.site.id, "outdoor_temperature")
        readings = SiteReadings(
            sinks=tuple(one for one in sinks if one is not None), units=tuple(one for one in units if one is not None)
        )
        return self._agent.step(
            now,
            readings=readings,
            nodes=tuple(sorted(nodes, key=lambda node: node.node_id)),
            outdoor_temp_c=None if math.isnan(outdoor_c) else outdoor_c,
        )

    def _drive(self, orders: SiteOrders, now: dt.datetime) -> None:
        cap_of = {order.node_id: order.cap_w for order in orders.nodes}
        for unit in self._layout.units:
            key = PointKey(unit.unit.id, "power_cap")
            cap_w = sum(cap_of[node.id] for node in unit.nodes)
            held_w, written_s = self._caps.get(key, (math.nan, -math.inf))
            if not abs(cap_w - held_w) < 1.0 or now.timestamp() - written_s > _REWRITE_S:
                self._write(key, cap_w)
                self._caps[key] = (cap_w, now.timestamp())
        for backup in orders.backups:
            self._write(PointKey(backup.sink_id, "backup"), float(backup.on))

    def _write(self, key: PointKey, value: float) -> None:
        if key in self._bench.writable:
            self._bench.write(key, value)
