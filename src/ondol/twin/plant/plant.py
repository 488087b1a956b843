"""All sinks of a scenario together: power of units in, heat, backup and temperatures out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats, Ints
from ondol.twin.compiled import compiled
from ondol.twin.layout import Layout, SinkKind
from ondol.twin.plant.limits import room_limits
from ondol.twin.plant.loops import heat_to_water_w
from ondol.twin.plant.networks import Networks
from ondol.twin.plant.outcome import HeatOutcome
from ondol.twin.plant.pools import Pools
from ondol.twin.plant.rooms import Rooms
from ondol.twin.plant.tanks import Tanks
from ondol.twin.scenario.series import Series, draw_row
from ondol.twin.scenario.sinks import NetworkSpec, PoolSpec, RoomSpec, TankSpec


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Sinks of one kind: their rows among all sinks, and the row of weather of each."""

    rows: Ints
    sky: Ints


class Plant:
    """The heat side. `temp_c` is what a sink's host feels; `outcome` what the last step did, one number a sink."""

    def __init__(self, layout: Layout, series: Series) -> None:
        self._layout, self._series = layout, series
        step_s = series.step_s
        self.groups = {kind: self._group(kind) for kind in SinkKind}
        specs = {
            kind: tuple(layout.sink_specs[row] for row in group.rows.tolist()) for kind, group in self.groups.items()
        }
        rooms = tuple(spec for spec in specs[SinkKind.ROOM] if isinstance(spec, RoomSpec))
        profile, lower_c, upper_c = room_limits(
            rooms, [layout.site_specs[layout.sink_site[row]] for row in self.groups[SinkKind.ROOM].rows], series
        )
        self.rooms = Rooms(
            rooms, self.groups[SinkKind.ROOM].sky, profile=profile, lower_c=lower_c, upper_c=upper_c, step_s=step_s
        )
        day = max(1, round(86_400.0 / step_s))
        self.rooms.settle(series.outdoor_c[self.rooms.sky, :day].mean(axis=1))
        tanks = tuple(spec for spec in specs[SinkKind.TANK] if isinstance(spec, TankSpec))
        tank_rows = self.groups[SinkKind.TANK].rows
        self.tanks = Tanks(
            tanks,
            self.groups[SinkKind.TANK].sky,
            draw_row=np.array(
                [
                    draw_row(int(row) * 3, round(s.draw_l_per_day / 200.0))
                    for row, s in zip(tank_rows, tanks, strict=True)
                ],
                dtype=np.int64,
            ),
            draw_l_per_day=np.array([spec.draw_l_per_day for spec in tanks]),
            step_s=step_s,
        )
        pools = tuple(spec for spec in specs[SinkKind.POOL] if isinstance(spec, PoolSpec))
        self.pools = Pools(pools, self.groups[SinkKind.POOL].sky, step_s=step_s) if pools else None
        networks = tuple(spec for spec in specs[SinkKind.NETWORK] if isinstance(spec, NetworkSpec))
        sky = self.groups[SinkKind.NETWORK].sky
        self.networks = Networks(
            networks,
            np.array([series.network_w(spec, int(row)) for spec, row in zip(networks, sky, strict=True)]).reshape(
                len(networks), series.length
            ),
        )
        count = len(layout.sink_ids)
        self.heat_w, self.dumped_w, self.backup_w = np.zeros(count), np.zeros(count), np.zeros(count)
        self.wanted_w, self.short_k, self.over_k = np.zeros(count), np.zeros(count), np.zeros(count)
        self.lost_w = np.zeros(count)
        self.heats_water = len(layout.sink_ids) > len(self.groups[SinkKind.ROOM].rows)
        self._weather_step, self._weather = -1, (np.zeros(0), np.zeros(0))

    def step(self, step: int, unit_power_w: Floats, unit_on: Floats | None) -> None:
        """Let a step pass.

        Parameters
        ----------
        unit_power_w : mean electric power of each unit [W]
        unit_on : share of its case loss that each unit has, 1 while any of its nodes has power, 0 when all are off;
            None will do where nothing `heats_water`

        Raises
        ------
        InvalidFieldError : None where something does
        """
        layout, series = self._layout, self._series
        captured = np.zeros(len(self.heat_w))
        _capture(layout.unit_sink, unit_power_w, layout.unit_capture, captured)
        offered = captured
        if self.heats_water:
            if unit_on is None:
                raise InvalidFieldError("unit_on", None, "a share per unit, 0 to 1, where units heat water")
            offered = captured.copy()
            case_ua = np.zeros(len(captured))
            _capture(layout.unit_sink, unit_on, layout.unit_case_ua_w_per_k, case_ua)
            for kind, part in (
                (SinkKind.TANK, self.tanks),
                (SinkKind.POOL, self.pools),
                (SinkKind.NETWORK, self.networks),
            ):
                rows = self.groups[kind].rows
                if part is not None and len(rows):
                    offered[rows] = heat_to_water_w(captured[rows], case_ua[rows], part.load_c(), part.link)
            self.lost_w = captured - offered
        if len(rows := self.groups[SinkKind.ROOM].rows):
            outdoor, solar = self.room_weather(step)
            self._note(rows, self.rooms.step(step, self._of(rows, offered), outdoor, solar))
        if len(rows := self.groups[SinkKind.TANK].rows):
            mains = series.mains_c[self.tanks.sky, step]
            draw = series.draws[self.tanks.draw_row, step] * self.tanks.draw_l_per_day
            self._note(rows, self.tanks.step(offered[rows], draw, mains))
        if self.pools is not None:
            rows = self.groups[SinkKind.POOL].rows
            mains = series.mains_c[self.pools.sky, step]
            self._note(rows, self.pools.step(offered[rows], float(series.hours[step]), mains))
        if len(rows := self.groups[SinkKind.NETWORK].rows):
            self._note(rows, self.networks.step(step, offered[rows]))

    def room_weather(self, step: int) -> tuple[Floats, Floats]:
        """Outdoor temperature and sun of each room in a step."""
        if step != self._weather_step:
            sky, series = self.rooms.sky, self._series
            self._weather = series.outdoor_c[:, step][sky], series.solar_w_m2[:, step][sky]
            self._weather_step = step
        return self._weather

    def state(self) -> dict[str, Floats]:
        """All temperatures, to be kept."""
        return {
            "rooms": self.rooms.state.copy(),
            "rooms_alone": self.rooms.alone.copy(),
            "tanks": self.tanks.state.copy(),
            "pools": np.zeros(0) if self.pools is None else self.pools.state.copy(),
        }

    def restore(self, state: dict[str, Floats]) -> None:
        """Take over what `state` gave."""
        self.rooms.state, self.rooms.alone = state["rooms"].copy(), state["rooms_alone"].copy()
        self.tanks.state = state["tanks"].copy()
        if self.pools is not None:
            self.pools.state = state["pools"].copy()

    def _of(self, rows: Ints, values: Floats) -> Floats:
        """Values of some sinks; these themselves where they are all, since they stand in the same order."""
        return values if len(rows) == len(values) else values[rows]

    def _note(self, rows: Ints, outcome: HeatOutcome) -> None:
        if len(rows) == len(self.heat_w):
            self.heat_w, self.dumped_w, self.backup_w = outcome.heat_w, outcome.dumped_w, outcome.backup_w
            self.wanted_w, self.short_k, self.over_k = outcome.wanted_w, outcome.short_k, outcome.over_k
            return
        for name in ("heat_w", "dumped_w", "backup_w", "wanted_w", "short_k", "over_k"):
            getattr(self, name)[rows] = getattr(outcome, name)

    def _group(self, kind: SinkKind) -> Group:
        rows = np.flatnonzero(self._layout.sink_kind == kind)
        specs = [self._layout.site_specs[site] for site in self._layout.sink_site[rows].tolist()]
        sky = [0 if spec is None else self._series.sky_of_site[spec.id] for spec in specs]
        return Group(rows, np.array(sky, dtype=np.int64))


@compiled
def _capture(unit_sink: Ints, of_unit: Floats, share: Floats, of_sink: Floats) -> None:
    """Add to each sink the share that it gets of something of its units."""
    for u in range(len(unit_sink)):
        sink = unit_sink[u]
        if sink >= 0:
            of_sink[sink] += of_unit[u] * share[u]
