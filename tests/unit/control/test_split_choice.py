"""Given a rule for splitting a node's energy, when its counters speak, then it is used, else refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from ondol.accounting.ceems import CeemsRule
from ondol.accounting.split import CpuTimeRule
from ondol.control.metering import MeterBook
from ondol.control.split_choice import chosen_rule
from ondol.drivers.power.curve import NodeEnergy
from ondol.drivers.power.nodes import NodeMeters
from ondol.drivers.power.rapl import RaplMeter
from ondol.engine.ports import Capabilities
from ondol.model.accounting_terms import AccountingTerms
from ondol.model.compute import Attempt, AttemptState, Task
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, SiteId, TaskId, UnitId
from ondol.model.ledger import Share, Tier
from ondol.model.power import PowerCurve
from ondol.model.site import Node, Site, Unit, UnitKind

BEGIN_S = 1_768_000_000.0
BEGIN = dt.datetime.fromtimestamp(BEGIN_S, dt.UTC)
N = NodeId("n")
CGROUPS = Capabilities(engine="local", sandbox="none", cpu_limit="cgroup-v2", memory_limit="cgroup-v2")


def fleet(rule: str, meter: str = "rapl") -> Fleet:
    return Fleet(
        name="f",
        sites=(Site(id=SiteId("s"), name="S"),),
        units=(Unit(id=UnitId("u"), site_id=SiteId("s"), kind=UnitKind.SERVER_RACK),),
        nodes=(Node(id=N, unit_id=UnitId("u"), curve=PowerCurve(50.0, 450.0), slots=4, meter=meter),),
        accounting=AccountingTerms(split_rule=rule),
    )


def counters(root: Path, *names: str) -> RaplMeter:
    for number, name in enumerate(names):
        folder = root / f"intel-rapl:{number}"
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "max_energy_range_uj").write_text("262143328850\n")
        (folder / "energy_uj").write_text("0\n")
    return RaplMeter(root)


def test_the_rule_of_the_fleet_file_is_taken(tmp_path: Path) -> None:
    rapl = counters(tmp_path, "package-0", "dram")
    assert isinstance(chosen_rule(fleet("cpu-time", "curve"), None, CGROUPS), CpuTimeRule)
    assert isinstance(chosen_rule(fleet("ceems"), rapl, CGROUPS), CeemsRule)


@pytest.mark.parametrize(
    ("meter", "zones", "memory_limit", "why"),
    [
        ("curve", ("package-0", "dram"), "cgroup-v2", 'meter = "rapl"'),
        ("rapl", (), "cgroup-v2", "cannot be read here"),
        ("rapl", ("package-0",), "cgroup-v2", "no counter of its own"),
        ("rapl", ("package-0", "dram"), "rlimit", "without cgroups"),
    ],
)
def test_ceems_without_its_counters_is_refused_in_words(
    tmp_path: Path, meter: str, zones: tuple[str, ...], memory_limit: str, why: str
) -> None:
    rapl = counters(tmp_path, *zones) if zones else None
    with pytest.raises(InvalidFieldError, match="split_rule") as refused:
        chosen_rule(fleet("ceems", meter), rapl, dataclasses.replace(CGROUPS, memory_limit=memory_limit))
    assert why in str(refused.value)


class Counted:
    """A node at 400 W with counters of 180 W and 20 W, which can fall silent."""

    def __init__(self) -> None:
        self.at_s: float | None = None
        self.speaks = True

    def sample(self, at_s: float, cpu_s: Mapping[NodeId, float]) -> Iterable[NodeEnergy]:
        assert N in cpu_s
        span_s, self.at_s = 0.0 if self.at_s is None else at_s - self.at_s, at_s
        if span_s <= 0.0:
            return ()
        known = {"tier": Tier.T3_RAPL, "package_j": 180.0 * span_s, "dram_j": 20.0 * span_s} if self.speaks else {}
        return (NodeEnergy(node_id=N, duration_s=span_s, load=0.5, power_w=400.0, energy_j=400.0 * span_s, **known),)


def held(name: str) -> tuple[Task, Attempt]:
    task = Task(
        id=TaskId(name),
        account_id=AccountId("a"),
        name=name,
        profile="process",
        created_at=BEGIN,
        modified_at=BEGIN,
        state_since=BEGIN,
    )
    attempt = Attempt(
        id=AttemptId(f"{name}.000000.001"),
        instance_id=InstanceId(f"{name}/000000"),
        task_id=task.id,
        node_id=N,
        number=1,
        state=AttemptState.RUNNING,
        created_at=BEGIN,
        since=BEGIN,
    )
    return task, attempt


def test_ceems_splits_a_live_window_and_cpu_time_stands_in_where_counters_are_silent() -> None:
    meter = Counted()
    book = MeterBook(fleet("ceems"), meter, clock_rate=1.0, grid=lambda *_: 50.0, begin_s=BEGIN_S, rule=CeemsRule())
    works = [held("a"), held("b")]
    ids = [attempt.id for _, attempt in works]
    node_of = dict.fromkeys(ids, N)

    def minute(number: int) -> dict[str, float]:
        cpu_s = {ids[0]: 30.0 * number, ids[1]: 10.0 * number}
        for part in (0.5, 1.0):
            now_s = BEGIN_S + 60.0 * (number - 1 + part)
            book.sample(now_s, cpu_s, node_of, {ids[0]: 64, ids[1]: 32})
        rows, _ = book.close(works)
        book.settle(ids)
        joules = {str(row.attempt_id or row.share.value): row.energy_j for row in rows}
        assert math.fsum(joules.values()) == pytest.approx(24_000.0, rel=1e-12)
        assert {row.tier for row in rows if row.share is not Share.OVERHEAD} == {
            Tier.T3_RAPL if meter.speaks else Tier.T4_CURVE
        }
        return joules

    # footprint.md V7 over a minute: 287 W and 113 W.
    told = minute(1)
    assert (told[ids[0]], told[ids[1]]) == (pytest.approx(287.0 * 60.0), pytest.approx(113.0 * 60.0))
    # When the counters are silent, then dynamic energy goes by CPU time and idle energy by slots: 2 of 4 are nobody's.
    meter.speaks = False
    told = minute(2)
    assert told[ids[0]] == pytest.approx((350.0 * 0.75 + 12.5) * 60.0)
    assert told["idle"] == pytest.approx(25.0 * 60.0)
    # When they are silent for a part of a window only, then all of it is as well known as its worst part.
    cpu_s = {ids[0]: 90.0, ids[1]: 30.0}
    book.sample(BEGIN_S + 150.0, cpu_s, node_of, {})
    meter.speaks = True
    book.sample(BEGIN_S + 180.0, cpu_s, node_of, {})
    rows, _ = book.close(works)
    assert {row.tier for row in rows if row.share is not Share.OVERHEAD} == {Tier.T4_CURVE}


def test_counters_of_processor_and_memory_reach_the_meter(tmp_path: Path) -> None:
    meters = NodeMeters(fleet("ceems"), time_scale=60.0, rapl=counters(tmp_path, "package-0", "dram"))
    meters.sample(0.0, {N: 0.0})
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("900000000")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("100000000")
    (energy,) = meters.sample(10.0, {N: 0.0})
    assert (energy.energy_j, energy.package_j, energy.dram_j) == (60_000.0, 54_000.0, 6_000.0)
