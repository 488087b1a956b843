"""Hardware on a desk: a driver that reads points from a file and writes what it is told into another."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ondol.drivers.ports import Command, LinkStatus, Written
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.points import Ability, PointKey, PointReading

FOLDER = "ONDOL_TEST_DESK"


class DeskDriver:
    """`points.json` holds {"entity.point": value}; each write is appended to `writes.jsonl`, and taken."""

    abilities: ClassVar[frozenset[Ability]] = frozenset(Ability)

    def __init__(
        self, connection: Connection, bindings: Sequence[Binding], *, fleet: Fleet, now: Callable[[], dt.datetime]
    ) -> None:
        self.connection_id = connection.id
        self._folder, self._now, self._fleet = Path(os.environ[FOLDER]), now, fleet
        self._keys = {binding.key for binding in bindings}
        self._seen = 0

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def status(self) -> LinkStatus:
        return LinkStatus(connected=True, since=self._now())

    def readings(self) -> tuple[PointReading, ...]:
        said = json.loads((self._folder / "points.json").read_text())
        found = []
        for name, value in said.items():
            entity, _, point = name.partition(".")
            key = PointKey(entity, point)
            if key in self._keys:
                found.append(PointReading(key=key, value=value, measured_at=self._now(), source=self.connection_id))
        return tuple(found)

    def write(self, key: PointKey, value: float) -> Written:
        with (self._folder / "writes.jsonl").open("a") as file:
            file.write(json.dumps({"key": str(key), "value": value, "at": self._now().isoformat()}) + "\n")
        return Written(key=key, requested=value, accepted=value, at=self._now())

    def commands(self) -> tuple[Command, ...]:
        file = self._folder / "commands.jsonl"
        lines: list[Any] = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        fresh, self._seen = lines[self._seen :], len(lines)
        return tuple(Command(received_at=self._now(), source=self.connection_id, **line) for line in fresh)


def run_agent(arguments: Sequence[str]) -> int:
    """`ondol agent` with this driver in the place of `http`."""
    from ondol.cli.main import run
    from ondol.drivers import registry

    registry.CLASSES["http"] = f"{__name__}:DeskDriver"
    return run(["agent", *arguments])
