"""How a site's instruments are reached: one connection is one bus, broker, controller or host."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.checks import check_choice, check_id, check_range, check_text, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SiteId

CONNECTED = (
    "mqtt",
    "modbus",
    "mbus",
    "http",
    "push",
    "redfish",
    "ipmi",
    "rapl",
    "nvml",
    "cpufreq",
    "cgroup",
)
"""Drivers that need a connection. `http` pulls JSON or Prometheus text; `push` waits for `PUT /heat/v1/readings`."""

_NEEDS = {"mqtt": "host", "http": "url", "redfish": "url", "ipmi": "host"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One way to a site's instruments; what a driver does not use has to be left out.

    Parameters
    ----------
    driver : one of `CONNECTED`
    host, port : of a broker, gateway or controller; port 0 for the driver's usual one
    serial, baud, parity : of a bus on this machine, e.g. "/dev/ttyUSB0", 9600, "E" (N, E or O)
    url : of a page or a Redfish service
    device : number on the bus: Modbus unit 0–255, M-Bus primary address 0–250
    profile : product profile that names its registers (`ondol site profiles`)
    word_order : "big" or "little": which 16-bit word of a longer Modbus value comes first, where the profile is silent
    tls, ca_file : encrypted; certificate of the authority where the system does not know it
    user, password_file : the password stands alone in a file on the agent's machine, never in the fleet file
    root, discovery : MQTT: first part of our topics; prefix of Home Assistant's discovery, "" for none
    interval_s : between polls [s]
    timeout_s : longest wait for an answer [s]

    Raises
    ------
    InvalidFieldError : what the driver cannot work with
    """

    id: str
    site_id: SiteId
    driver: str
    host: str = ""
    port: int = 0
    serial: str = ""
    baud: int = 9600
    parity: str = "E"
    url: str = ""
    device: int = 1
    profile: str = ""
    word_order: str = "big"
    tls: bool = False
    ca_file: str = ""
    user: str = ""
    password_file: str = ""
    root: str = "ondol"
    discovery: str = "homeassistant"
    interval_s: float = 10.0
    timeout_s: float = 3.0

    def __post_init__(self) -> None:
        check_id("connection.id", self.id)
        check_choice("connection.driver", self.driver, CONNECTED)
        check_whole("connection.port", self.port, 0, 65_535)
        check_whole("connection.baud", self.baud, 300, 4_000_000)
        check_choice("connection.parity", self.parity, ("N", "E", "O"))
        check_whole("connection.device", self.device, 0, 255)
        check_choice("connection.word_order", self.word_order, ("big", "little"))
        check_range("connection.interval_s", self.interval_s, 0.1, 86_400.0, "s")
        check_range("connection.timeout_s", self.timeout_s, 0.05, 60.0, "s")
        for field in ("root", "discovery"):
            topic = getattr(self, field)
            if any(sign in topic for sign in "+# ") or topic.startswith("/") or topic.endswith("/"):
                raise InvalidFieldError(f"connection.{field}", topic, "a part of a topic, without + # / at its ends")
        check_text("connection.root", self.root, 100)
        needed = _NEEDS.get(self.driver)
        if needed is not None and not getattr(self, needed):
            raise InvalidFieldError(f"connection.{needed}", "", f"what {self.driver} connects to")
        if self.driver in ("modbus", "mbus") and bool(self.host) == bool(self.serial):
            raise InvalidFieldError("connection.host", self.host, "a host, or serial in its place, not both")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise InvalidFieldError("connection.url", self.url, "an address that begins with http:// or https://")
        if self.password_file and not self.user and self.driver != "http":
            raise InvalidFieldError("connection.user", "", "whose password stands in password_file")
