"""Parts of the API without HTTP: ranges, times, labels, filters, paths, carbon facts."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.model.compute import Task, TaskState
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, NodeId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, Share, Tier
from ondol.model.view import ServiceClass
from ondol.server.api.carbon import REFERENCES, carbon_facts, reference
from ondol.server.api.filters import read_filter
from ondol.server.api.labels import read_labels
from ondol.server.api.like import SEARCH_S, safe_pattern
from ondol.server.api.paths import TolerantPaths
from ondol.server.api.ranges import MOST_INSTANCES, read_ranges, write_ranges
from ondol.server.api.task_limits import limits
from ondol.server.api.times import read_deadline, read_span, read_time, wire_span, wire_time
from ondol.server.api.wire_in import TaskCreation, try_body

NOW = dt.datetime(2026, 1, 12, 8, tzinfo=dt.UTC)


def task(**changes: object) -> Task:
    fields: dict[str, object] = {
        "id": TaskId("00000000-0000-4000-8000-000000000001"),
        "account_id": AccountId("a"),
        "name": "render-1",
        "profile": "docker-batch",
        "tags": ("x", "y"),
        "created_at": NOW,
        "modified_at": NOW,
        "state_since": NOW,
        **changes,
    }
    return Task(**fields)  # type: ignore[arg-type]


@given(st.sets(st.integers(0, 10_000), min_size=1, max_size=200))
def test_ranges_there_and_back(numbers: set[int]):
    assert read_ranges("r", write_ranges(numbers)) == tuple(sorted(numbers))


def test_ranges_written_shortest():
    assert write_ranges([5, 0, 1, 2, 17, 4]) == "0-2,4-5,17"
    assert write_ranges([]) == ""


@pytest.mark.parametrize(
    "text", ["", "a", "1-", "-1", "5-2", "1,,2", "0-999999999", "1 - 2", "٣", f"0-{MOST_INSTANCES}"]
)
def test_ranges_refused(text: str):
    with pytest.raises(InvalidFieldError):
        read_ranges("advancedRanges", text)


@given(st.integers(0, 10**9))
def test_durations_there_and_back(seconds: int):
    assert read_span("d", wire_span(seconds)) == seconds


def test_durations_and_times_as_the_wire_has_them():
    assert wire_span(3661.4) == "01:01:01"
    assert wire_span(-5) == "00:00:00"
    assert wire_span(90_061) == "1.01:01:01"
    assert wire_time(dt.datetime(1, 1, 1, tzinfo=dt.UTC)) == "0001-01-01T00:00:00Z"
    assert wire_time(dt.datetime(2026, 1, 1, 1, 0, 0, 999, tzinfo=dt.timezone(dt.timedelta(hours=1)))).endswith(
        "T00:00:00Z"
    )
    assert read_time("t", "2026-01-15") == dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
    assert read_time("t", "2026-01-15T08:00:00.1234567Z").microsecond == 123456


@pytest.mark.parametrize(
    ("text", "ahead_h"),
    [("+2h", 2.0), ("+1h30m", 1.5), ("+1h30min", 1.5), ("+90s", 0.025), ("+1d", 24.0), ("2026-01-12T09:00:00Z", 1.0)],
)
def test_deadlines(text: str, ahead_h: float):
    assert read_deadline("d", text, NOW) == NOW + dt.timedelta(hours=ahead_h)


@pytest.mark.parametrize(
    "text", ["", "+", "2h", "+2w", "+0s", "+999999999d", "2026-01-12T07:00:00Z", "9999-12-31", "+-2h"]
)
def test_deadlines_refused(text: str):
    with pytest.raises(InvalidFieldError):
        read_deadline("d", text, NOW)


def test_labels_override_the_scheduling_type():
    faults: list[InvalidFieldError] = []
    wishes = read_labels({"ondol.service": "Filler", "team": "x"}, ServiceClass.ON_DEMAND, NOW, faults)
    assert (wishes.service, wishes.resumable, wishes.deadline, faults) == (ServiceClass.FILLER, False, None, [])
    harvest = read_labels({"ondol.service": "harvest", "ondol.resumable": "false"}, ServiceClass.FLEX, NOW, faults)
    assert harvest.resumable is False
    assert read_labels({"ondol.expected": "nan"}, ServiceClass.FLEX, NOW, faults).expected_s is None
    assert [fault.field for fault in faults] == ["labels.ondol.expected"]


def leaf(operator: str, field: str, value: object) -> dict[str, object]:
    return {"Operator": operator, "Field": field, "Value": value}


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (leaf("Equal", "Tags", "x"), True),
        (leaf("NotEqual", "Tags", "x"), False),
        (leaf("Equal", "Tags", "z"), False),
        ({"operator": "In", "field": "State", "values": ["Success", "Failure"]}, True),
        (leaf("NotIn", "State", ["Success"]), False),
        (leaf("Like", "name", "^render"), True),
        (leaf("Like", "Name", "^ender"), False),
        (leaf("LessThan", "CreationDate", "2026-02-01T00:00:00Z"), True),
        (leaf("GreaterThanOrEqual", "CreationDate", "2026-01-12T08:00:00Z"), True),
        (leaf("GreaterThan", "TotalInstanceCount", 0), True),
        (leaf("Equal", "Dependencies.DependsOn", "x"), False),
        ({"operator": "And", "filters": []}, True),
        ({"operator": "or", "filters": [leaf("Equal", "Name", "z"), leaf("Equal", "Name", "render-1")]}, True),
    ],
)
def test_filters(rule: dict[str, object], kept: bool):
    keep = read_filter(rule)
    assert keep is not None
    assert keep(task(state=TaskState.SUCCESS)) is kept


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*", "a*a*a*b", r"(a)\1", "a" * 300, "(", "a?" * 20])
def test_patterns_that_could_run_long_are_refused(pattern: str):
    with pytest.raises(InvalidFieldError):
        safe_pattern(pattern)


@pytest.mark.filterwarnings("ignore:Possible :FutureWarning")  # of sets in sets: legal, only unwise
@given(st.text("ab*+?{}()[]\\^$|.1,", max_size=24))
def test_patterns_let_through_end_soon(text: str):
    try:
        pattern = safe_pattern(text)
    except InvalidFieldError:
        return
    begun = time.process_time()
    pattern.search("a" * 256)
    assert time.process_time() - begun < 5.0


@pytest.mark.parametrize("pattern", ["(a|aa)" * 40 + "x", "(a|aa|aaa)" * 25 + "x"])
def test_a_pattern_that_runs_long_is_ended_and_keeps_no_thread_waiting(pattern: str):
    # given a filter whose pattern has more ways through a name than can ever be tried
    keep = read_filter(leaf("Like", "Name", pattern))
    assert keep is not None
    waits_s: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            begun = time.monotonic()
            over.wait(0.001)
            waits_s.append(time.monotonic() - begun)

    watcher = threading.Thread(target=watch)
    watcher.start()
    # when it is tried on one name
    begun = time.thread_time()
    try:
        with pytest.raises(InvalidFieldError, match="take for ever"):
            keep(task(name="a" * 256))
    finally:
        over.set()
        watcher.join()
    # then it gives up, and others could work meanwhile
    assert time.thread_time() - begun < 2 * SEARCH_S
    assert max(waits_s) < SEARCH_S / 2


def test_a_filter_of_very_many_conditions_is_refused():
    rows = {"operator": "Or", "filters": [leaf("Equal", "Name", "x")] * 100}
    with pytest.raises(InvalidFieldError, match="at most 1000 conditions"):
        read_filter({"operator": "And", "filters": [rows] * 20})


def test_a_list_of_numbers_longer_than_any_that_is_meant_is_refused_at_once():
    with pytest.raises(InvalidFieldError, match="at most 40960 characters"):
        read_ranges("advancedRanges", "0-2047," * 2_000_000 + "1")
    longest = ",".join(f"{999_990_000 - 2 * n}-{999_990_000 - 2 * n}" for n in range(MOST_INSTANCES))
    assert len(read_ranges("advancedRanges", longest)) == MOST_INSTANCES


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resultsBucketPrefix", "x" * 1025),
        ("resultsBucketPrefix", "a\0"),
        ("snapshotBucket", "\0"),
        ("snapshotBucketPrefix", "x" * 1025),
        ("tags", ["a\0"]),
        ("labels", {"a": "\0"}),
        ("labels", {"\0": "a"}),
        ("advancedResourceBuckets", [{"bucketName": "b", "filtering": {"prefixFiltering": {"prefix": "\0"}}}]),
    ],
)
def test_texts_that_no_store_keeps_are_refused(field: str, value: object):
    body = try_body(TaskCreation, {"name": "n", "profile": "process", "instanceCount": 1, field: value}, [])
    assert body is not None
    assert [fault.field.split(".")[0] for fault in limits(body)] == [field]


def test_deep_filters_are_refused():
    rule: dict[str, object] = leaf("Equal", "Name", "x")
    for _ in range(50):
        rule = {"operator": "And", "filters": [rule]}
    with pytest.raises(InvalidFieldError, match="deep"):
        read_filter(rule)


@pytest.mark.parametrize(
    ("given_path", "normal"),
    [
        ("/V1//Tasks/AbC/Abort/", "/tasks/AbC/abort"),
        ("/tasks/Summaries", "/tasks/summaries"),
        ("//", "/"),
        ("/v1", "/"),
        ("/v1/carbon/V1/Tasks/x", "/carbon/V1/Tasks/x"),
        ("/Unknown/Path", "/Unknown/Path"),
    ],
)
def test_paths(given_path: str, normal: str):
    paths = TolerantPaths(lambda *_: None, ["/tasks/summaries", "/tasks/{key}/abort"], [])  # type: ignore[arg-type, return-value]
    assert paths.normal(given_path) == normal


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Name", "profile", "TAGS", "constants", "Key", "value", "labels", "filtering", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused_by_field(data: object):
    faults: list[InvalidFieldError] = []
    assert (try_body(TaskCreation, data, faults) is None) == bool(faults)


def row(share: Share, kwh: float) -> EnergyRow:
    over = share is Share.OVERHEAD
    return EnergyRow(
        site_id=SiteId("s"),
        unit_id=None if over else UnitId("u"),
        node_id=None if over else NodeId("n"),
        share=share,
        start=NOW,
        end=NOW + dt.timedelta(minutes=15),
        energy_j=kwh * 3.6e6,
        grid_g_per_kwh=100.0,
        tier=Tier.T4_CURVE,
        task_id=None if over else TaskId("t"),
    )


def test_carbon_facts_may_be_negative_and_leave_out_what_nobody_metered():
    job, overhead = row(Share.JOB, 1.0), row(Share.OVERHEAD, 0.5)
    facts = carbon_facts(TaskId("t"), [job], [job, overhead], reference("HYPERSCALE"))
    assert facts["PUE"] == pytest.approx(1.5)
    assert facts["saved_carbon_footprint_compute"] == pytest.approx(100.0 * (1.10 - 1.5))
    assert facts["saved_carbon_footprint_percent"] < 0
    assert not {"ERF", "ERE", "WUE", "total_reused_energy_Wh", "saved_carbon_footprint_heat"} & facts.keys()


def test_carbon_facts_of_filler_are_not_the_users():
    filler = row(Share.HEAT_ONLY, 1.0)
    facts = carbon_facts(TaskId("t"), [filler], [filler], reference(None))
    assert facts["total_consumed_energy_Wh"] == facts["qarnot_carbon_footprint"] == 0.0
    assert facts["equivalent_datacenter_name"] == REFERENCES["european_dc"].name
