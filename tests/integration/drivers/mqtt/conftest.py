"""One broker a test, and the driver of a house at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.drivers.broker import Broker, OtherClient, running
from integration.drivers.mqtt.house import connection, house_broker, make_driver, wait_until
from ondol.drivers.mqtt import link
from ondol.drivers.mqtt.driver import MqttDriver


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries as in life, twenty times as fast."""
    monkeypatch.setattr(link, "FIRST_WAIT_S", 0.05)
    monkeypatch.setattr(link, "LONGEST_WAIT_S", 0.4)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running(house_broker(tmp_path / "broker")) as started:
        yield started


@pytest.fixture
def client(broker: Broker) -> Iterator[Callable[[str], OtherClient]]:
    clients: list[OtherClient] = []

    def make(user: str) -> OtherClient:
        clients.append(OtherClient(broker, user))
        return clients[-1]

    yield make
    for one in clients:
        one.close()


@pytest.fixture
def driver(broker: Broker) -> Iterator[MqttDriver]:
    made = make_driver(connection(broker))
    made.open()
    wait_until(lambda: made.status().connected, or_say=made.status)
    yield made
    made.close()
