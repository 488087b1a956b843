"""A site on a desk: its twin behind real Modbus and a real broker, its agent a process of its own."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from acceptance.platform import Up
from ondol.agent.site_folder import SiteFolder
from ondol.agent.wire import read_item, readings_of

DESK = Path(__file__).parents[2] / "examples" / "desk-site.toml"
ONDOL = [sys.executable, "-m", "ondol.cli.main"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("mosquitto") is None, reason="needs Mosquitto (apt install mosquitto)"),
]


class UpNow(Up):
    """A platform at wall time."""

    def command(self) -> list[str]:
        return [*ONDOL, "up", "--fleet", str(self.fleet), "--data", str(self.data), *self.options]


class Processes:
    """Commands in the background, each with a log, stopped in the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [*ONDOL, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def said(self) -> str:
        return "\n".join(f"{file.name}: {file.read_text()[-1500:]}" for file in sorted(self.folder.glob("*.log")))

    def stop(self, name: str) -> int:
        process = self.running.pop(name)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        return process.returncode


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    try:
        yield made
    finally:
        for name in reversed(list(made.running)):
            made.stop(name)


def test_a_site_behind_modbus_and_mqtt_follows_its_host_and_loses_nothing(tmp_path: Path, processes: Processes) -> None:
    # given a house behind real servers, a platform, and the house's own agent, all by the commands of the how-tos
    reached = tmp_path / "reached.toml"
    processes.start(
        "sim", "sim-site", "--fleet", str(DESK), "--site", "house", "--broker", "own", "--write-fleet", str(reached)
    )
    _until(reached.exists, "the house is there", processes)
    text = reached.read_text()
    if 'agent = "own"' not in text:
        text = text.replace("[[site]]\n", '[[site]]\nagent = "own"\n', 1)
    up = UpNow(tmp_path, "--sandbox", "none", "--containers", "none", "--quiet", "--api-port", str(_port()), fleet=text)
    token = subprocess.run(
        [*ONDOL, "site", "token", "house", "--fleet", str(up.fleet), "--data", str(up.data)],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    token_file = tmp_path / "token"
    token_file.write_text(token)
    token_file.chmod(0o600)
    up.start()
    try:
        url, header = up.client["url"], {"Authorization": up.client["token"]}

        def get(path: str) -> Any:
            answer = httpx2.get(f"{url}/heat/v1{path}", headers=header, timeout=20.0)
            assert answer.status_code == 200, answer.text
            return answer.json()

        processes.start(
            "agent", "agent", "--site", "house", "--server", url, "--token-file", str(token_file),
            "--data", str(tmp_path / "agent"),
        )  # fmt: skip

        # then points of both ways arrive
        def ways() -> set[str]:
            return {one["driver"] for one in get("/points?site=house") if one["latest"] is not None}

        _until(lambda: {"modbus", "mqtt"} <= ways(), "points arrive over Modbus and MQTT", processes)
        zone = get("/zones?site=house")[0]
        unit_id = zone["units"][0]

        def unit() -> Any:
            return get(f"/units/{unit_id}")

        def wish(setpoint_c: float) -> None:
            answer = httpx2.put(
                f"{url}/heat/v1/sinks/{zone['id']}/setpoint",
                headers=header, json={"setpoint_c": setpoint_c}, timeout=20.0,
            )  # fmt: skip
            assert answer.status_code == 200, answer.text

        # and a set-point over the API moves the power that the house draws, by its own instrument
        wish(26.0)
        _until(lambda: unit()["power"]["measured"]["power_w"] > 100.0, "a warm wish draws power", processes)
        wish(10.0)
        most_w = unit()["power"]["measured"]["power_w"]
        _until(lambda: unit()["power"]["measured"]["power_w"] < 0.5 * most_w, "a cold wish ends it", processes)

        # and while the server is dead the house goes on, and all readings arrive later, once each
        key = next(one["id"] for one in get("/points?site=house") if one["driver"] == "modbus" and one["latest"])
        died_at = dt.datetime.now(dt.UTC)
        up.kill()

        def kept() -> set[dt.datetime]:
            return {at for at in _kept_readings(SiteFolder(tmp_path / "agent"), key) if at > died_at}

        _until(lambda: len(kept()) >= 3, "readings are kept while nobody fetches them", processes)
        owed, back_at = kept(), dt.datetime.now(dt.UTC)
        up.start()
        url, header = up.client["url"], {"Authorization": up.client["token"]}

        def read() -> list[dt.datetime]:
            rows = [dt.datetime.fromisoformat(row["at"]) for row in get(f"/readings?point={key}")["data"]]
            assert rows == sorted(set(rows)), "each once, in order"
            return rows

        _until(lambda: read()[-1] > back_at, "readings of the dead time and after it arrive", processes)
        assert owed <= set(read())
        assert processes.stop("agent") == 0, processes.said()
    finally:
        up.stop()


def _kept_readings(folder: SiteFolder, key: str) -> list[dt.datetime]:
    with contextlib.closing(sqlite3.connect(f"file:{folder.store_file}?mode=ro", uri=True)) as store:
        bodies = store.execute("SELECT body FROM item").fetchall()
    readings = readings_of(read_item(body) for (body,) in bodies)
    return [one.measured_at for one in readings if str(one.key) == key]


def _until(look: Callable[[], Any], what: str, processes: Processes, timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        for name, process in processes.running.items():
            assert process.poll() is None, f"{name} ended: {processes.said()}"
        if look():
            return
        time.sleep(0.3)
    raise AssertionError(f"it did not come about: {what}\n{processes.said()}")


def _port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
