"""Facts from outside, with their time: weather, mains water, hot-water draws, grid carbon. Packaged, attributed."""

from ondol.signals.attribution import attributions
from ondol.signals.carbon import GridCarbon
from ondol.signals.sun import sun_altitude_rad
from ondol.signals.water import HotWaterDraws, MainsWater
from ondol.signals.weather import Outdoor, Weather, WeatherForecast

__all__ = [
    "GridCarbon",
    "HotWaterDraws",
    "MainsWater",
    "Outdoor",
    "Weather",
    "WeatherForecast",
    "attributions",
    "sun_altitude_rad",
]
