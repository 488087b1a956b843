"""Given one ledger, when key figures and statements are made of it, then they say the same of the same thing."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from integration.api.memory_desk import BOSS, T0, MemoryDesk, small_fleet
from ondol.accounting.factor_table import COLUMNS
from ondol.control.asked_claims import AskedClaim
from ondol.model.account import Account
from ondol.model.accounting_terms import AccountingTerms
from ondol.model.benchmark import ServerBenchmark
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.hardware_parts import Hardware
from ondol.model.ids import AccountId, AttemptId, NodeId, SinkId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerFact, LedgerRow, Metered, MeterRow, Share, Tier, WorkFact
from ondol.storage.ports import Changes

QUARTER = dt.timedelta(minutes=15)
DAY = 96
KWH = 3.6e6
HOME = SiteId("home")
ROUND = {"rel": 1e-9}


def power_of(*, pue: float = 1.0) -> Fleet:
    """The small fleet, its servers described, and a PUE that was stated."""
    fleet = small_fleet()
    return dataclasses.replace(
        fleet,
        sites=(dataclasses.replace(fleet.sites[0], pue=pue),),
        hardware=(Hardware(specification=fleet.nodes[0].specification, archetype="dell-r740", lifetime_h=43_800.0),),
    )


def row(number: int, share: Share, kwh: float, *, tier: Tier = Tier.T2_BMC, grid: float = 40.0) -> EnergyRow:
    start, own = T0 + number * QUARTER, share is not Share.OVERHEAD
    task = {Share.JOB: "t-user", Share.HEAT_ONLY: "t-fill"}.get(share)
    return EnergyRow(
        site_id=HOME, unit_id=UnitId("heater") if own else None, node_id=NodeId("heater-1") if own else None,
        share=share, start=start, end=start + QUARTER, energy_j=kwh * KWH, grid_g_per_kwh=grid, tier=tier,
        task_id=TaskId(task) if task else None, attempt_id=AttemptId(f"{task}.000000.001") if task else None,
    )  # fmt: skip


def meter(number: int, kwh: float) -> MeterRow:
    start = T0 + number * QUARTER
    return MeterRow(
        site_id=HOME, meter_id="home.electric_meter", kind=Metered.ELECTRICITY_J, start=start, end=start + QUARTER,
        amount=kwh * KWH,
    )  # fmt: skip


@dataclasses.dataclass
class Told:
    """Both accounts of a site: figures by key."""

    kpi: dict[str, float | None]
    flows: dict[str, float]
    statement: dict[str, float | None]
    notes: str
    market_g: float | None


def told(folder: Path, fleet: Fleet, rows: Sequence[LedgerRow], more: Sequence[LedgerFact] = ()) -> Told:
    desk = MemoryDesk(folder, fleet=fleet)
    desk.store.commit(Changes(ledger=tuple(rows), facts=tuple(more)))
    desk.at = T0 + dt.timedelta(days=2)
    boss = operator(desk)
    end = T0 + DAY * QUARTER
    made, statement = desk.kpis.site(boss, HOME, T0, end), desk.statements.statement(boss, "site", "home", T0, end)
    return Told(
        kpi={one.id: one.value for one in made.kpis},
        flows={name: getattr(made.flows, name) for name in ("e_dc_kwh", "e_it_kwh", "carbon_g")},
        statement={f"{section.key}.{one.key}": one.value for section in statement.sections for one in section.figures}
        | {f"views.{view.method}_kwh": view.heat_kwh for view in statement.views}
        | {"parts.residual": statement.residual},
        market_g=made.scope_two.market_g,
        notes=" ".join([*made.notes, *statement.findings, *statement.notes]),
    )


def operator(desk: MemoryDesk) -> Account:
    found = desk.account_of_token(BOSS)
    assert found is not None
    return found


@pytest.mark.parametrize("stated", [None, 1.0, 1.2])
def test_pue_of_measured_servers_under_a_site_meter_is_one_figure(tmp_path: Path, stated: float | None) -> None:
    # given servers with meters of their own, no rows of overhead or empty ones (PUE 1), or a PUE that is wrong
    rows = [row(n, Share.JOB, 0.1 + 0.001 * n, grid=20.0 + n) for n in range(DAY)]
    part = 0.0 if stated is None else stated - 1.0
    over = [
        row(n, Share.OVERHEAD, part * (0.1 + 0.001 * n), grid=20.0 + n, tier=Tier.T5_ARCHETYPE)
        for n in range(0 if stated is None else DAY)
    ]
    counted = [(0.1 + 0.001 * n) * (1.14 if n % 3 else 0.98) for n in range(DAY)]
    # when the site's meter has more than they do
    both = told(tmp_path, power_of(pue=stated or 1.0), [*rows, *over], [meter(n, kwh) for n, kwh in enumerate(counted)])
    # then what is beyond them is overhead, in key figures and statement alike
    servers = sum(one.energy_j for one in rows) / KWH
    assert both.kpi["pue"] == pytest.approx(sum(counted) / servers, **ROUND)
    assert both.statement["energy.pue"] == pytest.approx(sum(counted) / servers, **ROUND)
    assert both.statement["energy.total_kwh"] == pytest.approx(both.flows["e_dc_kwh"], **ROUND)
    assert both.statement["energy.it_kwh"] == pytest.approx(both.flows["e_it_kwh"], **ROUND)
    assert both.statement["grid.basis_g"] == pytest.approx(both.flows["carbon_g"], **ROUND)
    assert "overlap" not in both.notes


def test_a_meter_that_has_less_than_measured_servers_is_said_by_both_and_used_by_neither(tmp_path: Path) -> None:
    rows = [row(n, Share.JOB, 0.1) for n in range(DAY)]
    both = told(tmp_path, power_of(), rows, [meter(n, 0.097) for n in range(DAY)])
    assert (both.kpi["pue"], both.statement["energy.pue"]) == (1.0, 1.0)
    assert both.notes.count("PUE would be below 1") == 2


def test_benchmarks_of_the_fleet_file_and_meters_of_cooling_make_their_figures(tmp_path: Path) -> None:
    # given a site of whose servers one was on, with a benchmark of its kind, and meters of its cooling
    fleet = power_of()
    kind = ServerBenchmark(
        specification=fleet.nodes[0].specification, name="SERT 2.0.8", score=40.0, power_w=320.0, source="own run"
    )
    cooling = [
        dataclasses.replace(meter(n, kwh), meter_id=f"home.{word.value}", kind=word)
        for n in range(DAY)
        for word, kwh in ((Metered.COOLING_ELECTRICITY_J, 0.044), (Metered.COOLING_HEAT_J, 0.095))
    ]
    rows = [row(n, Share.JOB, 0.1) for n in range(DAY)]
    both = told(tmp_path, dataclasses.replace(fleet, benchmarks=(kind,)), rows, cooling)
    assert both.kpi["iteesv"] == pytest.approx(0.125)
    assert both.kpi["cer"] == pytest.approx(95 / 44)
    bare = told(tmp_path / "bare", fleet, rows)
    assert (bare.kpi["iteesv"], bare.kpi["cer"]) == (None, None)


def test_a_server_whose_life_ended_at_noon_costs_half_a_day_and_both_say_it(tmp_path: Path) -> None:
    # given a server whose stated life is over in the middle of the day
    noon = T0 + dt.timedelta(hours=12)
    fleet = power_of()
    old = dataclasses.replace(fleet.hardware[0], in_service_since=noon - dt.timedelta(hours=43_800))
    rows = [row(n, Share.JOB, 0.1) for n in range(DAY)]
    both = told(tmp_path, dataclasses.replace(fleet, hardware=(old,)), rows)
    whole = told(tmp_path / "young", fleet, rows)
    # then its making counts until then, in SCI of key figures and in the inventory alike
    making_g = 1200e3 / 43_800.0 * 24.0
    assert whole.statement["inventory.embodied_g"] == pytest.approx(making_g)
    assert both.statement["inventory.embodied_g"] == pytest.approx(making_g / 2)
    assert whole.kpi["sci"] is not None
    assert both.kpi["sci"] == pytest.approx(whole.kpi["sci"] - making_g / 2)
    assert both.kpi["sci"] == pytest.approx(both.statement["sci.sci_g_per_unit"], **ROUND)
    # and the statement says so, where it says of the other that nobody stated since when it serves
    assert f"was over on {noon:%Y-%m-%d}" in both.notes
    assert "counted without an end" in whole.notes


def test_own_rows_of_residual_mix_and_marginal_plant_count_beside_and_never_in_the_inventory(tmp_path: Path) -> None:
    # given a day of a site, 12 kWh, without any contract
    rows = [row(n, Share.JOB, 0.125) for n in range(DAY)]
    bare = told(tmp_path, power_of(), rows)
    own = tmp_path / "own.csv"
    own.write_text(
        ",".join(COLUMNS) + "\nelectricity-fr-residual,60,50,70,gCO2e/kWh,direct,market,none,2024,FR,own AIB copy,own,,"
        "\nelectricity-fr-marginal,450,300,600,gCO2e/kWh,lca,marginal,none,2024,FR,own study,own,,\n"
    )
    fleet = dataclasses.replace(power_of(), accounting=AccountingTerms(factors=str(own)))
    # when the operator gives a residual mix and a marginal factor
    mixed = told(tmp_path / "mixed", fleet, rows)
    # then scope 2 has a market-based figure in both accounts, and the scenario stands in the statement
    assert (bare.market_g, bare.statement["grid.market_g"]) == (None, None)
    assert mixed.market_g == pytest.approx(12.0 * 60.0)
    assert mixed.statement["grid.market_g"] == pytest.approx(12.0 * 60.0)
    assert "grid.marginal_g" not in bare.statement
    assert mixed.statement["grid.marginal_g"] == pytest.approx(12.0 * 450.0)
    # and nothing else changed: neither inventory nor SCI nor location-based carbon
    for key in ("inventory.operational_g", "inventory.total_g", "grid.location_hourly_g", "sci.sci_g_per_unit"):
        assert mixed.statement[key] == bare.statement[key], key
    # and where a contract covers all that was used, it counts
    bought = dataclasses.replace(fleet.sites[0], market_g_per_kwh=10.0, market_evidence="GO")
    assert told(tmp_path / "bought", dataclasses.replace(fleet, sites=(bought,)), rows).market_g == pytest.approx(120.0)


def test_sci_of_a_site_is_that_of_users_work_and_idle_servers_without_filler(tmp_path: Path) -> None:
    # given a day in which users' work, work run for heat alone and an idle slot share a server, with 10 % overhead
    rows = [row(n, share, kwh) for n in range(DAY) for share, kwh in ((Share.JOB, 0.06), (Share.IDLE, 0.01))]
    rows += [row(n, Share.HEAT_ONLY, 0.03) for n in range(DAY // 2)]
    rows += [row(n, Share.OVERHEAD, 0.01 if n < DAY // 2 else 0.007, tier=Tier.T5_ARCHETYPE) for n in range(DAY)]
    both = told(tmp_path, power_of(pue=1.1), rows)
    without = told(tmp_path / "other", power_of(pue=1.1), [
        dataclasses.replace(one, energy_j=one.energy_j * 0.7) if one.share is Share.OVERHEAD and number < DAY // 2
        else one
        for one in rows if one.share is not Share.HEAT_ONLY
        for number in [round((one.start - T0) / QUARTER)]
    ])  # fmt: skip
    # then both say one SCI, and it is that of the same day without the filler, but for the slot that the filler held
    assert both.kpi["sci"] == pytest.approx(both.statement["sci.sci_g_per_unit"], **ROUND)
    slot_g = 1200e3 / 43_800.0 / small_fleet().node(NodeId("heater-1")).slots * 12.0
    assert without.kpi["sci"] is not None
    assert both.kpi["sci"] == pytest.approx(without.kpi["sci"] - slot_g, **ROUND)
    # and the inventory of the site has the filler: its electricity was drawn there
    assert both.statement["energy.total_kwh"] == pytest.approx(1.1 * (DAY * 0.07 + DAY // 2 * 0.03), **ROUND)


def test_the_hidden_tasks_that_hold_slots_of_a_pool_are_no_functional_units(tmp_path: Path) -> None:
    # given a day of a pool: a user's task in one of its slots, and the two hidden tasks that hold its slots
    rows = [row(n, Share.JOB, 0.06) for n in range(DAY)]
    held = [
        dataclasses.replace(row(n, Share.JOB, 0.01), task_id=TaskId(key), attempt_id=AttemptId(f"{key}.000000.001"))
        for n in range(DAY)
        for key in ("slot-0", "slot-1")
    ]
    about = WorkFact(
        task_id=TaskId("t-user"), account_id=AccountId("alice"), name="mine", service="on_demand", submitted_at=T0,
        pool_id="the-pool",
    )  # fmt: skip
    facts = [about] + [
        dataclasses.replace(about, task_id=TaskId(key), pool_id="", holds_pool="the-pool")
        for key in ("slot-0", "slot-1")
    ]
    both = told(tmp_path, power_of(), [*rows, *held], facts)
    # then their electricity counts in O, and R is one task, in both accounts
    assert both.statement["energy.it_kwh"] == pytest.approx(DAY * 0.08)
    assert both.statement["sci.units"] == 1.0
    assert both.kpi["sci"] == pytest.approx(both.statement["sci.sci_g_per_unit"], **ROUND)
    assert both.kpi["sci"] == pytest.approx(both.statement["inventory.total_g"], **ROUND)
    # and a pool in whose slots nothing ran has no SCI
    empty = told(tmp_path / "empty", power_of(), held, facts)
    assert (empty.kpi["sci"], empty.statement["sci.sci_g_per_unit"], empty.statement["sci.units"]) == (None, None, 0.0)


def warm(number: int, kwh: float) -> HeatRow:
    start = T0 + number * QUARTER
    return HeatRow(
        site_id=HOME, unit_id=UnitId("heater"), sink_id=SinkId("room"), start=start, end=start + QUARTER,
        electric_j=0.0, delivered_j=kwh * KWH, demanded_j=kwh * KWH, temp_c=20.0, setpoint_c=20.0, lower_c=19.0,
        upper_c=21.0, discomfort_kh=0.0,
    )  # fmt: skip


@pytest.mark.parametrize("overhead", [False, True])
def test_heat_that_a_store_gives_while_no_server_draws_anything_is_the_sites_in_both(
    tmp_path: Path, *, overhead: bool
) -> None:
    # given a heater whose server is off every other quarter, and whose mass goes on giving heat meanwhile
    rows = [row(n, Share.JOB, 0.1) if n % 2 else row(n, Share.IDLE, 0.0) for n in range(DAY)]
    rows += [row(n, Share.OVERHEAD, 0.0, tier=Tier.T5_ARCHETYPE) for n in range(DAY) if overhead]
    both = told(tmp_path, power_of(), [*rows, *(warm(n, 0.04) for n in range(DAY))])
    # then all of that heat counts, by both
    assert both.statement["heat.useful_kwh"] == pytest.approx(DAY * 0.04, **ROUND)
    assert both.statement["heat.handed_over_kwh"] == pytest.approx(DAY * 0.04, **ROUND)
    assert both.kpi["erf"] == pytest.approx(0.8, **ROUND)
    assert both.statement["heat.erf"] == pytest.approx(0.8, **ROUND)
    assert both.statement["heat.ere"] == pytest.approx(both.kpi["ere"], **ROUND)
    assert both.statement["views.A1_kwh"] == pytest.approx(DAY * 0.04, **ROUND)
    assert both.statement["parts.residual"] == pytest.approx(0.0, abs=1e-9)


def test_a_claim_knows_what_it_avoids_no_better_than_the_heat_meter_and_the_statement_do(tmp_path: Path) -> None:
    # given a site with a reference heater, whose heat meter may be off by a tenth
    fleet = power_of()
    home = dataclasses.replace(
        fleet.sites[0],
        reference_heater="heater-gas-condensing-collective",
        reference_heater_until=T0 + dt.timedelta(days=900),
        reference_heater_evidence="heat contract",
    )
    fleet = dataclasses.replace(
        fleet,
        sites=(home,),
        connections=(Connection(id="m", site_id=HOME, driver="push"),),
        bindings=(Binding(entity_id="heater", point="heat_meter", connection_id="m", uncertainty=0.1),),
    )
    desk = MemoryDesk(tmp_path, fleet=fleet)
    rows = [row(n, Share.JOB, 0.1) for n in range(DAY)]
    desk.store.commit(Changes(ledger=(*rows, *(warm(n, 0.08) for n in range(DAY)))))
    desk.at, end = T0 + dt.timedelta(days=2), T0 + DAY * QUARTER
    boss = operator(desk)
    # when all of a day's heat is claimed
    claim = desk.claims.add(boss, AskedClaim(site_id=HOME, start=T0, end=end, holder="Ann")).avoided
    box = desk.statements.statement(boss, "site", "home", T0, end).avoided[0].made
    # then claim and statement give one range
    assert claim is not None
    assert box is not None
    said = (box.named.g, box.named.low_g, box.named.high_g)
    assert (claim.g, claim.low_g, claim.high_g) == pytest.approx(said, **ROUND)
    assert claim.low_g <= 0.9 * claim.g


def test_a_heat_meter_that_was_silent_for_half_a_day_makes_no_ratio_in_either(tmp_path: Path) -> None:
    # given a day of servers, and heat that was metered until noon
    rows = [row(n, Share.JOB, 0.1) for n in range(DAY)]
    both = told(tmp_path, power_of(), [*rows, *(warm(n, 0.08) for n in range(DAY // 2))])
    whole = told(tmp_path / "whole", power_of(), [*rows, *(warm(n, 0.08) for n in range(DAY - 1))])  # one is under way
    # then nobody divides half a day's heat by a day's electricity, and both say why
    assert (both.kpi["erf"], both.statement["heat.erf"], both.statement["heat.ere"]) == (None, None, None)
    assert "Heat meter and electricity cover different times at Room" in both.notes
    assert whole.statement["heat.erf"] == pytest.approx(whole.kpi["erf"], **ROUND)
