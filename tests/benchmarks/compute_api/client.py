"""An HTTP client that costs next to nothing: prepared bytes over raw sockets, so that only the server is measured."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

READ_BYTES = 1 << 18


def request(method: str, path: str, token: str, body: object = None) -> bytes:
    """Prepare a request of HTTP/1.1 that keeps its connection."""
    data = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


@dataclass(frozen=True, slots=True)
class Drive:
    """What came of some requests.

    Parameters
    ----------
    wall_s, client_cpu_s : from the first byte sent to the last received
    latencies_s : of each request, rising
    answers : bodies, in the order of their coming
    """

    wall_s: float
    client_cpu_s: float
    latencies_s: list[float]
    answers: list[bytes]

    def quantile_ms(self, share: float) -> float:
        """Latency that a share of the requests stays below [ms]."""
        return 1e3 * self.latencies_s[min(len(self.latencies_s) - 1, int(share * len(self.latencies_s)))]


class Connection:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def ask(self, data: bytes) -> tuple[int, bytes]:
        """Send a prepared request; gives status and body."""
        self._socket.sendall(data)
        while b"\r\n\r\n" not in self._rest:
            self._rest += self._more()
        head, _, rest = self._rest.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(rest) < length:
            rest += self._more()
        self._rest = rest[length:]
        return int(head.split(b" ", 2)[1]), rest[:length]

    def close(self) -> None:
        self._socket.close()

    def _more(self) -> bytes:
        data = self._socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError("the server hung up")
        return data


def drive(port: int, requests: Sequence[bytes], connections: int) -> Drive:
    """Send requests over so many connections at once; raises RuntimeError for an answer that is no success."""
    left = iter(requests)
    lock = threading.Lock()
    latencies: list[float] = []
    answers: list[bytes] = []
    wrong: list[str] = []

    def work() -> None:
        connection = Connection(port)
        try:
            while True:
                with lock:
                    one = next(left, None)
                if one is None:
                    return
                begun = time.perf_counter()
                status, body = connection.ask(one)
                latencies.append(time.perf_counter() - begun)
                answers.append(body)
                if status not in (200, 201):
                    wrong.append(f"{status}: {body[:300]!r}")
        except (OSError, ConnectionError) as error:
            wrong.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    begun, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    if wrong or len(answers) != len(requests):
        raise RuntimeError(f"{len(wrong)} of {len(requests)} requests failed: {wrong[:1]}")
    return Drive(wall_s, cpu_s, sorted(latencies), answers)
