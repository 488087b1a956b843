"""A real Mosquitto for tests: TLS with an authority of its own, passwords and an ACL, on a free port of loopback."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

START_S, END_S = 10.0, 5.0


def mosquitto_path() -> str:
    """Where Mosquitto is; a machine without it skips the test (which fails in CI, see `skip_rule`)."""
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if path is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    return path


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Broker:
    """One Mosquitto that can be killed and started again on the same port."""

    folder: Path
    port: int
    ca_file: Path
    passwords: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [mosquitto_path(), "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        pytest.fail(f"mosquitto does not start:\n{self.log()}")

    def kill(self) -> None:
        """Cut the cable: nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(END_S)
            self.process = None

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def password_file(self, user: str) -> Path:
        """A file with the user's password, for the driver."""
        path = self.folder / f"password-{user}"
        path.write_text(self.passwords[user] + "\n")
        path.chmod(0o600)
        return path


@dataclass
class OtherClient:
    """Somebody else at the broker: a sensor, a device or Home Assistant; keeps all that it hears."""

    broker: Broker
    user: str
    heard: list[tuple[str, bytes, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._on: dict[str, Callable[[bytes], None]] = {}
        self._filters: list[str] = []
        self._up, self._listening = threading.Event(), threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"other-{self.user}-{id(self)}")
        self._client.username_pw_set(self.user, self.broker.passwords[self.user])
        self._client.tls_set_context(ssl.create_default_context(cafile=str(self.broker.ca_file)))
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._listening.set()
        self._client.on_message = self._message
        self._client.connect("127.0.0.1", self.broker.port)
        self._client.loop_start()
        assert self._up.wait(START_S), f"{self.user} does not get in:\n{self.broker.log()}"

    def _connected(self, *_: object) -> None:
        for topic in self._filters:
            self._client.subscribe(topic, 1)
        self._up.set()

    def _message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self.heard.append((message.topic, bytes(message.payload), bool(message.retain)))
            self._changed.notify_all()
        answer = self._on.get(message.topic)
        if answer is not None:
            answer(bytes(message.payload))

    def listen(self, topic: str, answer: Callable[[bytes], None] | None = None) -> None:
        """Hear a topic; `answer` is called with each payload of exactly this topic."""
        if answer is not None:
            self._on[topic] = answer
        self._listening.clear()
        self._filters.append(topic)
        self._client.subscribe(topic, 1)
        assert self._listening.wait(START_S)

    def say(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain)

    def say_and_wait(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publish, and wait until the broker has it."""
        self._client.publish(topic, payload, 1, retain).wait_for_publish(START_S)

    def wait_for(
        self, topic: str, fits: Callable[[bytes], bool] = bool, *, since: int = 0, within_s: float = 10.0
    ) -> bytes:
        """Give the first payload heard on a topic since so many messages that fits; fail where none comes in time."""
        deadline_s = time.monotonic() + within_s
        with self._changed:
            while True:
                for said, payload, _ in self.heard[since:]:
                    if said == topic and fits(payload):
                        return payload
                left_s = deadline_s - time.monotonic()
                if left_s <= 0.0:
                    pytest.fail(
                        f"nothing that fits came on {topic} in {within_s:g} s; heard {self.heard[since:][-20:]}"
                    )
                self._changed.wait(left_s)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def make_authority(folder: Path, name: str = "localhost") -> tuple[Path, Path, Path]:
    """Make an authority and a certificate for `name` and 127.0.0.1; give files of CA, certificate and key."""
    now = dt.datetime.now(dt.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    authority = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    files = folder / "ca.pem", folder / "broker.pem", folder / "broker.key"
    files[0].write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[2].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def make_broker(
    folder: Path, users: dict[str, str], acl: str, *, name: str = "localhost", persistent: bool = False
) -> Broker:
    """Write the configuration of a broker; it is not started.

    Parameters
    ----------
    users : password by user
    acl : as mosquitto.conf(5) says of acl_file
    name : for which its certificate is
    persistent : whether it keeps retained messages over a restart
    """
    path = mosquitto_path()
    folder.mkdir(parents=True, exist_ok=True)
    ca_file, certificate, key = make_authority(folder, name)
    tool = str(Path(path).parent.parent / "bin" / "mosquitto_passwd")
    tool = shutil.which("mosquitto_passwd") or tool
    passwords = folder / "passwords"
    passwords.write_text("".join(f"{user}:{password}\n" for user, password in users.items()))
    passwords.chmod(0o600)
    subprocess.run([tool, "-U", str(passwords)], check=True, timeout=20)
    (folder / "acl").write_text(acl)
    (folder / "acl").chmod(0o600)
    broker = Broker(folder, free_port(), ca_file, users)
    lines = [
        f"listener {broker.port} 127.0.0.1",
        "allow_anonymous false",
        f"password_file {passwords}",
        f"acl_file {folder / 'acl'}",
        f"cafile {ca_file}",
        f"certfile {certificate}",
        f"keyfile {key}",
        "log_type all",
        *([f"persistence true\npersistence_location {folder}/"] if persistent else ["persistence false"]),
    ]
    if _is_root():
        lines.append("user root")  # it would give up root and could not read the folder any more
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    return broker


def _is_root() -> bool:
    import os

    return os.geteuid() == 0


@contextlib.contextmanager
def running(broker: Broker) -> Iterator[Broker]:
    """Start a broker, and stop it in the end."""
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
