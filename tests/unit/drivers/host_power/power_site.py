"""A site with one rack, and a kernel's file tree that clamps, ignores or refuses what is written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from ondol.drivers.host_power.sysfs import SysFiles
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SiteId, UnitId
from ondol.model.points import PointKey
from ondol.model.power import PowerCurve
from ondol.model.site import Node, Site, Unit, UnitKind

NOW = dt.datetime(2026, 1, 5, 8, 0, tzinfo=dt.UTC)
CAP = PointKey("n", "power_cap")
POWER = PointKey("n", "electric_power")
METER = PointKey("n", "electric_meter")
S, U, N = SiteId("s"), UnitId("u"), NodeId("n")


def now() -> dt.datetime:
    return NOW


def binding(point: str, address: str = "", *, index: int = 0, connection: str = "c", offset: float = 0.0) -> Binding:
    return Binding(entity_id="n", point=point, index=index, connection_id=connection, address=address, offset=offset)


def connection(driver: str, **fields: object) -> Connection:
    return Connection(id="c", site_id=S, driver=driver, **fields)  # type: ignore[arg-type]


def fleet(*bindings: Binding, idle_w: float = 50.0, max_w: float = 450.0, more: tuple[Connection, ...] = ()) -> Fleet:
    return Fleet(
        name="f",
        sites=(Site(id=S, name="S"),),
        units=(Unit(id=U, site_id=S, kind=UnitKind.SERVER_RACK),),
        nodes=(Node(id=N, unit_id=U, curve=PowerCurve(idle_w, max_w), host_cores=4.0),),
        bindings=bindings if more else (),
        connections=more,
    )


class Kernel(SysFiles):
    """Files that behave: by name, what is written is clamped, ignored or refused."""

    def __init__(self) -> None:
        self.clamps: dict[str, tuple[int, int]] = {}
        self.ignores: set[str] = set()
        self.refuses: dict[str, type[OSError]] = {}
        self.written: list[tuple[str, str]] = []

    def write(self, path: Path, text: str) -> None:
        if path.name in self.refuses:
            raise self.refuses[path.name](1, "not permitted", str(path))
        if path.name in self.ignores:
            return
        if path.name in self.clamps:
            low, high = self.clamps[path.name]
            text = str(min(max(int(text), low), high))
        self.written.append((path.name, text))
        path.write_text(text + "\n")


def make_tree(folder: Path, values: dict[str, object]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")
    return folder
