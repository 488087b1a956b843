"""The filler queue: as many as heat is wanted for, gone with the heat, nothing burnt unless it is asked for."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ondol.control.command import argv_of, check_command, environment_of
from ondol.control.filler_queue import FillerQueue
from ondol.control.filler_rights import FillerRights
from ondol.control.filler_tasks import account_file, filler_task
from ondol.control.heat_signal import HeatSignals
from ondol.control.works import Works
from ondol.lifecycle.events import AttemptReported, EndSeen, InputsReady, ResultsUploaded, RunSeen, StartDecided
from ondol.model.compute import InstanceState, Task
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.filler import BURN_NAME, FillerTerms
from ondol.model.ids import AccountId, NodeId
from ondol.model.view import ServiceClass
from ondol.storage.memory.store import MemoryStore
from unit.control.test_admission_notes import FLEET, NOW, notes, task, view

BURN = FillerTerms(source="burn", burn_asked_by="Ana, the pool would freeze")
BOINC = FillerTerms(source="boinc", project_url="https://boinc.example.org/rosetta/", project_key_secret="boinc/key")
OPERATOR = AccountId("op")


class Stage:
    """A queue over works in memory; 400 W of two slots heat one room."""

    def __init__(self, terms: FillerTerms) -> None:
        self.at, self.demand_w = NOW, 300.0
        self.works = Works(MemoryStore())
        self.submitted: list[Task] = []
        self.queue = FillerQueue(
            terms,
            self.works,
            issue=lambda: HeatSignals(FLEET, lambda _site: frozenset(), lambda: view(self.demand_w)).issue(),
            submit=self.submit,
            account_id=lambda: OPERATOR,
            now=lambda: self.at,
            stir=lambda: None,
            slots=2,
            slot_heat_w=200.0,
        )
        self.rights = FillerRights(terms, lambda: OPERATOR, self.queue.own)

    def submit(self, made: Task) -> None:
        self.rights.check(made)
        check_command(made)
        self.submitted.append(made)
        self.works.admit([made], self.at, ())

    def later(self, minutes: float) -> None:
        self.at += dt.timedelta(minutes=minutes)
        self.queue.turn()

    def open(self) -> int:
        return sum(not one.state.final for work in self.works for one in work.instances.values())


@pytest.mark.parametrize("terms", [BURN, BOINC], ids=lambda terms: terms.source)
def test_as_many_wait_as_heat_is_wanted_for_and_no_more(terms: FillerTerms) -> None:
    """Given 300 W wanted and 200 W a slot, then one filler, or two where most is; asked again, none is added."""
    stage = Stage(terms)
    stage.later(0)
    assert stage.open() == 1
    stage.later(2)
    assert stage.open() == 1
    stage.demand_w = 900.0
    stage.later(2)
    assert stage.open() == 2
    for made in stage.submitted:
        assert (made.service, made.account_id) == (ServiceClass.FILLER, OPERATOR)


def test_fillers_end_with_the_heat_and_not_at_the_first_dip() -> None:
    """Given fillers, when no heat is wanted they stay for ten minutes, and are cancelled after a quarter."""
    stage = Stage(BURN)
    stage.later(0)
    stage.demand_w = 0.0
    stage.later(10)
    assert stage.open() == 1
    stage.later(10)
    assert stage.open() == 0


def ends(stage: Stage, exit_code: int) -> None:
    """Let the filler that waits run and end by itself."""
    (work,) = [one for one in stage.works if any(not inst.state.final for inst in one.instances.values())]
    (instance,) = work.instances
    begun = StartDecided(at=stage.at, instance_id=instance, node_id=NodeId("u-n0"), reason="heat")
    assert stage.works.apply(work.task.id, begun)
    now = stage.works.get(work.task.id)
    assert now is not None
    tried = now.latest(instance)
    assert tried is not None
    attempt = tried.id
    for event in (
        InputsReady(at=stage.at, attempt_id=attempt),
        AttemptReported(at=stage.at, attempt_id=attempt, state=RunSeen.RUNNING),
        AttemptReported(
            at=stage.at, attempt_id=attempt, state=RunSeen.ENDED, cause=EndSeen.EXITED, exit_code=exit_code
        ),
        ResultsUploaded(at=stage.at, attempt_id=attempt),
    ):  # fmt: skip
        stage.works.apply(work.task.id, event)


def test_fillers_that_fail_are_not_followed_by_one_a_minute() -> None:
    """Given a machine without the client, then after each failure the queue rests twice as long, an hour at most; a
    filler that ended well is followed at once."""
    stage = Stage(BOINC)
    stage.later(0)
    tried = []
    for minute in range(360):
        if stage.open():
            tried.append(minute)
            ends(stage, 127)
        stage.later(1)
    gaps = [second - first for first, second in itertools.pairwise(tried)]
    assert gaps[:5] == [2, 4, 8, 16, 32]
    assert set(gaps[5:]) == {60}
    while not stage.open():
        stage.later(1)
    ends(stage, 0)
    stage.later(1)
    assert stage.open() == 1


def test_a_client_that_fails_for_months_is_still_tried_once_an_hour() -> None:
    """Given more failures than there are doublings of a number, then the loop is not told of a number that is none."""
    stage = Stage(BOINC)
    stage.queue._failures = 1_030
    stage.later(0)
    ends(stage, 127)
    stage.later(59)
    assert stage.open() == 0
    stage.later(2)
    assert stage.open() == 1


def test_without_a_queue_nothing_is_added_and_storage_that_is_away_ends_nothing() -> None:
    idle = Stage(FillerTerms())
    idle.later(0)
    assert not idle.submitted
    stage = Stage(BURN)
    stage.queue._submit = lambda _task: (_ for _ in ()).throw(UnavailableError("no storage"))
    stage.later(0)  # raises nothing: heat goes on
    assert stage.open() == 0


def test_burning_needs_somebody_who_asks_for_it_and_why() -> None:
    for words in ("", "Ana", "Ana,", ", because"):
        with pytest.raises(InvalidFieldError, match="burn_asked_by"):
            FillerTerms(source="burn", burn_asked_by=words)
    with pytest.raises(InvalidFieldError, match="burn_asked_by"):
        FillerTerms(source="boinc", burn_asked_by="Ana, cold")
    assert FillerTerms().source == "none"


def test_burnt_cycles_are_named_so_and_no_other_task_may_be() -> None:
    made = filler_task(BURN, OPERATOR, 1, NOW)
    assert made.name == f"{BURN_NAME}, asked for by Ana, the pool would freeze"
    rights = Stage(BURN).rights
    with pytest.raises(InvalidFieldError, match="statements mark"):
        rights.check(task(ServiceClass.FLEX).__class__(**{**fields(task(ServiceClass.FLEX)), "name": "Burnt for heat"}))


def test_whose_filler_is_taken() -> None:
    """Given a source, then filler is whoever's, one account's, or the platform's own alone; other classes anybody's."""
    theirs = task(ServiceClass.FILLER)
    chosen = FillerTerms(source="tasks", account="lab@example.org")
    FillerRights(chosen, lambda: theirs.account_id, lambda _task: False).check(theirs)
    for rights in (FillerRights(chosen, lambda: OPERATOR, lambda _task: False), Stage(BOINC).rights):
        with pytest.raises(InvalidFieldError, match="on_demand, flex or harvest"):
            rights.check(theirs)
        rights.check(task(ServiceClass.HARVEST))


def test_where_nobody_fills_who_asks_for_it_gets_harvest_and_is_told_so() -> None:
    """Given no fillers, then filler runs as harvest on its own account: nobody works past a budget on the heat's."""
    rights = FillerRights(FillerTerms(), lambda: None, lambda _task: False)
    asked = task(ServiceClass.FILLER, labels={"ondol.service": "filler"})
    given = rights.accepted(asked)
    assert given.service is ServiceClass.HARVEST
    rights.check(given)
    (noted,) = notes(view()).noted([given])
    assert noted.admission is not None
    assert noted.admission.service == "harvest"
    assert noted.admission.text.startswith("The operator takes no fillers here: it runs as harvest, on your account.")
    chosen = FillerRights(FillerTerms(source="tasks", account="a@b.org"), lambda: asked.account_id, lambda _task: False)
    assert chosen.accepted(asked) is asked
    with pytest.raises(InvalidFieldError, match="no fillers"):
        rights.check(task(ServiceClass.FILLER, holds_pool="p"))


def test_an_account_file_is_named_as_the_client_looks_for_it() -> None:
    assert account_file("https://boinc.example.org/rosetta/") == "account_boinc.example.org_rosetta.xml"


CLIENT = """#!/bin/sh
# Stands in for BOINC's client: attaches from account files, writes a checkpoint when it is told to end.
echo "$@" > arguments
grep -h authenticator account_*.xml > attached
trap 'echo saved > checkpoint; exit 0' TERM
n=0
while :; do n=$((n+1)); echo $n > ticks; sleep 0.02; done
"""


@pytest.fixture
def slot(tmp_path: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """A BOINC slot as the engine would start it, with a client that stands in; its folder."""
    (tmp_path / "bin").mkdir()
    client = tmp_path / "bin" / "boinc"
    client.write_text(CLIENT)
    client.chmod(0o755)
    made = filler_task(BOINC, OPERATOR, 1, NOW)
    environment = environment_of(made, 0, str(tmp_path), str(tmp_path / "checkpoint"))
    (tmp_path / "checkpoint").mkdir()
    environment |= {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "ONDOL_SECRET__boinc__key": "k3y"}
    assert "k3y" not in shlex.join(argv_of(made, 0, environment))
    process = subprocess.Popen(argv_of(made, 0, environment), env=environment, start_new_session=True)
    yield process, tmp_path / "checkpoint" / "boinc"
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def wait_for(path: Path, text: str = "") -> str:
    until_s = time.monotonic() + 5.0
    while time.monotonic() < until_s:
        if path.exists() and text in path.read_text() and path.read_text():
            return path.read_text()
        time.sleep(0.01)
    pytest.fail(f"{path} does not come")


def test_a_boinc_slot_attaches_pauses_goes_on_and_saves_when_it_is_stopped(slot: tuple) -> None:
    """Given a slot at work, when it is frozen it stands still, goes on after, and writes its checkpoint at the end."""
    process, folder = slot
    assert "k3y" in wait_for(folder / "attached")
    assert "--exit_when_idle" in wait_for(folder / "arguments")
    wait_for(folder / "ticks")
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(0.1)
    stood = (folder / "ticks").read_text()
    time.sleep(0.15)
    assert (folder / "ticks").read_text() == stood
    os.killpg(process.pid, signal.SIGCONT)
    until_s = time.monotonic() + 5.0
    while (folder / "ticks").read_text() in (stood, "") and time.monotonic() < until_s:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(5)
    assert wait_for(folder / "checkpoint") == "saved\n"


def test_without_its_secret_a_slot_ends_and_says_so(tmp_path: Path) -> None:
    made = filler_task(BOINC, OPERATOR, 1, NOW)
    environment = {"PATH": os.environ["PATH"], "PROJECT_URL": BOINC.project_url}
    argv = argv_of(made, 0, environment)
    ended = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, timeout=5, check=False)
    assert ended.returncode == 1
    assert b"no secret boinc/key" in ended.stderr


def fields(one: Task) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def test_a_waiting_filler_is_an_ordinary_instance() -> None:
    stage = Stage(BOINC)
    stage.later(0)
    (work,) = stage.works
    assert [one.state for one in work.instances.values()] == [InstanceState.QUEUED]
    assert work.task.resumable
