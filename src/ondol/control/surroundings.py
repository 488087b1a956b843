"""Weather, mains water and draws for virtual hardware, from the series that ship in the package."""

from __future__ import annotations

import datetime as dt

from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.ids import SinkId
from ondol.model.sink import Tank
from ondol.signals.sun import facade_w_m2, sun_altitude_rad
from ondol.signals.water import HotWaterDraws, MainsWater
from ondol.signals.weather import Weather


class PackagedSurroundings:
    """The surroundings of a fleet in one climate.

    Parameters
    ----------
    fleet : all its sites must name the same climate, for the virtual plant has one sky
    """

    def __init__(self, fleet: Fleet) -> None:
        climates = sorted({site.climate for site in fleet.sites})
        if len(climates) != 1:
            raise InvalidFieldError("site.climate", climates, "one climate for all sites with virtual hardware")
        self._weather = Weather.load(climates[0])
        self._mains = MainsWater.load(climates[0])
        self._draws = HotWaterDraws.load()
        self._litres_per_day = {sink.id: sink.draw_l_per_day for sink in fleet.sinks if isinstance(sink, Tank)}
        self._latitude_deg = fleet.sites[0].latitude_deg
        self._longitude_deg = fleet.sites[0].longitude_deg

    def outdoor(self, at: dt.datetime) -> OutdoorState:
        """Weather at an aware time; the sun is that on a mean façade."""
        weather = self._weather.at(at)
        altitude = sun_altitude_rad(at, self._latitude_deg, self._longitude_deg)
        facade = facade_w_m2(weather.direct_normal_w_m2, weather.diffuse_horizontal_w_m2, altitude)
        return OutdoorState(temp_c=weather.temp_c, solar_w_m2=facade)

    def outdoor_temp_c(self, at: dt.datetime) -> float:
        """Outdoor temperature at a time, as forecast by the typical year itself [°C]."""
        return self._weather.at(at).temp_c

    def mains_temp_c(self, at: dt.datetime) -> float:
        """Temperature of the cold water [°C]."""
        return self._mains.at(at)

    def draw_l(self, sink_id: SinkId, start: dt.datetime, end: dt.datetime) -> float:
        """Hot water that is drawn from a tank between two times [L]."""
        scale = self._litres_per_day.get(sink_id, 0.0)
        return self._draws.litres(start, end, scale, sink_id) if scale > 0 else 0.0
