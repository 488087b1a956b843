from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.accounting.bins import slices
from ondol.accounting.comfort import comfort_by_sink
from ondol.accounting.conservation import check, joules_by_attempt
from ondol.accounting.statement import Terms, fleet_statement, job_statement, site_statement
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AttemptId, NodeId, SinkId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share, Tier

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
QUARTER = dt.timedelta(minutes=15)
KWH = 3.6e6


def energy(site: str, quarter: int, share: Share, kwh: float, task: str = "", *, grid: float = 50.0) -> EnergyRow:
    over = share is Share.OVERHEAD
    return EnergyRow(
        site_id=SiteId(site),
        unit_id=None if over else UnitId(f"{site}-u"),
        node_id=None if over else NodeId(f"{site}-n"),
        share=share,
        start=T0 + quarter * QUARTER,
        end=T0 + (quarter + 1) * QUARTER,
        energy_j=kwh * KWH,
        grid_g_per_kwh=grid,
        tier=Tier.T4_CURVE,
        cpu_s=10.0 if task else 0.0,
        task_id=TaskId(task) if task else None,
        attempt_id=AttemptId(f"{task}.000000.001") if task else None,
    )


def heat(site: str, quarter: int, electric: float, delivered: float, demanded: float, **kwargs: object) -> HeatRow:
    fields: dict[str, object] = {
        "site_id": SiteId(site),
        "unit_id": UnitId(f"{site}-u"),
        "sink_id": SinkId(f"{site}-s"),
        "start": T0 + quarter * QUARTER,
        "end": T0 + (quarter + 1) * QUARTER,
        "electric_j": electric * KWH,
        "delivered_j": delivered * KWH,
        "demanded_j": demanded * KWH,
        "temp_c": 20.0,
        "setpoint_c": 20.0,
        "lower_c": 19.5,
        "upper_c": 20.5,
        "discomfort_kh": 0.25,
        **kwargs,
    }
    return HeatRow(**fields)  # type: ignore[arg-type]


@pytest.fixture
def ledger() -> list[LedgerRow]:
    """A boiler that delivers 1 kWh in each of two quarters, wanted in the first only; and a rack with PUE 1.4."""
    return [
        energy("pool", 0, Share.JOB, 0.8, "render"),
        energy("pool", 0, Share.IDLE, 0.2),
        energy("pool", 1, Share.JOB, 0.5, "price"),
        energy("pool", 1, Share.HEAT_ONLY, 0.5, "fill"),
        heat("pool", 0, 1.0, 1.0, 2.0),
        heat("pool", 1, 1.0, 1.0, 0.2),
        energy("dc", 0, Share.JOB, 2.0, "price", grid=100.0),
        energy("dc", 0, Share.OVERHEAD, 0.8, grid=100.0),
    ]


def test_site_useful_heat_is_resolved_in_time(ledger: list[LedgerRow]) -> None:
    figures = site_statement(SiteId("pool"), ledger).figures
    assert figures.heat is not None
    assert figures.heat.delivered_kwh == pytest.approx(2.0)
    assert figures.heat.demanded_kwh == pytest.approx(2.2)
    assert figures.heat.useful_kwh == pytest.approx(1.2)  # min by quarter, not min(2.0, 2.2)
    assert figures.heat.not_useful_kwh == pytest.approx(0.8)
    assert (figures.pue, figures.erf, figures.ere) == pytest.approx((1.0, 0.6, 0.4))
    assert figures.erf_handed_over == pytest.approx(1.0)
    coarse = site_statement(SiteId("pool"), ledger, Terms(bin_s=86_400)).figures.heat
    assert coarse is not None
    assert coarse.useful_kwh == pytest.approx(2.0)
    assert coarse.bin_s == 86_400


def test_site_without_heat_meter_has_no_heat_rather_than_zero(ledger: list[LedgerRow]) -> None:
    figures = site_statement(SiteId("dc"), ledger).figures
    assert (figures.heat, figures.erf, figures.ere) == (None, None, None)
    assert figures.pue == pytest.approx(1.4)
    assert figures.carbon.total_g == pytest.approx(280.0)
    assert (figures.carbon.low_g, figures.carbon.high_g) == pytest.approx((140.0, 560.0))


def test_fleet_takes_ratios_of_sums(ledger: list[LedgerRow]) -> None:
    fleet = fleet_statement(ledger, Terms(names={"pool": "Swimming pool"}))
    figures = fleet.figures
    assert figures.energy.total_kwh == pytest.approx(4.8)
    assert figures.pue == pytest.approx(4.8 / 4.0)
    assert figures.erf == pytest.approx(1.2 / 4.8)
    assert figures.unmetered_sites == ("dc",)
    assert [site.name for site in fleet.sites] == ["dc", "Swimming pool"]
    assert [job.task_id for job in fleet.jobs] == ["fill", "price", "render"]
    assert fleet.discomfort_kh == pytest.approx(0.5)


def test_job_bears_its_overhead_and_takes_the_heat_factor_of_its_time(ledger: list[LedgerRow]) -> None:
    price = job_statement(TaskId("price"), ledger)
    assert price.it_kwh == pytest.approx(2.5)
    assert price.overhead_kwh == pytest.approx(0.8)
    assert price.carbon_g == pytest.approx(0.5 * 50 + 2.8 * 100)
    assert price.useful_heat_kwh == pytest.approx(0.5 * 0.2)  # second quarter: 0.2 useful of 1 kWh
    assert [(place.site_id, place.it_kwh) for place in price.places] == [("dc", 2.0), ("pool", 0.5)]
    assert price.charged_to_heat_kwh == 0
    assert job_statement(TaskId("render"), ledger).useful_heat_kwh == pytest.approx(0.8)


def test_filler_is_charged_to_the_heat(ledger: list[LedgerRow]) -> None:
    fill = job_statement(TaskId("fill"), ledger)
    assert fill.carbon_g == 0
    assert fill.charged_to_heat_kwh == pytest.approx(0.5)
    assert fill.charged_to_heat_g == pytest.approx(25.0)


def test_jobs_heat_and_idle_bear_all_overhead(ledger: list[LedgerRow]) -> None:
    fleet = fleet_statement(ledger)
    jobs = sum(job.total_kwh for job in fleet.jobs)
    assert jobs + fleet.figures.energy.idle_kwh == pytest.approx(fleet.figures.energy.total_kwh, rel=1e-9)


def test_job_only_on_unmetered_sites_has_no_heat_figure() -> None:
    assert job_statement(TaskId("x"), [energy("dc", 0, Share.JOB, 1.0, "x")]).useful_heat_kwh is None


def test_undefined_ratios_are_none() -> None:
    figures = site_statement(SiteId("pool"), [heat("pool", 0, 0.0, 0.0, 1.0)]).figures
    assert (figures.pue, figures.erf, figures.ere, figures.cue_kg_per_kwh) == (None, None, None, None)
    assert figures.heat is not None


def test_unknown_is_not_found_and_the_impossible_refused(ledger: list[LedgerRow]) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        site_statement(SiteId("nowhere"), ledger)
    with pytest.raises(NotFoundError, match="nothing"):
        job_statement(TaskId("nothing"), ledger)
    with pytest.raises(NotFoundError):
        fleet_statement([])
    with pytest.raises(InvalidFieldError, match="bin_s"):
        fleet_statement(ledger, Terms(bin_s=0))


def test_units_of_one_sink_count_together() -> None:
    rows: list[LedgerRow] = [
        energy("flat", 0, Share.IDLE, 2.0),
        heat("flat", 0, 1.0, 1.0, 0.0),
        heat("flat", 0, 1.0, 0.0, 1.0, unit_id=UnitId("other"), discomfort_kh=0.0),
    ]
    heat_kwh = site_statement(SiteId("flat"), rows).figures.heat
    assert heat_kwh is not None
    assert heat_kwh.useful_kwh == pytest.approx(1.0)


def test_slices_cover_a_window_across_bins() -> None:
    start = T0 + dt.timedelta(minutes=10)
    parts = list(slices(start, start + dt.timedelta(minutes=20), 900.0))
    assert [fraction for _, fraction in parts] == pytest.approx([0.25, 0.75])


def test_comfort_counts_a_window_of_a_sink_once_and_passes_over_lost_sensors() -> None:
    rows = [
        heat("flat", 0, 0, 0, 0),
        heat("flat", 0, 0, 0, 0, unit_id=UnitId("other"), discomfort_kh=0.0),
        heat("flat", 1, 0, 0, 0, temp_c=18.0),
        heat("flat", 2, 0, 0, 0, temp_c=float("nan"), discomfort_kh=0.0),
    ]
    (totals,) = comfort_by_sink(rows)
    assert totals.discomfort_kh == pytest.approx(0.5)
    assert totals.observed_h == pytest.approx(0.5)
    assert totals.in_band_share == pytest.approx(0.5)
    assert (totals.coldest_c, totals.warmest_c) == (18.0, 20.0)


def test_a_sound_ledger_has_no_findings(ledger: list[LedgerRow]) -> None:
    assert check(ledger) == []
    assert joules_by_attempt(ledger)[AttemptId("price.000000.001")] == pytest.approx(2.5 * KWH)


def test_findings_name_what_is_wrong(ledger: list[LedgerRow]) -> None:
    late = energy("pool", 3, Share.IDLE, 0.0)
    crossing = dataclasses.replace(late, start=T0 + 1.5 * QUARTER)
    assert [finding.kind for finding in check([*ledger, late])] == ["gap"]
    assert "overlap" in {finding.kind for finding in check([*ledger, crossing])}
    assert [finding.kind for finding in check([*ledger, ledger[6]])] == ["twice"]
    assert {f.kind for f in check([*ledger, energy("pool", 1, Share.IDLE, 0.1)])} == {"total"}  # heat side disagrees
    assert [finding.kind for finding in check(ledger, {SiteId("dc"): 2.0 * KWH})] == ["meter"]
