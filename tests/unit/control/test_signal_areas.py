"""Which sites are published together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ondol.control.signal_areas import Areas, areas_of
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
