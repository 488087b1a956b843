"""Readers of other people's traces: small files of each format, and what is known of the real ones."""

from __future__ import annotations

import heapq
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.view import ServiceClass
from ondol.twin.workload import Jobs, read_azure, read_greco, read_greco_sizes, read_surf, read_swf

# job, submit, wait, run, allocated, cpu, memory, requested, time, memory, status, user, group, …
SWF = """; Computer: Little Iron
; Installation: a test
; UnixStartTime: 1000000000
;
1 0 5 100 4 -1 -1 4 90 -1 1 11 1 1 1 1 -1 -1
2 10 0 60 -1 -1 -1 3 120 -1 0 12 1 1 1 1 -1 -1
3 20 0 -1 -1 -1 -1 8 50 -1 5 11 1 1 1 1 -1 -1
4 30 0 90 2 -1 -1 2 -1 -1 1 -1 1 1 1 1 -1 -1
4 -1 0 40 2 -1 -1 2 -1 -1 2 -1 1 1 1 1 -1 -1
4 -1 9 50 2 -1 -1 2 -1 -1 3 -1 1 1 1 1 -1 -1

5 30 0 7 1 -1 -1 1 10 -1 5 11 1 1 1 1 -1 -1
"""


def written(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rigid_job_of_a_log_becomes_instances_of_one_task(tmp_path: Path) -> None:
    # given a log with a failed job, two cancelled ones of which one ran, and a job in two parts
    trace = read_swf(written(tmp_path, SWF, "little.swf"))
    # then processors are instances, requested ones where none were allocated, and only what ran is there
    jobs = trace.jobs
    assert jobs.submitted_s.tolist() == [0] * 4 + [10] * 3 + [30] * 3
    assert jobs.run_s.tolist() == [100] * 4 + [60] * 3 + [90] * 2 + [7]
    assert jobs.task.tolist() == [0] * 4 + [1] * 3 + [2] * 2 + [3]
    assert jobs.user.tolist() == [0] * 4 + [1] * 3 + [-1] * 2 + [0]
    assert set(jobs.slots.tolist()) == {1}
    assert trace.source == ("little.swf; Computer: Little Iron; Installation: a test (Standard Workload Format)")
    assert trace.notes == (
        "left out 2 lines of parts of jobs (status 2 to 4); their jobs have a line",
        "left out 1 jobs that were cancelled before they ran (status 5)",
        "1 jobs failed (status 0); they are kept with the time that they ran",
        "3 jobs asked for a time, 1 ran past it; requested times are not kept",
        "0 s is UnixStartTime: 1000000000",
        "3 jobs of several slots became 9 instances of one slot that may run at different times",
    )


def test_a_rigid_job_stays_whole_where_that_is_asked(tmp_path: Path) -> None:
    path = written(tmp_path, SWF, "little.swf")
    whole = read_swf(path, split=False)
    assert whole.jobs.slots.tolist() == [4, 3, 2, 1]
    assert whole.jobs.work_s == read_swf(path).jobs.work_s
    # and cores of the log that make one slot are rounded up
    assert read_swf(path, split=False, cores_per_slot=2).jobs.slots.tolist() == [2, 2, 1, 1]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("6 40 0 0 1 -1 -1 1 10 -1 1 11 1 1 1 1 -1 -1", "little.swf:13.run time"),
        ("6 -1 0 5 1 -1 -1 1 10 -1 1 11 1 1 1 1 -1 -1", "little.swf:13.submit time"),
        ("6 40 0 5 -1 -1 -1 0 10 -1 1 11 1 1 1 1 -1 -1", "little.swf:13.processors"),
        ("6 40 0 5 1.5 -1 -1 1 10 -1 1 11 1 1 1 1 -1 -1", "little.swf:13.processors"),
        ("2 40 0 5 1 -1 -1 1 10 -1 1 11 1 1 1 1 -1 -1", "little.swf:13.job number"),
        ("6 -1 0 5 1 -1 -1 1 10 -1 2 11 1 1 1 1 -1 -1", "little.swf:13.submit time"),
        ("6 40 0 5 1", "little.swf:13"),
    ],
)
def test_a_bad_line_of_a_log_is_named(tmp_path: Path, line: str, field: str) -> None:
    path = written(tmp_path, f"{SWF}{line}\n", "little.swf")
    with pytest.raises(InvalidFieldError) as error:
        read_swf(path)
    assert error.value.field == field
    assert len(read_swf(path, on_bad="drop").jobs) == 10


def test_a_log_without_a_job_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFieldError, match="no line of a job"):
        read_swf(written(tmp_path, "; Computer: none\n", "none.swf"))


def test_jobs_of_one_instant_of_greco_are_one_task(tmp_path: Path) -> None:
    text = "id,submit,nres,runtime,walltime\n1,0,1,2,64\n2,120,1,5,70\n3,120,1,2,64\n"
    path = written(tmp_path, text, "greco.csv")
    assert read_greco(path).jobs.task.tolist() == [0, 1, 1]
    assert read_greco(path, tasks="job").jobs.task.tolist() == [0, 1, 2]
    with pytest.raises(InvalidFieldError) as error:
        read_greco(written(tmp_path, f"{text}4,120,1,0,60\n", "greco.csv"))
    assert error.value.field == "greco.csv:5.runtime"


@pytest.mark.parametrize("line", ["no json", "[]", '{"id": "x"}', '{"size": "1"}', '{"size": -1}', '{"size": NaN}'])
def test_a_bad_line_of_data_sets_is_named(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, f'{{"id": "a", "size": 7}}\n\n{line}\n', "sets.json")
    with pytest.raises(InvalidFieldError) as error:
        read_greco_sizes(path)
    assert error.value.field.startswith("sets.json:3")
    with pytest.raises(InvalidFieldError, match="no data set"):
        read_greco_sizes(written(tmp_path, "\n", "empty.json"))


def surf_file(folder: Path, **columns: list[object]) -> Path:
    day_ms = 86_400_000
    whole: dict[str, list[object]] = {
        "id": [5, 6, 7, 8],
        "submission_time": [3 * day_ms + 9000, 3 * day_ms + 5000, 4 * day_ms, 4 * day_ms],
        "duration": [60_000, day_ms, 1500, 2000],
        "cpu_count": [16, 17, 16, 1],
        "deferrable": [True, True, False, True],
        "deadline": [4 * day_ms, 4 * day_ms, 5 * day_ms, None],
    }
    path = folder / "surf.parquet"
    pq.write_table(pa.table(whole | columns), path)
    return path


def test_deferrable_work_of_surf_has_until_its_deadline(tmp_path: Path) -> None:
    # given a deferrable task, one too long for its deadline, one that cannot wait, and one that may wait for ever
    trace = read_surf(surf_file(tmp_path), split=False)
    # then time counts from midnight, and what has no slack is on demand
    jobs = trace.jobs
    assert jobs.submitted_s.tolist() == [5, 9, 86_400, 86_400]
    assert jobs.run_s.tolist() == [86_400, 60, 1.5, 2]
    assert jobs.service.tolist() == [
        ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.ON_DEMAND, ServiceClass.FLEX,
    ]  # fmt: skip
    assert jobs.deadline_s.tolist() == [np.inf, 86_400, np.inf, np.inf]
    assert jobs.slots.tolist() == [2, 1, 1, 1]
    assert "0 s is 1970-01-04T00:00:00+00:00" in trace.notes
    assert "1 deferrable tasks cannot end by their deadline: made on_demand without a deadline" in trace.notes
    # and cores are slots by the rule that was asked for
    assert len(read_surf(surf_file(tmp_path), cores_per_slot=8).jobs) == 2 + 3 + 2 + 1


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"duration": [1, 2, 0, 4]}, "surf.parquet:3.duration"),
        ({"duration": [1, 2, None, 4]}, "surf.parquet:3.duration"),
        ({"submission_time": [None, 1, 2, 3]}, "surf.parquet:1.submission_time"),
        ({"cpu_count": [1, 0, 1, 1]}, "surf.parquet:2.cpu_count"),
        ({"deadline": [1, None, None, None]}, "surf.parquet:1.deadline"),
        ({"id": [5, 5, 7, 8]}, "surf.parquet:2.id"),
        ({"id": [5, None, 7, 8]}, "surf.parquet:2.id"),
        ({"duration": ["a", "b", "c", "d"]}, "surf.parquet: duration"),
    ],
)
def test_a_bad_row_of_surf_is_named(tmp_path: Path, columns: dict[str, list[object]], field: str) -> None:
    with pytest.raises(InvalidFieldError) as error:
        read_surf(surf_file(tmp_path, **columns))
    assert error.value.field == field


def test_what_is_no_table_of_surf_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_surf(tmp_path / "nowhere.parquet")
    with pytest.raises(InvalidFieldError, match="a Parquet file"):
        read_surf(written(tmp_path, "id,deadline\n", "table.parquet"))
    pq.write_table(pa.table({"id": [1]}), tmp_path / "one.parquet")
    with pytest.raises(InvalidFieldError, match="submission_time"):
        read_surf(tmp_path / "one.parquet")


def test_virtual_machines_of_azure_become_jobs(tmp_path: Path) -> None:
    text = "arrival_time,length,cpus\n0.0,0.75,4\n0.5,2,2\n"
    path = written(tmp_path, text, "azure.csv")
    trace = read_azure(path)
    assert trace.jobs.submitted_s.tolist() == [0] * 4 + [1800] * 2
    assert trace.jobs.run_s.tolist() == [2700] * 4 + [7200] * 2
    assert trace.jobs.task.tolist() == [0] * 4 + [1] * 2
    assert "CC-BY" in trace.source
    assert read_azure(path, cores_per_slot=4, split=False).jobs.slots.tolist() == [1, 1]
    with pytest.raises(InvalidFieldError) as error:
        read_azure(written(tmp_path, f"{text}1,nan,2\n", "azure.csv"))
    assert error.value.field == "azure.csv:4.length"
    with pytest.raises(InvalidFieldError, match="cores_per_slot"):
        read_azure(path, cores_per_slot=0)


def fcfs_wait_s(jobs: Jobs, hosts: int) -> float:
    """Mean wait where each job takes the host that is free first, in the order of submission."""
    free = [0.0] * hosts
    wait_s = 0.0
    for submitted_s, run_s in zip(jobs.submitted_s.tolist(), jobs.run_s.tolist(), strict=True):
        start_s = max(submitted_s, heapq.heappop(free))
        wait_s += start_s - submitted_s
        heapq.heappush(free, start_s + run_s)
    return wait_s / len(jobs)


@pytest.mark.shared_data
def test_the_greco_trace_is_the_one_that_other_simulators_were_run_on(shared_data: Path) -> None:
    trace = read_greco(shared_data / "workloads" / "greco14d_jobs.csv")
    jobs = trace.jobs
    assert len(jobs) == 15_922
    assert jobs.tasks == 950
    assert np.quantile(jobs.run_s, [0.5, 0.9]).tolist() == [652, 6039]
    assert jobs.run_s.mean() == pytest.approx(2224, abs=0.5)
    assert jobs.work_s == pytest.approx(35.4e6, rel=1e-3)
    assert jobs.submitted_s[-1] == pytest.approx(13.96 * 86_400, rel=1e-3)
    # SimGrid in C++ and Python, LEAF and a plain reference agree on it (reference/simulators.md §2.1)
    assert fcfs_wait_s(jobs, 1000) == pytest.approx(45.62, abs=0.005)


@pytest.mark.shared_data
def test_data_of_the_greco_trace_is_drawn_from_its_data_sets(shared_data: Path) -> None:
    folder = shared_data / "workloads"
    sizes = read_greco_sizes(folder / "greco_datasets.json")
    assert len(sizes) == 33_258
    assert np.median(sizes) == pytest.approx(32e6, rel=0.01)
    assert sizes.sum() == pytest.approx(6.1e12, rel=0.01)
    trace = read_greco(folder / "greco14d_jobs.csv", folder / "greco_datasets.json", seed=5)
    assert (trace.jobs.data >= 0).all()
    assert any("synthetic (seed 5)" in note for note in trace.notes)


@pytest.mark.shared_data
def test_the_surf_trace_is_half_a_year_of_deferrable_tasks(shared_data: Path) -> None:
    jobs = read_surf(shared_data / "workloads" / "surf_halfyear_tasks.parquet").jobs
    assert len(jobs) == 194_917
    assert jobs.submitted_s[-1] / 86_400 == pytest.approx(124.54, abs=0.01)
    flex = jobs.service == ServiceClass.FLEX
    assert int((~flex).sum()) == 3_124
    np.testing.assert_allclose((jobs.deadline_s - jobs.submitted_s)[flex], 86_400)
    assert set(jobs.slots.tolist()) == {1}


@pytest.mark.shared_data
def test_the_azure_sample_is_a_year_of_virtual_machines(shared_data: Path) -> None:
    path = shared_data / "workloads" / "gaia_azure-100k.csv"
    jobs = read_azure(path, split=False).jobs
    assert len(jobs) == 99_988
    assert sorted(set(jobs.slots.tolist())) == [2, 4, 8, 24, 30]
    assert jobs.submitted_s[-1] == pytest.approx(365 * 86_400, rel=1e-3)
    assert jobs.run_s.max() < 3 * 86_400
