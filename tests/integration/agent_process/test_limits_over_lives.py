"""A server's limit over the lives of its agent: what stood there before the first one is put back by the last one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.drivers.redfish.mock_service import PASSWORD, USER, MockService, serving
from ondol.agent.outbox import Outbox
from ondol.agent.site_clock import ClockNote
from ondol.agent.site_memory import noted
from ondol.agent.site_process import AgentSettings, SiteProcess
from ondol.agent.wire import Setup
from ondol.storage.fleet_file import fleet_to_toml
from unit.drivers.host_power.power_site import NOW, binding, connection, fleet

METRICS = "/redfish/v1/Chassis/GPU/EnvironmentMetrics"
IDLE_W = 210.0


@pytest.fixture
def service() -> Iterator[MockService]:
    with serving(MockService()) as made:
        yield made


class Site:
    """A site's folder, with its part of the fleet; its server is dead."""

    def __init__(self, folder: Path, service: MockService) -> None:
        (folder / "password").write_text(PASSWORD + "\n")
        (folder / "token").write_text("site-s-0\n")
        (folder / "token").chmod(0o600)
        bmc = connection("redfish", url=service.url, user=USER, password_file=str(folder / "password"))
        part = fleet(binding("power_cap", "Chassis/GPU"), idle_w=IDLE_W, max_w=600.0, more=(bmc,))
        toml = fleet_to_toml(part).replace('name = "S"', 'name = "S"\nagent = "own"', 1)
        self.settings = AgentSettings(
            site_id="s", server="http://127.0.0.1:9", token_file=folder / "token", data=folder / "data"
        )
        (folder / "data").mkdir()
        outbox = Outbox(folder / "data" / "agent.db")
        now_s = NOW.timestamp()
        setup = Setup(site_id="s", fleet_file=toml, fleet="one", platform_s=now_s, rate=1.0)
        outbox.commit((), noted(setup, ClockNote(platform_s=now_s, wall_s=time.time(), rate=1.0)))
        outbox.close()

    def live(self, until: Callable[[], bool], *, told: bool = False) -> None:
        """Live until something is so, and end in order; `told`: as if the server had heard of the end."""
        agent = SiteProcess(self.settings)
        if told:
            agent._talk.leave = lambda: True  # type: ignore[method-assign]
        thread = threading.Thread(target=agent.run)
        thread.start()
        end_s = time.monotonic() + 20.0
        while not until() and time.monotonic() < end_s:
            time.sleep(0.05)
        agent.stop()
        thread.join(30.0)
        agent.close()
        assert until()


def test_an_end_without_a_server_leaves_idle_power_and_the_last_life_puts_the_first_limit_back(
    tmp_path: Path, service: MockService
) -> None:
    limit = service.tree[METRICS]["PowerLimitWatts"]
    before = (limit["SetPoint"], limit["ControlMode"])
    site = Site(tmp_path, service)
    site.live(lambda: limit["SetPoint"] == IDLE_W)
    assert (limit["SetPoint"], limit["ControlMode"]) == (IDLE_W, "Automatic"), "a BMC keeps it without an agent"
    patches = sum(method == "PATCH" for method, *_ in service.requests)
    site.live(lambda: sum(method == "PATCH" for method, *_ in service.requests) > patches)
    assert limit["SetPoint"] == IDLE_W
    patches = sum(method == "PATCH" for method, *_ in service.requests)
    site.live(lambda: sum(method == "PATCH" for method, *_ in service.requests) > patches, told=True)
    assert (limit["SetPoint"], limit["ControlMode"]) == before
