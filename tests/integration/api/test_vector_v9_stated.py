"""Given the job of vector V9 as a ledger, when its statement is made, then every view and comparison is the vector's.

`reference/footprint.md` §6 V9: 10 kWh of servers and 0.3 of overhead at 51.9 g/kWh, 250 g of making the server, 84 % of
the electricity useful as heat at 65/55 °C against 278.15 K, heat at 0.08 €/kWh, the job at 1.50 €.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from integration.api.memory_desk import BOSS, T0, MemoryDesk, small_fleet
from ondol.accounting.account.statement import Statement
from ondol.model.accounting_terms import AccountingTerms
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.hardware_parts import Hardware
from ondol.model.ids import AttemptId, NodeId, SinkId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, Share, Tier
from ondol.model.points import PointKey, PointReading
from ondol.storage.ports import Changes

HOME, HOUR, KWH, DAY = SiteId("home"), dt.timedelta(hours=1), 3.6e6, 24
G = 784.57  # 0.53457 + 0.25 kg


def v9_fleet(climate: str, heater: str) -> Fleet:
    fleet = small_fleet()
    one_slot = tuple(dataclasses.replace(node, slots=1) for node in fleet.nodes)
    site = dataclasses.replace(
        fleet.sites[0],
        climate=climate,
        heat_price_eur_per_kwh=0.08,
        compute_price_eur_per_kwh=0.15,
        reference_heater=heater,
        reference_heater_until=T0 + 365 * DAY * HOUR,
        reference_heater_evidence="V9",
    )
    return dataclasses.replace(
        fleet,
        sites=(site,),
        nodes=one_slot,
        hardware=(Hardware(specification="virtual", archetype="dell-r740", lifetime_h=1200e3 * DAY / 250.0),),
        accounting=AccountingTerms(basis="lca_annual"),
        connections=(Connection(id="feed", site_id=HOME, driver="push"),),
        bindings=tuple(
            Binding(entity_id=entity, point=point, connection_id="feed")
            for entity, point in (
                ("heater", "supply_temperature"),
                ("heater", "return_temperature"),
                ("home", "outdoor_temperature"),
            )
        ),
    )


def v9_statement(folder: Path, *, outdoor_c: float | None = None, climate: str = "none", heater: str) -> Statement:
    desk = MemoryDesk(folder, fleet=v9_fleet(climate, heater))
    rows: list[EnergyRow | HeatRow] = []
    readings: list[PointReading] = []
    for hour in range(DAY):
        start, end = T0 + hour * HOUR, T0 + (hour + 1) * HOUR
        for share, kwh in ((Share.JOB, 10.0), (Share.OVERHEAD, 0.3)):
            own = share is Share.JOB
            rows.append(
                EnergyRow(
                    site_id=HOME, unit_id=UnitId("heater") if own else None,
                    node_id=NodeId("heater-1") if own else None,
                    share=share, start=start, end=end, energy_j=kwh / DAY * KWH, grid_g_per_kwh=30.0,
                    tier=Tier.T1_METER, task_id=TaskId("t") if own else None,
                    attempt_id=AttemptId("t.000000.001") if own else None,
                )
            )  # fmt: skip
        rows.append(
            HeatRow(
                site_id=HOME, unit_id=UnitId("heater"), sink_id=SinkId("room"), start=start, end=end,
                electric_j=10.3 / DAY * KWH, delivered_j=8.9 / DAY * KWH, demanded_j=8.652 / DAY * KWH, temp_c=20.0,
                setpoint_c=20.0, lower_c=19.0, upper_c=21.0, discomfort_kh=0.0,
            )
        )  # fmt: skip
        told = [("heater", "supply_temperature", 65.0), ("heater", "return_temperature", 55.0)]
        told += [("home", "outdoor_temperature", outdoor_c)] if outdoor_c is not None else []
        readings += [
            PointReading(key=PointKey(entity, point), value=value, measured_at=start) for entity, point, value in told
        ]
    desk.store.commit(Changes(ledger=tuple(rows)))
    desk.store.add_readings(HOME, readings)
    boss = desk.account_of_token(BOSS)
    assert boss is not None
    return desk.statements.statement(boss, "site", "home", T0, T0 + DAY * HOUR)


GAS = "heater-gas-condensing-collective"


@pytest.mark.parametrize("outdoor_c", [None, 5.0])
def test_v9_views_of_a_statement_are_the_vectors(tmp_path: Path, outdoor_c: float | None) -> None:
    made = v9_statement(tmp_path, outdoor_c=outdoor_c, heater=GAS)
    assert made.value("inventory", "operational_g") == pytest.approx(534.57, rel=1e-9)
    assert made.value("inventory", "total_g") == pytest.approx(G, rel=1e-9)
    assert made.value("heat", "useful_kwh") == pytest.approx(8.652, rel=1e-9)
    expected = {
        "A0": (784.57, 0.0),
        "A1": (125.5312, 659.0388),
        "A2": (686.5111, 98.0589),
        "A3": (536.8472, 247.7228),
    }
    views = {view.method: view for view in made.views}
    for method, (job_g, heat_g) in expected.items():
        assert views[method].unavailable == ""
        assert (views[method].job_g, views[method].heat_g) == pytest.approx((job_g, heat_g), abs=5e-5), method
        assert views[method].residual < 1e-9
    assert views["A1"].heat_g_per_kwh == pytest.approx(76.17, abs=5e-3)
    assert views["A2"].heat_g_per_kwh == pytest.approx(11.33, abs=5e-3)
    # exact: the Carnot factor of 60 °C against 278.15 K
    factor = 1.0 - 278.15 / 333.15
    assert views["A2"].heat_share == pytest.approx(factor * 8.652 / (10.0 + factor * 8.652), rel=1e-12)
    said = " ".join(made.notes)
    assert "Ts 60.0 °C, the mean of supply 65.0 and return 55.0 °C weighted by heat; T0 5.0 °C" in said
    assert ("measured" if outdoor_c is not None else "stated: 278.15 K") in said


@pytest.mark.parametrize(
    ("heater", "avoided_kg", "net_kg"),
    [
        (GAS, 2.584785, -1.800215),
        ("heater-oil-collective", 3.9360507, -3.1514807),
        ("heater-electric-radiator", 0.4677488, 0.3168213),
        ("heater-pellet-boiler-collective", 0.2848829, 0.4996871),
        ("heater-district-delivered", 0.977676, -0.193106),
    ],
)
def test_v9_avoided_emissions_of_a_statement_are_the_vectors(
    tmp_path: Path, heater: str, avoided_kg: float, net_kg: float
) -> None:
    (box,) = v9_statement(tmp_path, heater=heater).avoided
    assert box.refused == ""
    assert box.made is not None
    assert box.made.named.g == pytest.approx(1e3 * avoided_kg, abs=5e-4)
    assert box.made.net is not None
    assert box.made.net.g == pytest.approx(1e3 * net_kg, abs=5e-4)
    assert box.made.heat_pump.g == pytest.approx(161.5247, abs=5e-4)
