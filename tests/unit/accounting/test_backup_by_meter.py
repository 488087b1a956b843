"""Heat of other heaters in hosts' statements: by their own meter where one covers the time, else as ordered."""

from __future__ import annotations

import csv
import io

import pytest

from ondol.accounting.backup_heat import GAS_EFFICIENCY, HEAT_PUMP_SCOP, heat_per_metered
from ondol.accounting.host_days import MeteredHeat
from ondol.accounting.host_promises import Promise
from ondol.accounting.host_statement import HostSink, basis_of, host_statement
from ondol.control.directory import OPERATOR
from ondol.control.host_desk import PlatformHosts
from ondol.model.account import Account
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, SinkId
from ondol.model.ledger import Metered, MeterRow
from ondol.model.power import PowerCurve
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.report.host_statement import host_statement_csv, host_statement_html
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes
from unit.accounting.test_host_months import DAY0, DAY1, HOME, HOUR, KWH, PARIS, ROOM, UNIT, days, hours

ON = [(DAY0, DAY0 + 5 * HOUR)]


def metered(count: int, kwh: float) -> list[MeteredHeat]:
    return [MeteredHeat(DAY0 + n * HOUR, DAY0 + (n + 1) * HOUR, kwh * KWH) for n in range(count)]


def test_a_meter_that_covers_the_day_stands_before_what_was_ordered() -> None:
    """Given 10 kWh ordered and 7.2 kWh metered, as its own thermostat had it off for a while, then 7.2 kWh count."""
    rows = hours(DAY0, 24, delivered_j=0.5 * KWH)
    promise = Promise(guaranteed_kwh_per_day=20.0)
    told = {"backup_on": ON, "backup_power_w": 2000.0, "promises": (promise,)}
    (ordered,) = days(rows, **told)
    (day,) = days(rows, **told, backup_heat=metered(24, 0.3))
    assert (ordered.backup_kwh, ordered.backup_metered, ordered.kept) == (10.0, False, True)
    assert (day.backup_kwh, day.backup_metered) == (pytest.approx(7.2), True)
    assert (day.kept, day.missing_kwh) == (False, pytest.approx(0.8)), "what did not come is missing"


def test_a_meter_that_was_silent_for_two_hours_does_not_tell_the_day() -> None:
    (day,) = days(hours(DAY0, 24), backup_on=ON, backup_power_w=2000.0, backup_heat=metered(22, 0.3))
    assert (day.backup_kwh, day.backup_metered) == (10.0, False)
    (day,) = days(hours(DAY0, 24), backup_on=ON, backup_heat=metered(22, 0.3))
    assert day.backup_kwh is None, "and is not called zero where no power is stated"


def test_a_metered_zero_is_a_zero() -> None:
    (day,) = days(hours(DAY0, 24), backup_on=ON, backup_power_w=2000.0, backup_heat=metered(24, 0.0))
    assert (day.backup_kwh, basis_of((day,))) == (0.0, "metered")


def test_a_month_says_how_its_other_heat_is_known() -> None:
    sink = HostSink(
        sink_id=ROOM, name="Room", backup_on=tuple(ON), backup_power_w=2000.0, backup_heat=tuple(metered(24, 0.3))
    )
    made = host_statement(
        site_id=HOME, site_name="Home", timezone=PARIS, month="2026-01", now=DAY1 + 24 * HOUR, sinks=[sink],
        heat=hours(DAY0, 48), energy=[],
    )  # fmt: skip
    assert made.sinks[0].backup_basis == made.backup_basis == "partly metered"
    assert "as ordered: time × rated power, an estimate" in host_statement_html(made)
    cells = list(csv.DictReader(io.StringIO(host_statement_csv(made))))
    assert [cell["backup_basis"] for cell in cells] == ["metered", "ordered"]


@pytest.mark.parametrize(
    ("kind", "meter", "share"),
    [
        ("electric", Metered.BACKUP_ELECTRICITY_J, 1.0),
        ("heat_pump", Metered.BACKUP_ELECTRICITY_J, HEAT_PUMP_SCOP),
        ("gas", Metered.BACKUP_FUEL_J, GAS_EFFICIENCY),
        ("gas", Metered.BACKUP_ELECTRICITY_J, None),  # its pump is not its heat
        ("electric", Metered.BACKUP_FUEL_J, None),
        ("none", Metered.BACKUP_ELECTRICITY_J, None),
    ],
)
def test_heat_follows_from_what_the_heaters_meter_counts(kind: str, meter: Metered, share: float | None) -> None:
    assert heat_per_metered(kind, meter) == share


def test_the_desk_takes_the_meter_that_is_bound_to_the_sink() -> None:
    other = SinkId("other")
    fleet = Fleet(
        name="f",
        sites=(Site(id=HOME, name="Home"),),
        units=(Unit(id=UNIT, site_id=HOME, kind=UnitKind.DIGITAL_HEATER, zone_id=ROOM),),
        nodes=(Node(id="n", unit_id=UNIT, curve=PowerCurve(20.0, 500.0)),),  # type: ignore[arg-type]
        sinks=tuple(
            Zone(id=one, site_id=HOME, name="Room", backup_kind="heat_pump", backup_power_w=2000.0)
            for one in (ROOM, other)
        ),
        connections=(Connection(id="bus", site_id=HOME, driver="push"),),
        bindings=(Binding(entity_id=ROOM, point="backup_electric_meter", connection_id="bus"),),
    )
    store = MemoryStore()
    rows = [
        MeterRow(
            site_id=HOME, meter_id=f"{one}.backup_electric_meter", kind=Metered.BACKUP_ELECTRICITY_J,
            start=DAY0 + n * HOUR, end=DAY0 + (n + 1) * HOUR, amount=amount * KWH,
        )
        for n in range(24)
        for one, amount in ((ROOM, 0.1), (other, 9.0))
    ]  # fmt: skip
    store.commit(Changes(facts=tuple(rows), ledger=tuple(hours(DAY0, 24))))
    desk = PlatformHosts(fleet, store, lambda: DAY1)
    operator = Account(id=AccountId("o"), email=OPERATOR, token_hash="x", token_sealed=b"", created_at=DAY0)
    (told,) = [day for _, day in desk.deliveries(operator, HOME, DAY0, DAY1) if day.sink_id == ROOM]
    assert told.backup_kwh == pytest.approx(2.4 * HEAT_PUMP_SCOP)
    assert told.backup_metered
