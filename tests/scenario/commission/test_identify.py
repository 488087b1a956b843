"""`ondol site identify` on a room in equations: it finds the truth, keeps comfort, and refuses what it cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ondol.agent.commission.identify import changes_of, identify
from ondol.agent.commission.recording import Recording
from ondol.agent.commission.watch import Watch
from ondol.drivers.virtual.sim_site import SimSite
from ondol.drivers.virtual.surroundings import OutdoorState, SteadySurroundings
from ondol.model.fleet import Fleet
from ondol.model.points import PointKey
from ondol.model.sink import Zone
from ondol.thermal.fit.room_open_loop import capacity_6h_j_per_k, loss_w_per_k
from scenario.commission.bench import START, SimBench
from scenario.commission.sites import HOME, site

DAYS = 8


class ColdWeek(SteadySurroundings):
    """Weather that swings by the day and by the week, without sun."""

    def outdoor(self, at: object) -> OutdoorState:
        day = (at - START).total_seconds() / 86_400.0  # type: ignore[operator]
        return OutdoorState(temp_c=float(1.0 + 4.0 * np.sin(2 * np.pi * day) + 3.0 * np.sin(day)))


@pytest.fixture(scope="module")
def watched() -> tuple[Fleet, Fleet, Recording]:
    """Truth, what its fleet file believes (half as much again), and the watch of it."""
    truth = site(4, rooms=1, tank=False)
    believed = replace(
        truth,
        sinks=tuple(
            replace(sink, ua_w_per_k=1.5 * sink.ua_w_per_k, mass_j_per_k=1.5 * sink.mass_j_per_k)
            for sink in truth.sinks
            if isinstance(sink, Zone)
        ),
        units=tuple(replace(unit, heat_capacity_j_per_k=1.6 * unit.heat_capacity_j_per_k) for unit in truth.units),
    )
    bench = SimBench(SimSite(truth, HOME, ColdWeek(), START, noise_k=0.03, noise_share=0.01, seed=4))
    return truth, believed, Watch(bench, believed, sample_s=300.0, seed=4).run(DAYS * 86_400.0)


def test_what_is_fitted_is_near_the_truth(watched: tuple[Fleet, Fleet, Recording]) -> None:
    """Given a file that is wrong by half; when a week was watched; then loss, capacity and lag are near the truth."""
    truth, believed, recording = watched
    found = {one.entity_id: one for one in identify(recording, believed)}
    room, true_room = found["room-0"], truth.sinks[0]
    assert isinstance(true_room, Zone)
    assert room.accepted
    assert room.rmse < 0.3
    fitted = replace(true_room, **room.values)
    assert loss_w_per_k(fitted) == pytest.approx(loss_w_per_k(true_room), rel=0.1)
    assert capacity_6h_j_per_k(fitted) == pytest.approx(capacity_6h_j_per_k(true_room), rel=0.15)
    heater = found["heater-0"]
    assert heater.accepted
    assert heater.values["heat_capacity_j_per_k"] == pytest.approx(truth.units[0].heat_capacity_j_per_k, rel=0.15)
    assert set(changes_of(tuple(found.values()))) == {("zone", "room-0"), ("unit", "heater-0")}


def test_comfort_is_kept_meanwhile(watched: tuple[Fleet, Fleet, Recording]) -> None:
    """Given the band of the host; when its set-points are excited; then the room leaves it by 0.3 K at most."""
    _, believed, recording = watched
    request = believed.requests[0]
    temps = recording.of("room-0", "temperature")
    assert temps is not None
    settled = temps[recording.times_s > recording.times_s[0] + 6 * 3600.0]  # it began below the band
    base = request.schedule.slots[0].value
    assert settled.min() >= base - request.band_k - 0.3
    assert settled.max() <= base + request.band_k + 0.3


def test_too_little_data_is_refused(watched: tuple[Fleet, Fleet, Recording]) -> None:
    """Given two days, or no heat readings; when they are fitted; then nothing is claimed, and the reason is told."""
    _, believed, recording = watched
    short = slice(0, recording.times_s.size // 4)
    part = Recording(times_s=recording.times_s[short], values={k: v[short] for k, v in recording.values.items()})
    room = next(one for one in identify(part, believed) if one.entity_id == "room-0")
    assert not room.accepted
    assert room.values == {}
    assert "days" in room.reason
    blind = {k: v for k, v in recording.values.items() if k.entity_id != "heater-0"}
    blind_found = identify(Recording(times_s=recording.times_s, values=blind), believed)
    assert not any(one.accepted for one in blind_found)


def test_a_room_that_stood_still_is_refused() -> None:
    """Given a room that never moved, in weather that never changed; when it is fitted; then the data cannot tell."""
    fleet = site(4, rooms=1, tank=False)
    times = START.timestamp() + 300.0 * np.arange(DAYS * 288)
    draw = np.random.default_rng(1)
    values = {
        PointKey("room-0", "temperature"): 20.0 + draw.normal(0.0, 0.03, times.size),
        PointKey("heater-0", "heat_meter"): 500.0 * (times - times[0]),
        PointKey("heater-0", "electric_power"): np.full(times.size, 500.0),
        PointKey("home", "outdoor_temperature"): np.full(times.size, 4.0),
    }
    found = identify(Recording(times_s=times, values=values), fleet)
    assert [one.entity_id for one in found if one.accepted] == []
    assert any("excitation too low" in one.reason for one in found)
