"""Whole statements: they add up, say what they do not know, and keep comparisons out of the inventory."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.accounting.account.assemble import assemble, ground_rows
from ondol.accounting.account.columns import energy_columns, heat_columns
from ondol.accounting.account.figure import Figure
from ondol.accounting.account.hardware import Hold
from ondol.accounting.account.said import driver
from ondol.accounting.account.shared import share_out
from ondol.accounting.account.statement import Statement, Subject
from ondol.accounting.coverage import is_annual
from ondol.accounting.statement import job_statement
from ondol.accounting.uncertainty import Band
from ondol.accounting.wording import check_words
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import TaskId
from ondol.model.ledger import EnergyRow, HeatRow, Share
from ondol.report.statement_lines import lines
from unit.accounting import small_ledger as small

BOTH = ("north", "south")


def test_whole_statement_says_of_a_task_what_the_short_one_says() -> None:
    """Given a ledger, when a task's statement is made both ways, then energy, recorded carbon and heat agree."""
    rows = small.ledger(metered=BOTH)
    short, whole = job_statement(TaskId("a-one"), rows), small.statement("task", "a-one", rows)

    assert whole.value("energy", "total_kwh") == pytest.approx(short.total_kwh, rel=1e-12)
    assert whole.value("energy", "overhead_kwh") == pytest.approx(short.overhead_kwh, rel=1e-12)
    assert whole.value("grid", "location_hourly_g") == pytest.approx(short.carbon_g, rel=1e-12)
    assert whole.value("heat", "useful_kwh") == pytest.approx(short.useful_heat_kwh, rel=1e-12)


def _sum(statements: list[Statement], section: str, key: str) -> float:
    return math.fsum(one.value(section, key) or 0.0 for one in statements)


@pytest.mark.parametrize(
    ("section", "key"),
    [("energy", "total_kwh"), ("inventory", "operational_g"), ("inventory", "embodied_g"), ("heat", "useful_kwh")],
)
def test_user_is_the_sum_of_its_tasks_and_the_fleet_of_its_sites(section: str, key: str) -> None:
    rows, on = small.ledger(metered=BOTH), small.grounds()
    tasks = [small.statement("task", task, rows, on) for task in ("a-one", "a-two")]
    sites = [small.statement("site", site, rows, on) for site in BOTH]

    alice, fleet = small.statement("user", "alice", rows, on), small.statement("fleet", "all", rows, on)

    assert alice.value(section, key) == pytest.approx(_sum(tasks, section, key), rel=1e-9)
    assert fleet.value(section, key) == pytest.approx(_sum(sites, section, key), rel=1e-9)
    assert alice.residual < 1e-9
    assert fleet.residual < 1e-9


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_whatever_ran_users_filler_and_idle_servers_are_the_site(data: st.DataObject) -> None:
    """Given energies and holds at will, then carbon, hardware and every available view conserve the site's total."""
    rows = small.ledger(6, metered=BOTH)
    factors = data.draw(st.lists(st.floats(0.0, 50.0), min_size=len(rows), max_size=len(rows)))
    rows = [
        dataclasses.replace(row, energy_j=row.energy_j * factor) if isinstance(row, EnergyRow) else row
        for row, factor in zip(rows, factors, strict=True)
    ]
    attempts = [row for row in rows if isinstance(row, EnergyRow) and row.attempt_id]
    holds = {
        str(row.attempt_id): Hold(
            1.0, row.start.timestamp() - 5.0, row.start.timestamp() + data.draw(st.floats(0, 400))
        )
        for row in attempts[::2]
    }
    on = small.grounds()
    shared, made = small.shared_out(rows, on, holds)
    from ondol.accounting.account.assemble import assemble

    mask = small.mask_of(shared, "site", "north")
    site = assemble(Subject(kind="site", id="north", name="North"), shared, made, mask, on)

    assert site.residual < 1e-9
    for view in site.views:
        assert view.residual < 1e-9
    jobs = [
        assemble(Subject(kind="task", id=task, name=task), shared, made, mask & small.mask_of(shared, "task", task), on)
        for task in ("a-one", "a-two", "b-one")
    ]
    # Heat beyond a part's own electricity came out of a store: its site counts it with those that have some left.
    whole = [
        (part.useful_kwh or 0.0, part.total_kwh) for part in (*site.parts, *(one for job in jobs for one in job.parts))
    ]
    given_back = any(useful_kwh > total_kwh for useful_kwh, total_kwh in whole)
    for rank, view in enumerate(site.views):
        if view.job_g is not None and (rank == 0 or not given_back):
            assert view.job_g == pytest.approx(math.fsum(job.views[rank].job_g or 0.0 for job in jobs), rel=1e-9)
    hours = 6 * 300.0 / 3600.0
    rate = 1200.0 / 43_800.0 * 1e3
    made_g = site.value("inventory", "embodied_g")
    assert made_g == pytest.approx(2 * rate * hours, rel=1e-9), "two servers, whoever held their slots"


def test_filler_work_is_charged_to_the_heat_and_in_no_users_inventory() -> None:
    bob = small.statement("user", "bob")
    filler = bob.value("inventory", "charged_to_heat_g")
    energy = bob.value("energy", "charged_to_heat_kwh")

    only = small.statement("task", "b-one")

    assert filler is not None
    assert filler > 0.0
    assert energy is not None
    assert energy > 0.0
    assert bob.value("inventory", "total_g") == pytest.approx(only.value("inventory", "total_g"), rel=1e-9)
    north = small.statement("site", "north")
    assert (north.views[0].heat_g or 0.0) > 0.0, "in A0, heat bears what ran for it alone"


def test_a_counterfactual_past_its_end_is_refused_in_words_and_the_statement_goes_on() -> None:
    """Given a heater that was gone before the window, then there is no box, and everything else stands."""
    home = small.fleet()
    until = small.T0
    sites = tuple(
        dataclasses.replace(site, reference_heater_until=until) if site.reference_heater else site
        for site in home.sites
    )
    made = small.statement("site", "north", None, small.grounds(of=dataclasses.replace(home, sites=sites)))

    box = made.avoided[0]
    assert box.made is None
    assert "heat pump or district heat" in box.refused
    assert any("avoided emissions at North" in line for line in made.missing)
    assert made.value("inventory", "total_g")
    assert made.avoided_total is None


def test_avoided_emissions_stand_apart_with_the_heat_pump_beside() -> None:
    made = small.statement("site", "north")
    box = made.avoided[0].made

    assert box is not None
    assert made.value("inventory", "heat_credit_g") == 0.0
    assert 0.0 < box.heat_pump.g < box.named.g
    assert box.net is not None
    assert box.net.g == pytest.approx((made.value("inventory", "total_g") or 0.0) - box.named.g)
    useful = made.value("heat", "useful_kwh") or 0.0
    assert box.named.g == pytest.approx(useful * 239.0 / 0.8), "0.239 kgCO2e/kWh (LHV) at 80 % (footprint.md §2.2)"


def test_direct_emissions_are_never_put_beside_a_life_cycle() -> None:
    made = small.statement("site", "north", None, small.grounds(basis="direct_hourly"))

    assert made.avoided[0].made is None
    assert "never put beside" in made.avoided[0].refused
    assert all(one.made is None for one in made.baskets)
    assert made.value("inventory", "operational_g") == pytest.approx(made.value("grid", "location_hourly_g"))


@pytest.mark.parametrize(("kind", "key"), [("site", "north"), ("task", "a-one")])
def test_a_basket_counts_electricity_of_both_sides_in_the_same_hours(kind: str, key: str) -> None:
    """Given hours that are not as the year is, then who takes less electricity of one grid does better by as much."""
    made = next(one.made for one in small.statement(kind, key).baskets if "heat-pump" in one.heater_id)

    assert made is not None
    assert not made.with_embodied
    assert made.delta_share == pytest.approx(made.platform_kwh / made.reference_kwh - 1.0, rel=1e-9)


def test_unknown_hardware_is_named_and_sci_is_a_lower_bound() -> None:
    made = small.statement("user", "alice", None, small.grounds(known=False))

    assert made.value("inventory", "embodied_g") is None
    assert made.value("inventory", "total_g") is None
    assert made.value("sci", "sci_g_per_unit") is None
    at_least = made.value("sci", "sci_at_least_g_per_unit")
    assert at_least == pytest.approx((made.value("inventory", "operational_g") or 0.0) / 2)
    assert any(line.startswith("hardware of node north-1") for line in made.missing)


def test_site_without_a_heat_meter_has_no_heat_and_shows_the_estimate_beside() -> None:
    made = small.statement("site", "south")

    assert made.value("heat", "useful_kwh") is None
    assert (made.value("heat", "estimated_kwh") or 0.0) > 0.0
    assert {view.method: bool(view.unavailable) for view in made.views} == {
        "A0": False,
        "A1": True,
        "A2": True,
        "A3": True,
    }


def test_sci_has_no_credit_for_heat() -> None:
    made = small.statement("task", "a-one")
    inventory = made.section("inventory")

    assert made.value("sci", "sci_g_per_unit") == pytest.approx(inventory.value("total_g"))


def test_tier_and_factor_make_the_band_and_the_larger_cause_is_named() -> None:
    """Given south at T3 with no overhead, then only the electricity factor and the hardware make its band."""
    made = small.statement("site", "south")
    names = {one.cause for one in made.drivers}

    assert names == {"electricity factor FR", "embodied model"}
    operational = made.section("inventory").figures[0]
    assert operational.value is not None
    assert operational.low is not None
    assert operational.high is not None
    assert operational.high / operational.value == pytest.approx(98.0 / 51.9)
    assert operational.low / operational.value == pytest.approx(41.4 / 51.9)
    assert made.driver.startswith("Among the data, embodied model")


def test_meter_behind_a_site_takes_its_tier_out_of_the_band_of_the_site_but_not_of_its_jobs() -> None:
    rows, on = small.ledger(), small.grounds()
    columns = energy_columns(row for row in rows if isinstance(row, EnergyRow))
    heat = heat_columns(row for row in rows if isinstance(row, HeatRow))
    from ondol.accounting.account.assemble import assemble, ground_rows

    shared, made = ground_rows(columns, heat, on, {}, metered=(columns.site == columns.sites.index("north")) * 1.0)

    site = assemble(
        Subject(kind="site", id="north", name="N"), shared, made, small.mask_of(shared, "site", "north"), on
    )
    task = assemble(
        Subject(kind="task", id="a-one", name="a"), shared, made, small.mask_of(shared, "task", "a-one"), on
    )

    assert "power model (T4)" not in {one.cause for one in site.drivers}
    assert "power model (T4)" in {one.cause for one in task.drivers}


def test_accuracy_class_of_a_meter_is_in_the_band_of_what_it_stands_behind() -> None:
    """Given meters with a stated class, when statements are made, then it is in the band."""
    rows = small.ledger()
    on = dataclasses.replace(small.grounds(), meter_error={"north": 0.02}, heat_error={"north": 0.05})
    columns = energy_columns(row for row in rows if isinstance(row, EnergyRow))
    heat = heat_columns(row for row in rows if isinstance(row, HeatRow))
    shared, making = ground_rows(columns, heat, on, {}, metered=np.ones(len(columns)))
    subject = Subject(kind="site", id="north", name="North")
    made = assemble(subject, shared, making, small.mask_of(shared, "site", "north"), on)
    electricity = next(one for one in made.section("energy").figures if one.key == "total_kwh")
    assert electricity.value is not None
    assert electricity.low == pytest.approx(0.98 * electricity.value)
    assert electricity.high == pytest.approx(1.02 * electricity.value)
    assert "electricity meter of north" in {one.cause for one in made.drivers}
    box, plain = made.avoided[0].made, small.statement("site", "north", rows).avoided[0].made
    assert box is not None
    assert plain is not None
    assert box.named.low_g == pytest.approx(0.95 * plain.named.low_g)
    assert box.named.high_g == pytest.approx(1.05 * plain.named.high_g)


def test_every_sentence_keeps_to_the_rules_of_wording() -> None:
    for kind, key in (("task", "a-one"), ("site", "north"), ("fleet", "all")):
        made = small.statement(kind, key)
        told = [*made.goal, *made.notes, *made.missing, made.driver]
        told += [
            one for _, figure in lines(made) for one in (figure.label, figure.method, figure.source, figure.missing)
        ]
        for sentence in told:
            check_words(sentence)


def test_nothing_of_the_subject_in_the_window_is_not_a_statement_of_zeros() -> None:
    rows, on = small.ledger(), small.grounds()
    shared, made = small.shared_out(rows, on)
    from ondol.accounting.account.assemble import assemble

    with pytest.raises(NotFoundError):
        assemble(Subject(kind="task", id="x", name="x"), shared, made, shared.rows.energy_j < 0.0, on)


def test_site_without_a_basis_is_refused() -> None:
    rows = [row for row in small.ledger(2) if isinstance(row, EnergyRow)]
    on = small.grounds()
    bare = dataclasses.replace(on.basis, lines={})

    with pytest.raises(InvalidFieldError, match="north"):
        share_out(energy_columns(rows), heat_columns([]), bare)


def test_overhead_while_no_server_had_a_row_stays_in_the_site() -> None:
    """Given an hour in which only the overhead was metered, then it is a part of the site by its own name."""
    rows = small.ledger()
    later = small.T0 + dt.timedelta(hours=5)
    over = next(row for row in rows if isinstance(row, EnergyRow) and row.share is Share.OVERHEAD)
    rows.append(dataclasses.replace(over, start=later, end=later + small.WINDOW, energy_j=3.6e6))

    made = small.statement("site", "north", rows)

    loose = next(part for part in made.parts if part.id == "overhead")
    assert loose.total_kwh == pytest.approx(1.0)
    assert made.residual < 1e-9
    before = small.statement("site", "north")
    assert made.value("energy", "total_kwh") == pytest.approx((before.value("energy", "total_kwh") or 0.0) + 1.0)


def test_rows_that_overlap_are_a_finding_and_sound_ones_are_none() -> None:
    """Given a ledger in which one window stands twice, half an hour on, when a statement is made, then it says so."""
    rows = small.ledger()
    assert small.statement("fleet", "all", rows).findings == ()
    one = next(row for row in rows if isinstance(row, EnergyRow) and row.node_id == "south-1")
    again = dataclasses.replace(one, start=one.start + small.WINDOW / 2, end=one.end + small.WINDOW / 2)
    (found,) = small.statement("site", "south", [*rows, again]).findings
    assert found == "south: rows overlap for 150 s in all: what is in them counts twice"


def test_figure_is_a_value_or_a_reason() -> None:
    with pytest.raises(InvalidFieldError, match="missing"):
        Figure(key="x_kwh", label="x", value=None, unit="kWh")
    with pytest.raises(InvalidFieldError, match="finite"):
        Figure(key="x_kwh", label="x", value=math.nan, unit="kWh")
    with pytest.raises(InvalidFieldError, match="low"):
        Figure(key="x_kwh", label="x", value=1.0, low=2.0, high=3.0, unit="kWh")


def test_views_of_a_statement_count_what_ran_for_heat_beside_and_the_factor_of_free_heat_is_nought() -> None:
    """Given fillers, when views are made, then A0 shares nothing, and a task's heat costs 0 g/kWh in it."""
    rows, on = small.ledger(metered=BOTH), small.grounds()
    site = {view.method: view for view in small.statement("site", "south", rows, on).views}
    assert site["A0"].heat_share == 0.0
    assert site["A0"].heat_g == pytest.approx(site["A0"].heat_only_g)
    task = {view.method: view for view in small.statement("task", "a-one", rows, on).views}
    assert task["A0"].heat_g_per_kwh == 0.0
    assert task["A1"].heat_g_per_kwh is not None


def test_racks_that_heat_nobody_need_no_heat_meter_for_the_views_of_a_fleet() -> None:
    """Given a home with a meter and a site of racks, when the fleet's views are made, then they are there."""
    rows = [row for row in small.ledger() if not (isinstance(row, HeatRow) and row.site_id == "south")]
    unmetered = {view.method: view for view in small.statement("fleet", "all", rows).views}
    assert "not metered" in unmetered["A1"].unavailable
    on = dataclasses.replace(small.grounds(), heatless=frozenset({"south"}))
    fleet = {view.method: view for view in small.statement("fleet", "all", rows, on).views}
    north = {view.method: view for view in small.statement("site", "north", rows, on).views}
    assert fleet["A1"].heat_kwh == pytest.approx(north["A1"].heat_kwh)
    assert fleet["A1"].residual < 1e-12
    assert fleet["A1"].heat_share is not None
    assert north["A1"].heat_share is not None
    assert 0.0 < fleet["A1"].heat_share < north["A1"].heat_share


def test_market_based_line_is_each_sites_own_contract_or_its_own_grid() -> None:
    """Given one site with a contract and one without, when both stand together, then the other is at its own grid."""
    rows, home = small.ledger(), small.fleet()
    north = dataclasses.replace(home.sites[0], market_g_per_kwh=5.0, market_evidence="PPA 7")
    on = small.grounds(of=dataclasses.replace(home, sites=(north, home.sites[1])))
    alone = {site: small.statement("site", site, rows, on) for site in BOTH}
    fleet = small.statement("fleet", "all", rows, on)
    own = 5.0 * (alone["north"].value("energy", "total_kwh") or 0.0)
    other = alone["south"].value("grid", "location_hourly_g") or 0.0
    assert alone["south"].value("grid", "market_g") is None
    assert alone["north"].value("grid", "market_g") == pytest.approx(own)
    assert fleet.value("grid", "market_g") == pytest.approx(own + other)
    line = next(one for one in fleet.section("grid").figures if one.key == "market_g")
    assert "1 of 2 sites, at the location-based average" in line.method
    assert "PPA 7" in line.source


@pytest.mark.parametrize(("hole", "annual"), [(0, True), (30, False)])
def test_a_year_with_a_hole_in_it_is_no_annual_figure(hole: int, annual: bool) -> None:
    """Given a row a day over a year, when a month of it is missing, then ratios are interim and that is said."""
    day, template = dt.timedelta(days=1), small.ledger(1)
    days = [number for number in range(365) if not 100 <= number < 100 + hole]
    rows = [dataclasses.replace(row, start=small.T0 + n * day, end=small.T0 + (n + 1) * day) for n in days
            for row in template]  # fmt: skip
    made = small.statement("fleet", "all", list(rows))
    assert made.window.annual is annual
    assert any("interim" in note for note in made.notes) is not annual


@pytest.mark.parametrize(
    ("begin", "days", "annual"), [("2026-01-12", 365, True), ("2026-01-12", 366, False), ("2028-01-01", 365, False)]
)
def test_a_year_is_twelve_months_in_statements_as_in_key_figures(begin: str, days: int, annual: bool) -> None:
    """Given 366 days of a plain year, or 365 of a leap year, when a statement is made, then neither is a year."""
    day, template, first = dt.timedelta(days=1), small.ledger(1), dt.datetime.fromisoformat(f"{begin}T00:00:00+00:00")
    rows = [dataclasses.replace(row, start=first + n * day, end=first + (n + 1) * day) for n in range(days)
            for row in template]  # fmt: skip
    assert small.statement("fleet", "all", list(rows)).window.annual is annual
    assert is_annual(first, first + days * day) is annual


def test_pumps_and_the_backups_losses_are_taken_off_and_a_contract_shares_the_rest() -> None:
    """Given losses, pumps and a contract, when the box is made, then both parts sum to what is left."""
    rows, home = small.ledger(), small.fleet()
    plain = small.statement("site", "north", rows).avoided[0]
    north = dataclasses.replace(
        home.sites[0], standby_kwh_per_kwh=0.1, auxiliary_kwh_per_kwh=0.02, avoided_share_heat=0.25,
        avoided_contract="heat contract 12",
    )  # fmt: skip
    on = small.grounds(of=dataclasses.replace(home, sites=(north, home.sites[1])))
    made = small.statement("site", "north", rows, on)
    box = made.avoided[0]
    assert plain.made is not None
    assert plain.contract is None
    assert box.made is not None
    assert box.useful_kwh is not None
    pumps_g = 0.02 * box.useful_kwh * on.registry.get("electricity-fr-lca-average").value
    assert box.made.named.g == pytest.approx(0.9 * plain.made.named.g - pumps_g)
    assert box.contract is not None
    assert box.contract.heat.g == pytest.approx(0.25 * box.made.named.g)
    assert box.contract.heat.g + box.contract.compute.g == pytest.approx(box.made.named.g, rel=1e-12)
    told = {figure.key: figure for section, figure in lines(made) if section == "avoided"}
    assert told["north.contract_compute_g"].value == pytest.approx(0.75 * box.made.named.g)
    assert told["north.contract_heat_g"].source == "heat contract 12"
    # and a share that no contract names is none
    with pytest.raises(InvalidFieldError, match="given together with avoided_contract"):
        dataclasses.replace(home.sites[0], avoided_share_heat=0.25)


def test_what_a_stated_pue_is_part_of_names_its_tier() -> None:
    """Given servers by a power curve, when overhead is stated (T5), then no sum with it passes for T4 alone."""
    north, south = (small.statement("site", site) for site in BOTH)
    keys = (("energy", "total_kwh"), ("inventory", "operational_g"), ("grid", "basis_g"), ("sci", "sci_g_per_unit"))
    for section, key in keys:
        assert _figure_of(north, section, key).tier == "T4+T5", key
        assert _figure_of(south, section, key).tier == "T3", "a PUE of 1 adds nothing"
    assert _figure_of(north, "energy", "it_kwh").tier == "T4"


def test_methods_that_agree_are_not_said_to_be_missing() -> None:
    """Given views that all let the work bear everything, then they agree; none is "not available"."""
    views = tuple(view for view in small.statement("site", "north").views if view.job_g is not None)
    band = Band(value=10.0, low=5.0, high=15.0, causes=(("model", 5.0, 5.0),))
    assert "no other method is available" in driver(band, views[:1], ())
    assert "all methods agree" in driver(band, (views[0], views[0]), ())


def _figure_of(statement: Statement, section: str, key: str) -> Figure:
    return next(one for one in statement.section(section).figures if one.key == key)
