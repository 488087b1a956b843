"""Given nodes with several power knobs, when a limit is set, then it is verified, and a knob that fails gives way."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.knob_queue import LastWins
from ondol.agent.knobs import NodeKnobs
from ondol.agent.orders import AlarmNote
from ondol.drivers.host_power.cpufreq import CpufreqDriver
from ondol.drivers.host_power.rapl import RaplDriver
from ondol.drivers.ports import LinkStatus, Written
from ondol.model.alarm import Severity
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, NotFoundError, UnavailableError
from ondol.model.ids import NodeId, SiteId
from ondol.model.points import Ability, PointKey, PointReading
from unit.drivers.host_power import power_site
from unit.drivers.host_power.power_site import NOW, Kernel, binding, fleet, make_tree

N = NodeId("n")


@dataclass
class Bmc:
    """A controller that holds the last value, or fails in a chosen way."""

    connection_id: str
    span: tuple[float, float] = (0.0, 1000.0)
    refuses: str = ""
    ignores: bool = False
    held_w: float = 1000.0
    writes: list[float] = field(default_factory=list)
    restored: int = 0
    gate: threading.Event | None = None
    abilities: ClassVar[frozenset[Ability]] = frozenset({Ability.LIMITS_POWER})
    settle_s: ClassVar[float] = 5.0

    def open(self) -> None: ...

    def close(self) -> None: ...

    def status(self) -> LinkStatus:
        return LinkStatus(connected=True, since=NOW)

    def readings(self) -> tuple[PointReading, ...]:
        return ()

    def write(self, key: PointKey, value: float) -> Written:
        if self.gate is not None:
            assert self.gate.wait(10.0)
        self.writes.append(value)
        if self.refuses:
            return Written(key=key, requested=value, accepted=None, at=NOW, reason=self.refuses)
        if not self.ignores:
            self.held_w = min(max(value, self.span[0]), self.span[1])
        return Written(key=key, requested=value, accepted=self.held_w, at=NOW)

    def span_w(self, key: PointKey) -> tuple[float, float]:
        return self.span

    def restore(self, key: PointKey) -> None:
        self.restored += 1
        self.held_w = 1000.0

    def learn(self, key: PointKey, power_w: float) -> bool:
        return False


class Bench:
    """A node with knobs, and its loop."""

    def __init__(self, *bmcs: Bmc) -> None:
        bindings = [binding("power_cap", index=k, connection=bmc.connection_id) for k, bmc in enumerate(bmcs)]
        lines = tuple(Connection(id=bmc.connection_id, site_id=SiteId("s"), driver="rapl") for bmc in bmcs)
        self.knobs = NodeKnobs(fleet(*bindings, more=lines), bmcs)  # type: ignore[arg-type]
        self.now = NOW

    def limit(self, cap_w: float) -> None:
        self.knobs.limit(N, cap_w)
        assert self.knobs.settle(5.0)

    def run(self, seconds: int, measured_w: float | None) -> tuple[AlarmNote, ...]:
        notes: tuple[AlarmNote, ...] = ()
        for _ in range(seconds):
            self.now += dt.timedelta(seconds=1)
            notes = self.knobs.check(N, measured_w, self.now)
            assert self.knobs.settle(5.0)
        return notes


@pytest.fixture
def closing() -> Iterator[list[NodeKnobs]]:
    made: list[NodeKnobs] = []
    yield made
    for knobs in made:
        knobs.close()


def bench(closing: list[NodeKnobs], *bmcs: Bmc) -> Bench:
    made = Bench(*bmcs)
    closing.append(made.knobs)
    return made


def codes(notes: Sequence[AlarmNote]) -> list[str]:
    return [note.code for note in notes]


def test_a_limit_that_is_kept_gives_no_alarm_and_three_separate_values(closing: list[NodeKnobs]) -> None:
    first, second = Bmc("a"), Bmc("b")
    made = bench(closing, first, second)
    made.limit(300.0)
    assert made.run(20, 301.0) == ()
    (state,) = made.knobs.states()
    assert (state.requested_w, state.accepted_w, state.measured_w, state.reason) == (300.0, 300.0, 301.0, "")
    assert state.knob == PointKey("n", "power_cap", 0)
    assert second.writes == []


def test_a_knob_that_is_not_followed_gives_way_to_the_next_one_and_is_opened(closing: list[NodeKnobs]) -> None:
    first, second = Bmc("a"), Bmc("b")
    made = bench(closing, first, second)
    made.limit(300.0)
    assert made.run(7, 420.0) == ()  # 1 s until it is seen, 5 s to settle, two strikes
    (note,) = made.run(1, 420.0)
    assert (note.entity_id, note.code, note.severity) == ("n", "limit-disobeyed", Severity.FAULT)
    for word in ("n.power_cap (a)", "requested 300 W", "accepted 300 W", "measured 420 W"):
        assert word in note.text
    assert second.writes == [300.0]
    assert first.restored == 1
    (note,) = made.run(1, 300.0)
    assert "now n.power_cap.1 (b) is tried" in note.text


def test_an_old_reading_of_a_slow_meter_is_held_against_no_knob(closing: list[NodeKnobs]) -> None:
    """A meter that is asked every 10 s: after a step down its last reading is of before the step."""
    knob, spare = Bmc("a"), Bmc("b")
    points = [binding("power_cap", index=k, connection=name) for k, name in enumerate("ab")]
    points.append(binding("electric_power", "1", connection="meter"))
    lines = [Connection(id=name, site_id=SiteId("s"), driver="rapl") for name in "ab"]
    lines.append(Connection(id="meter", site_id=SiteId("s"), driver="rapl", interval_s=10.0))
    made = Bench()
    made.knobs = NodeKnobs(fleet(*points, more=tuple(lines)), [knob, spare])  # type: ignore[list-item]
    closing.append(made.knobs)
    made.limit(400.0)
    made.run(60, 400.0)
    made.limit(200.0)
    assert made.run(19, 400.0) == ()  # read just before the step, then a mean over it
    assert made.run(60, 200.0) == ()
    made.limit(100.0)
    assert made.run(44, 200.0) == ()
    notes = made.run(3, 200.0)  # 5 s and two polls, then three readings
    assert codes(notes) == ["limit-disobeyed"]
    assert spare.held_w == 100.0


def test_a_knob_that_refuses_gives_way_at_once(closing: list[NodeKnobs]) -> None:
    first, second = Bmc("a", refuses="needs root: /sys/x"), Bmc("b")
    made = bench(closing, first, second)
    made.limit(300.0)
    assert second.held_w == 300.0
    (note,) = made.run(1, None)
    assert note.code == "limit-disobeyed"
    assert "it refused: needs root" in note.text
    assert "accepted nothing" in note.text
    assert made.knobs.states()[0].failed == (PointKey("n", "power_cap", 0),)


def test_a_knob_that_holds_another_value_gives_way_at_once(closing: list[NodeKnobs]) -> None:
    first, second = Bmc("a", ignores=True), Bmc("b")
    made = bench(closing, first, second)
    made.limit(300.0)
    assert second.held_w == 300.0
    assert first.restored == 1  # it may take the value later, when nobody looks
    (note,) = made.run(1, 300.0)
    assert "it holds 1000 W instead" in note.text


def test_the_preferred_knob_is_tried_again_after_an_hour_and_that_is_told(closing: list[NodeKnobs]) -> None:
    first, second = Bmc("a", refuses="busy"), Bmc("b")
    made = bench(closing, first, second)
    made.limit(300.0)
    made.run(1, 300.0)
    first.refuses = ""
    made.run(60, 300.0)
    assert first.writes == [300.0]
    made.now += dt.timedelta(minutes=59)
    notes = made.run(1, 300.0)
    assert codes(notes) == ["limit-retried"]
    assert notes[0].severity is Severity.INFO
    assert first.held_w == 300.0
    assert second.restored == 1
    assert codes(made.run(4, 300.0)) == ["limit-retried"]
    assert made.run(6, 300.0) == ()
    assert made.knobs.states()[0].knob == PointKey("n", "power_cap", 0)


def test_a_knob_that_fails_again_on_probation_is_an_alarm_again(closing: list[NodeKnobs]) -> None:
    first, second = Bmc("a", refuses="busy"), Bmc("b")
    made = bench(closing, first, second)
    made.limit(300.0)
    made.run(1, 300.0)
    made.now += dt.timedelta(hours=1)
    assert codes(made.run(2, 300.0)) == ["limit-disobeyed"]
    assert len(first.writes) == 2
    assert second.held_w == 300.0


def test_where_no_knob_is_left_it_says_what_a_person_has_to_do_and_all_are_written(closing: list[NodeKnobs]) -> None:
    first, second = Bmc("a"), Bmc("b")
    made = bench(closing, first, second)
    made.limit(300.0)
    notes = made.run(20, 420.0)
    assert codes(notes) == ["limit-disobeyed"]
    assert "no knob is left: stop its work or switch it off" in notes[0].text
    assert made.knobs.states()[0].knob is None
    made.limit(200.0)
    assert (first.held_w, second.held_w) == (200.0, 200.0)


def test_a_falling_limit_has_its_time_to_settle_though_it_changes_every_second(closing: list[NodeKnobs]) -> None:
    """A node that follows 3 s late keeps a ramp; one that stands still on the way does not."""
    made = bench(closing, Bmc("a"), Bmc("b"))
    caps = [400.0 - 10.0 * k for k in range(30)]
    for k, cap_w in enumerate(caps):
        made.limit(cap_w)
        assert made.run(1, caps[max(k - 3, 0)]) == ()
    for k in range(10):
        made.limit(110.0 - k)
        notes = made.run(1, 250.0)
    assert codes(notes) == ["limit-disobeyed"]


def test_a_limit_out_of_a_knobs_reach_uses_the_next_one_without_an_alarm(closing: list[NodeKnobs]) -> None:
    first, second = Bmc("a", span=(200.0, 500.0)), Bmc("b")
    made = bench(closing, first, second)
    made.limit(120.0)
    assert (first.writes, second.held_w) == ([], 120.0)
    assert made.run(10, 120.0) == ()
    made.limit(210.0)  # too near to its end to go back for
    assert first.writes == []
    made.limit(300.0)
    assert (first.held_w, second.restored) == (300.0, 1)
    made.limit(205.0)
    assert first.held_w == 205.0


def test_a_limit_that_no_knob_reaches_is_a_warning(closing: list[NodeKnobs]) -> None:
    first = Bmc("a", span=(200.0, 500.0))
    made = bench(closing, first)
    made.limit(120.0)
    assert first.held_w == 200.0
    assert codes(made.run(10, 199.0)) == ["limit-out-of-reach"]
    assert made.run(1, 110.0) == ()


def test_no_work_at_all_is_written_as_idle_power(closing: list[NodeKnobs]) -> None:
    first = Bmc("a")
    made = bench(closing, first)
    made.limit(0.0)
    assert first.writes == [50.0]
    assert made.run(20, 52.0) == ()


def test_an_unchanged_limit_is_written_again_every_minute_only(closing: list[NodeKnobs]) -> None:
    first = Bmc("a")
    made = bench(closing, first)
    for _ in range(125):
        made.limit(300.0)
        made.run(1, 300.0)
    assert first.writes == [300.0] * 3


def test_release_puts_back_what_was_there_and_the_next_limit_begins_anew(closing: list[NodeKnobs]) -> None:
    first = Bmc("a")
    made = bench(closing, first)
    made.limit(300.0)
    made.knobs.release()
    assert made.knobs.settle(5.0)
    assert (first.held_w, first.restored) == (1000.0, 1)
    assert made.run(20, 900.0) == ()
    assert made.knobs.states()[0].requested_w is None
    made.limit(300.0)
    assert first.held_w == 300.0


def test_a_device_that_hangs_holds_up_neither_the_loop_nor_others_and_the_last_value_wins(
    closing: list[NodeKnobs],
) -> None:
    gate = threading.Event()
    first = Bmc("a", gate=gate)
    made = bench(closing, first)
    for cap_w in (100.0, 200.0, 300.0, 150.0):
        made.knobs.limit(N, cap_w)
        made.now += dt.timedelta(seconds=1)
        made.knobs.check(N, 400.0, made.now)
    gate.set()
    assert made.knobs.settle(5.0)
    assert first.writes[-1] == 150.0
    assert len(first.writes) <= 2


def test_a_node_is_written_by_one_thread_at_a_time_while_others_go_on() -> None:
    done: list[tuple[str, float]] = []
    begun, gate, other = threading.Event(), threading.Event(), threading.Event()

    def run(key: str, value: float) -> None:
        if value == 1.0:
            begun.set()
            assert gate.wait(10.0)
        done.append((key, value))
        if key == "b":
            other.set()

    queue = LastWins(run, workers=4)
    queue.put("a", 1.0)
    assert begun.wait(10.0)
    queue.put("a", 2.0)
    queue.put("a", 3.0)
    queue.put("b", 1.5)
    assert other.wait(10.0)  # the other node did not wait for the one that hangs
    assert not queue.wait_idle(0.0)
    gate.set()
    assert queue.wait_idle(10.0)
    queue.close()
    queue.put("a", 4.0)  # after the end nothing runs
    assert queue.wait_idle(0.0)
    assert done == [("b", 1.5), ("a", 1.0), ("a", 3.0)]  # of those that waited, the last


def test_a_fault_in_one_order_does_not_end_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done: list[float] = []

    def run(key: str, value: float) -> None:
        if value < 0:
            raise ValueError(value)
        done.append(value)

    queue = LastWins(run, workers=1)
    queue.put("a", -1.0)
    assert queue.wait_idle(10.0)
    queue.put("a", 2.0)
    assert queue.wait_idle(10.0)
    queue.close()
    assert done == [2.0]
    assert "nobody foresaw" in caplog.text


def test_a_clock_that_is_set_back_stands_still(closing: list[NodeKnobs]) -> None:
    made = bench(closing, Bmc("a"), Bmc("b"))
    made.limit(300.0)
    made.run(3, 420.0)
    made.now -= dt.timedelta(hours=3)
    assert made.run(5, 420.0) == ()
    assert codes(made.run(1, 420.0)) == ["limit-disobeyed"]


def test_wrong_orders_are_refused(closing: list[NodeKnobs]) -> None:
    made = bench(closing, Bmc("a"))
    with pytest.raises(NotFoundError):
        made.knobs.limit(NodeId("x"), 100.0)
    with pytest.raises(NotFoundError):
        made.knobs.check(NodeId("x"), 100.0, NOW)
    for value in (float("nan"), -1.0):
        with pytest.raises(InvalidFieldError):
            made.knobs.limit(N, value)


def test_a_node_without_knobs_is_passed_over() -> None:
    knobs = NodeKnobs(fleet(), ())
    knobs.limit(N, 100.0)
    assert knobs.check(N, 900.0, NOW) == ()
    assert (knobs.states(), knobs.node_ids) == ((), ())
    knobs.close()


def test_an_error_in_a_driver_is_a_refusal(closing: list[NodeKnobs]) -> None:
    class Broken(Bmc):
        def write(self, key: PointKey, value: float) -> Written:
            raise UnavailableError("no route to host")

    second = Bmc("b")
    made = bench(closing, Broken("a"), second)
    made.limit(300.0)
    assert second.held_w == 300.0
    assert "no route to host" in made.run(1, None)[0].text


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.0, 900.0), st.sampled_from(["", "no"]), st.sampled_from(["", "no"]), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_as_long_as_one_knob_works_the_last_limit_is_in_force(
    steps: list[tuple[float, str, str, bool]],
) -> None:
    """Whatever knobs refuse or ignore meanwhile: at the end one holds the limit, and an abandoned one holds none."""
    first, second, third = Bmc("a"), Bmc("b"), Bmc("c")
    made = Bench(first, second, third)
    try:
        for cap_w, first_refuses, second_refuses, ignores in steps:
            first.refuses, second.refuses, second.ignores = first_refuses, second_refuses, ignores
            made.limit(cap_w)
            made.run(2, None)
        wanted_w = max(steps[-1][0], 50.0)
        (state,) = made.knobs.states()
        assert state.knob is not None
        assert state.accepted_w == pytest.approx(wanted_w, abs=0.05 * wanted_w + 5.0)
        for bmc in (first, second, third)[state.knob.index + 1 :]:
            assert bmc.held_w == 1000.0
    finally:
        made.knobs.close()


@pytest.mark.parametrize("lag_s", [0.2, 0.5, 0.8])
def test_measured_power_is_within_5_percent_of_a_target_after_3_s(
    tmp_path: Path, closing: list[NodeKnobs], lag_s: float
) -> None:
    """The true RAPL driver on a plant: the package follows its limit with a lag, the board draws 60 W besides.

    Steps of the target up and down over the whole range; what counts is the mean of the third second, by the counter.
    """
    folder = make_tree(
        tmp_path / "intel-rapl:0",
        {
            "name": "package-0",
            "energy_uj": 0,
            "max_energy_range_uj": 262_143_328_850,
            "constraint_0_power_limit_uw": 390_000_000,
            "constraint_0_max_power_uw": 390_000_000,
        },
    )
    line = Connection(id="c", site_id=SiteId("s"), driver="rapl")
    points = [binding("power_cap", "all", offset=60.0), binding("electric_power", "all", offset=60.0)]
    clock = [0.0]
    rapl = RaplDriver(
        line,
        points,
        fleet=fleet(*points, more=(line,)),
        now=power_site.now,
        root=tmp_path,
        files=Kernel(),
        clock_s=lambda: clock[0],
    )
    knobs = NodeKnobs(fleet(*points, more=(line,)), [rapl])
    closing.append(knobs)
    package_w, energy_j, worst = 390.0, 0.0, 0.0
    for target_w in (450.0, 220.0, 450.0, 300.0, 240.0, 400.0):
        knobs.limit(N, target_w)
        assert knobs.settle(5.0)
        for _ in range(3):
            rapl.poll()
            for _ in range(100):
                limit_w = int((folder / "constraint_0_power_limit_uw").read_text()) / 1e6
                package_w += (limit_w - package_w) * 0.01 / lag_s
                energy_j += 0.01 * package_w
                clock[0] += 0.01
            (folder / "energy_uj").write_text(str(round(energy_j * 1e6)))
        rapl.poll()
        measured_w = next(reading.value for reading in rapl.readings() if reading.key.point == "electric_power")
        worst = max(worst, abs(measured_w - target_w) / target_w)
        assert knobs.check(N, measured_w, NOW + dt.timedelta(seconds=clock[0])) == ()
    assert worst <= 0.05, worst


class Clocked:
    """A server limited by its clock: P = 50 + 400·x³ at full load, where the clock has any effect."""

    def __init__(self, tmp_path: Path, closing: list[NodeKnobs]) -> None:
        self.policy = make_tree(
            tmp_path / "policy0",
            {
                "cpuinfo_min_freq": 800_000,
                "cpuinfo_max_freq": 4_000_000,
                "scaling_min_freq": 800_000,
                "scaling_max_freq": 4_000_000,
            },
        )
        self.works = True
        line = Connection(id="c", site_id=SiteId("s"), driver="cpufreq")
        points = [binding("power_cap", "all"), binding("power_cap", index=1, connection="spare")]
        spare = Connection(id="spare", site_id=SiteId("s"), driver="rapl")
        whole = fleet(*points, more=(line, spare))
        driver = CpufreqDriver(line, points[:1], fleet=whole, now=power_site.now, root=tmp_path, files=Kernel())
        self.spare = Bmc("spare")
        self.knobs = NodeKnobs(whole, [driver, self.spare])  # type: ignore[list-item]
        closing.append(self.knobs)
        self.now = NOW

    def power_w(self) -> float:
        share = int((self.policy / "scaling_max_freq").read_text()) / 4e6 if self.works else 1.0
        return min(50.0 + 400.0 * share**3, self.spare.held_w)

    def run(self, seconds: int, cap_w: float) -> list[float]:
        powers_w = []
        for _ in range(seconds):
            self.knobs.limit(N, cap_w)
            assert self.knobs.settle(5.0)
            self.now += dt.timedelta(seconds=1)
            powers_w.append(self.power_w())
            self.notes = self.knobs.check(N, powers_w[-1], self.now)
            assert self.knobs.settle(5.0)
        return powers_w


def test_a_clock_is_led_by_the_meter_to_the_limit_and_never_above(tmp_path: Path, closing: list[NodeKnobs]) -> None:
    server = Clocked(tmp_path, closing)
    for cap_w in (250.0, 180.0, 350.0):
        powers_w = server.run(120, cap_w)
        assert max(powers_w) <= 1.05 * cap_w + 5.0
        assert powers_w[-1] == pytest.approx(cap_w, rel=0.05)
        assert server.notes == ()
    assert server.spare.writes == []


def test_a_clock_that_has_no_effect_is_no_excuse_for_ever(tmp_path: Path, closing: list[NodeKnobs]) -> None:
    server = Clocked(tmp_path, closing)
    server.works = False
    server.run(60, 250.0)
    assert codes(server.notes) == ["limit-disobeyed"]
    assert "n.power_cap (c) does not limit n" in server.notes[0].text
    assert server.spare.held_w == 250.0
