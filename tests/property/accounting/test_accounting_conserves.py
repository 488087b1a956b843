from __future__ import annotations

import datetime as dt
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.accounting.conservation import check, joules_by_attempt
from ondol.accounting.rows import energy_rows, it_energy_j, overhead_row
from ondol.accounting.split import AttemptUse, CpuTimeRule, NodeWindow
from ondol.accounting.statement import Terms, fleet_statement
from ondol.model.ids import AccountId, NodeId, SinkId, SiteId, TaskId, UnitId, attempt_id, instance_id
from ondol.model.ledger import HeatRow, LedgerRow, Share, Tier

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
amounts = st.floats(0.0, 1e9, allow_nan=False)


@st.composite
def uses(draw: st.DrawFn, slots: int, seconds: float) -> list[AttemptUse]:
    count = draw(st.integers(0, slots))
    made = []
    for number in range(count):
        task = TaskId(f"task{number % 2}")
        instance = instance_id(task, number)
        made.append(
            AttemptUse(
                attempt_id=attempt_id(instance, 1),
                instance_id=instance,
                task_id=task,
                account_id=AccountId("a"),
                cpu_s=draw(amounts),
                share=draw(st.sampled_from([Share.JOB, Share.HEAT_ONLY])),
                held_s=draw(st.none() | st.floats(0.0, seconds)),
            )
        )
    return made


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerRow]:
    """One unit of one node at each of two sites, a few windows of uneven length."""
    rows: list[LedgerRow] = []
    for site in ("north", "south"):
        start = T0
        pue = draw(st.floats(1.0, 2.0))
        for _ in range(draw(st.integers(1, 4))):
            seconds = draw(st.integers(1, 4000))
            end = start + dt.timedelta(seconds=seconds)
            window = NodeWindow(
                site_id=SiteId(site),
                unit_id=UnitId(f"{site}-u"),
                node_id=NodeId(f"{site}-n"),
                start=start,
                end=end,
                energy_j=draw(amounts),
                idle_w=draw(st.floats(0.0, 1000.0)),
                slots=4,
            )
            pieces = CpuTimeRule().split(window, draw(uses(4, float(seconds))))
            own = energy_rows(window, pieces, grid_g_per_kwh=draw(st.floats(0, 900)), tier=Tier.T4_CURVE)
            rows += own
            it_j = it_energy_j(own)
            rows.append(
                overhead_row(SiteId(site), start, end, it_j=it_j, pue=pue, grid_g_per_kwh=50.0, tier=Tier.T4_CURVE)
            )
            rows.append(
                HeatRow(
                    site_id=SiteId(site),
                    unit_id=UnitId(f"{site}-u"),
                    sink_id=SinkId(f"{site}-s"),
                    start=start,
                    end=end,
                    electric_j=window.energy_j,
                    delivered_j=window.energy_j * draw(st.floats(0.0, 1.0)),
                    demanded_j=draw(amounts),
                    temp_c=20.0,
                    setpoint_c=20.0,
                    lower_c=19.0,
                    upper_c=21.0,
                    discomfort_kh=draw(st.floats(0.0, 10.0)),
                )
            )
            start = end
    return rows


@given(st.data(), amounts, st.floats(0.0, 20_000.0), st.floats(0.001, 1e5))
@settings(max_examples=150, deadline=None)
def test_any_split_conserves_the_node_total(
    data: st.DataObject, energy_j: float, idle_w: float, seconds: float
) -> None:
    window = NodeWindow(
        site_id=SiteId("s"),
        unit_id=UnitId("u"),
        node_id=NodeId("n"),
        start=T0,
        end=T0 + dt.timedelta(seconds=seconds),
        energy_j=energy_j,
        idle_w=idle_w,
        slots=8,
    )
    pieces = CpuTimeRule().split(window, data.draw(uses(8, window.seconds)))
    assert math.isclose(math.fsum(piece.energy_j for piece in pieces), energy_j, rel_tol=1e-9, abs_tol=1e-12)
    assert all(piece.energy_j >= 0 for piece in pieces)


@given(ledgers(), st.randoms(use_true_random=False), st.sampled_from([60.0, 900.0, 3600.0]))
@settings(max_examples=60, deadline=None)
def test_ledger_conserves_and_its_order_does_not_matter(rows: list[LedgerRow], random: object, bin_s: float) -> None:
    assert check(rows) == []
    terms = Terms(bin_s=bin_s)
    fleet = fleet_statement(rows, terms)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fleet_statement(shuffled, terms) == fleet
    assert joules_by_attempt(shuffled) == joules_by_attempt(rows)

    energy = fleet.figures.energy
    shares = [energy.job_kwh, energy.heat_only_kwh, energy.idle_kwh, energy.overhead_kwh]
    assert math.isclose(math.fsum(shares), energy.total_kwh, rel_tol=1e-9)
    sites = math.fsum(site.figures.energy.total_kwh for site in fleet.sites)
    assert math.isclose(sites, energy.total_kwh, rel_tol=1e-9)

    heat = fleet.figures.heat
    assert heat is not None
    assert heat.useful_kwh <= min(heat.delivered_kwh, heat.demanded_kwh) * (1 + 1e-9)
    for sink in heat.sinks:
        assert sink.useful_kwh <= min(sink.delivered_kwh, sink.demanded_kwh) * (1 + 1e-9)
    jobs_heat = math.fsum(job.useful_heat_kwh or 0.0 for job in fleet.jobs)
    assert jobs_heat <= heat.useful_kwh * (1 + 1e-9)
