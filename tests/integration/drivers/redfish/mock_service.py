"""A Redfish service over real HTTP or HTTPS, with the structure of DMTF's public mockups (DSP2043), that behaves.

It has sessions or only basic authentication, versions with ETags, asynchronous tasks, a range that it keeps to, and
power that follows the limit. It serves /Chassis/1U with Power, as public-rackmount1 has it, and /Chassis/GPU with
EnvironmentMetrics.
"""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
USER, PASSWORD = "ondol", "s3cret"


def tree() -> dict[str, Json]:
    root = "/redfish/v1"
    return {
        root: {
            "@odata.id": "/redfish/v1/",
            "RedfishVersion": "1.15.0",
            "Chassis": {"@odata.id": f"{root}/Chassis"},
            "Links": {"Sessions": {"@odata.id": f"{root}/SessionService/Sessions"}},
        },
        f"{root}/Chassis": {
            "Members": [{"@odata.id": f"{root}/Chassis/1U"}, {"@odata.id": f"{root}/Chassis/GPU"}],
        },
        f"{root}/Systems/437XR1138R2": {"Links": {"Chassis": [{"@odata.id": f"{root}/Chassis/1U"}]}},
        f"{root}/Chassis/1U": {
            "@odata.id": f"{root}/Chassis/1U",
            "MinPowerWatts": 120,
            "Power": {"@odata.id": f"{root}/Chassis/1U/Power"},
        },
        f"{root}/Chassis/1U/Power": {
            "@odata.id": f"{root}/Chassis/1U/Power",
            "PowerControl": [
                {
                    "@odata.id": f"{root}/Chassis/1U/Power#/PowerControl/0",
                    "MemberId": "0",
                    "Name": "Server Power Control",
                    "PowerConsumedWatts": 344,
                    "PowerCapacityWatts": 800,
                    "PowerLimit": {"LimitInWatts": None, "LimitException": "LogEventOnly", "CorrectionInMs": 50},
                },
                {
                    "@odata.id": f"{root}/Chassis/1U/Power#/PowerControl/1",
                    "MemberId": "1",
                    "Name": "Memory Power Control",
                    "PowerConsumedWatts": 60,
                    "PowerLimit": {"LimitInWatts": 90, "LimitException": "HardPowerOff"},
                },
            ],
        },
        f"{root}/Chassis/GPU": {
            "@odata.id": f"{root}/Chassis/GPU",
            "EnvironmentMetrics": {"@odata.id": f"{root}/Chassis/GPU/EnvironmentMetrics"},
        },
        f"{root}/Chassis/GPU/EnvironmentMetrics": {
            "@odata.id": f"{root}/Chassis/GPU/EnvironmentMetrics",
            "PowerWatts": {"Reading": 612.5, "DataSourceUri": f"{root}/Chassis/GPU/Sensors/Power"},
            "EnergykWh": {"Reading": 325.675},
            "PowerLimitWatts": {
                "SetPoint": 700,
                "AllowableMin": 200,
                "AllowableMax": 700,
                "ControlMode": "Disabled",
            },
        },
    }


class MockService:
    """The state of the service; its switches are fields."""

    def __init__(self) -> None:
        self.tree = tree()
        self.sessions: set[str] = set()
        self.session_service = True
        self.etags = True
        self.asynchronous = False
        self.steals_version = 0  # so many times somebody else changes a resource between our reading and writing
        self.ignores = False
        self.read_only = False
        self.down = False
        self.requests: list[tuple[str, str, str]] = []
        self.url = ""
        self._versions: dict[str, int] = {}
        self._tasks = 0
        self.lock = threading.Lock()

    def etag(self, path: str) -> str:
        return f'W/"{self._versions.get(path, 1)}"'

    def touch(self, path: str) -> None:
        self._versions[path] = self._versions.get(path, 1) + 1

    def merge(self, path: str, change: Json) -> str:
        """Apply a PATCH; gives why not, or ""."""
        if self.read_only:
            return "The property PowerLimit is a read only property and cannot be assigned a value."
        if not self.ignores:
            _merge(self.tree[path], change)
            metrics = self.tree[path].get("PowerLimitWatts")
            if metrics and not metrics["AllowableMin"] <= metrics["SetPoint"] <= metrics["AllowableMax"]:
                return "The value is outside the acceptable range."
            self._follow(path)
        self.touch(path)
        return ""

    def task(self) -> str:
        self._tasks += 1
        return f"/redfish/v1/TaskService/TaskMonitors/{self._tasks}"

    def _follow(self, path: str) -> None:
        for control in self.tree[path].get("PowerControl", []):
            limit = control["PowerLimit"]["LimitInWatts"]
            if limit is not None:
                control["PowerConsumedWatts"] = min(control["PowerConsumedWatts"], limit)


def _merge(into: Json, change: Json) -> None:
    for name, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        elif isinstance(value, list):
            for old, new in zip(into[name], value, strict=False):
                _merge(old, new)
        else:
            into[name] = value


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    service: MockService


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *arguments: object) -> None:
        return

    def _answer(self, code: int, body: Json | None = None, **headers: str) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _error(self, code: int, text: str) -> None:
        told = {"error": {"code": "Base.1.8.GeneralError", "@Message.ExtendedInfo": [{"Message": text}]}}
        self._answer(code, told)

    def _known(self) -> bool:
        if self.headers.get("X-Auth-Token") in self.server.service.sessions:
            return True
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {basic}"

    def _body(self) -> Json:
        length = int(self.headers.get("Content-Length") or 0)
        return json.loads(self.rfile.read(length)) if length else {}

    def _serve(self) -> None:
        service = self.server.service
        if service.down:
            self.close_connection = True
            return
        path = self.path.rstrip("/")
        body = self._body()
        with service.lock:
            service.requests.append((self.command, path, self.headers.get("If-Match", "")))
            if path.endswith("/SessionService/Sessions") and self.command == "POST":
                self._open_session(body)
            elif path != "/redfish/v1" and not self._known():
                self._error(401, "no session")
            elif "/Sessions/" in path and self.command == "DELETE":
                service.sessions.discard(path.rsplit("/", 1)[1])
                self._answer(204)
            elif "/TaskMonitors/" in path:
                self._answer(200, {"TaskState": "Completed"})
            elif path not in service.tree:
                self._error(404, f"The resource {path} was not found.")
            elif self.command == "GET":
                headers = {"ETag": service.etag(path)} if service.etags else {}
                self._answer(200, service.tree[path], **headers)
            else:
                self._change(path, body)

    def _open_session(self, body: Json) -> None:
        service = self.server.service
        if not service.session_service:
            self._error(404, "no sessions")
        elif (body.get("UserName"), body.get("Password")) != (USER, PASSWORD):
            self._error(401, "The user or password is wrong.")
        else:
            token = f"token{len(service.requests)}"
            service.sessions.add(token)
            at = f"{service.url}/redfish/v1/SessionService/Sessions/{token}"
            self._answer(201, {}, X_Auth_Token=token, Location=at)

    def _change(self, path: str, body: Json) -> None:
        service = self.server.service
        if service.steals_version:
            service.steals_version -= 1
            service.touch(path)
        if service.etags and self.headers.get("If-Match") != service.etag(path):
            self._error(412 if self.headers.get("If-Match") else 428, "The ETag does not match.")
            return
        fault = service.merge(path, body)
        if fault:
            self._error(400, fault)
        elif service.asynchronous:
            self._answer(202, {}, Location=service.task())
        else:
            self._answer(200, service.tree[path])

    do_GET = do_PATCH = do_POST = do_DELETE = _serve  # noqa: N815


@contextlib.contextmanager
def serving(service: MockService, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[MockService]:
    server = _Server(("127.0.0.1", port), _Handler)
    server.service = service
    service.down = False
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    service.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.down = True  # also for connections that are kept open
        server.shutdown()
        server.server_close()
        thread.join(5.0)
