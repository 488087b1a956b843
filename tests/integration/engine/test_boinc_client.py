"""A BOINC slot with the real client, run by the embedded engine, attached to a project on this machine."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ondol.control.command import argv_of, environment_of
from ondol.control.filler_tasks import filler_task
from ondol.engine.local.engine import LocalEngine
from ondol.engine.ports import AttemptReport, EndCause, LaunchOrder, RunState
from ondol.model.filler import FillerTerms
from ondol.model.ids import AccountId, AttemptId, NodeId

NOW = dt.datetime(2026, 1, 12, 8, tzinfo=dt.UTC)
KEY = "0123456789abcdef0123456789abcdef"
_COME_S = 25.0


class Project(BaseHTTPRequestHandler):
    """As much of a BOINC project as a client asks of one that has no work now."""

    def do_GET(self) -> None:
        self.server.asked.append(("GET", self.path, b""))
        self._answer(f'<html><link rel="boinc_scheduler" href="{self.server.url}/cgi"></html>', "text/html")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(("POST", self.path, body))
        self.server.may_answer.wait(_COME_S)
        self._answer(
            "<scheduler_reply>\n<scheduler_version>707</scheduler_version>\n"
            f"<master_url>{self.server.url}/</master_url>\n<request_delay>5</request_delay>\n"
            "<project_name>warm</project_name>\n<user_name>operator</user_name>\n<hostid>7</hostid>\n"
            "</scheduler_reply>\n",
            "text/xml",
        )

    def _answer(self, text: str, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def project() -> Iterator[ThreadingHTTPServer]:
    if shutil.which("boinc") is None:
        pytest.skip("boinc-client is not installed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Project)
    server.may_answer = threading.Event()
    server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}/warm"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Slot:
    """Slots of one filler instance, one after the other, in the folder that outlives them."""

    def __init__(self, folder: Path, url: str) -> None:
        self.engine = LocalEngine(folder / "state", sandbox="auto")
        terms = FillerTerms(source="boinc", project_url=f"{url}/", project_key_secret="boinc/key")
        self.task = filler_task(terms, AccountId("op"), 1, NOW)
        self.kept = folder / "kept"
        self.kept.mkdir()
        self.folder = folder

    def launch(self, name: str) -> AttemptId:
        """As `control.hands` does it."""
        attempt, job = AttemptId(name), self.folder / name
        job.mkdir()
        bare = LaunchOrder(
            attempt_id=attempt, node_id=NodeId("n"), argv=("true",), job_dir=job, checkpoint_dir=self.kept, network=True
        )
        environment = environment_of(self.task, 0, *self.engine.inside_paths(bare))
        environment["ONDOL_SECRET__boinc__key"] = KEY
        self.engine.launch(
            LaunchOrder(
                attempt_id=attempt,
                node_id=bare.node_id,
                argv=argv_of(self.task, 0, environment),
                environment=environment,
                job_dir=job,
                checkpoint_dir=self.kept,
                network=True,
            )
        )
        return attempt

    def report(self, attempt: AttemptId) -> AttemptReport:
        return next(one for one in self.engine.poll() if one.attempt_id == attempt)

    def said(self, attempt: AttemptId) -> str:
        return self.engine.output(attempt, "stdout").decode() + self.engine.output(attempt, "stderr").decode()

    def until(self, attempt: AttemptId, true: object) -> None:
        end = time.monotonic() + _COME_S
        while not true():
            assert time.monotonic() < end, self.said(attempt)
            time.sleep(0.05)

    def stop(self, attempt: AttemptId) -> AttemptReport:
        self.engine.stop(attempt, 20.0)
        self.until(attempt, lambda: self.report(attempt).state is RunState.ENDED)
        return self.report(attempt)


def test_a_real_client_attaches_stands_still_goes_on_and_comes_back_as_the_same_host(
    project: ThreadingHTTPServer, tmp_path: Path
) -> None:
    """Given a slot of the filler queue with Debian's client, when it is frozen while its project answers, thawed,
    stopped and started again, then it takes the answer only when it is thawed, ends within seconds of being told, and
    is the same host to its project afterwards."""
    slot = Slot(tmp_path, project.url)

    def requests() -> list[str]:
        return [body.decode() for way, _, body in project.asked if way == "POST"]

    first = slot.launch("first")
    slot.until(first, requests)
    assert f"<authenticator>{KEY}</authenticator>" in requests()[0]
    slot.engine.pause(first)
    slot.until(first, lambda: slot.report(first).state is RunState.PAUSED)
    project.may_answer.set()
    time.sleep(1.5)
    assert "Scheduler request completed" not in slot.said(first)
    slot.engine.resume(first)
    slot.until(first, lambda: "Scheduler request completed" in slot.said(first))
    slot.until(first, lambda: "<hostid>7</hostid>" in _state(slot.kept))
    assert slot.stop(first).cause is EndCause.STOPPED
    assert KEY not in slot.said(first)

    project.may_answer.clear()
    second = slot.launch("second")
    slot.until(second, lambda: len(requests()) > 1)
    assert "<hostid>7</hostid>" in requests()[1]
    begun_s = time.monotonic()
    assert slot.stop(second).cause is EndCause.STOPPED
    assert time.monotonic() - begun_s < 15.0
    assert "Exiting" in slot.said(second), slot.said(second)
    project.may_answer.set()
    for attempt in (first, second):
        slot.engine.release(attempt)
    slot.engine.close()


def _state(kept: Path) -> str:
    file = kept / "boinc" / "client_state.xml"
    return file.read_text() if file.exists() else ""
