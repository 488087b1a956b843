"""The HTTP driver against a real server on a free port."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ondol.drivers.http.driver import LARGEST_PAGE_BYTES, HttpDriver
from unit.drivers import contract
from unit.drivers.contract import START, Clock, a_binding, a_connection, a_fleet, until


class _Sensor:
    """Serves one page; `demand` is the Authorization header that it wants."""

    def __init__(self, port: int = 0) -> None:
        self.body = b""
        self.kind = "application/json"
        self.status = 200
        self.demand = ""
        self.asked: list[str] = []
        sensor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sensor.asked.append(self.headers.get("Authorization", ""))
                allowed = not sensor.demand or sensor.asked[-1] == sensor.demand
                self.send_response(sensor.status if allowed else 401)
                self.send_header("Content-Type", sensor.kind)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(sensor.body)))
                self.end_headers()
                self.wfile.write(sensor.body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5.0)


@pytest.fixture
def sensor() -> Iterator[_Sensor]:
    one = _Sensor()
    yield one
    one.close()


BOUND = (
    a_binding("temperature", "tank.top@tank.at", entity_id="tank"),
    a_binding("heat_meter", "meter.kwh", scale=3.6e6),
)


def _driver(port: int, bindings: Any = BOUND, clock: Clock | None = None, **fields: Any) -> HttpDriver:
    url = f"http://127.0.0.1:{port}/sensors"
    connection = a_connection("http", **({"url": url, "interval_s": 0.1, "timeout_s": 0.5} | fields))
    return HttpDriver(connection, bindings, fleet=a_fleet(), now=clock or Clock())


def _page(top: float = 58.0, at: str = "2026-01-05T05:59:30Z", kwh: float = 1200.0) -> bytes:
    return json.dumps({"tank": {"top": top, "at": at}, "meter": {"kwh": kwh}}).encode()


def test_json_is_read_in_si_with_the_times_that_it_tells(sensor: _Sensor) -> None:
    sensor.body = _page()
    clock = Clock()
    driver = _driver(sensor.port, clock=clock)
    assert driver._poller.poll_once().connected
    held = {one.key.point: one for one in driver.readings()}
    assert held["temperature"].value == 58.0
    assert (START - held["temperature"].measured_at).total_seconds() == 30.0
    assert held["heat_meter"].value == 1200 * 3.6e6
    assert held["heat_meter"].measured_at == START
    # when the page is served again from a cache, the old value keeps its old time
    clock.leap(300.0)
    driver._poller.poll_once()
    held = {one.key.point: one for one in driver.readings()}
    assert (clock.at - held["temperature"].measured_at).total_seconds() == 330.0
    driver.close()


def test_prometheus_text_is_read_by_its_content_type(sensor: _Sensor) -> None:
    sensor.kind = "text/plain; version=0.0.4; charset=utf-8"
    sensor.body = b'tank_celsius{pos="top"} 58.5\ntank_celsius{pos="bottom"} 31\n'
    driver = _driver(sensor.port, (a_binding("temperature", 'tank_celsius{pos="bottom"}'),))
    driver._poller.poll_once()
    assert [one.value for one in driver.readings()] == [31.0]
    driver.close()


def test_one_value_that_is_missing_takes_no_other_with_it(sensor: _Sensor) -> None:
    sensor.body = b'{"tank": {"top": 58.0, "at": "2026-01-05T05:59:30Z"}, "meter": {}}'
    driver = _driver(sensor.port)
    status = driver._poller.poll_once()
    assert status.connected
    assert "there is no kwh" in status.detail
    assert len(driver.readings()) == 1
    # when none is there, the link counts as down
    sensor.body = b"{}"
    assert not driver._poller.poll_once().connected
    driver.close()


def test_a_source_whose_clock_runs_an_hour_ahead_is_not_believed(sensor: _Sensor) -> None:
    sensor.body = _page(at="2026-01-05T07:00:00Z")
    driver = _driver(sensor.port)
    assert "ahead of our clock" in driver._poller.poll_once().detail
    assert [one.key.point for one in driver.readings()] == ["heat_meter"]
    driver.close()


def test_basic_and_bearer_and_what_to_do_where_they_are_wrong(sensor: _Sensor, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n", encoding="utf-8")
    sensor.body = _page()
    sensor.demand = "Basic " + base64.b64encode(b"ondol:s3cret").decode()
    driver = _driver(sensor.port, user="ondol", password_file=str(secret))
    assert driver._poller.poll_once().connected
    sensor.demand = "Bearer s3cret"
    status = driver._poller.poll_once()
    assert not status.connected
    assert "401: user or password_file is wrong" in status.detail
    driver.close()
    token = _driver(sensor.port, password_file=str(secret))
    assert token._poller.poll_once().connected
    # and a secret that is exchanged is taken up without a restart
    secret.write_text("newer", encoding="utf-8")
    sensor.demand = "Bearer newer"
    assert token._poller.poll_once().connected
    secret.unlink()
    assert "cannot be read" in token._poller.poll_once().detail
    token.close()


@pytest.mark.parametrize(
    ("status", "kind", "body", "says"),
    [
        (404, "application/json", b"{}", "path of the url"),
        (302, "application/json", b"{}", "302"),
        (500, "application/json", b"{}", "500"),
        (200, "application/json", b"{", "no JSON"),
        (200, "text/plain", b"}{", "no Prometheus text"),
        (200, "text/html", b"<html>", "text/html"),
        (200, "application/json", b" " * (LARGEST_PAGE_BYTES + 1), "larger than 4 MiB"),
    ],
)
def test_pages_that_are_none_are_told(sensor: _Sensor, status: int, kind: str, body: bytes, says: str) -> None:
    sensor.status, sensor.kind, sensor.body = status, kind, body
    driver = _driver(sensor.port)
    found = driver._poller.poll_once()
    assert not found.connected
    assert says in found.detail
    assert len(sensor.asked) == 1  # a redirect is not followed
    driver.close()


def test_a_server_that_dies_and_returns_is_read_again() -> None:
    sensor = _Sensor()
    sensor.body = _page(top=58.0)
    clock = Clock()
    driver = _driver(sensor.port, clock=clock)
    driver.open()
    until(lambda: driver.status().connected)
    sensor.close()
    until(lambda: not driver.status().connected)
    clock.leap(60.0)
    again = _Sensor(sensor.port)
    again.body = _page(top=51.0, at="2026-01-05T06:00:30Z")
    until(lambda: 51.0 in [one.value for one in driver.readings()])
    driver.close()
    again.close()


def test_it_keeps_the_contract_of_drivers(sensor: _Sensor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead_port = taken.getsockname()[1]
    contract.check_dead_peer(_driver(dead_port))
    contract.check_abilities(HttpDriver, a_connection("http", url="http://127.0.0.1/"), Clock())
    sensor.body = _page()
    clock = Clock()
    driver = _driver(sensor.port, clock=clock)
    driver.open()
    until(lambda: driver.status().connected)
    contract.check_readings(driver, clock)
