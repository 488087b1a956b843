"""Answers that get lost on the way: what the CLI creates is there once all the same."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from integration.cli.cli_platform import ondol, ondol_json
from ondol.cli.up import Serving


class Forgetful:
    """Passes connections on to a server, and hangs up in place of the first answers to what is posted."""

    def __init__(self, url: str, losses: int) -> None:
        self._host, self._port = urlsplit(url).hostname or "", urlsplit(url).port or 0
        self.left, self.lost = losses, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._talk, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _talk(self, client: socket.socket) -> None:
        with client, socket.create_connection((self._host, self._port), timeout=10) as server:
            while True:
                asked = client.recv(1 << 16)
                if not asked:
                    return
                server.sendall(asked)
                while not _whole(asked):
                    more = client.recv(1 << 16)
                    server.sendall(more)
                    asked += more
                said = server.recv(1 << 16)
                while said and not _whole(said):  # head and body may come one after the other
                    said += server.recv(1 << 16)
                if asked.startswith(b"POST") and self.left:
                    self.left -= 1
                    self.lost += 1
                    return
                client.sendall(said)


def _whole(message: bytes) -> bool:
    head, blank, body = message.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(blank) and (not lengths or len(body) >= int(lengths[0].partition(b":")[2]))


@pytest.fixture
def forgetful(serving: Serving) -> Iterator[Forgetful]:
    proxy = Forgetful(serving.url, losses=2)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("kind", ["task", "pool", "job"])
def test_what_was_created_behind_a_lost_answer_is_not_created_again(
    kind: str, forgetful: Forgetful, serving: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    by = ("--url", forgetful.url, "--token", serving.owner_token())
    name = f"lost-{kind}"

    command = ("--command", "true") if kind == "task" else ()

    made = ondol_json(capsys, kind, "create", "--name", name, *command, *by)

    assert forgetful.lost == 2
    assert [row["uuid"] for row in ondol_json(capsys, kind, "list", "--name", name)] == [made["uuid"]]
    ondol(capsys, kind, "delete", made["uuid"])
