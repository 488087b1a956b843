"""Makes the bound's question of a scenario: what every run of the twin obeys, and nothing that one might not.

Per sink the dynamics are the twin's own at its own step. Relaxed are: work is fluid and moves freely; nodes boot and
idle at no cost; speed and power lie on the hull of a node's curve; tanks are one temperature whose heat can all be
drawn; loops lose no more than a unit at full power does at the coldest that its load can be; a pool's loss is a set of
tangents, lowered by what its temperature may fall within a step; heat that is too much can be let out anywhere.
What nodes draw while they are switched off is added as a constant, and the heat of it given for nothing.
Where the backup is too weak to hold a limit or to meet a draw, no run is charged for that, and so neither is the bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.accounting.figures import J_PER_KWH
from ondol.drivers.virtual.loops import PLANT_ROOM_TEMP_C
from ondol.drivers.virtual.rooms import AIR_SHARE_OF_SUN
from ondol.drivers.virtual.waters import CLOSE_HOUR, OPEN_HOUR
from ondol.model.view import Bools, Floats
from ondol.thermal.water import WATER_CP_J_PER_KG_K
from ondol.twin.bound.curves import work_of
from ondol.twin.bound.problem import BoundProblem, LinearSink, LinearUnit
from ondol.twin.lateness import late_rate, unfinished_rate
from ondol.twin.layout import Layout, SinkKind
from ondol.twin.plant.plant import Plant
from ondol.twin.plant.tanks import SUBSTEP_S
from ondol.twin.scenario.backup import backup_rates
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.speed import hull
from ondol.twin.workload.jobs import Jobs

_TANGENTS = 4
_SLACK_K = 0.02  # below the coldest course: heat of the backup and of computing come to the mass in another order


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relaxed:
    """The question, and what is to be added to its answer: `constant`.

    That is the cost of standby and the worth of what stores held at first; the answer takes the latter off again as far
    as it is there at the end.
    """

    problem: BoundProblem
    constant: float


def relax(scenario: Scenario, layout: Layout, plant: Plant, series: Series, jobs: Jobs, *, money: bool) -> Relaxed:
    """Make the bound's question; the plant stands at the scenario's begin.

    Parameters
    ----------
    money : whether cost [€] is asked for, else carbon [gCO2e]
    """
    steps = series.steps
    backup_g, backup_eur = backup_rates(scenario, series)
    rate = (series.price_eur_per_kwh if money else series.grid_g_per_kwh)[:steps]
    backup = (backup_eur if money else backup_g)[: steps + 1]
    worth = float(backup[min(steps, len(backup) - 1)]) / J_PER_KWH
    backup = backup[:steps] / J_PER_KWH
    sinks = _Sinks(layout, plant, series, backup, worth)
    made = [sinks.make(row) for row in range(len(layout.sink_ids))]
    units, sites, standby = _units(scenario, layout, plant, series, rate)
    late = late_rate(scenario, series, series.price_eur_per_kwh if money else series.grid_g_per_kwh, backup * J_PER_KWH)
    held = sum(float(sink.end_value @ sink.start) for sink in made)
    return Relaxed(
        problem=BoundProblem(
            step_s=series.step_s,
            sinks=tuple(made),
            units=tuple(units),
            work=work_of(
                jobs,
                series,
                float(layout.node_speed.max(initial=1.0)),
                late=late,
                unfinished=unfinished_rate(scenario, rate),
            ),
            discomfort_cost=1000.0 * float(backup.max()) * J_PER_KWH,
            limit_w=layout.site_limit_w,
            site=np.array(sites, dtype=np.int64),
        ),
        constant=standby + held,
    )


class _Sinks:
    """Makes a linear sink of each row."""

    def __init__(self, layout: Layout, plant: Plant, series: Series, backup: Floats, worth: float) -> None:
        self._layout, self._plant, self._series = layout, plant, series
        self._backup, self._worth = backup, worth
        self._coldest_c = _coldest_course_c(layout, plant, series)

    def make(self, row: int) -> LinearSink:
        kind = SinkKind(int(self._layout.sink_kind[row]))
        place = int(np.searchsorted(self._plant.groups[kind].rows, row))
        make = {
            SinkKind.ROOM: self._room,
            SinkKind.TANK: self._tank,
            SinkKind.POOL: self._pool,
            SinkKind.NETWORK: self._network,
        }[kind]
        return make(self._layout.sink_ids[row], place, row)

    def _room(self, name: str, n: int, row: int) -> LinearSink:
        rooms, series, steps = self._plant.rooms, self._series, self._series.steps
        model = rooms.model
        sky = int(rooms.sky[n])
        sun = rooms.aperture[n] * series.solar_w_m2[sky, :steps]
        outdoor = series.outdoor_c[sky, :steps]
        forcing = _room_forcing(rooms.ua[n], rooms.mass_out[n], rooms.gains_w[n], outdoor, sun)
        profile = int(rooms.profile[n])
        return LinearSink(
            id=name,
            A=np.maximum(model.keep[n], 0.0),
            heat=np.maximum(model.push[n, :, 0], 0.0),
            backup=np.maximum(model.push[n, :, 1], 0.0),
            draw=np.zeros(3),
            drive=forcing @ model.push[n].T,
            start=rooms.state[n].copy(),
            observe=np.array([0.0, 1.0, 0.0]),
            lower_c=_held_c(rooms.lower_c[profile, :steps], self._coldest_c[row]),
            upper_c=rooms.upper_c[profile, :steps],
            losses=((np.zeros(3), 0.0),),  # venting: as much as is wanted, up to all compute heat
            loss_gain=-np.maximum(model.push[n, :, 1], 0.0),
            loss_max_w=self._most_heat_w(row),
            demand_w=np.zeros(steps),
            backup_max_w=float(rooms.backup_max_w[n]),
            backup_cost=self._backup,
            end_value=self._worth * model.capacity[n],
            end_most_c=rooms.state[n].copy(),
        )

    def _tank(self, name: str, n: int, row: int) -> LinearSink:
        tanks, series, steps = self._plant.tanks, self._series, self._series.steps
        capacity, step_s = float(tanks.capacity_j_per_k[n]), series.step_s
        # The twin's explicit substeps keep a little less than this, and come a little nearer to the surroundings
        keep = float(np.exp(-tanks.ua[n] * step_s / capacity))
        least_keep = float((1.0 - tanks.ua[n] * SUBSTEP_S / capacity) ** np.ceil(step_s / SUBSTEP_S))
        mains = series.mains_c[tanks.sky[n], :steps]
        warmest = np.maximum(np.maximum(mains, tanks.ambient_c[n]), 0.0)  # mains water warms a tank that is colder
        draw = series.draws[tanks.draw_row[n], :steps] * tanks.draw_l_per_day[n]
        wanted = draw * WATER_CP_J_PER_KG_K * np.maximum(tanks.target_c[n] - mains, 0.0)
        demand = np.minimum(wanted, tanks.backup_max_w[n])  # what neither could give costs neither
        start = float(tanks.mean_c()[n])
        over_k = self._most_heat_w(row) * SUBSTEP_S / capacity  # charging ends after the substep in which it is too hot
        hottest = float(min(tanks.temp_max_c[n] + over_k, tanks.loop_max_c[n]))
        coldest = np.minimum.accumulate(np.minimum(mains, min(float(tanks.ambient_c[n]), start)))
        return LinearSink(
            id=name,
            A=np.array([[keep]]),
            heat=np.array([step_s / capacity]),
            backup=np.zeros(1),
            draw=np.array([-keep * step_s / capacity]),
            drive=(1.0 - least_keep) * warmest[:, None],
            start=np.array([start]),
            observe=np.ones(1),
            lower_c=coldest - 1.0,
            upper_c=np.full(steps, max(hottest, start)),
            losses=((np.zeros(1), 0.0),),
            loss_gain=np.array([-step_s / capacity]),
            loss_max_w=float(wanted.max(initial=0.0)),  # heat in drawn water beyond what counts as delivered
            demand_w=demand,
            backup_max_w=0.0,
            backup_cost=self._backup,
            end_value=np.array([self._worth * capacity]),
            end_most_c=np.array([start]),
        )

    def _pool(self, name: str, n: int, row: int) -> LinearSink:
        pools, series, steps = self._plant.pools, self._series, self._series.steps
        assert pools is not None  # noqa: S101 - a pool's row is asked for
        capacity, step_s = float(pools.capacity_j_per_k[n]), series.step_s
        mains = series.mains_c[pools.sky[n], :steps]
        open_now = (series.hours[:steps] >= OPEN_HOUR) & (series.hours[:steps] < CLOSE_HOUR)
        lower, upper = float(pools.lower_c[n]), float(pools.upper_c[n])
        tangents = tuple(
            self._tangent(n, at_c, open_now, mains) for at_c in np.linspace(lower, upper, _TANGENTS).tolist()
        )
        return LinearSink(
            id=name,
            A=np.ones((1, 1)),
            heat=np.array([step_s / capacity]),
            backup=np.array([step_s / capacity]),
            draw=np.zeros(1),
            drive=np.zeros((steps, 1)),
            start=np.array([float(pools.state[n])]),
            observe=np.ones(1),
            lower_c=_held_c(np.full(steps, lower), self._coldest_c[row]),
            upper_c=np.full(steps, max(upper, float(pools.state[n]))),
            losses=tangents,
            loss_gain=np.array([-step_s / capacity]),
            demand_w=np.zeros(steps),
            backup_max_w=float(pools.backup_max_w[n]),
            backup_cost=self._backup,
            end_value=np.array([self._worth * capacity]),
            end_most_c=np.array([float(pools.state[n])]),
        )

    def _tangent(self, n: int, at_c: float, open_now: Bools, mains: Floats) -> tuple[Floats, Floats]:
        """Slope (T, 1) and offset (T,) of the loss around a temperature, lowered by its fall within a step."""
        pools, step_s = self._plant.pools, self._series.step_s
        assert pools is not None  # noqa: S101 - as above
        slopes, offsets = np.zeros((len(mains), 1)), np.zeros(len(mains))
        temps = np.tile(pools.state, 1).astype(np.float64)
        for hour, rows in ((12.0, np.flatnonzero(open_now)), (0.0, np.flatnonzero(~open_now))):
            for water in np.unique(mains[rows]).tolist():
                mine = rows[mains[rows] == water]
                temps[:] = at_c
                low, high = (pools.loss_w(temps + d, hour, np.full(len(temps), water))[n] for d in (-1e-3, 1e-3))
                here = pools.loss_w(temps, hour, np.full(len(temps), water))[n]
                slope = max(float(high - low) / 2e-3, 0.0)
                temps[:] = max(float(pools.upper_c[n]), float(pools.state[n]))  # where it falls quickest
                most_w = pools.loss_w(temps, hour, np.full(len(temps), water))[n]
                fall_k = max(float(most_w), float(here), 0.0) * step_s / float(pools.capacity_j_per_k[n])
                slopes[mine, 0] = slope
                offsets[mine] = float(here) - slope * (at_c + fall_k)
        return slopes, offsets

    def _network(self, name: str, n: int, _row: int) -> LinearSink:
        networks = self._plant.networks
        demand = np.minimum(networks.demand_w[n, : self._series.steps], networks.backup_max_w[n])
        none = np.zeros(0)
        steps = self._series.steps
        return LinearSink(
            id=name,
            A=np.zeros((0, 0)),
            heat=none,
            backup=none,
            draw=none,
            drive=np.zeros((steps, 0)),
            start=none,
            observe=none,
            lower_c=np.full(steps, -np.inf),
            upper_c=np.full(steps, np.inf),
            demand_w=demand,
            backup_max_w=0.0,
            backup_cost=self._backup,
            end_value=none,
        )

    def _most_heat_w(self, row: int) -> float:
        layout = self._layout
        return float(layout.unit_max_w[layout.unit_sink == row].sum())


def _coldest_course_c(layout: Layout, plant: Plant, series: Series) -> Floats:
    """Temperatures of rooms and pools at the end of each step with no compute heat at all, (sinks, steps) [°C].

    The backup is nobody's choice: where it cannot hold the limit, no run is charged for that, nor is it colder than so.
    """
    before, units = plant.state(), np.zeros(len(layout.unit_ids))
    course = np.full((len(layout.sink_ids), series.steps), np.inf)
    for step in range(series.steps):
        plant.step(step, units, units)
        course[plant.groups[SinkKind.ROOM].rows, step] = plant.rooms.temp_c()
        if plant.pools is not None:
            course[plant.groups[SinkKind.POOL].rows, step] = plant.pools.temp_c()
    plant.restore(before)
    return course


def _held_c(lower_c: Floats, coldest_c: Floats) -> Floats:
    return np.asarray(np.where(coldest_c < lower_c - 1e-6, coldest_c - _SLACK_K, lower_c))


def _room_forcing(ua: float, mass_out: float, gains_w: float, outdoor: Floats, sun: Floats) -> Floats:
    air = ua * outdoor + gains_w + AIR_SHARE_OF_SUN * sun
    return np.stack([np.zeros(len(sun)), air, mass_out * outdoor + (1 - AIR_SHARE_OF_SUN) * sun], axis=1)


def _units(
    scenario: Scenario, layout: Layout, plant: Plant, series: Series, rate: Floats
) -> tuple[list[LinearUnit], list[int], float]:
    """Units that are alike in a sink are one; gives them, their sites, and the constant cost of standby."""
    alike: dict[tuple[int, ...], list[int]] = {}
    coldest = _coldest_load_c(layout, plant)
    first = np.searchsorted(
        layout.node_unit[np.argsort(layout.node_unit, kind="stable")], np.arange(len(layout.unit_ids))
    )
    node_of = np.argsort(layout.node_unit, kind="stable")[first]
    for row in range(len(layout.unit_ids)):
        node = int(node_of[row])
        key = (int(layout.unit_site[row]), int(layout.unit_sink[row]), *_signature(layout, row, node))
        alike.setdefault(key, []).append(row)
    units: list[LinearUnit] = []
    sites: list[int] = []
    constant = 0.0
    for rows in alike.values():
        row, site, sink = rows[0], int(layout.unit_site[rows[0]]), int(layout.unit_sink[rows[0]])
        node = int(node_of[row])
        nodes = int(np.isin(layout.node_unit, rows).sum())
        cost = rate * layout.site_pue[site] / J_PER_KWH
        off_w, slots = float(layout.node_off_w[node]), int(layout.node_slots[node])
        # above standby: a pace between off and the best one costs no more than a mix of these two
        power, speed = hull(float(layout.node_idle_w[node]) - off_w, float(layout.node_max_w[node]) - off_w)
        capture = float(layout.unit_capture[row])
        if sink >= 0:
            loss_w = layout.unit_case_ua_w_per_k[row] * max(coldest[sink] - PLANT_ROOM_TEMP_C, 0.0)
            capture = max(capture - float(loss_w) / float(layout.unit_max_w[row]), 0.0)
        above = power * nodes
        units.append(
            LinearUnit(
                sink=sink,
                power_max_w=float(above[-1]),
                speed_w=above,
                speed=speed * nodes * slots * float(layout.node_speed[node]),
                capture=capture,
                electric_cost=cost,
                burns=scenario.filler and sink >= 0,
            )
        )
        sites.append(-1)
        if sink >= 0:
            free_w = (off_w + (0.0 if scenario.filler else float(layout.node_idle_w[node]))) * nodes
            zero = np.zeros(2)
            units.append(
                LinearUnit(
                    sink=sink,
                    power_max_w=off_w * nodes,
                    speed_w=zero,
                    speed=zero,
                    capture=float(layout.unit_capture[row]),  # a loop without power stands cold and loses nothing
                    electric_cost=cost * 0.0,
                    burns=True,
                )
            )
            sites.append(-1)
            if not scenario.filler:  # nodes that idle give heat, too
                units.append(
                    LinearUnit(
                        sink=sink,
                        power_max_w=free_w,
                        speed_w=zero,
                        speed=zero,
                        capture=capture,
                        electric_cost=cost,
                        burns=True,
                    )
                )
                sites.append(-1)
        constant += off_w * nodes * float(cost.sum()) * series.step_s
    return units, sites, constant


def _signature(layout: Layout, row: int, node: int) -> tuple[int, ...]:
    values = (
        layout.node_idle_w[node],
        layout.node_max_w[node],
        layout.node_off_w[node],
        layout.node_slots[node],
        layout.node_speed[node],
        layout.unit_capture[row],
        layout.unit_case_ua_w_per_k[row],
        layout.unit_max_w[row],
    )
    return tuple(round(float(value) * 1e6) for value in values)


def _coldest_load_c(layout: Layout, plant: Plant) -> Floats:
    """Coldest that the load of each sink's loops can be [°C]."""
    coldest = np.full(len(layout.sink_ids), -100.0)
    coldest[plant.groups[SinkKind.NETWORK].rows] = plant.networks.return_c
    if plant.pools is not None:
        coldest[plant.groups[SinkKind.POOL].rows] = np.minimum(plant.pools.lower_c, plant.pools.state)
    return coldest
