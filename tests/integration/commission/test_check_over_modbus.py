"""`ondol site check` through Ondol's own Modbus driver and a real server, on a clock that leaps."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from ondol.agent.commission.bench import DriverBench, opened
from ondol.agent.commission.check import check_recording
from ondol.agent.commission.trial import Trial, TrialPlan
from ondol.drivers.registry import drivers_of
from ondol.drivers.virtual.modbus_server import SimModbusServer
from ondol.drivers.virtual.sim_fleet import reached_fleet
from ondol.drivers.virtual.sim_site import SimSite
from ondol.drivers.virtual.surroundings import SteadySurroundings
from ondol.model.errors import NotFoundError
from ondol.model.points import PointKey, Quality
from scenario.commission.sites import HOME, site

START = dt.datetime(2026, 1, 12, 9, 0, tzinfo=dt.UTC)
PLAN = TrialPlan(sample_s=120.0)
POLL_S = 0.1


@pytest.mark.parametrize(("fault", "code"), [("", ""), ("wrong-unit:room-0=fahrenheit", "wrong-unit")])
def test_a_site_is_checked_through_its_wires(fault: str, code: str) -> None:
    """Given a room behind Modbus; when it is checked over the wire; then only what is wrong is found."""
    now = START
    fleet = site(2, rooms=1, tank=False)
    simulated = SimSite(fleet, HOME, SteadySurroundings(outdoor_temp_c=3.0), START, noise_k=0.02, seed=2)
    simulated.set_faults((fault,) if fault else ())
    server = SimModbusServer(simulated, now=lambda: now)
    server.open()
    reached = reached_fleet(fleet, HOME, server.places, modbus=("127.0.0.1", server.port), rate=100.0)
    drivers = drivers_of(reached, HOME, now=lambda: now)

    def leap(duration_s: float) -> None:
        nonlocal now
        now += dt.timedelta(seconds=duration_s)
        polled_from = now
        end = time.monotonic() + 5.0
        while time.monotonic() < end:  # until every point was read after the leap
            read = [reading for driver in drivers for reading in driver.readings()]  # type: ignore[attr-defined]
            if len(read) == len(reached.bindings) and all(one.measured_at >= polled_from for one in read):
                return
            time.sleep(POLL_S / 5)

    try:
        with opened(drivers):
            leap(1.0)
            bench = DriverBench(reached, drivers, now=lambda: now, sleep=leap)
            assert bench.writable == {PointKey("heater-0", "power_cap")}
            with pytest.raises(NotFoundError, match="temperature"):
                bench.write(PointKey("room-0", "temperature"), 20.0)
            recording = Trial(bench, reached, PLAN).run()
            server.close()
            now += dt.timedelta(hours=1)  # nobody answers any more
            assert bench.read()[PointKey("room-0", "temperature")].quality is Quality.STALE
            assert bench.write(PointKey("heater-0", "power_cap"), 100.0).accepted is None
    finally:
        server.close()
    verdict = check_recording(recording, reached, expected_outdoor_c=4.0)
    assert {one.code for one in verdict.findings} == ({code} if code else set()), verdict.findings
