"""SimGrid's driver of the speed rounds, compiled and run: it gives the schedule and the energy of the reference."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import simgrid_fcfs
from benchmarks.peers.rounds import Peer, run_once
from benchmarks.peers.verdict import Expected, expect

HOSTS, STEP_S = 12, 150.0


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if lack := simgrid_fcfs.missing():
        pytest.skip(lack)
    return simgrid_fcfs.build(tmp_path_factory.mktemp("simgrid"))


def greco_jobs(shared_data: Path, folder: Path, number: int) -> Path:
    """The first jobs of the trace."""
    lines = (shared_data / "workloads" / "greco14d_jobs.csv").read_text(encoding="utf-8").splitlines()
    jobs = folder / "jobs.csv"
    jobs.write_text("\n".join(lines[: number + 1]) + "\n", encoding="utf-8")
    return jobs


def drawn_jobs(folder: Path) -> Path:
    """200 jobs in bursts, more at once than hosts, with times that are no whole seconds."""
    draw = np.random.default_rng(7)
    submit_s = np.sort(np.round(draw.choice(8, 200) * 400.0 + draw.uniform(0.0, 30.0, 200), 3))
    runtime_s = np.round(draw.lognormal(5.5, 1.0, 200), 3)
    rows = [f"{n + 1},{submit_s[n]},1,{runtime_s[n]},9999" for n in range(200)]
    jobs = folder / "jobs.csv"
    jobs.write_text("\n".join(["id,submit,nres,runtime,walltime", *rows]) + "\n", encoding="utf-8")
    return jobs


def same_as_reference(program: Path, jobs: Path, hosts: int) -> None:
    # Given what the reference says of these jobs, when SimGrid runs them and reads every host's energy
    expected = expect(jobs, hosts, STEP_S)
    run = run_once(Peer("SimGrid", "energy", simgrid_fcfs.command(program, jobs, hosts, STEP_S, "energy"), expected))
    # Then the run counts, and agrees far closer than it must
    assert run.faults == ()
    assert run.said is not None
    assert run.said.mean_wait_s == pytest.approx(expected.mean_wait_s, abs=1e-3)
    assert run.said.energy_kwh == pytest.approx(expected.energy_kwh, rel=1e-6)
    assert run.said.meter_sum_kwh == pytest.approx(expected.meter_sum_kwh, rel=1e-6)
    assert run.said.samples == expected.samples
    assert 0.0 < run.said.loop_s <= run.wall_s


def test_drawn_jobs_in_bursts(program: Path, tmp_path: Path) -> None:
    jobs = drawn_jobs(tmp_path)
    assert expect(jobs, HOSTS, STEP_S).mean_wait_s > 1.0, "without waiting there is no queue to compare"
    same_as_reference(program, jobs, HOSTS)


@pytest.mark.shared_data
def test_first_jobs_of_the_trace(program: Path, shared_data: Path, tmp_path: Path) -> None:
    jobs = greco_jobs(shared_data, tmp_path, 200)
    assert expect(jobs, 4, STEP_S).mean_wait_s > 1.0, "without waiting there is no queue to compare"
    same_as_reference(program, jobs, 4)


def test_rungs_below_give_the_same_schedule(program: Path, tmp_path: Path) -> None:
    # Given the same jobs, when nothing is read, or only power
    jobs = drawn_jobs(tmp_path)
    whole = expect(jobs, HOSTS, STEP_S)
    schedule = Expected(whole.energy_kwh, whole.idle_kwh, whole.end_s, whole.mean_wait_s)
    for rung, samples in (("schedule", 0), ("power", whole.samples)):
        run = run_once(Peer("SimGrid", rung, simgrid_fcfs.command(program, jobs, HOSTS, STEP_S, rung), schedule))
        # Then schedule and total are those of the reference
        assert run.faults == ()
        assert run.said is not None
        assert run.said.samples == samples
        # and readings of power, held for a step, come near the readings of energy
        if samples:
            assert run.said.meter_sum_kwh == pytest.approx(whole.meter_sum_kwh, rel=0.1)


@pytest.mark.parametrize(
    ("row", "words"), [("1,0,2,5,9", "nres must be 1"), ("1,0,1,0,9", "runtime over 0"), ("x", "not a job")]
)
def test_bad_jobs_are_refused(program: Path, tmp_path: Path, row: str, words: str) -> None:
    jobs = tmp_path / "jobs.csv"
    jobs.write_text(f"id,submit,nres,runtime,walltime\n{row}\n", encoding="utf-8")
    command = simgrid_fcfs.command(program, jobs, HOSTS, STEP_S, "energy")
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""
