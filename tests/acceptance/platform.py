"""`ondol up` as a process of its own, to be started, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SMALL_FLEET = """
[fleet]
name = "Two rooms and a rack"

[[site]]
id = "house"
name = "House"

[[zone]]
id = "room-1"
site = "house"
name = "Room 1"
initial_temp_c = 17.0

[[unit]]
id = "heater-1"
site = "house"
kind = "digital_heater"
zone = "room-1"

[[node]]
unit = "heater-1"
count = 2
idle_w = 30
max_w = 250
host_cores = 0.3

[[request]]
id = "warm-1"
target = "room-1"
setpoint_c = 20.0

[[site]]
id = "dc"
name = "Data centre"
pue = 1.4

[[unit]]
id = "rack"
site = "dc"
kind = "server_rack"

[[node]]
unit = "rack"
count = 2
idle_w = 45
max_w = 450
host_cores = 0.3
"""


class Up:
    """One installation: a data folder and, while it runs, its process."""

    def __init__(self, folder: Path, *options: str, fleet: str = SMALL_FLEET) -> None:
        self.data = folder / "data"
        self.fleet = folder / "fleet.toml"
        self.fleet.write_text(fleet, encoding="utf-8")
        self.options = options
        self.process: subprocess.Popen[str] | None = None
        self.said = folder / "up.log"

    def start(self, timeout_s: float = 90.0) -> None:
        self.client_file.unlink(missing_ok=True) if self.process is None else None
        before = self.client_file.stat().st_mtime_ns if self.client_file.exists() else 0
        with self.said.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, text=True)
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if self.process.poll() is not None:
                raise AssertionError(f"ondol up ended with {self.process.returncode}: {self.said.read_text()[-2000:]}")
            if self.client_file.exists() and self.client_file.stat().st_mtime_ns > before:
                return
            time.sleep(0.05)
        raise AssertionError("ondol up did not come up: " + self.said.read_text()[-2000:])

    def command(self) -> list[str]:
        return [
            sys.executable, "-m", "ondol.cli.main", "up", "--fleet", str(self.fleet), "--data", str(self.data),
            "--clock-rate", "60", "--start", "2022-01-26T05:30+01:00", *self.options,
        ]  # fmt: skip

    @property
    def client_file(self) -> Path:
        return self.data / "client.json"

    @property
    def client(self) -> dict[str, str]:
        return dict(json.loads(self.client_file.read_text()))

    def connection(self) -> Any:
        """A connection of the unchanged SDK."""
        import qarnot

        return qarnot.Connection(cluster_url=self.client["url"], client_token=self.client["token"], retry_count=1)

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
