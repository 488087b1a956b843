"""The twin's own CSV: what is right is read, what is wrong is named with its place, the order of rows says nothing."""

from __future__ import annotations

import gzip
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.view import ServiceClass
from ondol.twin.workload import DataSets, Jobs, Trace, read_csv, write_csv

HEADER = "id,submitted_s,run_s,slots,task,user,service,deadline_s,resumable,data,data_bytes"
WHOLE = f"""{HEADER}
7,120,30,2,render,ann,flex,500,true,set-b,2e6
3,60,10,1,video,bob,0,,0,,
4,60,20.5,1,video,bob,on_demand,inf,false,set-a,1000
9,0,5,,,,harvest,,1,set-a,1000
"""


def written(folder: Path, text: str, name: str = "jobs.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def assert_same(one: Trace, other: Trace) -> None:
    for name in Jobs.__slots__:
        np.testing.assert_array_equal(getattr(one.jobs, name), getattr(other.jobs, name), err_msg=name)
        assert getattr(one.jobs, name).dtype == getattr(other.jobs, name).dtype
    np.testing.assert_array_equal(one.data.bytes, other.data.bytes)


def test_a_table_becomes_columns_in_the_order_of_submission(tmp_path: Path) -> None:
    # given a table that is not in order, with all columns
    trace = read_csv(written(tmp_path, WHOLE))
    # then jobs are by submission, tasks, users and data sets are numbered by first use, and defaults stand in gaps
    jobs = trace.jobs
    assert jobs.submitted_s.tolist() == [0, 60, 60, 120]
    assert jobs.run_s.tolist() == [5, 10, 20.5, 30]
    assert jobs.slots.tolist() == [1, 1, 1, 2]
    assert jobs.task.tolist() == [0, 1, 1, 2]
    assert jobs.user.tolist() == [-1, 0, 0, 1]
    assert jobs.service.tolist() == [
        ServiceClass.HARVEST, ServiceClass.ON_DEMAND, ServiceClass.ON_DEMAND, ServiceClass.FLEX,
    ]  # fmt: skip
    assert jobs.deadline_s.tolist() == [np.inf, np.inf, np.inf, 500]
    assert jobs.resumable.tolist() == [True, False, False, True]
    assert jobs.data.tolist() == [0, -1, 0, 1]
    assert trace.data.bytes.tolist() == [1000, 2e6]
    assert jobs.work_s == 5 + 10 + 20.5 + 60
    assert jobs.tasks == 3
    # and the sorting is said
    assert trace.notes == ("rows were not in the order of submission (2 steps back in time) and were sorted",)
    assert trace.source == "jobs.csv, source not stated"


def test_three_columns_are_enough_and_gzip_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv.gz"
    path.write_bytes(gzip.compress(b"# source: made for a test\nid,run_s,submitted_s\na,5,0\nb,6,1\n"))
    trace = read_csv(path)
    assert trace.source == "made for a test"
    assert trace.jobs.run_s.tolist() == [5, 6]
    assert trace.jobs.task.tolist() == [0, 1]
    assert trace.jobs.user.tolist() == [-1, -1]


def test_whole_numbers_are_ordered_by_value_and_other_labels_as_text(tmp_path: Path) -> None:
    rows = "id,submitted_s,run_s\n{}\n"
    by_value = read_csv(written(tmp_path, rows.format("10,0,10\n9,0,9")))
    as_text = read_csv(written(tmp_path, rows.format("10,0,10\n9,0,9\n09,0,99")))
    assert by_value.jobs.run_s.tolist() == [9, 10]
    assert as_text.jobs.run_s.tolist() == [99, 10, 9]


BAD = [
    ("id", "9,5,5,,,,,,,,", "9"),
    ("id", ",5,5,,,,,,,,", ""),
    ("submitted_s", "1,-1,5,,,,,,,,", "-1"),
    ("submitted_s", "1,nan,5,,,,,,,,", "nan"),
    ("submitted_s", "1,1_000,5,,,,,,,,", "1_000"),
    ("run_s", "1,5,0,,,,,,,,", "0"),
    ("run_s", "1,5,-3,,,,,,,,", "-3"),
    ("run_s", "1,5,inf,,,,,,,,", "inf"),
    ("run_s", "1,5,,,,,,,,,", ""),
    ("run_s", "1,5,soon,,,,,,,,", "soon"),
    ("slots", "1,5,5,0,,,,,,,", "0"),
    ("slots", "1,5,5,1.5,,,,,,,", "1.5"),
    ("slots", "1,5,5,1e10,,,,,,,", "1e10"),
    ("service", "1,5,5,,,,urgent,,,,", "urgent"),
    ("deadline_s", "1,5,5,,,,flex,9.9,,,", "9.9"),
    ("deadline_s", "1,5,5,,,,flex,nan,,,", "nan"),
    ("resumable", "1,5,5,,,,,,perhaps,,", "perhaps"),
    ("data", "1,5,5,,,,,,,,7", ""),
    ("data_bytes", "1,5,5,,,,,,,x,", ""),
    ("data_bytes", "1,5,5,,,,,,,x,-1", "-1"),
    ("data_bytes", "1,5,5,,,,,,,set-a,1001", "1001"),
]


@pytest.mark.parametrize(("field", "row", "value"), BAD)
def test_a_bad_value_is_named_with_file_line_and_field(tmp_path: Path, field: str, row: str, value: str) -> None:
    # given a good table with a bad last row, behind a remark and an empty line
    path = written(tmp_path, f"# source: x\n\n{WHOLE}{row}\n")
    # when it is read, then the message names the place
    with pytest.raises(InvalidFieldError) as error:
        read_csv(path)
    assert error.value.field == f"jobs.csv:8.{field}"
    assert error.value.value == value
    assert "bad rows in all: 1" in error.value.allowed
    # and with on_bad="drop" the rest is read and the loss is said
    kept = read_csv(path, on_bad="drop")
    assert_same(kept, read_csv(written(tmp_path, WHOLE)))
    assert f"dropped 1 of 5 rows: 1 for {field}" in kept.notes


def test_each_dropped_row_is_counted_once(tmp_path: Path) -> None:
    path = written(tmp_path, "id,submitted_s,run_s\n1,-1,0\n2,0,0\n3,0,1\n4,x,1\n5,0\n")
    assert read_csv(path, on_bad="drop").notes == (
        "dropped 1 rows of another length than the header",
        "dropped 3 of 4 rows: 2 for submitted_s, 1 for run_s",
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "jobs.csv: header"),
        ("id,submitted_s\n1,2\n", "jobs.csv: header"),
        ("id,submitted_s,run_s,slot\n1,2,3,4\n", "jobs.csv: header"),
        ("id,submitted_s,run_s,run_s\n1,2,3,4\n", "jobs.csv: header"),
        ("id,submitted_s,run_s\n1,2,3\n1,2\n", "jobs.csv:3"),
    ],
)
def test_a_table_of_another_shape_is_refused(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(InvalidFieldError) as error:
        read_csv(written(tmp_path, text))
    assert error.value.field == field


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        read_csv(tmp_path / "nowhere.csv")
    (tmp_path / "bytes.csv").write_bytes(b"id\xff")
    (tmp_path / "short.csv.gz").write_bytes(gzip.compress(b"id,submitted_s,run_s\n" * 9)[:-9])
    for name in ("bytes.csv", "short.csv.gz"):
        with pytest.raises(InvalidFieldError, match="UTF-8"):
            read_csv(tmp_path / name)
    with pytest.raises(InvalidFieldError, match="on_bad"):
        read_csv(written(tmp_path, WHOLE), on_bad="ignore")  # type: ignore[arg-type]
    with pytest.raises(InvalidFieldError, match="at least one row"):
        read_csv(written(tmp_path, "id,submitted_s,run_s\n1,2,0\n"), on_bad="drop")


def test_a_table_without_rows_is_a_trace_without_jobs(tmp_path: Path) -> None:
    trace = read_csv(written(tmp_path, "id,submitted_s,run_s\n"))
    assert len(trace.jobs) == 0
    assert trace.jobs.tasks == 0
    write_csv(trace, tmp_path / "again.csv")
    assert_same(trace, read_csv(tmp_path / "again.csv"))


def column(**values: object) -> dict[str, object]:
    whole = {"submitted_s": [0.0, 1.0], "run_s": [1.0, 1.0], "slots": [1, 1], "task": [0, 1], "user": [-1, 0]}
    whole |= {"service": [0, 1], "deadline_s": [np.inf, 9.0], "resumable": [True, False], "data": [-1, 0]}
    return {name: np.array(values.get(name, value)) for name, value in whole.items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("submitted_s", [1.0, 0.0]),
        ("submitted_s", [0.0, np.nan]),
        ("submitted_s", [0, 1]),
        ("run_s", [1.0, 0.0]),
        ("run_s", [1.0]),
        ("slots", [1, 0]),
        ("slots", [1.0, 1.0]),
        ("task", [0, -1]),
        ("user", [-2, 0]),
        ("service", [0, 4]),
        ("deadline_s", [np.inf, 1.5]),
        ("resumable", [0, 1]),
        ("data", [-1, 1]),
        ("data", [-2, 0]),
    ],
)
def test_columns_that_cannot_be_jobs_are_refused(name: str, value: list[float]) -> None:
    sets = DataSets(bytes=np.array([5.0]))
    assert Trace(jobs=Jobs(**column()), data=sets, source="x").jobs.tasks == 2  # type: ignore[arg-type]
    with pytest.raises(InvalidFieldError) as error:
        Trace(jobs=Jobs(**column(**{name: value})), data=sets, source="x")  # type: ignore[arg-type]
    assert error.value.field.startswith(f"jobs.{name}")


@st.composite
def tables(draw: st.DrawFn) -> list[str]:
    """Rows of good tables with many ties."""
    rows = []
    sizes = draw(st.lists(st.floats(0, 1e12), min_size=1, max_size=3))
    for label in range(draw(st.integers(1, 12))):
        submitted = draw(st.sampled_from([0.0, 0.1, 60.0, 1 / 3, 1e6 + 1 / 7]))
        run = draw(st.floats(1e-3, 1e6))
        due = draw(st.none() | st.floats(1.0, 9.0))
        data = draw(st.none() | st.integers(0, len(sizes) - 1))
        cells = [
            label * 37 % 100,
            submitted,
            run,
            draw(st.integers(1, 64)),
            draw(st.sampled_from(["", "a", "b", "12", "7"])),
            draw(st.sampled_from(["", "-1", "zoe", "ann"])),
            draw(st.sampled_from(["", "flex", "3"])),
            "" if due is None else repr(submitted + run * due),
            draw(st.sampled_from(["", "true", "0"])),
            "" if data is None else f"set-{data}",
            "" if data is None else repr(sizes[data]),
        ]
        rows.append(",".join(str(cell) for cell in cells))
    return rows


@settings(max_examples=60, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(rows: list[str], lots: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first = read_csv(written(Path(folder), "\n".join([HEADER, *rows])))
        lots.shuffle(rows)
        second = read_csv(written(Path(folder), "\n".join([HEADER, *rows])))
    assert_same(first, second)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_what_is_written_is_read_again_to_the_last_bit(rows: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trace = read_csv(written(Path(folder), "\n".join(["# source: s, é", "# note: n", HEADER, *rows])))
        write_csv(trace, Path(folder) / "again.csv")
        again = read_csv(Path(folder) / "again.csv")
    assert_same(trace, again)
    assert (again.source, again.notes) == (trace.source, trace.notes)
    assert again.source == "s, é"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.sampled_from(["", "0", "1", "-1", "nan", "inf", "-inf", "1e400", "x", "2.5"])] * 5),
        min_size=1,
        max_size=8,
    )
)
def test_no_table_leads_to_a_silent_nan(rows: list[tuple[str, ...]]) -> None:
    # given rows of whatever numbers
    with tempfile.TemporaryDirectory() as folder:
        path = written(
            Path(folder),
            "\n".join(
                ["id,submitted_s,run_s,slots,deadline_s,data_bytes,data"]
                + [f"{k},{','.join(row)},{k % 3}" for k, row in enumerate(rows)]
            ),
        )
        # when they are read with bad ones dropped, then what is left is good or nothing is left
        try:
            trace = read_csv(path, on_bad="drop")
        except InvalidFieldError:
            return
    jobs = trace.jobs
    assert len(jobs) > 0
    for column_s in (jobs.submitted_s, jobs.run_s, trace.data.bytes):
        assert np.isfinite(column_s).all()
    assert not np.isnan(jobs.deadline_s).any()
