"""Given a Redfish service over HTTP(S), when power is limited, then by the schema that the service has."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from integration.drivers.redfish.mock_service import PASSWORD, USER, MockService, serving
from ondol.agent.knobs import NodeKnobs
from ondol.drivers.redfish.driver import RedfishDriver
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.ids import NodeId, SiteId
from ondol.model.points import PointKey
from unit.drivers.host_power.power_site import CAP, METER, POWER, binding, connection, fleet, now


@pytest.fixture
def service() -> Iterator[MockService]:
    with serving(MockService()) as made:
        yield made


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    return str(file)


def driver(service: MockService, password: str, address: str = "Chassis/GPU", **fields: object) -> RedfishDriver:
    words = {"url": service.url, "user": USER, "password_file": password, **fields}
    points = [binding(point, address) for point in ("electric_power", "electric_meter", "power_cap")]
    return RedfishDriver(connection("redfish", **words), points, fleet=fleet(), now=now)


def values(made: RedfishDriver) -> dict[PointKey, float]:
    return {reading.key: reading.value for reading in made.readings()}


METRICS = "/redfish/v1/Chassis/GPU/EnvironmentMetrics"
POWER_PATH = "/redfish/v1/Chassis/1U/Power"


def test_environment_metrics_are_read_limited_and_put_back(service: MockService, password: str) -> None:
    made = driver(service, password)
    assert made.poll() == ""
    assert values(made) == {POWER: 612.5, METER: pytest.approx(325.675 * 3.6e6)}  # a disabled limit is none
    written = made.write(CAP, 450.9)
    assert (written.accepted, written.reason) == (450.0, "the device holds 450 W")
    limit = service.tree[METRICS]["PowerLimitWatts"]
    assert (limit["SetPoint"], limit["ControlMode"]) == (450, "Automatic")
    assert made.span_w(CAP) == (200.0, 700.0)
    made.close()
    assert (limit["SetPoint"], limit["ControlMode"]) == (700, "Disabled")
    assert service.sessions == set()  # ours was ended, not left to run out


@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize(
    ("address", "path", "before"),
    [
        ("Chassis/GPU", METRICS, {"SetPoint": 700, "ControlMode": "Disabled"}),
        ("Chassis/1U#1", POWER_PATH, {"LimitInWatts": 90, "LimitException": "HardPowerOff"}),
    ],
)
def test_the_next_life_puts_back_what_stood_there_before_the_first(
    service: MockService, password: str, address: str, path: str, before: dict[str, object], *, killed: bool
) -> None:
    def limit() -> dict[str, object]:
        told = service.tree[path]
        found = told["PowerLimitWatts"] if path == METRICS else told["PowerControl"][1]["PowerLimit"]
        return {name: found[name] for name in before}

    # Given a life that was killed, or that ended without a server, then its limit stays in the controller.
    first = driver(service, password, address)
    assert first.write(CAP, 210.0).obeyed()
    kept = json.loads(json.dumps(first.limits_before()))
    if not killed:
        first.leave_limits()
        first.close()
    assert 210 in limit().values()
    # When the next one limits anew, then it knows what stood there before both.
    second = driver(service, password, address)
    second.recall_limits(kept)
    assert second.limits_before() == kept, "also where it ends before it has limited anything"
    assert second.write(CAP, 300.0).obeyed()
    second.close()
    assert limit() == before
    assert second.limits_before() == {}


def test_a_limit_that_somebody_set_between_two_lives_is_theirs(service: MockService, password: str) -> None:
    first = driver(service, password)
    assert first.write(CAP, 450.0).obeyed()
    service.tree[METRICS]["PowerLimitWatts"]["SetPoint"] = 520
    second = driver(service, password)
    second.recall_limits(first.limits_before())
    assert second.write(CAP, 300.0).obeyed()
    second.close()
    limit = service.tree[METRICS]["PowerLimitWatts"]
    assert (limit["SetPoint"], limit["ControlMode"]) == (520, "Automatic")


@pytest.mark.parametrize("kept", [{}, {"path": "x"}, {"path": "x", "change": 3, "left_w": "y"}, 7, None])
def test_notes_of_an_earlier_life_that_fit_nothing_are_passed_over(
    service: MockService, password: str, kept: object
) -> None:
    made = driver(service, password)
    made.recall_limits({str(CAP): kept, "else.power_cap": kept})
    assert made.write(CAP, 450.0).obeyed()
    made.close()
    assert service.tree[METRICS]["PowerLimitWatts"]["ControlMode"] == "Disabled"


@pytest.mark.parametrize(("asked_w", "held_w"), [(100.0, 200.0), (5000.0, 700.0)])
def test_the_allowed_range_is_kept_and_told(service: MockService, password: str, asked_w: float, held_w: float) -> None:
    written = driver(service, password).write(CAP, asked_w)
    assert (written.accepted, written.reason) == (held_w, "the service takes 200 to 700 W")


@pytest.mark.parametrize("address", ["", "Chassis/1U", "Systems/437XR1138R2", "/redfish/v1/Chassis/1U"])
def test_the_older_power_schema_is_limited_wherever_one_begins(
    service: MockService, password: str, address: str
) -> None:
    made = driver(service, password, address)
    made.poll()
    assert values(made) == {POWER: 344.0}
    assert made.write(CAP, 300.0).obeyed()
    made.poll()
    assert values(made) == {POWER: 300.0, CAP: 300.0}
    assert made.span_w(CAP) == (120.0, 800.0)
    made.close()
    assert service.tree[POWER_PATH]["PowerControl"][0]["PowerLimit"]["LimitInWatts"] is None


def test_a_second_control_is_limited_alone_and_its_power_off_is_defused(service: MockService, password: str) -> None:
    made = driver(service, password, "Chassis/1U#1")
    written = made.write(CAP, 40.0 + 120.0)
    first, second = (control["PowerLimit"] for control in service.tree[POWER_PATH]["PowerControl"])
    assert first["LimitInWatts"] is None
    assert (second["LimitInWatts"], second["LimitException"]) == (160, "LogEventOnly")
    assert "switched the server off" in written.reason
    made.close()
    assert (second["LimitInWatts"], second["LimitException"]) == (90, "HardPowerOff")


def test_the_version_that_was_read_goes_with_the_change(service: MockService, password: str) -> None:
    driver(service, password).write(CAP, 450.0)
    assert [tag for method, _, tag in service.requests if method == "PATCH"] == ['W/"1"']


def test_a_change_that_came_between_is_met_with_the_new_version(service: MockService, password: str) -> None:
    service.steals_version = 1
    assert driver(service, password).write(CAP, 450.0).obeyed()
    assert [tag for method, _, tag in service.requests if method == "PATCH"] == ['W/"1"', 'W/"2"']


def test_a_service_without_versions_is_changed_without_them(service: MockService, password: str) -> None:
    service.etags = False
    assert driver(service, password).write(CAP, 450.0).obeyed()
    assert [tag for method, _, tag in service.requests if method == "PATCH"] == [""]


def test_a_change_that_takes_time_is_waited_for(service: MockService, password: str) -> None:
    service.asynchronous = True
    assert driver(service, password).write(CAP, 450.0).obeyed()
    assert any("TaskMonitors" in path for _, path, _ in service.requests)


def test_a_service_that_ignores_the_limit_is_found_out_and_the_chain_goes_on(
    service: MockService, password: str
) -> None:
    service.ignores = True
    service.tree[METRICS]["PowerLimitWatts"]["ControlMode"] = "Automatic"
    lines = tuple(
        Connection(id=name, site_id=SiteId("s"), driver="redfish", url=service.url, user=USER, password_file=password)
        for name in ("gpu", "box")
    )
    points = [
        binding("power_cap", "Chassis/GPU", index=0, connection="gpu"),
        binding("power_cap", "Chassis/1U", index=1, connection="box"),
    ]
    whole = fleet(*points, more=lines)
    made = [RedfishDriver(line, [point], fleet=whole, now=now) for line, point in zip(lines, points, strict=True)]
    knobs = NodeKnobs(whole, made)
    service.tree[POWER_PATH]["PowerControl"][0]["PowerLimit"]["LimitInWatts"] = 450  # so that ignoring is no fault here
    try:
        knobs.limit(NodeId("n"), 450.0)
        assert knobs.settle(10.0)
        (state,) = knobs.states()
        assert state.knob == PointKey("n", "power_cap", 1)
        (note,) = knobs.check(NodeId("n"), None, now())
        assert "it holds 700 W instead" in note.text
    finally:
        knobs.close()
        for one in made:
            one.close()


def test_a_refusal_is_told_in_the_services_words(service: MockService, password: str) -> None:
    service.read_only = True
    written = driver(service, password).write(CAP, 450.0)
    assert written.accepted is None
    assert "read only property" in written.reason


def test_basic_authentication_where_there_are_no_sessions(service: MockService, password: str) -> None:
    service.session_service = False
    made = driver(service, password)
    assert made.poll() == ""
    assert made.write(CAP, 450.0).obeyed()
    made.close()


def test_a_session_that_ran_out_is_opened_anew(service: MockService, password: str) -> None:
    made = driver(service, password)
    made.poll()
    service.sessions.clear()
    assert made.poll() == ""
    assert len(service.sessions) == 1
    made.close()


def test_a_wrong_password_is_a_status_and_a_mended_one_is_taken(
    service: MockService, password: str, tmp_path: Path
) -> None:
    Path(password).write_text("wrong")
    made = driver(service, password)
    with pytest.raises(UnavailableError, match="wrong user or password for 'ondol'"):
        made.poll()
    Path(password).write_text(PASSWORD)
    assert made.poll() == ""
    made.close()
    gone = driver(service, str(tmp_path / "gone"))
    with pytest.raises(UnavailableError, match="cannot be read"):
        gone.poll()


def test_a_broken_answer_is_a_status_and_no_zero(service: MockService, password: str) -> None:
    service.tree[METRICS] = {"PowerWatts": {"Reading": "612"}, "EnergykWh": [], "PowerLimitWatts": {"SetPoint": True}}
    made = driver(service, password)
    told = made.poll()
    assert "tells no electric meter" in told
    assert "tells no electric power" in told
    assert made.readings() == ()
    service.tree["/redfish/v1/Chassis/1U"]["Power"] = {"@odata.id": "http://elsewhere.example/redfish/v1/nothing"}
    other = driver(service, password, "Chassis/1U")
    with pytest.raises(UnavailableError, match="/redfish/v1/nothing"):
        other.poll()  # asked here: no answer leads the token to another host


def test_a_service_that_is_down_comes_back(password: str) -> None:
    service = MockService()
    with serving(service):
        made = driver(service, password)
        made.poll()
        port = int(service.url.rsplit(":", 1)[1])
    with pytest.raises(UnavailableError, match="cannot be reached"):
        made.poll()
    with serving(service, port=port):
        assert made.poll() == ""
        made.close()


@pytest.mark.parametrize("address", ["../Chassis", "Chassis/../1", "Chassis 1", "Chassis/1#x", "http://x/y"])
def test_a_wrong_address_is_refused(service: MockService, password: str, address: str) -> None:
    with pytest.raises(InvalidFieldError, match="Chassis/1"):
        driver(service, password, address)


def test_a_certificate_is_verified_and_a_self_signed_one_can_be_given(tmp_path: Path, password: str) -> None:
    certificate, context = _self_signed(tmp_path)
    with serving(MockService(), tls=context) as service:
        with pytest.raises(UnavailableError, match="ca_file"):
            driver(service, password).poll()
        assert not any(method == "POST" for method, _, _ in service.requests)  # the password was not sent
        made = driver(service, password, ca_file=str(certificate))
        assert made.poll() == ""
        assert made.write(CAP, 450.0).obeyed()
        made.close()
        lost = driver(service, password, ca_file=str(tmp_path / "gone.pem"))
        with pytest.raises(UnavailableError, match=r"gone\.pem cannot be read"):
            lost.poll()


def _self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bmc")])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "bmc.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return file, context
