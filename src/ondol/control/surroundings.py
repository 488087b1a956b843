"""Weather, mains water and draws for virtual hardware, from the series that ship in the package."""

from __future__ import annotations

import datetime as dt

from ondol.control.skies import skies_over
from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.ids import SinkId, SiteId
from ondol.model.sink import Tank
from ondol.model.site import Site
from ondol.signals.sun import facade_w_m2, sun_altitude_rad
from ondol.signals.water import HotWaterDraws, MainsWater
from ondol.signals.weather import Weather


class Sky:
    """What acts on the sites of one climate; the sun is that of the first of them.

    Parameters
    ----------
    site : whose climate, latitude and longitude it has
    litres_per_day : mean draw of every tank [L/d]

    Raises
    ------
    InvalidFieldError : no series of this climate is in the package
    """

    def __init__(self, site: Site, litres_per_day: dict[SinkId, float], draws: HotWaterDraws) -> None:
        self._weather, self._mains = Weather.load(site.climate), MainsWater.load(site.climate)
        self._draws, self._litres_per_day = draws, litres_per_day
        self._latitude_deg, self._longitude_deg = site.latitude_deg, site.longitude_deg

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


class PackagedSurroundings:
    """The surroundings of a fleet: `at_site` gives each site the sky of its climate, `skies` has all of them.

    The rest is the first site's.

    Parameters
    ----------
    fleet : with at least one site

    Raises
    ------
    InvalidFieldError : no site, or a climate of which no series is in the package
    """

    def __init__(self, fleet: Fleet) -> None:
        if not fleet.sites:
            raise InvalidFieldError("fleet.sites", [], "at least one site")
        draws = HotWaterDraws.load()
        litres_per_day = {sink.id: sink.draw_l_per_day for sink in fleet.sinks if isinstance(sink, Tank)}
        skies: dict[str, Sky] = {}
        for site in fleet.sites:
            if site.climate not in skies:
                skies[site.climate] = Sky(site, litres_per_day, draws)
        self._sky_of = {site.id: skies[site.climate] for site in fleet.sites}
        self.skies = skies_over(fleet, lambda site_id: self._sky_of[site_id].outdoor)
        self._first = skies[fleet.sites[0].climate]

    def at_site(self, site_id: SiteId) -> Sky:
        """What acts on a site; one object for all sites of a climate."""
        return self._sky_of[site_id]

    def outdoor(self, at: dt.datetime) -> OutdoorState:
        """Weather at the first site, as `Sky.outdoor`."""
        return self._first.outdoor(at)

    def outdoor_temp_c(self, at: dt.datetime) -> float:
        """Outdoor temperature at the first site, as `Sky.outdoor_temp_c` [°C]."""
        return self._first.outdoor_temp_c(at)

    def mains_temp_c(self, at: dt.datetime) -> float:
        """Temperature of the cold water at the first site [°C]."""
        return self._first.mains_temp_c(at)

    def draw_l(self, sink_id: SinkId, start: dt.datetime, end: dt.datetime) -> float:
        """Hot water that is drawn from a tank of any site between two times [L]."""
        return self._first.draw_l(sink_id, start, end)
