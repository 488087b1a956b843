"""Given OpenStack's Redfish emulator, which is not ours, then login and walking work, and a lack of power is told.

It serves authentication, systems and chassis, but neither Power nor EnvironmentMetrics: limits are tested against our
own mock service.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from ondol.drivers.redfish.driver import RedfishDriver
from ondol.drivers.redfish.service import RedfishService
from ondol.model.errors import UnavailableError
from unit.drivers.host_power.power_site import CAP, binding, connection, fleet, now

bcrypt = pytest.importorskip("bcrypt", reason="comes with sushy-tools")
pytest.importorskip("sushy_tools", reason="pip install 'ondol[test]'")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("sushy")
    digest = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(rounds=4)).decode()
    (folder / "htpasswd").write_text(f"ondol:{digest}\n")
    (folder / "conf.py").write_text(
        f"SUSHY_EMULATOR_AUTH_FILE = {str(folder / 'htpasswd')!r}\nSUSHY_EMULATOR_FAKE_DRIVER = True\n"
        f"SUSHY_EMULATOR_STATE_DIR = {str(folder)!r}\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("sushy-emulator")
    words = [str(program), "--fake", "--config", str(folder / "conf.py"), "-i", "127.0.0.1", "-p", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder, env={"TMPDIR": str(folder)})
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, folder / "log")
            yield url
        finally:
            process.terminate()
            process.wait(10.0)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until_s = time.monotonic() + 30.0
    while time.monotonic() < until_s and process.poll() is None:
        try:
            httpx2.get(f"{url}/redfish/v1/", timeout=1.0)
        except httpx2.HTTPError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the emulator did not start: {log.read_text()[-2000:]}")


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    return file


def made(url: str, password: Path, address: str = "") -> RedfishDriver:
    line = connection("redfish", url=url, user="ondol", password_file=str(password), timeout_s=10.0)
    return RedfishDriver(line, [binding("power_cap", address)], fleet=fleet(), now=now)


def test_basic_authentication_opens_what_is_closed_without(emulator: str, password: Path) -> None:
    assert httpx2.get(f"{emulator}/redfish/v1/Chassis").status_code == 401
    line = connection("redfish", url=emulator, user="ondol", password_file=str(password), timeout_s=10.0)
    service = RedfishService(line)
    try:
        (member,) = service.get("/redfish/v1/Chassis").body["Members"]
        assert service.get(member["@odata.id"]).body["Manufacturer"] == "Contoso"
    finally:
        service.close()


def test_a_chassis_without_power_is_told_from_its_own_address_and_from_its_systems(
    emulator: str, password: Path
) -> None:
    line = connection("redfish", url=emulator, user="ondol", password_file=str(password), timeout_s=10.0)
    service = RedfishService(line)
    system = service.get("/redfish/v1/Systems").body["Members"][0]["@odata.id"]
    service.close()
    for address in ("", system):
        driver = made(emulator, password, address)
        with pytest.raises(UnavailableError, match="neither EnvironmentMetrics nor Power"):
            driver.poll()
        written = driver.write(CAP, 300.0)
        assert written.accepted is None
        assert "tells no power" in written.reason
        driver.close()


def test_a_wrong_password_is_told(emulator: str, password: Path) -> None:
    password.write_text("guess")
    driver = made(emulator, password)
    with pytest.raises(UnavailableError, match="wrong user or password"):
        driver.poll()
    driver.close()
