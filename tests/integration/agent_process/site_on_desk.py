"""A platform and the agent of one of its sites, each a process of its own, on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx2

T = TypeVar("T")
FLEET = """
[fleet]
name = "A house with an agent of its own, and a virtual one"

[[site]]
id = "farm"
name = "Farm"
agent = "own"

[[site]]
id = "town"
name = "Town"
agent = "own"

[[zone]]
id = "hall"
site = "town"
name = "Hall"

[[unit]]
id = "hall-heater"
site = "town"
kind = "digital_heater"
zone = "hall"

[[node]]
unit = "hall-heater"
count = 1
idle_w = 30
max_w = 250
host_cores = 0.05

[[zone]]
id = "room"
site = "farm"
name = "Room"

[[unit]]
id = "heater"
site = "farm"
kind = "digital_heater"
zone = "room"

[[node]]
unit = "heater"
count = 1
idle_w = 30
max_w = 500
host_cores = 0.1

[[request]]
id = "warm"
target = "room"
setpoint_c = 20.0

[[connection]]
id = "desk"
site = "farm"
driver = "http"
url = "http://127.0.0.1:9/"

[[binding]]
entity = "room"
point = "temperature"
connection = "desk"
address = "t"

[[binding]]
entity = "room"
point = "setpoint"
connection = "desk"
address = "sp"

[[binding]]
entity = "heater"
point = "heat_meter"
connection = "desk"
address = "q"

[[binding]]
entity = "heater"
point = "power_cap"
connection = "desk"
address = "cap"

[[site]]
id = "flat"
name = "Flat"

[[zone]]
id = "bedroom"
site = "flat"
name = "Bedroom"

[[unit]]
id = "heater-2"
site = "flat"
kind = "digital_heater"
zone = "bedroom"

[[node]]
unit = "heater-2"
count = 1
idle_w = 30
max_w = 250
host_cores = 0.05

[[request]]
id = "warm-2"
target = "bedroom"
setpoint_c = 20.0
"""


def until(look: Callable[[], T], *, what: str, timeout_s: float = 30.0) -> T:
    """Wait until `look` gives something true."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"it did not come about in {timeout_s:g} s: {what}")


class Agent:
    """`ondol agent --site farm` with hardware on a desk."""

    def __init__(self, folder: Path, url: str, token: str, site: str = "farm") -> None:
        self.folder, self.url, self.site = folder, url, site
        folder.mkdir(exist_ok=True)
        self.token_file = folder / "token"
        self.token_file.write_text(token + "\n")
        self.token_file.chmod(0o600)
        self.data = folder / "data"
        self.process: subprocess.Popen[str] | None = None
        self.feel()

    def feel(self, **points: float) -> None:
        """Set what instruments say; names with __ for the dot."""
        values = {"room.temperature": 18.0, "heater.heat_meter": 1e9}
        values |= {name.replace("__", "."): value for name, value in points.items()}
        partial = self.folder / "points.part"
        partial.write_text(json.dumps(values))
        partial.replace(self.folder / "points.json")

    def turn(self, entity: str, name: str, *, number: float | None = None, text: str = "") -> None:
        """Have somebody at the site turn or press something."""
        with (self.folder / "commands.jsonl").open("a") as file:
            file.write(json.dumps({"entity_id": entity, "name": name, "number": number, "text": text}) + "\n")

    def written(self, key: str) -> list[float]:
        """All that was written to a point."""
        file = self.folder / "writes.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line["value"] for line in lines if line["key"] == key]

    def start(self) -> None:
        code = (
            "import sys; from integration.agent_process.desk_driver import run_agent; sys.exit(run_agent(sys.argv[1:]))"
        )
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "ONDOL_TEST_DESK": str(self.folder)}
        command = [
            sys.executable, "-c", code, "--site", self.site, "--server", self.url, "--token-file", str(self.token_file),
            "--data", str(self.data),
        ]  # fmt: skip
        with (self.folder / "said.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, text=True, env=environment
            )

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        return self.process.returncode

    def log(self) -> str:
        """What it said of itself."""
        file = self.data / "agent.log"
        return (file.read_text() if file.exists() else "") + (self.folder / "said.log").read_text()


class Heat:
    """The heat API of a platform."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx2.Client(base_url=url, headers={"Authorization": token}, timeout=20.0)

    def get(self, path: str, **query: Any) -> Any:
        answer = self._client.get(f"/heat/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path: str, body: Any) -> Any:
        answer = self._client.put(f"/heat/v1{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def delete(self, path: str) -> Any:
        answer = self._client.delete(f"/heat/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def unit(self, unit_id: str) -> Any:
        return self.get(f"/units/{unit_id}")

    def close(self) -> None:
        self._client.close()


def make_token(data: Path, fleet: Path, site: str = "farm") -> str:
    """`ondol site token`."""
    command = [
        sys.executable, "-m", "ondol.cli.main", "site", "token", site, "--fleet", str(fleet), "--data", str(data),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
