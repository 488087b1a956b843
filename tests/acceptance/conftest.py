"""One platform for all acceptance tests that leave it as they found it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from acceptance.asking import abort_all
from acceptance.platform import SMALL_FLEET, Up
from acceptance.sample_house import open_house

# Two slots a node, so that a task of three instances runs at once; little memory, so that a greedy job meets its end.
WIDER_FLEET = SMALL_FLEET.replace("host_cores = 0.3", "host_cores = 0.8\nslots = 2\nmemory_mib = 256")


@pytest.fixture(scope="session")
def friendly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running platform that nobody kills."""
    up = Up(tmp_path_factory.mktemp("friendly"), fleet=WIDER_FLEET)
    up.start()
    yield up
    abort_all(up.connection())
    up.stop()


@pytest.fixture
def connection(friendly: Up) -> Iterator[Any]:
    """The unchanged SDK's connection of the owner; what a failed test left running is ended."""
    connection = friendly.connection()
    yield connection
    abort_all(connection)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running platform that has the images of the samples."""
    yield from open_house(tmp_path_factory.mktemp("house"))


@pytest.fixture
def cluster(house: Up) -> Iterator[Any]:
    """The unchanged SDK's connection to it; what a failed test left running is ended."""
    connection = house.connection()
    yield connection
    abort_all(connection)
