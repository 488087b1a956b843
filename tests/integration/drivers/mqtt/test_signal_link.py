"""The heat signal at a real broker: retained, born, dead, taken back, and whole again after a break."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.drivers.broker import Broker, OtherClient, make_broker, running
from integration.drivers.mqtt.house import wait_until
from ondol.drivers.mqtt import link
from ondol.drivers.mqtt.signal_link import SignalLink
from ondol.model.heat_signal import SignalTerms

USERS = {"ondol": "one", "reader": "two"}
ACL = "user ondol\ntopic write ondol/#\nuser reader\ntopic read ondol/#\n"
STATUS = "ondol/signal-status"


@pytest.fixture
def signal_broker(tmp_path: Path) -> Iterator[Broker]:
    with running(make_broker(tmp_path / "broker", USERS, ACL)) as started:
        yield started


@pytest.fixture
def areas() -> dict[str, bytes]:
    return {"fr-idf": b'{"state":"heat_wanted"}', "FR": b'{"state":"neutral"}'}


@pytest.fixture
def published(signal_broker: Broker, areas: dict[str, bytes]) -> Iterator[SignalLink]:
    terms = SignalTerms(
        mqtt_host="localhost",
        mqtt_port=signal_broker.port,
        mqtt_tls=True,
        mqtt_ca_file=str(signal_broker.ca_file),
        mqtt_user="ondol",
        mqtt_password_file=str(signal_broker.password_file("ondol")),
    )
    made = SignalLink(terms, lambda: dict(areas), now=lambda: dt.datetime.now(dt.UTC))
    made.open()
    wait_until(lambda: made.status.connected, or_say=lambda: made.status)
    yield made
    made.close()


@pytest.fixture
def reader(signal_broker: Broker, published: SignalLink) -> Iterator[OtherClient]:
    client = OtherClient(signal_broker, "reader")
    client.listen("ondol/#")
    yield client
    client.close()


def test_who_comes_later_hears_what_stands_and_then_what_changes(
    published: SignalLink, reader: OtherClient, areas: dict[str, bytes]
) -> None:
    assert reader.wait_for("ondol/signal/fr-idf") == areas["fr-idf"]
    assert reader.wait_for(STATUS) == b"online"
    assert {topic for topic, _, retained in reader.heard if retained} >= {"ondol/signal/fr-idf"}
    areas["fr-idf"] = b'{"state":"heat_wasted"}'
    published.look()
    reader.wait_for("ondol/signal/fr-idf", lambda payload: b"wasted" in payload)


def test_an_area_that_is_published_no_more_is_taken_back(
    published: SignalLink, reader: OtherClient, signal_broker: Broker, areas: dict[str, bytes]
) -> None:
    """Given an area that gets too small, when it is withheld, then who comes later finds nothing of it."""
    reader.wait_for("ondol/signal/fr-idf")
    since = len(reader.heard)
    del areas["fr-idf"]
    published.look()
    reader.wait_for("ondol/signal/fr-idf", lambda payload: payload == b"", since=since)
    late = OtherClient(signal_broker, "reader")
    late.listen("ondol/#")
    late.wait_for("ondol/signal/FR")
    late.wait_for(STATUS)
    assert "ondol/signal/fr-idf" not in {topic for topic, _, _ in late.heard}
    late.close()


def test_the_status_says_offline_at_the_end(published: SignalLink, reader: OtherClient) -> None:
    reader.wait_for(STATUS, lambda payload: payload == b"online")
    published.close()
    reader.wait_for(STATUS, lambda payload: payload == b"offline")


def test_a_broker_that_forgot_all_is_told_all_again(
    published: SignalLink, signal_broker: Broker, areas: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a broker that was killed and keeps nothing, when it is back, then every area stands there again."""
    monkeypatch.setattr(link, "LONGEST_WAIT_S", 0.4)
    signal_broker.kill()
    wait_until(lambda: not published.status.connected, or_say=lambda: published.status)
    signal_broker.start()
    wait_until(lambda: published.status.connected, or_say=lambda: published.status)
    late = OtherClient(signal_broker, "reader")
    late.listen("ondol/#")
    for area, payload in areas.items():
        assert late.wait_for(f"ondol/signal/{area}") == payload
    late.close()
