"""A fleet file with mistakes is told all of them, each with its line and key."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.site import UnitKind
from ondol.storage.fleet_file import FleetFileError, check_fleet_text, load_fleet

GOOD = textwrap.dedent(
    """\
    [fleet]
    name = "Test fleet"

    [[site]]
    id = "house"
    name = "House"

    [[zone]]
    id = "room"
    site = "house"
    name = "Room"

    [[tank]]
    id = "store"
    site = "house"
    name = "Store"

    [[circuit]]
    id = "loop"
    site = "house"
    kind = "dhw"
    sink = "store"

    [[unit]]
    id = "heater"
    site = "house"
    kind = "digital_heater"
    zone = "room"

    [[unit]]
    id = "boiler"
    site = "house"
    kind = "digital_boiler"
    circuit = "loop"

    [[node]]
    unit = "heater"
    idle_w = 60
    max_w = 500

    [[node]]
    unit = "boiler"
    count = 3
    idle_w = 45
    max_w = 450.0
    memory_mib = 512

    [[request]]
    id = "warm-room"
    target = "room"
    band_k = 0.5
    [[request.slot]]
    days = "mon-fri"
    from = "06:30"
    value = 20
    [[request.slot]]
    from = "22:00"
    value = 17.5

    [[request]]
    id = "hot-water"
    target = "store"
    setpoint_c = 45.0

    [[binding]]
    entity = "room"
    point = "temperature"
    """
)


def changed(old: str, new: str, nth: int = 1) -> str:
    pieces = GOOD.split(old)
    assert len(pieces) > nth
    return old.join(pieces[:nth]) + new + old.join(pieces[nth:])


def with_end(text: str) -> str:
    return GOOD + text + "\n"


def test_a_good_file_gives_its_fleet() -> None:
    fleet = load_fleet(GOOD, "fleet.toml")
    assert check_fleet_text(GOOD) == []
    assert [node.id for node in fleet.nodes] == ["boiler-n1", "boiler-n2", "boiler-n3", "heater-n1"]
    assert fleet.nodes[0].memory_bytes == 512 << 20
    assert fleet.nodes[0].curve.max_w == 450.0
    assert {unit.kind for unit in fleet.units} == {UnitKind.DIGITAL_BOILER, UnitKind.DIGITAL_HEATER}
    warm = next(request for request in fleet.requests if request.id == "warm-room")
    assert warm.site_id == "house"
    assert [(slot.minute, slot.value) for slot in warm.schedule.slots][:2] == [(390, 20.0), (1320, 17.5)]
    assert len(warm.schedule.slots) == 5 + 7
    assert fleet.bindings[0].driver == "virtual"


@pytest.mark.parametrize(
    ("text", "where", "line", "words"),
    [
        (changed('name = "House"', 'nmae = "House"'), "site[house].nmae", 6, "did you mean name?"),
        (changed('name = "House"\n', ""), "site[house].name", 4, "is missing"),
        (changed('kind = "dhw"', "kind = 4"), "circuit[loop].kind", 21, "a text in quotes"),
        (changed('kind = "dhw"', 'kind = "dwh"'), "circuit[loop].kind", 21, "one of dhw, pool"),
        (changed('site = "house"', 'site = "huose"', 4), "unit[heater].site", 26, "did you mean house?"),
        (changed('zone = "room"', 'zone = "rooom"'), "unit[heater].zone", 28, "did you mean room?"),
        (changed('kind = "digital_boiler"', 'kind = "boiler"'), "unit[boiler].kind", 33, "digital_boiler"),
        (
            changed('kind = "digital_boiler"', 'kind = "digital_heater"'),
            "unit[boiler]",
            30,
            "a digital_heater has a zone",
        ),
        (changed("idle_w = 60", "idle_w = 600"), "node[heater].idle_w", 38, "below max_w"),
        (changed("idle_w = 60", "idle_w = true"), "node[heater].idle_w", 38, "true is not allowed; allowed: a number"),
        (changed("count = 3", "count = 0"), "node[boiler].count", 43, "a whole number from 1"),
        (changed("count = 3", 'ids = ["a", "B"]'), "node[boiler].ids", 43, "'B' is not allowed"),
        (changed("memory_mib = 512", "memory_mib = 0"), "node[boiler].memory_mib", 46, "a whole number"),
        (changed("band_k = 0.5", "band_k = 0.0"), "request[warm-room].band_k", 51, "from 0.05 to 20 K"),
        (changed('target = "room"', 'target = "cellar"'), "request[warm-room].target", 50, "a zone, tank or pool"),
        (changed('"06:30"', '"6h30"'), "request[warm-room].slot[1].from", 54, "a time of day"),
        (changed('"mon-fri"', '"monday"'), "request[warm-room].slot[1].days", 53, "mon"),
        (changed("value = 17.5", "value = 175"), "request[warm-room].slot[2].value", 58, "from 4 to 90 °C"),
        (changed("setpoint_c = 45.0", "power_w = 45.0"), "request[hot-water].power_w", 63, 'unless kind = "power"'),
        (changed("setpoint_c = 45.0\n", ""), "request[hot-water]", 60, "one of them is needed"),
        (
            changed('point = "temperature"', 'point = "temperature"\ndriver = "mqtt"'),
            "binding[room].driver",
            68,
            "left out where connection says",
        ),
        (changed('entity = "room"', 'entity = "romo"'), "binding[romo.temperature].entity", 66, "is not allowed"),
        (with_end('[[binding]]\nentity = "room"\npoint = "temperature"'), "binding[room.temperature]", 65, "once only"),
        (
            with_end('[[binding]]\nentity = "store"\npoint = "temperature"\nconnection = "bus"'),
            "binding[store.temperature].connection",
            71,
            "a connection of its site",
        ),
        (
            with_end('[[binding]]\nentity = "store"\npoint = "warmth"'),
            "binding[store].point",
            70,
            "one of temperature",
        ),
        (
            with_end('[[binding]]\nentity = "store"\npoint = "temperature"\nscale = 0'),
            "binding[store].scale",
            71,
            "not 0",
        ),
        (
            with_end('[[connection]]\nid = "bus"\nsite = "house"\ndriver = "modbus"'),
            "connection[bus].host",
            68,
            "serial in its place",
        ),
        (
            changed('name = "Store"', 'name = "Store"\nbackup_kind = "gas"'),
            "tank[store].backup_kind",
            17,
            "together with backup_power_w",
        ),
        (
            changed('name = "Store"', 'name = "Store"\nhygiene = "fr-2005"\ntemp_max_c = 60'),
            "tank[store].temp_max_c",
            18,
            "where a hygiene rule holds",
        ),
        (
            changed('zone = "room"', 'zone = "room"\nquiet_from = "22h"\nquiet_to = "07:00"'),
            "unit[heater].quiet_from",
            29,
            "a time of day",
        ),
        (changed('id = "store"', 'id = "room"'), "tank[room].id", 14, "line 9 has it already"),
        (changed("[[zone]]", "[zone]"), "zone", 8, "write [[zone]]"),
        (changed("[[tank]]", "[[tanks]]"), "tanks", 13, "did you mean tank?"),
        (changed('name = "House"', 'name = "House"\ntimezone = "Europe/Pari"'), "site[house].timezone", 7, "IANA"),
        (changed('name = "House"', 'name = "House"\nclimate = "H9"'), "site[house].climate", 7, "H1a"),
        (changed('name = "House"', 'name = "House"\npue = 1e400'), "site[house].pue", 7, "from 1 to 3"),
    ],
)
def test_each_mistake_is_told_with_line_and_key(text: str, where: str, line: int, words: str) -> None:
    found = {mistake.where: mistake for mistake in check_fleet_text(text)}
    assert where in found, list(found)
    assert found[where].line == line
    assert words in found[where].message


def test_one_wrong_value_is_one_mistake() -> None:
    for old, new in (
        ('id = "heater"', 'id = "Heater 1"'),
        ('site = "house"\nname = "Room"', 'site = "hut"\nname = "Room"'),
        ('kind = "digital_heater"', 'kind = "radiator"'),
        ("idle_w = 60", 'idle_w = "60"'),
        ("count = 3", "count = -1"),
        ('id = "warm-room"', "id = 7"),
    ):
        text = changed(old, new)
        if "Heater 1" in new:
            text = text.replace('unit = "heater"', 'unit = "Heater 1"')
        assert len(check_fleet_text(text)) == 1, (new, check_fleet_text(text))


def test_all_mistakes_come_at_once_in_the_order_of_their_lines() -> None:
    text = GOOD.replace('name = "House"', "name = 3\npue = 0.5\nlatitude_deg = 99").replace(
        'zone = "room"', 'zone = "x"'
    )
    text = text.replace('sink = "store"', 'sink = "room"').replace("band_k = 0.5", "band_k = -1\npriority = 101")
    found = check_fleet_text(text)
    assert [mistake.where for mistake in found] == [
        "site[house].name",
        "site[house].pue",
        "site[house].latitude_deg",
        "circuit[loop].sink",
        "unit[heater].zone",
        "request[warm-room].band_k",
        "request[warm-room].priority",
    ]
    assert [mistake.line for mistake in found] == sorted(mistake.line or 0 for mistake in found)
    with pytest.raises(FleetFileError) as caught:
        load_fleet(text, "my.toml")
    assert "7 mistakes" in str(caught.value)
    assert "my.toml:7: site[house].pue = 0.5 is not allowed; allowed: a number from 1 to 3" in str(caught.value)


def test_broken_toml_is_told_with_its_line_and_does_not_hide_the_rest() -> None:
    text = GOOD.replace('name = "Room"', "name = Room").replace("count = 3", "count = = 3").replace("= 45.0", "= 450.0")
    found = check_fleet_text(text)
    assert [(mistake.line, mistake.message[:16]) for mistake in found] == [
        (11, "this is not TOML"),
        (43, "this is not TOML"),
        (63, "request[hot-wate"),
    ]


@pytest.mark.parametrize(
    "text",
    ["", "[[", "a = [1,\n2", "x = '''\n", "[" * 5000, "fleet = 3", "site = [1]", "\x00", "[fleet]\n[fleet]", "é"],
)
def test_any_text_gives_mistakes_and_no_crash(text: str) -> None:
    assert check_fleet_text(text)
    with pytest.raises(FleetFileError, match="fleet file"):
        load_fleet(text, "x.toml")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_file_with_a_piece_cut_out_or_garbled_never_crashes(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    length = data.draw(st.integers(0, 60))
    text = GOOD[:start] + data.draw(st.text(max_size=8)) + GOOD[start + length :]
    mistakes = check_fleet_text(text)
    if mistakes:
        assert all(mistake.message for mistake in mistakes)
    else:
        load_fleet(text, "x.toml")


VALUES = st.sampled_from([True, -1, 0, 10**400, 1.5, float("nan"), "", "x" * 300, [], [1], [{}], {}, {"a": 1}])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 60), VALUES)
def test_any_value_anywhere_is_told_and_never_crashes(row: int, value: object) -> None:
    lines = GOOD.split("\n")
    keys = [n for n, line in enumerate(lines) if "=" in line]
    at = keys[row % len(keys)]
    written = {list: "[1]", dict: "{ a = 1 }", bool: "true", str: f'"{value}"'}.get(type(value), str(value))
    lines[at] = lines[at].split("=")[0] + "= " + written
    for mistake in check_fleet_text("\n".join(lines)):
        assert mistake.line is not None
