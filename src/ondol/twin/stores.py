"""Sinks as stores of heat: levels, capacities, losses and what they need, for the View and for the bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.drivers.virtual.rooms import AIR_SHARE_OF_SUN
from ondol.drivers.virtual.waters import CLOSE_HOUR, OPEN_HOUR
from ondol.model.view import Floats, Ints
from ondol.thermal.water import WATER_CP_J_PER_KG_K
from ondol.twin.compiled import compiled
from ondol.twin.layout import Layout, SinkKind
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.series import Series

TANK_EMPTY_SHARE = 0.75
"""A preheat tank counts as empty when its mean temperature stands so far from the mains' to the target's: its
layers lie above each other, so that its top has then about the target. Of the benchmark's tanks in two weeks of July
emissions are least at 0.7 to 0.8; at 1, the whole tank at its target, more is lost; at 0.5 the backup heats more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """Where the stores stand, one number a sink; as in `SinkColumns`, with the temperatures of its host."""

    store_j: Floats
    capacity_j: Floats
    loss_per_s: Floats
    temp_c: Floats
    setpoint_c: Floats
    lower_c: Floats
    upper_c: Floats


_LEVELS = tuple(Levels.__dataclass_fields__)


class Stores:
    """Reads a plant as stores.

    A room's store is its air, shell and the part of its mass that follows within hours; with L the lower limit,
    ``e = C_a (T_a − L) + C_h (T_h − T_a) + C_m (T_m − T_m,L)`` goes by ``ė = q − d(L) − loss``, T_m,L being the mass at
    rest with the air at L; over days within some percent, since the mass does not follow at once. A tank's is the heat
    above the target of its water, since colder water has to be reheated, a pool's that above its lower limit; a network
    has none. `j_per_k` is heat per kelvin of the temperature that the host's thermometer tells [J/K].
    """

    def __init__(self, layout: Layout, plant: Plant, series: Series) -> None:
        self._layout, self._plant, self._series = layout, plant, series
        rooms = plant.rooms
        self._in_mass = np.divide(
            rooms.mass_in * rooms.mass_out, rooms.mass_in + rooms.mass_out, out=np.zeros(len(rooms.ua)), where=True
        )
        follows = rooms.mass_in / np.maximum(rooms.mass_in + rooms.mass_out, 1e-9)
        capacity = rooms.model.capacity
        self._room_j_per_k = capacity[:, 1] + capacity[:, 2] * follows if len(rooms.ua) else np.zeros(0)
        self._room_ua = rooms.ua + self._in_mass
        self._room_loss_per_s = self._room_ua / self._room_j_per_k
        self.j_per_k = np.zeros(len(layout.sink_ids))
        self.j_per_k[plant.groups[SinkKind.ROOM].rows] = self._room_j_per_k
        self.j_per_k[plant.groups[SinkKind.TANK].rows] = plant.tanks.capacity_j_per_k
        if plant.pools is not None:
            self.j_per_k[plant.groups[SinkKind.POOL].rows] = plant.pools.capacity_j_per_k

        self.kind, self.first, self._rows = self._kinds()
        readings = {
            SinkKind.ROOM: self._rooms,
            SinkKind.TANK: self._tanks,
            SinkKind.POOL: self._pools,
            SinkKind.NETWORK: self._networks,
        }
        self.network = plant.groups[SinkKind.NETWORK].rows
        self._reading = {kind: read for kind, read in readings.items() if len(plant.groups[kind].rows)}

    def levels(self, step: int) -> Levels:
        """Give the levels at the beginning of a step."""
        plant, count = self._plant, len(self._layout.sink_ids)
        step = min(step, self._series.length - 1)
        columns = None
        for kind, read in self._reading.items():
            rows, values = plant.groups[kind].rows, read(step)
            if len(rows) == count:
                return Levels(**dict(zip(_LEVELS, values, strict=True)))
            if columns is None:
                columns = np.zeros((len(_LEVELS), count))
            for column, value in zip(columns, values, strict=True):
                column[rows] = value
        if columns is None:
            columns = np.zeros((len(_LEVELS), count))
        return Levels(**dict(zip(_LEVELS, columns, strict=True)))

    def parts_j(self) -> Floats:
        """Heat above 0 °C in each part of each store: shells, air and masses of rooms, tanks, pools [J]."""
        plant = self._plant
        parts = [(plant.rooms.model.capacity * plant.rooms.state).ravel()]
        parts.append(plant.tanks.capacity_j_per_k * plant.tanks.mean_c())
        if plant.pools is not None:
            parts.append(plant.pools.capacity_j_per_k * plant.pools.state)
        return np.concatenate(parts)

    def demand_w(
        self, first: Ints, last: Ints, outdoor_c: Floats, solar_w_m2: Floats, draws: Floats, *, standing: bool = True
    ) -> Floats:
        """Heat that each sink needs to stay at level 0, over spans of steps, (sinks, spans) [W].

        Parameters
        ----------
        first, last : step numbers of each span, the last one excluded
        outdoor_c, solar_w_m2 : (skies, steps) weather from step `first[0]` on, as it is or as it is expected
        draws : (rows, steps) as `Series.draws`, likewise
        standing : with what tanks lose at level 0, and not only what is drawn from them
        """
        kinds = self.demand_of_kinds_w(first, last, outdoor_c, solar_w_m2, draws, standing=standing)
        return np.asarray(kinds[self.kind])

    def demand_of_kinds_w(
        self, first: Ints, last: Ints, outdoor_c: Floats, solar_w_m2: Floats, draws: Floats, *, standing: bool = True
    ) -> Floats:
        """Give the same once for each `kind` of sink, (kinds, spans) [W]."""
        series, plant = self._series, self._plant
        begin = int(first[0])
        cuts = first - begin
        lengths = (last - first).astype(np.float64)

        def mean(values: Floats) -> Floats:
            return np.asarray(np.add.reduceat(values[:, : int(last[-1]) - begin], cuts, axis=1) / lengths)

        result = np.zeros((len(self.first), len(first)))
        window = slice(begin, int(last[-1]))
        outdoor, solar = mean(outdoor_c), mean(solar_w_m2)
        rooms = plant.rooms
        if len(rooms.ua):
            of, lower = rooms.first, rooms.lower_c[:, window]
            profile, sky = rooms.profile[of], rooms.sky[of]
            level = mean(lower)[profile]
            ends = np.concatenate([lower[:, cuts], lower[:, -1:]], axis=1)
            rise = (np.diff(ends, axis=1) / (lengths * series.step_s))[profile]
            sun = rooms.aperture[of, None] * solar[sky]
            result[self._rows[SinkKind.ROOM]] = (
                self._room_ua[of, None] * (level - outdoor[sky])
                - rooms.gains_w[of, None]
                - (AIR_SHARE_OF_SUN + (1 - AIR_SHARE_OF_SUN) * self._follow()[of, None]) * sun
                + self._room_j_per_k[of, None] * rise
            )
        tanks = plant.tanks
        if len(tanks.layers):
            mains = mean(series.mains_c[:, window])[tanks.sky]
            draw = mean(draws)[tanks.draw_row] * tanks.draw_l_per_day[:, None]
            target = tanks.target_c[:, None]
            needed = draw * WATER_CP_J_PER_KG_K * np.maximum(target - mains, 0.0)
            if standing:
                empty_c = self._tank_empty_c(mains, target)
                needed += tanks.ua[:, None] * np.maximum(empty_c - tanks.ambient_c[:, None], 0.0)
            result[self._rows[SinkKind.TANK]] = needed
        pools = plant.pools
        if pools is not None:
            hours = mean(
                np.where((series.hours[window] >= OPEN_HOUR) & (series.hours[window] < CLOSE_HOUR), 1.0, 0.0)[None]
            )[0]
            mains = mean(series.mains_c[:, window])[pools.sky]
            busy, quiet = pools.losses_w(12.0, mains), pools.losses_w(0.0, mains)
            result[self._rows[SinkKind.POOL]] = np.maximum(hours * busy + (1.0 - hours) * quiet, 0.0)
        if len(plant.networks.return_c):
            result[self._rows[SinkKind.NETWORK]] = mean(plant.networks.demand_w[:, window])
        return result

    def rise_of_kinds_w(self, first: Ints, last: Ints) -> Floats:
        """Heat for what each room's lower limit rises by over spans of steps; others have none, (kinds, spans) [W]."""
        result = np.zeros((len(self.first), len(first)))
        rooms = self._plant.rooms
        if len(rooms.ua):
            at = np.concatenate([first, last[-1:] - 1])
            lengths_s = (last - first) * self._series.step_s
            rise_k_per_s = (np.diff(rooms.lower_c[:, at], axis=1) / lengths_s)[rooms.profile[rooms.first]]
            result[self._rows[SinkKind.ROOM]] = self._room_j_per_k[rooms.first, None] * rise_k_per_s
        return result

    def _kinds(self) -> tuple[Ints, Ints, dict[SinkKind, Ints]]:
        """Per sink, the number of its kind; the first sink of each kind; the kinds that are rooms, tanks and so on.

        Alike rooms under one sky need alike heat; all other sinks are kinds of their own.
        """
        plant = self._plant
        first = np.arange(len(self._layout.sink_ids))
        rooms = plant.groups[SinkKind.ROOM].rows
        first[rooms] = rooms[plant.rooms.first[plant.rooms.kind]]
        first, kind = np.unique(first, return_inverse=True)
        rows = {one: kind[plant.groups[one].rows] for one in SinkKind}
        rows[SinkKind.ROOM] = kind[rooms[plant.rooms.first]]
        return kind.astype(np.int64), first.astype(np.int64), rows

    def _follow(self) -> Floats:
        rooms = self._plant.rooms
        return np.asarray(rooms.mass_in / np.maximum(rooms.mass_in + rooms.mass_out, 1e-9))

    def _rooms(self, step: int) -> tuple[Floats, ...]:
        rooms = self._plant.rooms
        outdoor, _ = self._plant.room_weather(step)
        level, capacity, temp, setpoint, lower, upper = _room_levels(
            rooms.state,
            rooms.model.capacity,
            self._room_j_per_k,
            rooms.mass_in,
            rooms.mass_out,
            rooms.band_k,
            rooms.profile,
            rooms.lower_c,
            rooms.upper_c,
            outdoor,
            step,
        )
        return level, capacity, self._room_loss_per_s, temp, setpoint, lower, upper

    @staticmethod
    def _tank_empty_c(mains_c: Floats, target_c: Floats) -> Floats:
        """Mean temperature of a tank whose top is just at the target."""
        return np.asarray(mains_c + TANK_EMPTY_SHARE * np.maximum(target_c - mains_c, 0.0))

    def _tanks(self, step: int) -> tuple[Floats, ...]:
        tanks = self._plant.tanks
        mean, top = tanks.mean_c(), np.minimum(tanks.temp_max_c, tanks.loop_max_c - 2.0)
        setpoint = np.minimum(tanks.target_c, top)
        empty = np.minimum(self._tank_empty_c(self._series.mains_c[tanks.sky, step], tanks.target_c), setpoint)
        level = np.maximum(mean - empty, 0.0) * tanks.capacity_j_per_k
        capacity = (top - empty) * tanks.capacity_j_per_k
        return level, capacity, tanks.ua / tanks.capacity_j_per_k, mean, setpoint, setpoint - 10.0, top

    def _pools(self, step: int) -> tuple[Floats, ...]:
        pools = self._plant.pools
        if pools is None:
            return tuple(np.zeros(0) for _ in range(7))
        mains = self._series.mains_c[pools.sky, step]
        level = np.maximum(pools.state - pools.lower_c, 0.0) * pools.capacity_j_per_k
        capacity = (pools.upper_c - pools.lower_c) * pools.capacity_j_per_k
        hour = float(self._series.hours[step])
        slope = pools.loss_w(pools.lower_c + 0.5, hour, mains) - pools.loss_w(pools.lower_c - 0.5, hour, mains)
        middle = 0.5 * (pools.lower_c + pools.upper_c)
        return level, capacity, slope / pools.capacity_j_per_k, pools.state, middle, pools.lower_c, pools.upper_c

    def _networks(self, step: int) -> tuple[Floats, ...]:
        """A network's temperature stands for how far its demand is met: at the set-point it just is."""
        networks, rows = self._plant.networks, self._plant.groups[SinkKind.NETWORK].rows
        demand = np.maximum(networks.demand_w[:, step], 1e-9)
        met = np.minimum(self._plant.heat_w[rows] / demand, 2.0)
        none = np.zeros(len(rows))
        set_c = networks.return_c + 5.0
        return none, none, none, networks.return_c + 5.0 * met, set_c, set_c - 0.5, set_c + 0.5


@compiled
def _room_levels(
    state: Floats,
    cap: Floats,
    j_per_k: Floats,
    mass_in: Floats,
    mass_out: Floats,
    band_k: Floats,
    profile: Ints,
    lower_c: Floats,
    upper_c: Floats,
    outdoor: Floats,
    step: int,
) -> Floats:
    """Levels, capacities, temperatures, set-points and limits of rooms at the beginning of a step."""
    count = len(state)
    result = np.empty((6, count))
    level, capacity, temp, setpoint, lower, upper = result[0], result[1], result[2], result[3], result[4], result[5]
    for n in range(count):
        low, high = lower_c[profile[n], step], upper_c[profile[n], step]
        shell, air, mass = state[n, 0], state[n, 1], state[n, 2]
        rest = (mass_in[n] * low + mass_out[n] * outdoor[n]) / max(mass_in[n] + mass_out[n], 1e-9)
        held = cap[n, 1] * (air - low)
        if cap[n, 0] > 1e3:
            held += cap[n, 0] * (shell - air)
        held += cap[n, 2] * (mass - rest)
        # A warm mass does not help where the air is at its limit already: the backup runs by the air.
        held = min(held, j_per_k[n] * (air - low))
        capacity[n] = j_per_k[n] * (high - low)
        level[n] = min(max(held, 0.0), capacity[n])
        temp[n], setpoint[n], lower[n], upper[n] = air, low + band_k[n], low, high
    return result
