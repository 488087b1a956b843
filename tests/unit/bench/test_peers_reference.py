"""The reference of the speed rounds: its schedule, its energy, and which runs of peers do not count beside it."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.reference import Schedule, host_power_w, integrate, mean_wait_s, schedule
from benchmarks.peers.rounds import Peer, interleave, run_once
from benchmarks.peers.verdict import Expected, expect, expect_steps
from benchmarks.peers.workload import Job, Said, read_jobs

IDLE_W, FULL_W = 100.0, 200.0
TRACES = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), min_size=1, max_size=12)


def jobs_of(pairs: list[tuple[int, int]]) -> list[Job]:
    return [Job(float(submit_s), float(runtime_s)) for submit_s, runtime_s in sorted(pairs)]


def second_by_second(jobs: list[Job], hosts: int) -> tuple[list[float], list[int]]:
    """Starts, and how many hosts are busy in each second, by walking the seconds: slow, and not by a heap."""
    left, start_s, busy, now = [0] * hosts, [0.0] * len(jobs), [], 0
    waiting = list(range(len(jobs)))
    while waiting or any(left):
        for host in range(hosts):
            if left[host] == 0 and waiting and jobs[waiting[0]].submit_s <= now:
                number = waiting.pop(0)
                start_s[number], left[host] = float(now), int(jobs[number].runtime_s)
        busy.append(sum(1 for seconds in left if seconds))
        left = [max(0, seconds - 1) for seconds in left]
        now += 1
    return start_s, busy


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.shared_data
def test_the_trace_of_qarnot_waits_as_in_other_simulators(shared_data: Path) -> None:
    # Given the 15,922 jobs of greco14d
    jobs = read_jobs(shared_data / "workloads" / "greco14d_jobs.csv")
    # When they run first come, first served on 1,000 hosts
    done = schedule(jobs, 1_000)
    energy = integrate(jobs, done, 1_000, 150.0)
    # Then the mean wait is what SimGrid, LEAF and others found
    assert mean_wait_s(jobs, done) == pytest.approx(45.62, abs=0.005)
    # and the energy is that of all idle hosts and of all run times
    by_hand_kwh = (1_000 * IDLE_W * energy.end_s + sum(job.runtime_s for job in jobs) * (FULL_W - IDLE_W)) / 3.6e6
    assert energy.energy_kwh == pytest.approx(by_hand_kwh, rel=1e-12)
    assert energy.readings == energy.end_s // 150 + 1


@given(TRACES, st.integers(1, 4))
def test_starts_are_those_of_walking_the_seconds(pairs: list[tuple[int, int]], hosts: int) -> None:
    jobs = jobs_of(pairs)
    assert schedule(jobs, hosts).start_s == second_by_second(jobs, hosts)[0]


@given(TRACES, st.integers(1, 4))
def test_no_host_runs_two_jobs_at_once(pairs: list[tuple[int, int]], hosts: int) -> None:
    jobs = jobs_of(pairs)
    done = schedule(jobs, hosts)
    for host in range(hosts):
        own = sorted(
            (done.start_s[n], done.start_s[n] + jobs[n].runtime_s) for n in range(len(jobs)) if done.host[n] == host
        )
        assert all(end_s <= begin_s for (_, end_s), (begin_s, _) in pairwise(own))


@given(TRACES, st.integers(1, 4), st.integers(1, 7))
def test_energy_and_readings_are_those_of_walking_the_seconds(
    pairs: list[tuple[int, int]], hosts: int, step_s: int
) -> None:
    jobs = jobs_of(pairs)
    energy = integrate(jobs, schedule(jobs, hosts), hosts, float(step_s), IDLE_W, FULL_W)
    meter_j = [0.0]
    for busy in second_by_second(jobs, hosts)[1]:
        meter_j.append(meter_j[-1] + hosts * IDLE_W + busy * (FULL_W - IDLE_W))
    assert energy.end_s == len(meter_j) - 1
    assert energy.energy_kwh == pytest.approx(meter_j[-1] / 3.6e6)
    assert energy.readings == len(meter_j[::step_s])
    assert energy.meter_sum_kwh == pytest.approx(sum(meter_j[::step_s]) / 3.6e6)


@given(TRACES, st.integers(1, 4), st.integers(1, 7))
def test_power_of_hosts_adds_up_to_the_energy(pairs: list[tuple[int, int]], hosts: int, step_s: int) -> None:
    jobs = jobs_of(pairs)
    done = schedule(jobs, hosts)
    steps = int(integrate(jobs, done, hosts, step_s).end_s) // step_s + 1
    power_w = host_power_w(jobs, done, hosts, step_s, steps, IDLE_W, FULL_W)
    load_j = sum(job.runtime_s for job in jobs) * (FULL_W - IDLE_W)
    assert sum(map(sum, power_w)) * step_s == pytest.approx(hosts * steps * step_s * IDLE_W + load_j)
    assert max(map(max, power_w)) <= FULL_W + 1e-9


def test_bad_input_is_refused_with_its_name(tmp_path: Path) -> None:
    head = "id,submit,nres,runtime,walltime\n"
    for text, words in (
        ("id,submit,nres\n1,0,1\n", "no column runtime"),
        (head, "no job"),
        (head + "1,0,2,5,9\n", "nres of job 1 is 2"),
        (head + "1,0,1,0,9\n", "job 1 has submit 0 and runtime 0"),
        (head + "1,0,1,nan,9\n", "runtime nan"),
        (head + "1,9,1,5,9\n2,8,1,5,9\n", "job 2 was submitted before"),
    ):
        with pytest.raises(ValueError, match=words):
            read_jobs(write(tmp_path / "jobs.csv", text))
    with pytest.raises(ValueError, match="hosts is 0"):
        schedule([Job(0.0, 1.0)], 0)
    with pytest.raises(ValueError, match="step_s is 0"):
        integrate([Job(0.0, 1.0)], Schedule([0.0], [0]), 1, 0.0)


def expected_of(tmp_path: Path) -> tuple[Expected, Said]:
    """Two hosts, three jobs: what the reference expects, and a peer that says just that."""
    rows = "1,0,1,100,200\n2,0,1,50,200\n3,10,1,100,200\n"
    expected = expect(write(tmp_path / "jobs.csv", "id,submit,nres,runtime,walltime\n" + rows), 2, 30.0)
    said = Said(
        loop_s=1.0,
        mean_wait_s=expected.mean_wait_s,
        energy_kwh=expected.energy_kwh,
        end_s=expected.end_s,
        samples=expected.samples,
        meter_sum_kwh=expected.meter_sum_kwh,
    )
    return expected, said


def test_a_run_counts_that_agrees(tmp_path: Path) -> None:
    # Given two hosts and three jobs of which the last waits 40 s
    expected, said = expected_of(tmp_path)
    # Then the expectations are those of a hand calculation: 150 s, 250 busy host-seconds, 6 readings of 2 hosts
    assert expected.mean_wait_s == pytest.approx(40.0 / 3.0)
    assert expected.energy_kwh * 3.6e6 == pytest.approx(2 * 150 * 100 + 250 * 100)
    assert expected.samples == 12
    assert expected.idle_kwh * 3.6e6 == pytest.approx(30_000.0)
    assert expected.idle_sum_kwh * 3.6e6 == pytest.approx(200.0 * (30 + 60 + 90 + 120 + 150))
    # and a peer that says the same counts, also with one reading less
    assert expected.faults(said) == []
    assert expected.faults(replace(said, samples=10)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mean_wait_s": 13.34}, "mean wait"),
        ({"mean_wait_s": float("nan")}, "mean wait"),
        ({"end_s": 180.0}, "ends at"),
        ({"samples": 0}, "readings"),
        ({"energy_kwh": float("nan")}, "energy, whole"),
    ],
)
def test_a_run_does_not_count_that_differs(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    expected, said = expected_of(tmp_path)
    assert words in " ".join(expected.faults(replace(said, **change)))


def test_load_that_goes_astray_under_much_idle_is_found() -> None:
    # Given a fleet whose load is a hundredth of its energy
    expected = Expected(energy_kwh=101.0, idle_kwh=100.0, end_s=1.0)
    # When a peer loses a quarter of the load, a quarter of a per cent of the whole
    faults = expected.faults(Said(loop_s=1.0, energy_kwh=100.75))
    # Then it is found
    assert [fault.partition(":")[0] for fault in faults] == ["energy, above idle"]
    assert expected.load_deviation(Said(loop_s=1.0, energy_kwh=100.75)) == pytest.approx(-0.25)


def test_expected_energy_of_the_first_steps(tmp_path: Path) -> None:
    # Given one job of 100 s on the first of two hosts
    jobs = write(tmp_path / "jobs.csv", "id,submit,nres,runtime,walltime\n1,10,1,100,200\n")
    # When only the first two steps of 30 s are asked
    expected = expect_steps(jobs, 2, 30.0, 2)
    # Then 50 s of it are in them
    assert expected.energy_kwh * 3.6e6 == pytest.approx(2 * 60 * 100 + 50 * 100)


def test_what_peers_say_is_read_back_and_nonsense_refused() -> None:
    said = Said(loop_s=0.5, energy_kwh=3.0, samples=4, version="1")
    again = Said.of_output(f"noise\n{said.line()}\n")
    assert again.line() == said.line()
    assert "mean_wait_s" not in said.line()
    for output in ("", "no JSON", "[1]", '{"energy_kwh": 1}'):
        with pytest.raises(ValueError, match="not what a peer prints"):
            Said.of_output(output)


def peer(code: str, expected: Expected, name: str = "peer") -> Peer:
    return Peer(name, "schedule", [sys.executable, "-c", code], expected)


def test_rounds_take_turns_and_leave_out_who_fails(tmp_path: Path) -> None:
    # Given two peers that agree, one that crashes and one that is wrong
    log = tmp_path / "log"
    note = "import sys; open({log!r}, 'a').write({name!r}); print('{{\"loop_s\": 1, \"mean_wait_s\": {wait}}}')"
    expected = Expected(energy_kwh=1.0, idle_kwh=0.0, end_s=1.0, mean_wait_s=5.0)
    peers = [
        peer(note.format(log=str(log), name=name, wait=wait), expected, name)
        for name, wait in (("a", 5), ("b", 5), ("w", 6))
    ]
    peers.append(peer("raise SystemExit('on fire')", expected, "c"))
    # When two rounds are run, after one to warm up
    interleave(peers, 2, lambda _: None)
    # Then they took turns, the wrong one once, and the warm-up of those that agree is not kept
    assert log.read_text(encoding="utf-8") == "abwabab"
    assert [len(one.runs) for one in peers] == [2, 2, 1, 1]
    assert [bool(one.faults()) for one in peers] == [False, False, True, True]
    assert "on fire" in peers[3].faults()[0]
    with pytest.raises(ValueError, match="rounds is 0"):
        interleave(peers, 0, lambda _: None)


def test_a_run_is_measured_and_ended_at_its_limit() -> None:
    expected = Expected(energy_kwh=1.0, idle_kwh=0.0, end_s=1.0)
    # Given a peer that computes for a while, when it is run, then its CPU time is seen beside its wall time
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint('{\"loop_s\": 0.3}')"
    run = run_once(peer(burn, expected))
    assert run.faults == ()
    assert 0.25 < run.user_s + run.sys_s <= run.wall_s * 1.05 + 0.02
    # Given one that never ends, when it is run, then it is ended and does not count
    run = run_once(peer("import time; time.sleep(60)", expected), limit_s=0.5)
    assert run.faults == ("not done after 0.5 s",)
    assert run.wall_s < 30.0
