"""Creations that come twice (ADR 7), spoken over real sockets: no twin of one, and never one of two."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from integration.api.conftest import serve
from integration.api.memory_desk import ALICE, MemoryDesk
from ondol.model.errors import UnavailableError
from ondol.model.ids import AccountId
from ondol.storage.pages import Query

GOOD = {
    "name": "t",
    "profile": "docker-batch",
    "instanceCount": 1,
    "constants": [{"key": "DOCKER_CMD", "value": "true"}],
}
BODY = json.dumps(GOOD).encode()
ALL = AccountId("alice")


def count(desk: MemoryDesk) -> int:
    return desk.store.counts(ALL).tasks


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


def raw(url: str, body: bytes = BODY, path: str = "/tasks") -> socket.socket:
    """Send a whole request and leave its answer to the caller."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {ALICE}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


class Gate:
    """Holds every commit until it is opened; `reached` counts those that came."""

    def __init__(self) -> None:
        self.reached = 0
        self.open = threading.Event()

    def __call__(self) -> None:
        self.reached += 1
        assert self.open.wait(10)


@pytest.fixture
def gate(desk: MemoryDesk) -> Gate:
    desk.before_commit = Gate()
    return desk.before_commit


def lose(
    url: str, gate: Gate, body: bytes = BODY, hang_up: Callable[[socket.socket], None] = socket.socket.close
) -> None:
    """Send a whole request, and hang up while the server is at it."""
    connection = raw(url, body)
    wait_until(lambda: gate.reached == 1)
    hang_up(connection)


def test_thousand_meant_twins_are_thousand_tasks(alice: httpx2.Client, desk: MemoryDesk):
    uuids = {alice.post("/tasks", content=BODY).json()["uuid"] for _ in range(300)}

    def some(_: int) -> set[str]:
        with httpx2.Client(base_url=alice.base_url, headers={"Authorization": ALICE}, timeout=30) as client:
            return {client.post("/tasks", content=BODY).json()["uuid"] for _ in range(100)}

    with ThreadPoolExecutor(7) as pool:
        for more in pool.map(some, range(7)):
            uuids |= more
    assert len(uuids) == count(desk) == 1000


def test_twins_that_are_meant_and_close_their_connections_are_two(url: str, desk: MemoryDesk):
    answers = [httpx2.post(f"{url}/tasks", content=BODY, headers={"Authorization": ALICE}) for _ in range(20)]
    assert len({answer.json()["uuid"] for answer in answers}) == count(desk) == 20


def test_request_whose_client_hung_up_is_made_once(alice: httpx2.Client, url: str, desk: MemoryDesk, gate: Gate):
    lose(url, gate)
    threading.Timer(0.3, gate.open.set).start()
    again = alice.post("/tasks", content=BODY)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert count(desk) == 1
    assert alice.get(f"/tasks/{again.json()['uuid']}").status_code == 200
    # the answer was given: who sends it once more means another task
    meant = alice.post("/tasks", content=BODY)
    assert meant.json()["uuid"] != again.json()["uuid"]
    assert count(desk) == 2


def test_client_that_hangs_up_at_once_and_comes_back(alice: httpx2.Client, url: str, desk: MemoryDesk):
    """Whether its first request was read before it hung up or not, and whether the second meets it or comes later.

    Commits wait for the hang-up: a client that is late to it may have been answered, and then means another (ADR 7).
    """
    hung_up = threading.Event()
    desk.before_commit = lambda: hung_up.wait(10)
    for round_ in range(1, 41):
        body = BODY.replace(b'"t"', b'"t%d"' % round_)
        hung_up.clear()
        raw(url, body).close()
        hung_up.set()
        time.sleep(0.001 * (round_ % 7))
        assert alice.post("/tasks", content=body).status_code == 200
    assert sorted(task["name"] for task in alice.get("/tasks").json()) == sorted(f"t{row}" for row in range(1, 41))


def test_client_that_resets_its_connection(alice: httpx2.Client, url: str, desk: MemoryDesk, gate: Gate):
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    lose(url, gate, hang_up=reset)
    gate.open.set()
    wait_until(lambda: count(desk) == 1)
    assert alice.post("/tasks", content=BODY).status_code == 200
    assert count(desk) == 1


def test_lost_bulk_is_answered_in_order(alice: httpx2.Client, url: str, desk: MemoryDesk, gate: Gate):
    body = json.dumps([GOOD, GOOD | {"profile": "none"}, GOOD]).encode()
    lose(url, gate, body)
    threading.Timer(0.3, gate.open.set).start()
    again = alice.post("/tasks", content=body)
    assert (again.status_code, [one["statusCode"] for one in again.json()]) == (207, [200, 400, 200])
    assert count(desk) == 2


@pytest.mark.parametrize(("name", "value"), [("WAIT_S", 0.2), ("MOST_WAITING", 0)])
def test_repetition_that_cannot_wait_may_come_again(
    alice: httpx2.Client,
    url: str,
    desk: MemoryDesk,
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: float,
):
    monkeypatch.setattr(f"ondol.server.once.book.{name}", value)
    lose(url, gate)
    for _ in range(2):
        assert alice.post("/tasks", content=BODY).status_code == 503
    monkeypatch.undo()
    gate.open.set()
    assert alice.post("/tasks", content=BODY).status_code == 200
    assert count(desk) == 1


def test_parallel_likes_of_one_that_hung_up_take_its_answer_once(
    alice: httpx2.Client, url: str, desk: MemoryDesk, gate: Gate
):
    lose(url, gate)
    with ThreadPoolExecutor(4) as pool:
        waiting = [
            pool.submit(httpx2.post, f"{url}/tasks", content=BODY, headers={"Authorization": ALICE}, timeout=10)
            for _ in range(4)
        ]
        time.sleep(0.2)
        gate.open.set()
        uuids = {one.result().json()["uuid"] for one in waiting}
    assert len(uuids) == count(desk) == 4  # one is the lost one's, three are their own


def test_answer_with_a_server_error_may_be_asked_for_again(alice: httpx2.Client, desk: MemoryDesk):
    def fail() -> None:
        desk.after_commit = lambda: None
        raise UnavailableError("the disk is slow")

    desk.after_commit = fail  # committed, then told otherwise
    assert alice.post("/tasks", content=BODY).status_code == 503
    again = alice.post("/tasks", content=BODY)
    assert again.status_code == 200
    assert count(desk) == 1
    desk.before_commit = fail  # not committed
    assert alice.post("/tasks", content=BODY).status_code == 503
    desk.before_commit = lambda: None
    assert alice.post("/tasks", content=BODY).status_code == 200
    assert count(desk) == 2


def test_others_are_not_given_an_answer_that_was_lost(
    alice: httpx2.Client, bob: httpx2.Client, url: str, desk: MemoryDesk, gate: Gate
):
    lose(url, gate)
    gate.open.set()
    wait_until(lambda: count(desk) == 1)
    theirs = bob.post("/tasks", content=BODY)
    assert theirs.status_code == 200
    assert alice.get(f"/tasks/{theirs.json()['uuid']}").status_code == 404


# -- with a key --


def test_key_answers_alike(alice: httpx2.Client, desk: MemoryDesk):
    headers = {"Idempotency-Key": "k-1"}
    first = alice.post("/tasks", content=BODY, headers=headers)
    second = alice.post("/v1/tasks/", content=BODY, headers=headers)
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.headers["Location"] == second.headers["Location"]
    assert (first.headers.get("Idempotency-Replayed"), second.headers["Idempotency-Replayed"]) == (None, "true")
    assert count(desk) == 1
    assert alice.post("/tasks", content=BODY, headers={"Idempotency-Key": "k-2"}).json() != first.json()


def test_key_with_another_body_is_refused(alice: httpx2.Client, bob: httpx2.Client, desk: MemoryDesk):
    headers = {"Idempotency-Key": "k"}
    assert alice.post("/tasks", content=BODY, headers=headers).status_code == 200
    other = alice.post("/tasks", json=GOOD | {"name": "other"}, headers=headers)
    assert (other.status_code, "another request before" in other.json()["message"]) == (422, True)
    assert bob.post("/tasks", content=BODY, headers=headers).status_code == 200
    for bad in ("a b", "x" * 256, ""):
        assert alice.post("/tasks", content=BODY, headers={"Idempotency-Key": bad}).status_code == 400
    assert count(desk) == 1


def test_key_comes_many_times_at_once(url: str, desk: MemoryDesk, gate: Gate):
    def one(_: int) -> httpx2.Response:
        headers = {"Authorization": ALICE, "Idempotency-Key": "same"}
        return httpx2.post(f"{url}/tasks", content=BODY, headers=headers, timeout=20)

    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(one, row) for row in range(16)]
        time.sleep(0.3)
        gate.open.set()
        found = Counter(answer.result().status_code for answer in answers)
    uuids = {answer.result().json()["uuid"] for answer in answers if answer.result().status_code == 200}
    assert len(uuids) == count(desk) == 1
    assert found.keys() <= {200, 409}


def test_refusal_with_a_key_may_be_mended(alice: httpx2.Client, desk: MemoryDesk):
    headers = {"Idempotency-Key": "k"}
    assert alice.post("/tasks", json=GOOD | {"profile": "none"}, headers=headers).status_code == 400
    assert alice.post("/tasks", content=BODY, headers=headers).status_code == 200


def test_keys_on_every_route_that_creates(alice: httpx2.Client, desk: MemoryDesk):
    task = alice.post("/tasks", content=BODY).json()["uuid"]
    desk.start(task)
    desk.finish(task, exit_code=1)
    pool_body = {"name": "p", "profile": "docker-batch", "instanceCount": 1}
    pool = alice.post("/pools", json=pool_body).json()["uuid"]
    for path, body in (
        ("/jobs", {"name": "j"}),
        ("/pools", pool_body),
        (f"/pools/{pool}/clone", {}),
        (f"/tasks/{task}/clone", {}),
        (f"/tasks/{task}/retry", {}),
        (f"/tasks/{task}/recover", {}),
    ):
        headers = {"Idempotency-Key": f"key-{path}"}
        first, second = (alice.post(path, json=body, headers=headers) for _ in range(2))
        assert first.status_code == second.status_code == 200, (path, first.text)
        assert first.json() == second.json(), path
        assert alice.post(path, json=body).json() != first.json(), path


# -- over a kill --

_SERVER = """
import os, sys, threading
from pathlib import Path
import uvicorn
from integration.api.memory_desk import MemoryDesk
from ondol.server.app import create_api
from ondol.storage.sql.store import SqlStore

folder = Path(sys.argv[1])
desk = MemoryDesk(folder, SqlStore(f"sqlite:///{folder}/db"))
if sys.argv[2] == "stop":
    def stop():
        print("committed", flush=True)
        threading.Event().wait()
    desk.after_commit = stop
import socket
listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listening.bind(("127.0.0.1", 0))
listening.listen()
print(listening.getsockname()[1], flush=True)
app = create_api(desk, storage_url=None, answers=folder / "answers")
uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listening])
"""


class Served:
    """The API in a process of its own, over a database."""

    def __init__(self, folder: Path, what: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(folder), what], stdout=subprocess.PIPE, text=True, env=environment
        )
        self.url = f"http://127.0.0.1:{self.line()}"

    def line(self) -> str:
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], 30)[0], "the server says nothing"
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def tasks_at(url: str) -> list[Any]:
    answer = httpx2.get(f"{url}/tasks/summaries", headers={"Authorization": ALICE}, timeout=10)
    return list(answer.json())


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}], ids=["no key", "key"])
def test_kill_between_commit_and_answer(tmp_path: Path, headers: dict[str, str]):
    headers = {"Authorization": ALICE, **headers}
    first = Served(tmp_path, "stop")
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(httpx2.post, f"{first.url}/tasks", content=BODY, headers=headers, timeout=30)
        assert first.line() == "committed"
        first.kill()
        with pytest.raises(httpx2.HTTPError):
            lost.result()
    second = Served(tmp_path, "go")
    try:
        again = httpx2.post(f"{second.url}/tasks", content=BODY, headers=headers, timeout=10)
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
        assert [task["uuid"] for task in tasks_at(second.url)] == [again.json()["uuid"]]
    finally:
        second.kill()


def test_kill_after_the_answer_swallows_nothing(tmp_path: Path):
    headers = {"Authorization": ALICE}
    first = Served(tmp_path, "go")
    uuids = {
        httpx2.post(f"{first.url}/tasks", content=BODY, headers=headers, timeout=10).json()["uuid"] for _ in range(3)
    }
    tasks_at(first.url)  # the server notes that it gave an answer once it is sent, a moment after the client has it
    first.kill()
    second = Served(tmp_path, "go")
    try:
        answer = httpx2.post(f"{second.url}/tasks", content=BODY, headers=headers, timeout=10)
        assert "Idempotency-Replayed" not in answer.headers
        assert {task["uuid"] for task in tasks_at(second.url)} == uuids | {answer.json()["uuid"]}
    finally:
        second.kill()


def test_file_of_answers_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ondol.server.once.journal.LARGEST", 20_000)
    desk, answers = MemoryDesk(tmp_path), tmp_path / "answers"
    with serve(desk, answers) as url, httpx2.Client(base_url=url, headers={"Authorization": ALICE}) as client:
        for _ in range(150):
            assert client.post("/tasks", content=BODY).status_code == 200
        assert answers.stat().st_size < 25_000
    assert len(desk.store.tasks(ALL, Query(), limit=1000).rows) == 150
