"""A fleet that is written as a file and read again is the same fleet."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.binding import Binding
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.power import PowerCurve
from ondol.model.schedule import Slot, WeeklySchedule
from ondol.model.sink import SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind
from ondol.storage.fleet_file import check_fleet_text, fleet_to_toml, load_fleet

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(lambda name: name.strip() != "")
ZONES_OF_TIME = st.sampled_from(["Europe/Paris", "UTC", "Asia/Seoul"])


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


def schedules(power: bool) -> st.SearchStrategy[WeeklySchedule]:
    value = numbers(0, 1e6) if power else numbers(4, 90)
    slots = st.dictionaries(st.integers(0, 10_079), value, min_size=1, max_size=12)
    return st.builds(
        lambda chosen, zone: WeeklySchedule(tuple(Slot(m, v) for m, v in sorted(chosen.items())), zone),
        slots,
        ZONES_OF_TIME,
    )


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    parts: dict[str, list[Any]] = {
        key: [] for key in ("sites", "units", "nodes", "sinks", "circuits", "requests", "bindings")
    }
    for s in range(draw(st.integers(1, 3))):
        site = f"s{s}"
        parts["sites"].append(
            Site(
                id=site,
                name=draw(NAMES),
                timezone=draw(ZONES_OF_TIME),
                climate=draw(st.sampled_from(["H1a", "H3"])),
                pue=draw(numbers(1, 3)),
            )
        )
        parts["sinks"] += [
            Zone(id=f"{site}-zone", site_id=site, name=draw(NAMES), ua_w_per_k=draw(numbers(0.1, 1e5))),
            Tank(id=f"{site}-tank", site_id=site, name=draw(NAMES), layers=draw(st.integers(2, 50))),
            SwimmingPool(id=f"{site}-pool", site_id=site, name=draw(NAMES), covered_at_night=draw(st.booleans())),
        ]
        parts["circuits"].append(HeatCircuit(id=f"{site}-c", site_id=site, kind="pool", sink_id=f"{site}-pool"))
        parts["units"] += [
            Unit(id=f"{site}-h", site_id=site, kind=UnitKind.DIGITAL_HEATER, zone_id=f"{site}-zone"),
            Unit(id=f"{site}-b", site_id=site, kind=UnitKind.DIGITAL_BOILER, circuit_id=f"{site}-c"),
            Unit(id=f"{site}-r", site_id=site, kind=UnitKind.SERVER_RACK, min_on_s=draw(numbers(0, 86_400))),
        ]
        for unit in ("h", "b", "r"):
            parts["nodes"] += [
                Node(
                    id=f"{site}-{unit}-{k}",
                    unit_id=f"{site}-{unit}",
                    curve=PowerCurve(idle_w=draw(numbers(0, 90)), max_w=draw(numbers(100, 20_000))),
                    slots=draw(st.integers(1, 1024)),
                    memory_bytes=draw(st.sampled_from([1 << 20, 1 << 30, (1 << 30) + 1])),
                    cores_per_slot=draw(st.integers(1, 1024)),
                    specification_key=draw(st.sampled_from(["", "8c-32g-ssd"])),
                    ssd=draw(st.booleans()),
                    gpu=draw(st.sampled_from(["", "Turing T4"])),
                )
                for k in range(draw(st.integers(1, 3)))
            ]
        for sink, power in (("zone", False), ("pool", True)):
            parts["requests"].append(
                HeatRequest(
                    id=f"{site}-{sink}-r",
                    site_id=site,
                    target_id=f"{site}-{sink}",
                    kind="power" if power else "temperature",
                    schedule=draw(schedules(power)),
                    priority=draw(st.integers(0, 100)),
                )
            )
        parts["bindings"] += draw(st.sampled_from([[], [Binding(entity_id=f"{site}-zone", point="temperature")]]))
    return Fleet(name=draw(NAMES), **{key: tuple(nouns) for key, nouns in parts.items()})


@settings(max_examples=60, deadline=None)
@given(fleets())
def test_a_written_fleet_reads_as_itself(fleet: Fleet) -> None:
    text = fleet_to_toml(fleet)
    assert check_fleet_text(text) == []
    assert load_fleet(text, "written") == fleet
