"""How far the meters of sites may be off, as their classes of accuracy were stated in the fleet file."""

from __future__ import annotations

from collections.abc import Mapping

from ondol.model.fleet import Fleet


def electricity_error(fleet: Fleet) -> dict[str, float]:
    """By site, relative expanded uncertainty of its own electricity meters, the worst of several."""
    return _worst(fleet, "electric_meter", {site.id: site.id for site in fleet.sites})


def heat_error(fleet: Fleet) -> dict[str, float]:
    """By site, relative expanded uncertainty of its heat meters, those of its units too, the worst of several."""
    site_of = {str(unit.id): str(unit.site_id) for unit in fleet.units} | {site.id: site.id for site in fleet.sites}
    return _worst(fleet, "heat_meter", site_of)


def _worst(fleet: Fleet, point: str, site_of: Mapping[str, str]) -> dict[str, float]:
    """None of a site where one of its meters has no stated class."""
    by_site: dict[str, list[float]] = {}
    for one in fleet.bindings:
        if one.point == point and one.entity_id in site_of and one.connection_id:
            by_site.setdefault(site_of[one.entity_id], []).append(one.uncertainty)
    return {site: max(found) for site, found in by_site.items() if all(found)}
