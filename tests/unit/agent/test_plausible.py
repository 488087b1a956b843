"""What an instrument says is believed, doubted, or taken for lost."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.agent.plausible import PointMemory, judge, rules_of
from ondol.model.ids import SinkId, SiteId
from ondol.model.points import PointKey, PointReading, Quality
from ondol.model.sink import SwimmingPool, Tank, Zone

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
SITE = SiteId("s")
ROOM = Zone(id=SinkId("room"), site_id=SITE, name="Room")
TANK = Tank(id=SinkId("tank"), site_id=SITE, name="Tank")
POOL = SwimmingPool(id=SinkId("pool"), site_id=SITE, name="Pool")
AIR = PointKey("room", "temperature")
AIR_RULES = rules_of(AIR, ROOM, stale_after_s=180.0)


def judged(values, *, key=AIR, rules=AIR_RULES, every_s=60.0, levels=None, memory=None):
    """Qualities and codes of a sensor that said these values, one a minute."""
    found = []
    for k, value in enumerate(values):
        at = START + dt.timedelta(seconds=k * every_s)
        reading = PointReading(key=key, value=value, measured_at=at)
        level = None if levels is None else levels[k]
        verdict, memory = judge(memory, reading, rules, now_s=at.timestamp(), level=level)
        found.append((verdict.quality, verdict.code))
    return found, memory


GOOD = (Quality.GOOD, "")
SPIKE = (Quality.SUSPECT, "sensor-spike")


def test_a_room_that_warms_is_believed():
    assert judged([18.0, 18.1, 18.3, 18.2])[0] == [GOOD] * 4


def test_what_cannot_be_is_out_of_range_at_once():
    found, _ = judged([20.0, 85.0, -127.0, 20.1])  # 85 and −127 °C are what DS18B20 sensors say when they fail
    assert [code for _, code in found] == ["", "sensor-out-of-range", "sensor-out-of-range", ""]


def test_a_spike_is_not_believed_and_forgotten_when_it_is_over():
    assert judged([20.0, 45.0, 20.1, 55.0, 20.1])[0] == [GOOD, SPIKE, GOOD, SPIKE, GOOD]


def test_a_level_that_stays_is_believed_after_a_minute():
    found, _ = judged([20.0, 38.0, 38.0, 38.0, 38.1])
    assert found == [GOOD, SPIKE, SPIKE, GOOD, GOOD]


def test_a_sensor_that_does_not_move_although_the_room_was_heated_is_frozen_until_it_moves():
    levels = [0.1 * k for k in range(40)]
    found, memory = judged([18.0] * 30 + [18.1], levels=levels)
    assert found[9] == GOOD
    assert found[29] == (Quality.SUSPECT, "sensor-frozen")
    assert found[30] == GOOD
    assert memory.finest == pytest.approx(0.1)


def test_a_sensor_that_rests_while_nothing_happens_is_in_order():
    assert judged([18.0] * 300, levels=[0.0] * 300)[0][-1] == GOOD


def test_a_coarse_sensor_is_given_more_time():
    coarse, _ = judged([17.0, 17.5] + [18.0] * 30, levels=[0.07 * k for k in range(32)])
    assert coarse[-1] == GOOD


def test_nothing_that_is_measured_stays_exactly_equal_for_days():
    found, _ = judged([18.0] * 60, every_s=3600.0, rules=rules_of(AIR, ROOM, stale_after_s=7200.0))
    assert found[20] == GOOD
    assert found[-1] == (Quality.SUSPECT, "sensor-frozen")


@pytest.mark.parametrize("age_s", [181.0, -181.0])
def test_a_value_of_another_time_is_stale(age_s):
    reading = PointReading(key=AIR, value=20.0, measured_at=START)
    verdict, memory = judge(None, reading, AIR_RULES, now_s=START.timestamp() + age_s)
    assert (verdict.quality, verdict.code, memory) == (Quality.STALE, "sensor-lost", None)


def test_a_thermocline_that_passes_a_layer_is_believed_and_a_pool_cannot_do_that():
    layer, water = PointKey("tank", "temperature", 3), PointKey("pool", "temperature")
    fast = [58.0, 40.0, 15.0]
    assert judged(fast, key=layer, rules=rules_of(layer, TANK, stale_after_s=180.0))[0] == [GOOD] * 3
    assert judged(fast, key=water, rules=rules_of(water, POOL, stale_after_s=180.0))[0][1] == SPIKE


def test_states_and_meters_have_no_rate():
    key = PointKey("boiler", "flow_switch")
    assert judged([1.0, 0.0, 1.0], key=key, rules=rules_of(key, None, stale_after_s=180.0))[0] == [GOOD] * 3


@given(values=st.lists(st.floats(-200.0, 200.0), min_size=1, max_size=40))
def test_whatever_a_sensor_says_only_what_can_be_is_good_and_memory_is_json(values):
    found, memory = judged(values)
    for value, (quality, _) in zip(values, found, strict=True):
        if quality is Quality.GOOD:
            assert AIR_RULES.low <= value <= AIR_RULES.high
    if memory is not None:
        assert msgspec.json.decode(msgspec.json.encode(memory), type=PointMemory) == memory
