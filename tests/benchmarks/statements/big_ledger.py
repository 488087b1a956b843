"""A ledger of many sites over many days, written straight into a SQLite file: a month of a fleet in a minute."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondol.model.account import Account
from ondol.model.fleet import Fleet
from ondol.model.hardware_parts import Hardware
from ondol.model.ids import AccountId, NodeId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.storage.sql.store import SqlStore

T0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
TOKEN = "boss-token"
OPERATOR = Account(
    id=AccountId("11111111-1111-4111-8111-111111111111"),
    email="me",
    token_hash=hashlib.sha256(TOKEN.encode()).hexdigest(),
    token_sealed=b"",
    created_at=T0,
)
USERS = 20
_ATTEMPT_MIN = 120
_QUARTER_MIN = 15
_ENERGY = (
    "INSERT INTO ledger_energy (site_id, unit_id, node_id, share, start_us, end_us, energy_j, grid_g_per_kwh, tier, "
    "cpu_s, account_id, task_id, instance_id, attempt_id) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_HEAT = (
    "INSERT INTO ledger_heat (site_id, unit_id, sink_id, start_us, end_us, electric_j, delivered_j, demanded_j, "
    "temp_c, setpoint_c, lower_c, upper_c, discomfort_kh, tier, virtual) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)


def fleet_of(sites: int) -> Fleet:
    """So many homes with a heater and its server each."""
    keys = [f"s{number:04d}" for number in range(sites)]
    return Fleet(
        name="many homes",
        sites=tuple(Site(id=SiteId(key), name=f"Home {key}", pue=1.05) for key in keys),
        units=tuple(
            Unit(
                id=UnitId(f"{key}-unit"), site_id=SiteId(key), kind=UnitKind.DIGITAL_HEATER,
                zone_id=SinkId(f"{key}-room"),
            )
            for key in keys
        ),
        nodes=tuple(
            Node(
                id=NodeId(f"{key}-0"), unit_id=UnitId(f"{key}-unit"), curve=PowerCurve(20.0, 220.0), slots=2,
                cores_per_slot=4, cpu_model="virtual",
            )
            for key in keys
        ),
        sinks=tuple(Zone(id=SinkId(f"{key}-room"), site_id=SiteId(key), name=f"{key} room") for key in keys),
        hardware=(Hardware(specification="virtual", lifetime_h=43_800.0, archetype="dell-r740"),),
    )  # fmt: skip


def write_ledger(file: Path, fleet: Fleet, days: float) -> int:
    """Fill a new database: each server a row a minute (tasks of two hours, every sixth time nobody), each site a row
    of overhead and of heat a quarter of an hour. Gives the number of energy rows."""
    store = SqlStore(f"sqlite:///{file}")
    store.add_account(OPERATOR)
    store.close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous=OFF")
    minutes = int(days * 1440)
    with connection:
        for day in range(0, minutes, 1440):  # in the order of time, as a platform writes them
            span = range(day, min(day + 1440, minutes))
            connection.executemany(_ENERGY, _energy(fleet, span))
            connection.executemany(_HEAT, _heat(fleet, span))
    found = int(connection.execute("SELECT count(*) FROM ledger_energy").fetchone()[0])
    connection.close()
    return found


def _energy(fleet: Fleet, span: range) -> Iterator[tuple[Any, ...]]:
    begin_us = int(T0.timestamp()) * 1_000_000
    site_of = {unit.id: unit.site_id for unit in fleet.units}
    for minute in span:
        start_us = begin_us + minute * 60_000_000
        grid = 40.0 + 20.0 * math.sin(minute / 230.0)
        for rank, node in enumerate(fleet.nodes):
            turn = (minute + 7 * rank) // _ATTEMPT_MIN
            energy_j = 6_000.0 + 50.0 * ((minute * 7 + rank) % 97)
            where = site_of[node.unit_id], node.unit_id, node.id
            if turn % 6 == 5:
                yield (*where, "idle", start_us, start_us + 60_000_000, 1200.0, grid, "T4", 0.0, None, None, None, None)
                continue
            task = f"{rank:05d}-{turn:05d}"
            yield (
                *where, "job", start_us, start_us + 60_000_000, energy_j, grid, "T4", 200.0,
                f"user-{(rank + turn) % USERS:02d}", task, f"{task}/0", f"{task}/0/1",
            )  # fmt: skip
        if minute % _QUARTER_MIN == 0:
            for site in fleet.sites:
                yield (
                    site.id, None, None, "overhead", start_us, start_us + _QUARTER_MIN * 60_000_000, 6_000.0, grid,
                    "T5", 0.0, None, None, None, None,
                )  # fmt: skip


def _heat(fleet: Fleet, span: range) -> Iterator[tuple[Any, ...]]:
    begin_us = int(T0.timestamp()) * 1_000_000
    for minute, unit in itertools.product(range(span.start, span.stop, _QUARTER_MIN), fleet.units):
        start_us = begin_us + minute * 60_000_000
        given = 50_000.0 + 100.0 * (minute % 331)
        yield (
            unit.site_id, unit.id, unit.zone_id, start_us, start_us + _QUARTER_MIN * 60_000_000, 1.1 * given, given,
            given * (1.4 if minute // 180 % 2 else 0.6), 19.5, 20.0, 19.0, 22.0, 0.0, "T1", 0,
        )  # fmt: skip
