"""The weather that a fleet's sinks stand in: each under the sky of its own site's climate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.view import Floats, Ints

Weather = Callable[[dt.datetime], OutdoorState]
"""Weather at an aware time; of times past what the weather service says of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Skies:
    """Some skies, and which one each sink stands under.

    Parameters
    ----------
    names : of the skies; a fleet's are named after their climates
    weathers : of each
    of_sink : row of each sink's sky, in the fleet's order of sinks
    """

    names: tuple[str, ...]
    weathers: tuple[Weather, ...]
    of_sink: Ints

    def at(self, moments: list[dt.datetime]) -> tuple[Floats, Floats]:
        """Outdoor temperature [°C] and sun on a mean façade [W/m²], (skies, moments)."""
        told = [[weather(moment) for moment in moments] for weather in self.weathers]
        outdoor_c = np.array([[one.temp_c for one in sky] for sky in told]).reshape(len(self.names), len(moments))
        sun_w_m2 = np.array([[one.solar_w_m2 for one in sky] for sky in told]).reshape(len(self.names), len(moments))
        return outdoor_c, sun_w_m2

    def over_sinks(self, values: Floats) -> Floats:
        """Give each sink its sky's row, (sinks, moments); a single row of (moments,) is every sky's."""
        rows = np.atleast_2d(values)
        if len(rows) == 1:  # a view: two months of a city are a gigabyte
            return np.broadcast_to(rows[0], (len(self.of_sink), rows.shape[1]))
        return np.asarray(rows[self.of_sink])


def one_sky(weather: Weather, sinks: int) -> Skies:
    """All of so many sinks under one sky."""
    return Skies(names=("",), weathers=(weather,), of_sink=np.zeros(sinks, dtype=np.int64))


def skies_over(fleet: Fleet, weather_at: Callable[[SiteId], Weather]) -> Skies:
    """A fleet's skies by climate, in the order of its sites; of sites with one climate the first one's sky counts."""
    first: dict[str, Weather] = {}
    climate_of = {}
    for site in fleet.sites:
        climate_of[site.id] = site.climate
        first.setdefault(site.climate, weather_at(site.id))
    names = tuple(first)
    rows = [names.index(climate_of[sink.site_id]) for sink in fleet.sinks]
    return Skies(names=names, weathers=tuple(first.values()), of_sink=np.array(rows, dtype=np.int64))
