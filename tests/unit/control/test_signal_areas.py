"""Which sites are published together."""

from __future__ import annotations

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from ondol.control.signal_areas import Areas, areas_of, count_hosts
from ondol.model.ids import AccountId, SiteId
from ondol.model.site import Site


def areas(places: dict[str, str], hosts: dict[str, set[str]] | None = None, least: int = 3) -> Areas:
    """Areas of sites by id, each in "COUNTRY" or "COUNTRY/region"."""
    sites = [
        Site(id=SiteId(key), name=key, country=where.partition("/")[0], region=where.partition("/")[2])
        for key, where in places.items()
    ]
    hosts_of = {key: frozenset(map(AccountId, names)) for key, names in (hosts or {}).items()}
    heats = frozenset(site.id for site in sites)
    return areas_of(sites, lambda site: hosts_of.get(site, frozenset()), least, heats)


def test_a_region_with_enough_hosts_stands_by_itself_and_small_ones_are_their_countrys():
    found = areas({**{f"a{k}": "FR/fr-idf" for k in range(3)}, "b0": "FR/fr-bre", "b1": "FR/fr-nor", "b2": "FR"})
    assert [(area.name, area.sites) for area in found.published] == [
        ("FR", ("b0", "b1", "b2")),
        ("fr-idf", ("a0", "a1", "a2")),
    ]
    assert found.place_of == {"fr-idf": "fr-idf", "fr-bre": "FR", "fr-nor": "FR", "FR": "FR"}


def test_too_few_are_withheld_and_not_added_to_others_whose_difference_would_give_them_away():
    found = areas({**{f"a{k}": "FR/fr-idf" for k in range(3)}, "b0": "FR/fr-bre", "c0": "BE"})
    assert [area.name for area in found.published] == ["fr-idf"]
    assert found.place_of == {"fr-idf": "fr-idf", "fr-bre": "", "BE": ""}


def test_sites_that_share_a_host_count_once():
    """Given three sites of which two have a common host, then they are two hosts: withheld."""
    places = {"a": "FR", "b": "FR", "c": "FR"}
    assert not areas(places, {"a": {"anna"}, "b": {"anna", "ben"}, "c": {"carl"}}).published
    assert areas(places, {"a": {"anna"}, "b": {"ben"}, "c": {"carl"}}).published
    chain = {"a": {"anna"}, "b": {"anna", "ben"}, "c": {"ben"}}
    assert not areas({**places, "d": "FR"}, {**chain, "d": {"dora"}}).published


places = st.dictionaries(
    st.sampled_from([f"s{k}" for k in range(12)]), st.sampled_from(["FR", "FR/x", "FR/y", "BE", "BE/z"]), max_size=12
)
owners = st.dictionaries(
    st.sampled_from([f"s{k}" for k in range(12)]), st.sets(st.sampled_from("abcd"), max_size=2), max_size=12
)


@given(places, owners, st.integers(3, 5))
def test_no_area_is_of_too_few_hosts_and_no_site_is_in_two(where, hosts, least):
    found = areas(where, hosts, least)
    shown = [site for area in found.published for site in area.sites]
    assert len(shown) == len(set(shown))
    for area in found.published:
        named = [set(hosts.get(site, ())) or {site} for site in area.sites]
        assert len(set().union(*named)) >= least
        assert len(area.sites) >= least
    assert set(found.place_of) == {place.partition("/")[2] or place.partition("/")[0] for place in where.values()}


@given(st.lists(st.frozensets(st.sampled_from("abcdef"), max_size=3), max_size=14))
def test_hosts_are_counted_by_who_shares_a_site_with_whom(hosts):
    """Given who hosts what, then as many count as there are groups, found by joining any two that share somebody."""
    sites = [Site(id=SiteId(f"s{k}"), name="s", country="FR") for k in range(len(hosts))]
    groups = [set(names) or {site.id} for site, names in zip(sites, hosts, strict=True)]
    while any(one & other for one, other in itertools.combinations(groups, 2)):
        one, other = next(pair for pair in itertools.combinations(groups, 2) if pair[0] & pair[1])
        groups.remove(other)
        one |= other
    of = {site.id: frozenset(map(AccountId, names)) for site, names in zip(sites, hosts, strict=True)}
    assert count_hosts(sites, of.__getitem__) == len(groups)


def test_the_hosts_of_thousands_of_sites_are_counted_at_once():
    """Every submission is told how large the fleet is; comparing each site with each took a second and a half."""
    sites = [Site(id=SiteId(f"s{k}"), name="s", country="FR") for k in range(5_000)]
    begun = time.perf_counter()
    assert count_hosts(sites, lambda site: frozenset({AccountId(f"of {site}")})) == 5_000
    assert time.perf_counter() - begun < 0.5
