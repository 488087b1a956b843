"""BoaviztAPI is asked over HTTP, its answer mapped strictly. The double answers as the study recorded the real one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ondol.accounting.embodied import Band
from ondol.model.errors import UnavailableError
from ondol.model.hardware_parts import ServerParts
from ondol.signals.boavizta import Boavizta, request_body

PARTS = ServerParts(
    cpu="AMD EPYC 7543",
    cpu_units=2,
    ram_modules=8,
    ram_module_gb=32.0,
    ssd_units=2,
    ssd_gb=960.0,
    gpu="NVIDIA L40S 48GB",
    gpu_units=2,
    psu_units=2,
)


def embedded(value: float, low: float, high: float, unit: str) -> dict[str, Any]:
    return {"embedded": {"value": value, "significant_figures": 4, "min": low, "max": high}, "use": {}, "unit": unit}


# `reference/footprint.md` §3.1: what boaviztapi 2.5.0 said of these parts.
RECORDED: dict[str, Any] = {
    "impacts": {
        "gwp": embedded(1570.0, 1307.0, 2196.0, "kgCO2eq"),
        "adp": embedded(0.153, 0.145, 0.171, "kgSbeq"),
        "pe": embedded(21000.0, 17850.0, 28880.0, "MJ"),
    }
}


class Double:
    """What was asked, and what to say."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, list[str]], Any]] = []
        self.answer: bytes = json.dumps(RECORDED).encode()
        self.status, self.hold = 200, threading.Event()
        self.url = ""


@contextmanager
def serving(double: Double) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            where = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            double.asked.append((where.path, parse_qs(where.query), body))
            if double.hold.is_set():
                threading.Event().wait(0.5)
            try:
                self.send_response(double.status)
                self.end_headers()
                self.wfile.write(double.answer)
            except OSError:
                pass  # the asker has gone

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    yield
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def double() -> Iterator[Double]:
    made = Double()
    with serving(made):
        yield made


def test_the_recorded_answer_is_mapped_to_the_three_criteria(double: Double) -> None:
    impacts = Boavizta(double.url + "/").ask(PARTS)["machine"]
    assert impacts.gwp == Band(1570.0, 1307.0, 2196.0)
    assert impacts.adpe == Band(0.153, 0.145, 0.171)
    assert impacts.pe == Band(21000.0, 17850.0, 28880.0)


def test_the_parts_are_named_as_its_server_route_wants_them(double: Double) -> None:
    Boavizta(double.url).ask(PARTS)
    path, query, body = double.asked[0]
    assert path == "/v1/server"
    assert query["criteria"] == ["gwp", "adp", "pe"]
    assert body == {
        "model": {"type": "rack"},
        "configuration": {
            "cpu": {"units": 2, "name": "AMD EPYC 7543"},
            "ram": [{"units": 8, "capacity": 32.0}],
            "disk": [{"units": 2, "type": "ssd", "capacity": 960.0}],
            "gpu": {"units": 2, "name": "NVIDIA L40S 48GB"},
            "power_supply": {"units": 2, "unit_weight": 2.99},
        },
    }
    by_area = request_body(
        ServerParts(cpu_die_mm2=700.0, ram_modules=1, ram_module_gb=8.0, ram_gb_per_cm2=2.0, hdd_units=3)
    )["configuration"]
    assert by_area["cpu"] == {"units": 1, "die_size": 700.0}
    assert by_area["ram"][0]["density"] == 2.0
    assert by_area["disk"] == [{"units": 3, "type": "hdd"}]


def test_an_answer_is_remembered_by_what_was_asked_over_restarts(double: Double, tmp_path: Path) -> None:
    cache = tmp_path / "boavizta.json"
    first = Boavizta(double.url, cache).ask(PARTS)
    assert Boavizta(double.url, cache).ask(PARTS) == first
    assert len(double.asked) == 1
    Boavizta(double.url, cache).ask(ServerParts(cpu="other", ram_modules=1, ram_module_gb=8.0))
    assert len(double.asked) == 2
    cache.write_text("{broken", encoding="utf-8")
    assert Boavizta(double.url, cache).ask(PARTS) == first
    assert [file.name for file in tmp_path.iterdir()] == ["boavizta.json"]


def test_a_criterion_that_it_does_not_have_is_left_out_and_carbon_is_needed(double: Double) -> None:
    told = json.loads(json.dumps(RECORDED))
    told["impacts"]["adp"]["embedded"] = "not implemented"
    double.answer = json.dumps(told).encode()
    assert Boavizta(double.url).ask(PARTS)["machine"].missing == ("adpe",)
    told["impacts"]["gwp"]["embedded"] = "not implemented"
    double.answer = json.dumps(told).encode()
    with pytest.raises(UnavailableError, match="no carbon of this server"):
        Boavizta(double.url).ask(PARTS)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("impacts",), None, "without impacts"),
        (("impacts", "pe"), None, r"without impacts\.pe"),
        (("impacts", "gwp", "unit"), "gCO2eq", "in 'gCO2eq', not in kgCO2eq"),
        (("impacts", "gwp", "embedded"), {"value": 5.0}, "without value, min and max"),
        (("impacts", "gwp", "embedded", "min"), 9e9, "without value, min and max"),
        (("impacts", "gwp", "embedded", "max"), float("inf"), "without value, min and max"),
        (("impacts", "gwp", "embedded", "value"), "many", "without value, min and max"),
    ],
)
def test_another_shape_is_refused_and_not_remembered(
    double: Double, tmp_path: Path, place: tuple[str, ...], value: object, said: str
) -> None:
    told = json.loads(json.dumps(RECORDED))
    inner = told
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    double.answer = json.dumps(told).encode()
    with pytest.raises(UnavailableError, match=said):
        Boavizta(double.url, tmp_path / "cache").ask(PARTS)
    assert not (tmp_path / "cache").exists()


def test_errors_no_json_and_nobody_there_are_told_with_the_address(double: Double) -> None:
    double.status, double.answer = 422, b'{"detail": "unknown criteria"}'
    with pytest.raises(UnavailableError, match=r"answered 422: .*unknown criteria"):
        Boavizta(double.url).ask(PARTS)
    double.status, double.answer = 200, b"<html>"
    with pytest.raises(UnavailableError, match="did not answer in JSON"):
        Boavizta(double.url).ask(PARTS)
    double.answer = b" " * 1_000_001
    with pytest.raises(UnavailableError, match="which is no server"):
        Boavizta(double.url).ask(PARTS)
    with pytest.raises(UnavailableError, match=r"http://127\.0\.0\.1:9 does not answer"):
        Boavizta("http://127.0.0.1:9").ask(PARTS)


def test_who_is_slow_is_not_waited_for(double: Double) -> None:
    double.hold.set()
    with pytest.raises(UnavailableError, match="does not answer"):
        Boavizta(double.url, timeout_s=0.1).ask(PARTS)
