"""A worksheet and a ledger of the same numbers give the same key figures: one set of formulas stands behind both."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ondol.accounting.boundary import Boundary, Carrier, HeatPump, Inflow
from ondol.accounting.kpi_extras import Declared, Extras
from ondol.accounting.kpi_set import KpiSet, kpi_set
from ondol.accounting.scope_two import Contract, Instrument, site_contract
from ondol.accounting.worksheet.places import PlaceFigures, place_figures
from ondol.accounting.worksheet.sheet import read_sheet
from ondol.model.factor import Factor, Heating, Mix, Scope
from ondol.model.ids import NodeId, SinkId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Metered, MeterRow, Share, Tier
from ondol.model.site import Site

START = dt.datetime(2026, 3, 28, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
HOURS = 48
END = START + HOURS * HOUR
J = 3.6e6
DELIVERED, DEMANDED = (0.9, 0.5), (0.7, 0.9)  # in odd and in even hours


def _market(value: float, kind: str) -> Factor:
    return Factor(
        id=f"x-{kind}", value=value, low=value, high=value, unit="gCO2e/kWh", scope=Scope.DIRECT, mix=Mix.MARKET,
        heating=Heating.NONE, year=2026, geography="world", source="x", licence="x",
    )  # fmt: skip


def _rows(site: str, kwh: float, overhead: float, g: float) -> list[LedgerRow]:
    found: list[LedgerRow] = []
    for hour in range(HOURS):
        start, end = START + hour * HOUR, START + (hour + 1) * HOUR
        for share, amount in ((Share.JOB, kwh), (Share.OVERHEAD, overhead)):
            it = share is Share.JOB
            found.append(
                EnergyRow(
                    site_id=SiteId(site), unit_id=UnitId(f"{site}-u") if it else None,
                    node_id=NodeId(f"{site}-n") if it else None, share=share, start=start, end=end,
                    energy_j=amount * J, grid_g_per_kwh=g, tier=Tier.T4_CURVE,
                    task_id=TaskId(f"{site}-{hour}") if it else None,
                )
            )  # fmt: skip
        found.append(
            HeatRow(
                site_id=SiteId(site), unit_id=UnitId(f"{site}-u"), sink_id=SinkId(f"{site}-s"), start=start, end=end,
                electric_j=kwh * J, delivered_j=DELIVERED[hour % 2] * J, demanded_j=DEMANDED[hour % 2] * J, temp_c=50.0,
                setpoint_c=55.0, lower_c=50.0, upper_c=60.0, discomfort_kh=0.0, tier=Tier.T1_METER,
            )
        )  # fmt: skip
    return found


def _meters(site: str, water_l: float, renewable: float, removed: float, cooling: float) -> list[MeterRow]:
    kinds = {
        Metered.WATER_L: water_l,
        Metered.RENEWABLE_J: renewable * J,
        Metered.COOLING_HEAT_J: removed * J,
        Metered.COOLING_ELECTRICITY_J: cooling * J,
    }
    return [
        MeterRow(site_id=SiteId(site), meter_id=f"{site}.{kind.value}", kind=kind, start=START, end=END, amount=amount)
        for kind, amount in kinds.items()
    ]


def _stated(name: str, kwh: float, overhead: float, g: float, **more: Any) -> dict[str, Any]:
    heat = [
        {"delivered_kwh": one * HOURS / 2, "demanded_kwh": other * HOURS / 2}
        for one, other in zip(DELIVERED, DEMANDED, strict=True)
    ]
    return {
        "name": name, "electricity_kwh": (kwh + overhead) * HOURS, "e_it_kwh": kwh * HOURS, "g_per_kwh": g,
        "heat": heat, "tasks": HOURS, **more,
    }  # fmt: skip


def _same(ledger: KpiSet, sheet: PlaceFigures) -> None:
    for one in sheet.kpis:
        other = ledger.kpi(one.id).value
        assert (other is None) == (one.value is None), one.id
        assert other is None or other == pytest.approx(one.value, rel=1e-12), one.id
    assert sheet.scope_two is not None
    for name in ("kwh", "location_g", "market_g", "contracted_kwh"):
        assert getattr(ledger.scope_two, name) == pytest.approx(getattr(sheet.scope_two, name), rel=1e-12), name


def _ledger(rows: list[LedgerRow], meters: list[MeterRow], extras: Extras) -> KpiSet:
    return kpi_set(
        rows, meters, kind="fleet", subject="x", start=START, end=END, boundary=Boundary(), extras=extras
    )  # fmt: skip


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_one_site_with_all_that_can_be_declared(where: str) -> None:
    declared = Declared(
        inflows=(Inflow(carrier=Carrier.GAS_M3, amount=3.0, g_per_kwh=215.0),),
        contracts=(
            Contract(
                instrument=Instrument.PPA, kwh=30.0, factor=_market(7.0, "ppa"), renewable=True, evidence="PPA 1"
            ),
        ),
        boundary=Boundary(heat_pump=HeatPump(where), it_category=2, partial=True),
        heat_pump_kwh=11.0,
    )  # fmt: skip
    extras = Extras(
        cores={}, declared=declared, embodied_g=321.0, residuals={SiteId("a"): _market(90.0, "residual")}
    )  # fmt: skip
    sheet = _stated(
        "a", 1.0, 0.07, 52.0, water_l=12.0, renewable_kwh=5.0, heat_removed_kwh=20.0, cooling_kwh=2.0, embodied_g=321.0,
        inflow=[{"carrier": "gas_m3", "amount": 3.0, "g_per_kwh": 215.0}], heat_pump=where, heat_pump_kwh=11.0,
        contract=[{"instrument": "ppa", "kwh": 30.0, "g_per_kwh": 7.0, "evidence": "PPA 1"}], residual_g_per_kwh=90.0,
        it_category=2, partial=True,
    )  # fmt: skip
    _same(
        _ledger(_rows("a", 1.0, 0.07, 52.0), _meters("a", 12.0, 5.0, 20.0, 2.0), extras),
        place_figures(read_sheet({"site": [sheet]}).site)[0],
    )


def test_a_fleet_of_a_contract_a_residual_mix_and_a_bare_grid() -> None:
    kinds = {"a": (1.0, 0.07, 52.0), "b": (3.0, 0.9, 700.0), "c": (0.8, 0.0, 120.0)}
    site = Site(id=SiteId("a"), name="a", market_g_per_kwh=4.0, market_evidence="supplier")
    contract = site_contract(site, 1.07 * HOURS, 2026)
    assert contract is not None
    extras = Extras(
        cores={}, embodied_g=3.0,
        contracts={SiteId("a"): contract}, residuals={SiteId("b"): _market(800.0, "residual")},
    )  # fmt: skip
    sheets = [_stated(name, *kind, embodied_g=1.0) for name, kind in kinds.items()]
    sheets[0]["contract"] = [
        {"instrument": "supplier", "kwh": 1.07 * HOURS, "g_per_kwh": 4.0, "evidence": "supplier", "renewable": False}
    ]
    sheets[1]["residual_g_per_kwh"] = 800.0
    *_, together = place_figures(read_sheet({"site": sheets}).site)
    _same(_ledger([row for name, kind in kinds.items() for row in _rows(name, *kind)], [], extras), together)


def test_contracts_over_sites_of_two_residual_mixes_say_that_there_is_not_one_of_all() -> None:
    bought = Contract(
        instrument=Instrument.GOO, kwh=30.0, factor=_market(0.0, "goo"), renewable=True, evidence="EECS 1"
    )  # fmt: skip
    extras = Extras(
        cores={}, declared=Declared(contracts=(bought,)),
        residuals={SiteId("a"): _market(90.0, "residual-a"), SiteId("b"): _market(700.0, "residual-b")},
    )  # fmt: skip
    made = _ledger([*_rows("a", 1.0, 0.0, 50.0), *_rows("b", 1.0, 0.0, 350.0)], [], extras).scope_two
    assert made.market_g == pytest.approx((2 * HOURS - 30.0) * 200.0)
    assert "not one residual mix in common" in made.note
