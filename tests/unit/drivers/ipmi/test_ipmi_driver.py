"""Given a controller behind ipmitool, when a limit is set, then it is in force, or the driver says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ondol.drivers.ipmi.driver import IpmiDriver
from ondol.model.errors import InvalidFieldError, UnavailableError
from unit.drivers.host_power.power_site import CAP, POWER, binding, connection, fleet, now
from unit.drivers.ipmi.ipmitool_stand_in import Controller


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Controller:
    made = Controller(tmp_path)
    monkeypatch.setenv("PATH", str(made.program.parent))
    return made


def driver(tmp_path: Path, password: str = "s3cret", **fields: object) -> IpmiDriver:  # noqa: S107
    (tmp_path / "password").write_text(password + "\n")
    words = {"host": "bmc-1", "user": "ondol", "password_file": str(tmp_path / "password"), "timeout_s": 10.0, **fields}
    points = [binding("electric_power"), binding("power_cap")]
    return IpmiDriver(connection("ipmi", **words), points, fleet=fleet(), now=now)


def values(made: IpmiDriver) -> dict[str, float]:
    return {reading.key.point: reading.value for reading in made.readings()}


def test_a_limit_is_set_activated_read_back_and_put_back(tmp_path: Path, controller: Controller) -> None:
    made = driver(tmp_path)
    assert made.poll() == ""
    assert values(made) == {"electric_power": 380.0}  # a limit that is not active is none
    written = made.write(CAP, 300.7)
    assert (written.accepted, written.reason) == (300.0, "the device holds 300 W")
    made.poll()
    assert values(made) == {"electric_power": 300.0, "power_cap": 300.0}
    made.close()
    state = controller.state
    assert (state["limit"], state["active"]) == (500, False)


@pytest.mark.parametrize("killed", [True, False])
def test_the_next_life_puts_back_what_stood_there_before_the_first(
    tmp_path: Path, controller: Controller, *, killed: bool
) -> None:
    first = driver(tmp_path)
    assert first.write(CAP, 300.0).obeyed()
    kept = json.loads(json.dumps(first.limits_before()))
    if not killed:
        first.leave_limits()
        first.close()
    assert (controller.state["limit"], controller.state["active"]) == (300, True)
    second = driver(tmp_path)
    second.recall_limits(kept)
    assert second.limits_before() == kept
    assert second.write(CAP, 250.0).obeyed()
    second.close()
    assert (controller.state["limit"], controller.state["active"]) == (500, False)
    assert second.limits_before() == {}


def test_the_password_is_never_an_argument(tmp_path: Path, controller: Controller) -> None:
    driver(tmp_path, port=6230).poll()
    calls = controller.state["calls"]
    assert isinstance(calls, list)
    first = ["-I", "lanplus", "-H", "bmc-1", "-p", "6230", "-U", "ondol", "-f", str(tmp_path / "password")]
    assert calls[0] == [*first, "dcmi", "power", "reading"]
    assert not any("s3cret" in word for call in calls for word in call)


def test_this_machines_own_controller_needs_no_address(tmp_path: Path, controller: Controller) -> None:
    driver(tmp_path, host="local").poll()
    calls = controller.state["calls"]
    assert isinstance(calls, list)
    assert calls[0] == ["-I", "open", "dcmi", "power", "reading"]


def test_a_limit_that_would_switch_the_server_off_is_defused(tmp_path: Path, controller: Controller) -> None:
    controller.set(action="Hard Power Off & Log Event to SEL", correction=20_000)
    made = driver(tmp_path)
    written = made.write(CAP, 300.0)
    assert "switched the server off" in written.reason
    assert (controller.state["action"], controller.state["correction"]) == ("Log Event to SEL", 6000)
    made.close()
    assert controller.state["action"] == "Hard Power Off & Log Event to SEL"
    assert controller.state["correction"] == 20_000


def test_a_controller_that_ignores_the_limit_is_found_out(tmp_path: Path, controller: Controller) -> None:
    controller.set(ignores=True)
    written = driver(tmp_path).write(CAP, 300.0)
    assert (written.accepted, written.reason) == (500.0, "the device holds 500 W")


@pytest.mark.parametrize(
    ("command", "said", "hint"),
    [
        ("reading", "DCMI request failed because: Invalid command (c1)", "no DCMI power management"),
        ("reading", "Could not open device at /dev/ipmi0 or /dev/ipmi/0", "modprobe ipmi_devintf"),
        ("get_limit", "Insufficient privilege level", "Administrator or Operator"),
    ],
)
def test_failures_say_what_to_do(tmp_path: Path, controller: Controller, command: str, said: str, hint: str) -> None:
    controller.set(fails={command: said})
    made = driver(tmp_path)
    if command == "reading":
        assert hint in made.poll()
    else:
        assert hint in made.write(CAP, 300.0).reason


def test_a_wrong_password_is_a_status(tmp_path: Path, controller: Controller) -> None:
    with pytest.raises(UnavailableError, match="wrong address, user or password"):
        driver(tmp_path, password="wrong").poll()


def test_a_controller_that_does_not_answer_takes_no_longer_than_the_timeout(
    tmp_path: Path, controller: Controller
) -> None:
    controller.set(delay_s=5.0)
    written = driver(tmp_path, timeout_s=0.3).write(CAP, 300.0)
    assert written.accepted is None
    assert "did not answer within 0.3 s" in written.reason


def test_a_controller_that_does_not_measure_gives_no_power(tmp_path: Path, controller: Controller) -> None:
    controller.set(measures="deactivated")
    made = driver(tmp_path)
    made.poll()
    assert POWER not in {reading.key for reading in made.readings()}


def test_output_of_another_program_is_no_zero(tmp_path: Path, controller: Controller) -> None:
    controller.program.write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(UnavailableError, match="no power reading"):
        driver(tmp_path).poll()


def test_without_the_program_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="apt install ipmitool"):
        driver(tmp_path).poll()


def test_what_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidFieldError, match="local"):
        driver(tmp_path, host="-I")
    with pytest.raises(InvalidFieldError, match="electric_power"):
        IpmiDriver(connection("ipmi", host="b"), [binding("electric_meter")], fleet=fleet(), now=now)
    with pytest.raises(InvalidFieldError, match="dcmi"):
        IpmiDriver(connection("ipmi", host="b"), [binding("power_cap", "Chassis/1")], fleet=fleet(), now=now)
