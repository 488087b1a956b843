"""Rooms and tanks of a twin fitted to what its sensors and meters showed while it lived."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import msgspec
import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SinkId, SiteId
from ondol.model.sink import Tank, Zone
from ondol.model.view import Floats
from ondol.thermal.fit.room_fit import FIELDS, fit_room
from ondol.thermal.fit.room_open_loop import RoomReadings, capacity_6h_j_per_k, loss_w_per_k
from ondol.thermal.fit.tank_fit import TankReadings, fit_tank
from ondol.thermal.water import WATER_CP_J_PER_KG_K, WATER_DENSITY_KG_PER_M3
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.layout import SinkKind
from ondol.twin.scenario.sinks import RoomSpec, SinkSpec, TankSpec

GUESS_SIGMA = 0.35
"""Size of the log-normal error of what is believed before: a survey is right within a third, two times of three."""

_MASS_J_PER_K_M2 = 1.6e5  # of floor, as `Zone` has it: bounds and priors of a fit go by the floor area
_GUESS = 14  # of the draws of lots


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSink:
    """A sink as it was fitted.

    Parameters
    ----------
    sink : its full name
    spec, guess : its specification with the fitted numbers, and with those believed before
    guess_errors, errors : of the guess before and of the fit, relative to the truth, by what is fitted
    identifiable, reason : the fit's own verdict
    days : of readings that were used
    """

    sink: str
    spec: SinkSpec
    guess: SinkSpec
    guess_errors: dict[str, float]
    errors: dict[str, float]
    identifiable: bool
    reason: str
    days: float


class Probe:
    """Reads the rooms and tanks of a living twin, step by step: thermometers with their noise, heat and water meters.

    Of a room its air, the heat from its units less what was let out, and its backup's; of a tank the mean of its
    layers' thermometers, its charge and the heat drawn above the cold water's temperature.
    """

    def __init__(self, twin: FleetTwin) -> None:
        self._twin = twin
        self._temp_c: list[Floats] = []
        self._in_w: list[Floats] = []
        self._out_w: list[Floats] = []
        self._first = twin.step

    def live(self, steps: int) -> None:
        """Let the twin live, and read it."""
        twin = self._twin
        for _ in range(min(steps, twin.series.steps - twin.step)):
            self._temp_c.append(twin.told().temp_c)
            twin.live(1)
            plant = twin.plant
            self._in_w.append(plant.heat_w - plant.dumped_w)
            self._out_w.append(plant.wanted_w - plant.backup_w)
            if len(plant.rooms.ua):
                rows = plant.groups[SinkKind.ROOM].rows
                self._in_w[-1][rows] += plant.backup_w[rows]

    def fit(self) -> list[FittedSink]:
        """Fit every room and tank, from guesses that are wrong by `GUESS_SIGMA`, drawn from the scenario's seed.

        Raises
        ------
        InvalidFieldError : too few days, or steps that are too short or too long for a fit
        """
        twin, found = self._twin, []
        temp_c, in_w, out_w = (np.array(rows) for rows in (self._temp_c, self._in_w, self._out_w))
        if len(temp_c) < 2:
            raise InvalidFieldError("readings", len(temp_c), "at least two steps that the probe has lived")
        for row, spec in enumerate(twin.layout.sink_specs):
            lots = np.random.Generator(np.random.PCG64(np.random.SeedSequence([twin.scenario.seed, _GUESS, row])))
            name, series = str(twin.layout.sink_ids[row]), (temp_c[:, row], in_w[:, row], out_w[:, row])
            if isinstance(spec, RoomSpec):
                found.append(self._fit_room(name, row, spec, series, lots))
            elif isinstance(spec, TankSpec):
                found.append(self._fit_tank(name, spec, series, lots))
        return found

    def _fit_room(
        self, name: str, row: int, spec: RoomSpec, series: tuple[Floats, ...], lots: np.random.Generator
    ) -> FittedSink:
        twin, (temp_c, in_w, _) = self._twin, series
        window = slice(self._first, self._first + len(temp_c))
        site = twin.layout.site_specs[twin.layout.sink_site[row]]
        sky = 0 if site is None else twin.series.sky_of_site[site.id]
        readings = RoomReadings(
            step_s=twin.series.step_s,
            temp_c=temp_c,
            heat_w=in_w,
            outdoor_c=twin.series.outdoor_c[sky, window],
            sun_w_per_m2=twin.series.solar_w_m2[sky, window],
        )
        true = _zone(spec, spec)
        wrong = np.exp(GUESS_SIGMA * lots.standard_normal(len(FIELDS)))
        guessed = {
            field: float(getattr(spec, field)) * factor for field, factor in zip(FIELDS, wrong.tolist(), strict=True)
        }
        guess_spec = msgspec.structs.replace(spec, **guessed)
        guess = _zone(guess_spec, spec)
        fit = fit_room(readings, guess)
        numbers = {field: float(getattr(fit.zone, field)) for field in FIELDS}
        return FittedSink(
            sink=name,
            spec=msgspec.structs.replace(spec, **numbers),
            guess=guess_spec,
            guess_errors=_room_errors(guess, true),
            errors=_room_errors(fit.zone, true),
            identifiable=fit.identifiable,
            reason=fit.reason,
            days=fit.days,
        )

    def _fit_tank(self, name: str, spec: TankSpec, series: tuple[Floats, ...], lots: np.random.Generator) -> FittedSink:
        temp_c, in_w, out_w = series
        readings = TankReadings(
            step_s=self._twin.series.step_s,
            temp_c=temp_c,
            charge_w=in_w,
            draw_w=out_w,
            ambient_c=np.full(len(temp_c), spec.ambient_c),
        )
        volume_l, ua = (np.exp(GUESS_SIGMA * lots.standard_normal(2)) * (spec.volume_l, spec.ua_w_per_k)).tolist()
        guess = Tank(id=SinkId(name), site_id=SiteId("site"), name=name, volume_l=volume_l, ua_w_per_k=ua)
        fit = fit_tank(readings, guess)
        fitted_l = fit.capacity_j_per_k / (WATER_DENSITY_KG_PER_M3 * WATER_CP_J_PER_KG_K) * 1000.0
        return FittedSink(
            sink=name,
            spec=msgspec.structs.replace(spec, volume_l=fitted_l, ua_w_per_k=fit.ua_w_per_k),
            guess=msgspec.structs.replace(spec, volume_l=volume_l, ua_w_per_k=ua),
            guess_errors={"loss": _error(ua, spec.ua_w_per_k), "capacity": _error(volume_l, spec.volume_l)},
            errors={
                "loss": _error(fit.ua_w_per_k, spec.ua_w_per_k),
                "capacity": _error(fitted_l, spec.volume_l),
            },
            identifiable=fit.identifiable,
            reason=fit.reason,
            days=fit.days,
        )


def _zone(spec: RoomSpec, true: RoomSpec) -> Zone:
    """A room's numbers as a zone; the floor is that of the true room, which anybody can measure."""
    numbers = {field: float(getattr(spec, field)) for field in FIELDS}
    area_m2 = max(true.mass_j_per_k / _MASS_J_PER_K_M2, 1.0)
    bare = Zone(id=SinkId("room"), site_id=SiteId("site"), name=spec.id, floor_area_m2=area_m2)
    return dataclasses.replace(bare, **numbers)  # type: ignore[arg-type]  # FIELDS are all numbers


def _room_errors(zone: Zone, true: Zone) -> dict[str, float]:
    return {
        "loss": _error(loss_w_per_k(zone), loss_w_per_k(true)),
        "capacity over 6 h": _error(capacity_6h_j_per_k(zone), capacity_6h_j_per_k(true)),
        "sun aperture": _error(zone.solar_aperture_m2, true.solar_aperture_m2),
        "gains": _error(zone.gains_w, true.gains_w),
    }


def _error(found: float, true: float) -> float:
    return found / true - 1.0 if true else 0.0
