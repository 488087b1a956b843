"""The heat layer of the twin: what each sink's thermostat asks of its units for the coming step.

Production's loops are PI with feed-forward and preheat, once a minute (`ondol.agent`); over steps of minutes they hold
the middle of the band, which is what stands here: rooms by their own model an hour ahead, water by what is missing.
"""

from __future__ import annotations

import numpy as np

from ondol.agent.tank_demand import DEFICIT_TIME_S
from ondol.model.view import Floats
from ondol.twin.layout import Layout, SinkKind
from ondol.twin.outlook import Ahead
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.series import Series
from ondol.twin.stores import Levels, Stores

POOL_REFILL_S = 4 * 3600.0
"""A pool is brought to its set-point within about so long, a tank within `DEFICIT_TIME_S`: as production's loops do."""


class Thermostats:
    """All thermostats of a scenario."""

    def __init__(self, layout: Layout, plant: Plant, stores: Stores, series: Series) -> None:
        self._layout, self._plant, self._stores, self._series = layout, plant, stores, series
        capture = np.where(layout.heats, np.maximum(layout.unit_capture, 0.05), 1.0)
        self._sink = np.maximum(layout.unit_sink, 0)
        self._per_heat = np.where(layout.heats, 1.0 / capture, 0.0)
        self._water = np.flatnonzero((layout.sink_kind == SinkKind.TANK) | (layout.sink_kind == SinkKind.POOL))
        self._rooms, self._networks = plant.groups[SinkKind.ROOM].rows, plant.groups[SinkKind.NETWORK].rows
        pools = layout.sink_kind[self._water] == SinkKind.POOL
        self._refill_s = np.where(pools, POOL_REFILL_S, DEFICIT_TIME_S)
        self.looks_ahead = bool((layout.sink_kind != SinkKind.ROOM).any())

    def wanted_w(self, step: int, levels: Levels | None, ahead: Ahead | None) -> Floats:
        """Electric power that each unit's sink asks for in all, ≥ 0; to be shared out among the units of a sink [W].

        Parameters
        ----------
        levels, ahead : None will do where not `looks_ahead`
        """
        sinks, water = len(self._layout.sink_ids), self._water
        if not sinks:
            return np.zeros(len(self._sink))
        heat_w = np.zeros(sinks)
        if len(water) and levels is not None and ahead is not None:
            below_j = (levels.setpoint_c[water] - levels.temp_c[water]) * self._stores.j_per_k[water]
            hour = slice(0, max(1, int(np.searchsorted(np.cumsum(ahead.ahead_s), 3600.0, side="right"))))
            needed_w = ahead.demand_w[water, hour].mean(axis=1)
            heat_w[water] = np.maximum(needed_w + below_j / self._refill_s, 0.0)
        rooms, networks = self._rooms, self._networks
        if len(rooms):
            outdoor, solar = self._plant.room_weather(step)
            heat_w[rooms] = self._plant.rooms.wanted_w(step, outdoor, solar)
        if len(networks) and ahead is not None:
            heat_w[networks] = ahead.demand_w[networks, 0]
        return heat_w.take(self._sink) * self._per_heat
