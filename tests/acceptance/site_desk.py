"""A house in equations behind a real Modbus server and a real broker, with its agent and a platform: all processes."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from acceptance.platform import Up

RATE = 60.0
DESK = Path(__file__).parents[2] / "examples" / "desk-site.toml"
ONDOL = [sys.executable, "-m", "ondol.cli.main"]
_BARE_TANK = "initial_temp_c = 40.0\ntemp_max_c = 65.0"
_TANK = (
    'initial_temp_c = 45.0\ntemp_max_c = 75.0\nhygiene = "fr-2005"\nbackup_kind = "electric"\nbackup_power_w = 2000.0'
)


class App:
    """A client of the broker that knows what Home Assistant knows: announcements, states and events."""

    def __init__(self, port: int) -> None:
        self._lock = threading.Lock()
        self._listens = threading.Event()
        self.latest: dict[str, bytes] = {}
        self.events: list[dict[str, Any]] = []
        self.temps_c: dict[str, list[float]] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="an-app")
        self._client.on_connect = lambda *_: self._client.subscribe([("#", 1)])
        self._client.on_subscribe = lambda *_: self._listens.set()
        self._client.on_disconnect = lambda *_: self._listens.clear()
        self._client.on_message = self._heard
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def _heard(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        with self._lock:
            self.latest[message.topic] = message.payload
            if message.topic == "ondol/house/event":
                self.events.append(json.loads(message.payload))
            if message.topic.startswith("sim/house/"):
                self.temps_c.setdefault(message.topic.split("/")[2], []).append(json.loads(message.payload)["value"])

    def part(self, platform: str) -> dict[str, Any]:
        """The first announced entity of a platform of Home Assistant; empty while there is none."""
        with self._lock:
            configs = [v for topic, v in self.latest.items() if topic.startswith("homeassistant/device/") and v]
        parts = (part for config in configs for part in json.loads(config).get("components", {}).values())
        return next((part for part in parts if part.get("platform") == platform), {})

    def state(self, topic: str) -> dict[str, Any]:
        with self._lock:
            return dict(json.loads(self.latest.get(topic, b"") or b"{}"))

    def said(self, topic: str) -> str:
        with self._lock:
            return self.latest.get(topic, b"").decode()

    def send(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, qos=1)

    def wait_until_it_listens(self) -> None:
        assert self._listens.wait(30.0), "the app is not at the broker"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class SiteDesk:
    """The four processes and an app; every one can be killed and started again.

    Parameters
    ----------
    faults : wrong wirings of the house from its beginning
    """

    def __init__(self, folder: Path, *faults: str) -> None:
        self.folder, self.faults_file = folder, folder / "faults.txt"
        self.faults_file.write_text("\n".join(faults))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.broker_port = _port()
        self._modbus = ("--modbus-port", str(_port()), "--mqtt", f"127.0.0.1:{self.broker_port}")
        plain, reached = folder / "desk.toml", folder / "reached.toml"
        text = DESK.read_text()
        assert _BARE_TANK in text
        plain.write_text(text.replace(_BARE_TANK, _TANK))
        self._sim = ("sim-site", "--fleet", str(plain), "--site", "house", "--faults", str(self.faults_file))
        self.start_broker()
        self._start("sim", *self._sim, *self._modbus, "--clock-rate", str(RATE), "--write-fleet", str(reached))
        self.until(reached.exists, "the house's fleet file")
        self.stop("sim")
        self.up = Up(
            folder, "--sandbox", "none", "--containers", "none", "--quiet", "--api-port", str(_port()),
            fleet=reached.read_text(),
        )  # fmt: skip
        self._token_file = folder / "token"
        self._token_file.touch(0o600)
        told = subprocess.run(
            [*ONDOL, "site", "token", "house", "--fleet", str(self.up.fleet), "--data", str(self.up.data)],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip
        self._token_file.write_text(told)
        self.up.start()
        clock = folder / "clock.json"
        platform_s = dt.datetime.fromisoformat(self.get("/now")["at"]).timestamp()
        clock.write_text(json.dumps({"rate": RATE, "wall_epoch_s": time.time(), "platform_epoch_s": platform_s}))
        self._start("sim", *self._sim, *self._modbus, "--clock", str(clock))
        self.start_agent()
        self.app = App(self.broker_port)

    def get(self, path: str, root: str = "/heat/v1") -> Any:
        client = self.up.client
        answer = httpx2.get(f"{client['url']}{root}{path}", headers={"Authorization": client["token"]}, timeout=20.0)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def start_broker(self) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        settings = self.folder / "mosquitto.conf"
        settings.write_text(f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._run("broker", [program, "-c", str(settings)])

    def start_broker_again(self) -> None:
        """With the app there before the agent: events are told once, to who listens then."""
        agent = self._running["agent"]
        agent.send_signal(signal.SIGSTOP)
        try:
            self.start_broker()
            self.app.wait_until_it_listens()
        finally:
            agent.send_signal(signal.SIGCONT)

    def start_agent(self) -> None:
        client = self.up.client
        self._start(
            "agent", "agent", "--site", "house", "--server", client["url"], "--token-file", str(self._token_file),
            "--data", str(self.folder / "agent"),
        )  # fmt: skip

    def _start(self, name: str, *arguments: str) -> None:
        self._run(name, [*ONDOL, *arguments])

    def _run(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def kill(self, name: str) -> None:
        """`kill -9`."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def stop(self, name: str) -> int:
        process = self._running.pop(name)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        return process.returncode

    def close(self) -> None:
        if hasattr(self, "app"):
            self.app.close()
        for name in reversed(list(self._running)):
            self.stop(name)
        if hasattr(self, "up"):
            self.up.stop()

    def until(self, look: Callable[[], Any], what: str, timeout_s: float = 90.0) -> Any:
        """What `look` gives once that is true; all processes live on meanwhile."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            for name, process in self._running.items():
                assert process.poll() is None, f"{name} ended: {self.said()}"
            if found := look():
                return found
            time.sleep(0.2)
        raise AssertionError(f"it did not come about: {what}\n{self.said()}")

    def said(self) -> str:
        logs = [*sorted(self.folder.glob("*.log")), self.folder / "agent" / "agent.log"]
        return "\n".join(f"{file.name}: {file.read_text()[-1500:]}" for file in logs if file.exists())


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
