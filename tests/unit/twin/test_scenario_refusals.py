"""What a scenario file may not say: each is refused with its place before anything is lived through."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.twin.layout import lay_out
from ondol.twin.scenario import load_scenario, read_scenario
from ondol.twin.scenario.backup import backup_rates
from ondol.twin.scenario.series import make_series

TOP = 'name = "x"\nbegin = 2026-01-05T00:00:00Z\ndays = 1\n'
SINK = '[[site]]\nid = "a"\n[[site.sink]]\nid = "s"\nkind = "{kind}"\n'
UNIT = "[[site.sink.unit]]\n"
ROOM = SINK.format(kind="room")
WHOLE = TOP + ROOM + UNIT


def test_the_least_that_a_scenario_says_is_enough() -> None:
    scenario = read_scenario(WHOLE)
    assert scenario.steps == 288
    assert lay_out(scenario).unit_ids == ("a-s-u1", "overflow-rack-u1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # keys and kinds
        (TOP + "colour = 1\n" + ROOM + UNIT, "colour"),
        (WHOLE + "watts = 5\n", "site[0].sink[0].unit[0]"),
        (TOP + ROOM + 'days = "five"\n' + UNIT, "days"),
        (WHOLE.replace("days = 1", 'days = "one"'), "days"),
        (WHOLE.replace("days = 1\n", ""), "days"),
        (WHOLE + "nodes = 1.5\n", "nodes"),
        (TOP + SINK.format(kind="lake"), "lake"),
        (TOP + '[[site]]\nid = "a"\n[[site.sink]]\nid = "s"\n', "kind"),
        (TOP + "[[site]]\n" + UNIT, "site"),
        ("not toml", "scenario"),
        (WHOLE + "\x00", "scenario"),
        # times
        (WHOLE.replace("00:00:00Z", "00:00:00"), "begin"),
        (WHOLE.replace("2026-01-05T00:00:00Z", '"tomorrow"'), "begin"),
        (WHOLE.replace("days = 1", "days = 0"), "days"),
        (WHOLE.replace("days = 1", "days = nan"), "days"),
        (WHOLE.replace("days = 1", "days = inf"), "days"),
        (WHOLE.replace("days = 1", "days = 1\nstep_s = 5"), "step_s"),
        (WHOLE.replace("days = 1", "days = 1\nstep_s = 7200"), "step_s"),
        (WHOLE.replace("days = 1", "days = 1\nstep_s = 150\nplace_s = 151"), "place_s"),
        (WHOLE.replace("days = 1", "days = 1\nplace_s = -1"), "place_s"),
        (WHOLE.replace("days = 1", "days = 1\nplan_s = 1"), "plan_s"),
        (WHOLE.replace("days = 1", "days = 1\nseed = -1"), "seed"),
        # sites and names
        (TOP, "site"),
        (TOP + "site = []\n", "site"),
        (TOP + '[[site]]\nid = "a"\n', "site[a]"),
        (TOP + ROOM + UNIT + ROOM + UNIT, "site.id"),
        (TOP + ROOM + UNIT + '[[site.sink]]\nid = "s"\nkind = "room"\n', "site[a].sink.id"),
        (WHOLE.replace('id = "a"', 'id = "A b"'), "site.id"),
        (WHOLE.replace('id = "a"', 'id = "a"\ncount = 0'), "site[a].count"),
        (WHOLE.replace('id = "a"', 'id = "a"\npue = 0.9'), "site[a].pue"),
        (WHOLE.replace('id = "a"', 'id = "a"\npue = nan'), "site[a].pue"),
        (WHOLE.replace('id = "a"', 'id = "a"\ntimezone = "Mars/Olympus"'), "site[a].timezone"),
        (WHOLE.replace('id = "a"', 'id = "a"\ntimezone = "../etc/passwd"'), "site[a].timezone"),
        (WHOLE.replace('id = "a"', 'id = "a"\nelectrical_limit_w = 0'), "site[a].electrical_limit_w"),
        (WHOLE.replace('id = "a"', 'id = "a"\nlatitude_deg = 91'), "site[a].latitude_deg"),
        # sinks
        (TOP + ROOM + "band_k = 0\n", "sink[s].band_k"),
        (TOP + ROOM + "setpoint_c = 293.15\n", "sink[s].setpoint_c"),
        (TOP + ROOM + "air_j_per_k = -1\n", "sink[s].air_j_per_k"),
        (TOP + ROOM + "initial_temp_c = nan\n", "sink[s].initial_temp_c"),
        (TOP + ROOM + "backup_max_w = -5\n", "sink[s].backup_max_w"),
        (TOP + SINK.format(kind="tank") + "draw_l_per_day = -20\n", "sink[s].draw_l_per_day"),
        (TOP + SINK.format(kind="tank") + "layers = 1\n", "sink[s].layers"),
        (TOP + SINK.format(kind="tank") + "flow_kg_s = 0\n", "sink[s].flow_kg_s"),
        (TOP + SINK.format(kind="pool") + "hall_humidity = 60\n", "sink[s].hall_humidity"),
        (TOP + SINK.format(kind="network") + "share = 1.5\n", "sink[s].share"),
        # units
        (WHOLE + "idle_w = 90\n", "unit.idle_w"),
        (WHOLE + "off_w = 31\n", "unit.off_w"),
        (WHOLE + "max_w = 0\n", "unit.max_w"),
        (WHOLE + "slots = 0\n", "unit.slots"),
        (WHOLE + "boot_s = -1\n", "unit.boot_s"),
        (WHOLE + "off_after_s = nan\n", "unit.off_after_s"),
        (WHOLE + "capture = 1.1\n", "unit.capture"),
        (WHOLE + "speed = 0\n", "unit.speed"),
        # the rest
        (WHOLE + "[overflow]\npue = 0.5\n", "overflow.pue"),
        (WHOLE + "[overflow]\nidle_w = 500\n", "overflow.idle_w"),
        (WHOLE + "[overflow]\nmax_w = nan\n", "overflow.max_w"),
        (WHOLE + "[overflow]\noff_after_s = -1\n", "overflow.off_after_s"),
        (WHOLE + '[work]\nsource = "rumour"\n', "work.source"),
        (WHOLE + '[work]\nsource = "csv"\n', "work.path"),
        (WHOLE + "[work]\non_demand = 0.9\n", "work.on_demand + flex + harvest"),
        (WHOLE + "[work]\non_demand = -0.3\nflex = 1.1\n", "work.on_demand + flex + harvest"),
        (WHOLE + "[work]\nflex_slack_h = []\n", "work.flex_slack_h"),
        (WHOLE + "[work]\nflex_slack_h = [nan]\n", "work.flex_slack_h"),
        (WHOLE + "[work]\nflex_slack_h = [6, 0]\n", "work.flex_slack_h"),
        (WHOLE + "[work]\nload = 0.5\nheat_load = 0.5\n", "work.load"),
        (WHOLE + "[work]\nresumable = 2\n", "work.resumable"),
        (WHOLE + '[grid]\ncountry = "XX"\n', "grid.country"),
        (WHOLE + '[grid]\nmethod = "guess"\n', "grid.method"),
        (WHOLE + '[grid]\nmethod = "life-cycle"\n', "grid.method"),
        (WHOLE + "[grid]\nprice_eur_per_kwh = -1\n", "grid.price_eur_per_kwh"),
        (WHOLE + '[backup]\nkind = "wood"\n', "backup.kind"),
        (WHOLE + '[forecast]\nkind = "oracle"\n', "forecast.kind"),
        (WHOLE + "[forecast]\nphi = 1.0\n", "forecast.phi"),
        (WHOLE + "[fault]\nnode_mtbf_h = 0\n", "fault.node_mtbf_h"),
        (WHOLE + "[fault]\nnode_mtbf_h = nan\n", "fault.node_mtbf_h"),
        (WHOLE + "[fault]\nsensor_noise_k = 50\n", "fault.sensor_noise_k"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InvalidFieldError) as error:
        read_scenario(text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("sites", "field"),
    [
        # site a-1 of two alike ones, and a site of that name
        (ROOM.replace('id = "a"', 'id = "a"\ncount = 2') + UNIT + ROOM.replace('"a"', '"a-1"') + UNIT, "site.id"),
        # sink b-s of site a, and sink s of site a-b
        (ROOM.replace('"s"', '"b-s"') + UNIT + ROOM.replace('"a"', '"a-b"') + UNIT, "sink.id"),
        # units of a sink that is called as the racks are
        (ROOM.replace('"s"', '"rack"') + UNIT + "[[site.rack]]\n", "unit.id"),
        (ROOM.replace('"a"', '"overflow"') + UNIT, "site.id"),
    ],
)
def test_names_that_run_into_each_other_are_refused(sites: str, field: str) -> None:
    with pytest.raises(InvalidFieldError, match=field):
        lay_out(read_scenario(TOP + sites))


def test_district_heat_has_no_direct_factors(tmp_path: Path) -> None:
    scenario = read_scenario(WHOLE + '[backup]\nkind = "district"\n')
    with pytest.raises(InvalidFieldError, match=r"backup\.kind"):
        backup_rates(scenario, make_series(scenario, tmp_path))


def test_a_scenario_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"none\.toml"):
        load_scenario(tmp_path / "none.toml")


def test_a_file_names_itself_in_what_it_says_wrong(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("name = 5\n")
    with pytest.raises(InvalidFieldError, match=r"mine\.toml"):
        load_scenario(path)
    path.write_bytes(b'name = "\xff"\n')
    with pytest.raises(InvalidFieldError, match=r"mine\.toml"):
        load_scenario(path)
