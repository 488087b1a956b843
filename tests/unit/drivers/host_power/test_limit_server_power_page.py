"""Given the page on limiting servers, when its fleet file is taken as it stands, then every connection can be made."""

from __future__ import annotations

import re
from pathlib import Path

from ondol.agent.knobs import NodeKnobs
from ondol.drivers.registry import CLASSES, drivers_of
from ondol.model.ids import NodeId, SiteId
from ondol.storage.fleet_file import load_fleet
from unit.drivers.host_power.power_site import now

PAGE = Path(__file__).parents[4] / "docs" / "howto" / "limit-server-power.md"


def test_its_fleet_file_gives_a_server_with_two_knobs() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    fleet = load_fleet(text, str(PAGE))
    drivers = drivers_of(fleet, SiteId("hall"), now=now)
    knobs = NodeKnobs(fleet, drivers)
    assert knobs.node_ids == (NodeId("srv-01"),)
    knobs.close()
    assert [driver.connection_id for driver in drivers] == ["bmc-01", "cpu-01"]


def test_it_names_every_driver_of_server_power() -> None:
    page = PAGE.read_text(encoding="utf-8")
    named = {kind for kind, place in CLASSES.items() if re.search(r"\.(redfish|ipmi|host_power)\.", place)}
    assert len(named) == 6
    assert all(f"`{kind}`" in page for kind in named)
