"""The twin's plant behind the platform's drivers: the same rooms, tanks and pools, read and heated by the platform."""

from __future__ import annotations

import datetime as dt

import numpy as np

from ondol.control.clock import utc
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.errors import ConflictError
from ondol.model.ids import NodeId
from ondol.model.view import Floats, Ints
from ondol.twin.layout import Layout, SinkKind
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.series import Series
from ondol.twin.stores import Stores


class Hardware:
    """Instruments and heat of a scenario; implements `ReadsHeat` and `TakesPower`.

    The plant goes in the scenario's thermal steps, each on the mean power of its units; instruments show how it stood
    at the end of the last whole step. A tank has one thermometer, in the middle of its water.
    """

    def __init__(self, layout: Layout, plant: Plant, stores: Stores, series: Series) -> None:
        self.layout, self.plant, self.stores, self._series = layout, plant, stores, series
        self.step = 0
        self._now_s = series.begin_s
        self._spent_j = np.zeros(len(layout.node_ids))
        self._row = {node_id: row for row, node_id in enumerate(layout.node_ids)}
        self._meter_j, self._backup_j = np.zeros(len(layout.sink_ids)), np.zeros(len(layout.sink_ids))
        self.electric_j = 0.0  # with PUE
        self._share = _shares(layout)

    def advance(self, until: dt.datetime, energy_j: dict[NodeId, float]) -> None:
        """Let time pass; a thermal step that is over by then is lived through. Before the begin nothing happens.

        Raises
        ------
        ConflictError : more than one step would be over: nobody said how the energy is spread over them
        """
        until_s = until.timestamp()
        if until_s <= self._series.begin_s:
            return
        for node_id, spent_j in energy_j.items():
            self._spent_j[self._row[node_id]] += spent_j
        self._now_s = until_s
        end_s = self._series.begin_s + (self.step + 1) * self._series.step_s
        if until_s > end_s + 1e-3:
            raise ConflictError(f"The plant was not asked at the end of its step, {utc(end_s).isoformat()}")
        if until_s >= end_s - 1e-3:
            self._pass_step()

    @property
    def heat_j(self) -> float:
        """Heat that units gave to all sinks [J]."""
        return float(self._meter_j.sum())

    @property
    def backup_j(self) -> float:
        """Heat that all backups gave [J]."""
        return float(self._backup_j.sum())

    def sinks(self) -> tuple[SinkReading, ...]:
        """Latest reading of every sink, by id."""
        temp_c = self.stores.levels(self.step).temp_c.tolist()
        at = utc(self._now_s)
        return tuple(
            SinkReading(sink_id=sink_id, measured_at=at, temp_c=temp_c[row])
            for row, sink_id in enumerate(self.layout.sink_ids)
        )

    def units(self) -> tuple[UnitReading, ...]:
        """Latest reading of every unit, by id: shells of heaters, loops of boilers."""
        layout, at = self.layout, utc(self._now_s)
        loop_c = self._loops_c()
        heat_j = self._meter_j[np.maximum(layout.unit_sink, 0)] * self._share
        return tuple(
            UnitReading(
                unit_id=unit_id,
                measured_at=at,
                heat_j=float(heat_j[row]),
                loop_temp_c=float(loop_c[layout.unit_sink[row]]) if layout.unit_sink[row] >= 0 else 20.0,
            )
            for row, unit_id in enumerate(layout.unit_ids)
        )

    def outdoor_temp_c(self) -> float | None:
        """Outdoor temperature of the present step [°C]."""
        return self.outdoor_ahead_c(utc(self._now_s))

    def outdoor_ahead_c(self, at: dt.datetime) -> float:
        """Outdoor temperature at a time, as it will be [°C]."""
        step = int((at.timestamp() - self._series.begin_s) // self._series.step_s)
        return float(self._series.outdoor_c[0, min(max(step, 0), self._series.length - 1)])

    def _pass_step(self) -> None:
        layout, step_s = self.layout, self._series.step_s
        unit_j = np.bincount(layout.node_unit, self._spent_j, len(layout.unit_ids)).astype(np.float64)
        self.plant.step(self.step, unit_j / step_s, np.ones(len(unit_j)))  # nodes are never switched off
        self._meter_j += self.plant.heat_w * step_s
        self._backup_j += self.plant.backup_w * step_s
        self.electric_j += float((unit_j * layout.site_pue[layout.unit_site]).sum())
        self._spent_j[:] = 0.0
        self.step += 1

    def _loops_c(self) -> Floats:
        """Shell or loop per sink: a loop is steady, so that it stands above its load by what it hands over [°C]."""
        plant, groups = self.plant, self.plant.groups
        loop_c = np.full(len(self.layout.sink_ids), 20.0)
        if len(rows := groups[SinkKind.ROOM].rows):
            loop_c[rows] = plant.rooms.state[:, 0]
        if len(rows := groups[SinkKind.TANK].rows):
            loop_c[rows] = plant.tanks.load_c() + plant.heat_w[rows] / plant.tanks.link
        if plant.pools is not None:
            rows = groups[SinkKind.POOL].rows
            loop_c[rows] = plant.pools.load_c() + plant.heat_w[rows] / plant.pools.link
        return loop_c


def _shares(layout: Layout) -> Floats:
    """Part of its sink's heat that each unit gives, by its size; 0 for racks."""
    heats: Ints = np.flatnonzero(layout.heats)
    whole_w = np.bincount(layout.unit_sink[heats], layout.unit_max_w[heats], len(layout.sink_ids))
    share = np.zeros(len(layout.unit_ids))
    share[heats] = layout.unit_max_w[heats] / whole_w[layout.unit_sink[heats]]
    return share
