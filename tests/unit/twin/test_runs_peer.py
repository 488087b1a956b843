"""The run that other simulators are asked for too agrees with the plain reference, waits, energy and readings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.verdict import expect
from benchmarks.peers.workload import Said
from ondol.model.errors import InvalidFieldError
from ondol.twin import peer_run as peers
from ondol.twin.peer_run import peer_run


def write_jobs(path: Path, count: int, gap_s: int, seed: int = 1) -> Path:
    """Jobs at whole minutes, of minutes to hours."""
    lots = np.random.default_rng(seed)
    submitted_s = np.cumsum(lots.integers(0, 3, count) * gap_s)
    runtime_s = lots.integers(20, 6000, count)
    rows = [f"{k + 1},{s},1,{r}" for k, (s, r) in enumerate(zip(submitted_s, runtime_s, strict=True))]
    path.write_text("id,submit,nres,runtime\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("hosts", "step_s"), [(3, 150.0), (40, 150.0), (130, 300.0)])
def test_it_agrees_with_the_reference(tmp_path: Path, hosts: int, step_s: float) -> None:
    jobs = write_jobs(tmp_path / "jobs.csv", 120, 60)
    told = peer_run(jobs, hosts, step_s)
    expected = expect(jobs, hosts, step_s)

    names = ("loop_s", "mean_wait_s", "energy_kwh", "end_s", "samples", "meter_sum_kwh")
    assert expected.faults(Said(**{name: getattr(told, name) for name in names})) == []
    assert told.mean_wait_s == pytest.approx(expected.mean_wait_s, abs=1e-6)
    assert told.energy_kwh == pytest.approx(expected.energy_kwh, rel=1e-9)
    assert told.samples == expected.samples
    assert (told.mean_wait_s == 0.0) == (hosts > 120)  # all others had to queue
    # All of it heats rooms, also in the rest of the last step.
    assert told.energy_kwh <= told.room_heat_kwh <= told.energy_kwh + hosts * 0.1 * step_s / 3600.0


@pytest.mark.shared_data
def test_it_agrees_on_the_first_jobs_of_the_trace(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / "workloads" / "greco14d_jobs.csv").read_text(encoding="utf-8").splitlines()
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("\n".join(lines[:301]) + "\n", encoding="utf-8")
    told, expected = peer_run(jobs, 20, 150.0), expect(jobs, 20, 150.0)
    assert told.mean_wait_s == pytest.approx(expected.mean_wait_s, abs=1e-6)
    assert told.energy_kwh == pytest.approx(expected.energy_kwh, rel=1e-9)
    assert told.meter_sum_kwh == pytest.approx(expected.meter_sum_kwh, rel=1e-9)


def test_every_host_heats_a_room(tmp_path: Path) -> None:
    jobs = write_jobs(tmp_path / "jobs.csv", 10, 60)
    twin = peers._twin(peers.read_greco(jobs), 130, 150.0, steps=4)
    twin.live(4)
    assert len(twin.layout.node_ids) == len(twin.layout.unit_ids) == 130
    assert np.bincount(twin.layout.unit_sink).tolist() == [100, 30]
    assert (twin.plant.heat_w > 2000.0).all()
    assert (twin.plant.rooms.temp_c() > 15.0).all()


@pytest.mark.parametrize(("hosts", "step_s", "field"), [(0, 150.0, "--hosts"), (3, 1.0, "--step-s")])
def test_what_cannot_be_is_refused(tmp_path: Path, hosts: int, step_s: float, field: str) -> None:
    with pytest.raises(InvalidFieldError, match=field):
        peer_run(write_jobs(tmp_path / "jobs.csv", 3, 60), hosts, step_s)


def test_jobs_on_several_hosts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("id,submit,nres,runtime\n1,0,2,60\n", encoding="utf-8")
    with pytest.raises(InvalidFieldError, match="1 jobs with nres above 1"):
        peer_run(tmp_path / "jobs.csv", 3, 150.0)
