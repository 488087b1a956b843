"""A run that was cut short ends as if it had not been, and nothing of anybody else's is removed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ondol.model.errors import ConflictError, InvalidFieldError
from ondol.twin import snapshot
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.run_folder import RunFolder, Stage
from ondol.twin.runs import Run, live_into, prepare
from ondol.twin.summary import summarise
from unit.twin.run_scenarios import contents, write_world

MADE_ANEW = {  # by the scenario alone, or only to be quicker
    "attempts": {"jobs", "layout"},
    "machines": {"layout"},
    "caches": {"_layout"},
    "score": {"_layout", "_series", "_stores", "_own"},
    "readings": {"_plant", "_series", "_stores", "groups", "_reads"},
    "forecast_errors": {"_series", "_stores", "_readings"},
    "plant": {"_weather", "_layout", "_series", "groups", "rooms", "tanks", "pools", "networks"},
}
"""Attributes of parts that a snapshot leaves out. One that changes while the twin lives must not be among them."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def greco(world: Path) -> Run:
    return prepare(world, "greco")


@pytest.fixture(scope="module")
def whole(greco: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed run leaves."""
    folder = tmp_path_factory.mktemp("whole")
    live_into(greco, folder)
    return contents(folder)


class CutShortError(Exception):
    """Stands in for the power going."""


def cut_at(step: int) -> object:
    def tell(done: int, _all: int) -> None:
        if done == step:
            raise CutShortError

    return tell


def twin_of(run: Run) -> FleetTwin:
    return FleetTwin(run.scenario, run.series, run.trace, run.policy)


@pytest.mark.parametrize("policy", ["follow", "fcfs", "greco", "wait-awhile"])
def test_a_twin_given_back_lives_to_the_same_end(world: Path, tmp_path: Path, policy: str) -> None:
    run = prepare(world, policy)
    given = twin_of(run)
    given.live(15)
    snapshot.save(tmp_path / "s.npz", given, parts=3)
    assert given.machines.held.any()  # there is something to be lost

    back = twin_of(run)
    snapshot.load(tmp_path / "s.npz", back)
    given.live(12)
    back.live(12)

    assert snapshot.beside(tmp_path / "s.npz") == {"parts": 3}
    assert summarise(back) == summarise(given)
    snapshot.save(tmp_path / "a.npz", given)
    snapshot.save(tmp_path / "b.npz", back)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_all_that_changes_in_a_part_is_kept(greco: Run) -> None:
    twin = twin_of(greco)
    for name in snapshot.PARTS:
        left_out = {field for field, value in vars(getattr(twin, name)).items() if not snapshot.kept(value)}
        assert left_out <= MADE_ANEW[name], f"{name}: a snapshot has to keep these, or say why not"

    twin.live(40)
    fresh = twin_of(greco)
    for name, fields in snapshot.FIXED.items():
        for field in fields:
            now, then = vars(getattr(twin, name))[field], vars(getattr(fresh, name))[field]
            assert np.array_equal(now, then), f"{name}.{field} changes while a twin lives"


@pytest.mark.parametrize("step", [1, 24, 25, 71])
def test_a_run_cut_short_ends_byte_by_byte_as_one_that_was_not(
    greco: Run, whole: dict[str, bytes], tmp_path: Path, step: int
) -> None:
    with pytest.raises(CutShortError):
        live_into(greco, tmp_path / "out", tell=cut_at(step))
    series = tmp_path / "out" / "series"
    series.mkdir(exist_ok=True)
    for half in (tmp_path / "out" / "snapshot.npz.01234567.partial", series / "part-00009.parquet.01234567.partial"):
        half.write_bytes(b"as after a kill")
    begun: list[int] = []
    live_into(greco, tmp_path / "out", tell=lambda done, _: begun.append(done))

    assert begun[0] == step // 24 * 24  # it went on from the last whole day
    assert contents(tmp_path / "out") == whole


def test_a_part_newer_than_the_snapshot_is_made_again(
    greco: Run, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, taken = snapshot.save, []

    def save(path: Path, twin: FleetTwin, **beside: int) -> None:
        taken.append(twin.step)
        if len(taken) == 2:
            raise CutShortError  # the second day's part is there, its snapshot is not
        real(path, twin, **beside)

    monkeypatch.setattr(snapshot, "save", save)
    with pytest.raises(CutShortError):
        live_into(greco, tmp_path / "out")
    assert len(RunFolder(tmp_path / "out").parts("series")) == 2
    monkeypatch.undo()
    live_into(greco, tmp_path / "out")

    assert contents(tmp_path / "out") == whole


def test_a_finished_run_is_told_again_without_living(greco: Run, tmp_path: Path) -> None:
    first = live_into(greco, tmp_path / "out")
    before = contents(tmp_path / "out")
    steps: list[int] = []
    again = live_into(greco, tmp_path / "out", tell=lambda done, _: steps.append(done))

    assert again == first
    assert steps == []
    assert contents(tmp_path / "out") == before


def test_a_folder_of_another_run_is_refused_with_what_to_do(world: Path, greco: Run, tmp_path: Path) -> None:
    live_into(prepare(world, "fcfs", days=1.0), tmp_path / "out")
    before = contents(tmp_path / "out")

    with pytest.raises(
        ConflictError, match=r"finished run of something else: policy is fcfs, not greco; days.*--fresh"
    ):
        live_into(greco, tmp_path / "out")
    assert contents(tmp_path / "out") == before
    with pytest.raises(ConflictError, match=r"seed is 7, not 8"):
        live_into(prepare(world, "fcfs", days=1.0, seed=8), tmp_path / "out")


def test_other_work_of_the_same_name_is_another_run(world: Path, tmp_path: Path) -> None:
    live_into(prepare(world, "fcfs", days=1.0), tmp_path / "out")
    other = write_world(tmp_path / "world")
    jobs = other.with_name("jobs.csv")
    jobs.write_text(jobs.read_text(encoding="utf-8").replace("j0,0,600", "j0,0,601"), encoding="utf-8")

    with pytest.raises(ConflictError, match="the scenario or its data are others by now"):
        live_into(prepare(other, "fcfs", days=1.0), tmp_path / "out")


def test_fresh_makes_the_run_from_its_beginning(
    world: Path, greco: Run, whole: dict[str, bytes], tmp_path: Path
) -> None:
    live_into(prepare(world, "fcfs"), tmp_path / "out")
    live_into(greco, tmp_path / "out", fresh=True)

    assert contents(tmp_path / "out") == whole


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_with_other_files_is_left_alone(greco: Run, tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "thesis.odt").write_text("years of work", encoding="utf-8")
    (tmp_path / "series").mkdir()
    with pytest.raises(InvalidFieldError, match=r"--out .* this one has series"):
        live_into(greco, tmp_path, fresh=fresh)
    assert contents(tmp_path) == {"thesis.odt": b"years of work"}


def test_fresh_removes_only_what_a_run_wrote(greco: Run, tmp_path: Path) -> None:
    live_into(greco, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "out" / "video.partial").write_text("mine too", encoding="utf-8")
    with pytest.raises(CutShortError):
        live_into(greco, tmp_path / "out", fresh=True, tell=cut_at(1))
    assert sorted(contents(tmp_path / "out")) == ["notes.txt", "run.json", "video.partial"]


def test_a_damaged_snapshot_is_told(greco: Run, tmp_path: Path) -> None:
    with pytest.raises(CutShortError):
        live_into(greco, tmp_path / "out", tell=cut_at(30))
    file = tmp_path / "out" / "snapshot.npz"
    file.write_bytes(file.read_bytes()[:-4000])
    with pytest.raises(InvalidFieldError, match=r"snapshot.npz.*--fresh"):
        live_into(greco, tmp_path / "out")


def test_two_at_one_folder_do_not_mix(greco: Run, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out")
    with folder.opened(greco.identity, fresh=False) as stage:
        assert stage is Stage.NEW
        with pytest.raises(ConflictError, match="Another process"):
            live_into(greco, tmp_path / "out", fresh=True)
    live_into(greco, tmp_path / "out")
