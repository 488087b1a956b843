"""A backup that heats up to the hard limit is switched seldom, however the sensor scatters there."""

from __future__ import annotations

import math

from ondol.agent.backup import BackupMemory, BackupView, step_backup
from ondol.model.ids import SinkId, SiteId
from ondol.model.sink import Tank

TANK = Tank(id=SinkId("tank"), site_id=SiteId("s"), name="Tank", temp_max_c=75.0, backup_kind="gas", backup_power_w=9e3)


def test_a_hygiene_cycle_that_meets_the_hard_limit_switches_the_burner_twice_not_every_second() -> None:
    # given a cycle that asks for the backup all the time, and a top that scatters around the limit, then cools
    memory, switched, was = BackupMemory(), 0, False
    temps = [60.0 + k / 10.0 for k in range(141)] + [74.0 + (-1) ** k * 0.1 for k in range(600)] + [73.0, 72.0, 70.9]
    for second, hottest_c in enumerate(temps):
        view = BackupView(
            now_s=1e9 + second, dt_s=1.0, temp_c=hottest_c, hottest_c=hottest_c, level_c=math.nan, frost=False,
            hygiene=True, delivered_share=None,
        )  # fmt: skip
        order, memory = step_backup(TANK, view, memory)
        assert order is not None
        # then it is never on at the limit
        assert not (order.on and hottest_c >= 74.0)
        switched += order.on is not was
        was = order.on
    # and goes on once, off once, and on again when it has cooled
    assert (switched, was) == (3, True)


def test_a_sensor_that_is_lost_above_the_limit_leaves_the_burner_off_for_an_hour_not_for_a_winter() -> None:
    memory, ons = BackupMemory(on=True), []
    for minute in range(90):
        hottest_c = 74.5 if minute == 0 else math.nan
        view = BackupView(
            now_s=1e9 + 60.0 * minute, dt_s=60.0, temp_c=hottest_c, hottest_c=hottest_c, level_c=math.nan, frost=True,
            hygiene=False, delivered_share=None,
        )  # fmt: skip
        order, memory = step_backup(TANK, view, memory)
        assert order is not None
        ons.append(order.on)
    assert ons == [False] * 60 + [True] * 30
