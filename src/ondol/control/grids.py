"""Carbon intensity of every grid that a fleet's sites draw from, by platform time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from ondol.control.clock import utc
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.view import Floats
from ondol.signals.carbon import GridCarbon


class Grids:
    """The grids of a fleet's countries, loaded once; `notes` say where their figures come from."""

    def __init__(self, fleet: Fleet) -> None:
        self._grids = {country: GridCarbon.load(country) for country in sorted({site.country for site in fleet.sites})}
        self._country = {site.id: site.country for site in fleet.sites}
        self.notes = tuple(grid.note for grid in self._grids.values())

    def at(self, country: str, when_s: float) -> float:
        """Intensity at a platform time [s since the epoch], [gCO2e/kWh]."""
        return self._grids[country].g_per_kwh(utc(when_s))

    def at_site(self, site_id: SiteId) -> Callable[[dt.datetime], float]:
        """Intensity at a time of the grid that a site draws from [gCO2e/kWh]: what a hygiene cycle costs there.

        No signal of the price of electricity ships with Ondol; carbon stands for it.
        """
        return self._grids[self._country[site_id]].g_per_kwh

    def ahead(self, country: str, start_s: float, step_s: float, steps: int) -> Floats:
        """Intensity of each of `steps` steps from `start_s` on [s since the epoch], [gCO2e/kWh]."""
        return self._grids[country].horizon(utc(start_s), steps, step_s)
