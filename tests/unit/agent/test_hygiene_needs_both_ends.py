"""A tank whose lowest or highest sensor is lost proves no hygiene, however hot the others are."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.agent.hygiene.guard import HygieneMemory, HygieneView, step_hygiene
from ondol.agent.hygiene.policy import POLICIES
from ondol.agent.sensed import Trusted, sink_reading
from ondol.model.ids import SinkId, SiteId
from ondol.model.points import PointKey
from ondol.model.sink import Tank

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
TANK = Tank(id=SinkId("tank"), site_id=SiteId("s"), name="Tank", hygiene="fr-2005", temp_max_c=80.0)
KEYS = tuple(PointKey("tank", "temperature", index) for index in range(3))


def a_day(lost: int | None) -> tuple[float, bool]:
    """Seconds above 60 °C and whether the rule is kept after 30 h at 66 °C, a sensor being lost after the first."""
    memory, last = HygieneMemory(), dict.fromkeys(KEYS, 66.0)
    for minute in range(30 * 60):
        now = NOW + dt.timedelta(minutes=minute)
        seen = {key: 66.0 for key in KEYS if minute == 0 or key.index != lost}
        reading = sink_reading(TANK, Trusted(values=seen, last=last, bound=KEYS), now)
        view = HygieneView(
            now=now, timezone="UTC", reading=reading, compute_w=0.0, delivered_share=None, draw_w=(0.0,) * 24,
            capacity_j_per_k=4e6, loss_w=100.0,
        )  # fmt: skip
        verdict, memory = step_hygiene(TANK, POLICIES["fr-2005"], view, memory)
    return dict(verdict.status.above_s)[60.0], verdict.status.kept


@pytest.mark.parametrize(("lost", "kept"), [(None, True), (1, True), (0, False), (2, False)])
def test_what_is_filled_in_at_an_end_counts_for_nothing(lost: int | None, kept: bool) -> None:
    # given a tank that was hot everywhere when one of its sensors fell silent
    above_s, is_kept = a_day(lost)
    # then only what is measured at both ends keeps the rule
    assert is_kept is kept
    assert (above_s > 3600.0) is kept
