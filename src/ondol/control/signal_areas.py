"""Which sites are published together, so that no signal tells of a single home."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ondol.model.ids import AccountId, SiteId
from ondol.model.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Sites that are published as one.

    Parameters
    ----------
    name : a region, or the country that small regions were merged into
    regions : whose sites these are
    """

    name: str
    regions: tuple[str, ...]
    sites: tuple[SiteId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Areas:
    """A fleet by what may be published of it; no site is in two areas, so that no difference of two tells of one.

    Parameters
    ----------
    published : by name
    place_of : of every region, the area that it is published in, "" where it is withheld
    """

    published: tuple[Area, ...]
    place_of: Mapping[str, str]


def region_of(site: Site) -> str:
    """Region of a site: its own, else its country."""
    return site.region or site.country


def areas_of(
    sites: Iterable[Site], hosts_of: Callable[[SiteId], frozenset[AccountId]], least: int, heats: frozenset[SiteId]
) -> Areas:
    """Put sites together until each area has enough of them.

    A region with sites of `least` hosts is an area. All others of a country are merged with one another, and with sites
    that have no region, under the country's name; where even these are of fewer hosts they are withheld. They are not
    added to an area that could stand by itself: the difference would give them away.

    Hosts count, not sites: sites that share a host count once, together. A site without a host is one of
    its own.

    Parameters
    ----------
    heats : sites with something to heat; others have no signal
    """
    by_region: dict[str, list[Site]] = {}
    country_of: dict[str, str] = {}
    for site in sorted(sites, key=lambda one: one.id):
        if site.id in heats:
            by_region.setdefault(region_of(site), []).append(site)
            country_of.setdefault(region_of(site), site.country)
    published: list[Area] = []
    place_of: dict[str, str] = {}
    rest: dict[str, list[str]] = {}
    for region in sorted(by_region):
        if region != country_of[region] and count_hosts(by_region[region], hosts_of) >= least:
            published.append(Area(name=region, regions=(region,), sites=tuple(one.id for one in by_region[region])))
            place_of[region] = region
        else:
            rest.setdefault(country_of[region], []).append(region)
    for country in sorted(rest):
        merged = [one for region in rest[country] for one in by_region[region]]
        enough = count_hosts(merged, hosts_of) >= least
        for region in rest[country]:
            place_of[region] = country if enough else ""
        if enough:
            ids = tuple(sorted(one.id for one in merged))
            published.append(Area(name=country, regions=tuple(rest[country]), sites=ids))
    return Areas(published=tuple(sorted(published, key=lambda one: one.name)), place_of=place_of)


def count_hosts(sites: Iterable[Site], hosts_of: Callable[[SiteId], frozenset[AccountId]]) -> int:
    """How many hosts sites have at least: groups that share no host with one another."""
    above: dict[str, str] = {}  # each host's next one on the way to the first of its group
    groups = 0

    def first_of(host: str) -> str:
        while above[host] != host:
            above[host] = above[above[host]]
            host = above[host]
        return host

    for site in sites:
        mine = [f"account {host}" for host in sorted(hosts_of(site.id))] or [f"site {site.id}"]
        fresh = [host for host in mine if host not in above]
        above.update((host, host) for host in fresh)
        groups += len(fresh)
        first = first_of(mine[0])
        for host in mine[1:]:
            other = first_of(host)
            if other != first:
                above[other] = first
                groups -= 1
    return groups
