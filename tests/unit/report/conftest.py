"""A day of a small made-up fleet, accounted for by the real accounting: the material of the report's tests."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from ondol.accounting.conservation import check, worst_residual
from ondol.accounting.rows import energy_rows, it_energy_j, overhead_row
from ondol.accounting.split import AttemptUse, CpuTimeRule, NodeWindow
from ondol.accounting.statement import Terms, fleet_statement
from ondol.model.ids import AccountId, NodeId, SinkId, SiteId, TaskId, UnitId, attempt_id, instance_id
from ondol.model.ledger import HeatRow, LedgerRow, Share, Tier
from ondol.report.bundle import FleetStatementBundle, JobRun, SinkSeries, UnitSeries

T0 = dt.datetime(2026, 1, 12, 17, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=5)
STEPS = 96  # eight hours
NAMES = {
    "pool": "Swimming pool Belle Rive",
    "residence": "Residence Les Tilleuls",
    "flats": "Flats, rue du Four",
    "dc": "Data centre",
    "render": "Animation <one> $x$",
    "price": "Monte-Carlo pricing",
    "batch": "Parameter sweep",
    "fill": "Filler",
}
# unit, site, sink (or none), nodes, slots, node maximum [W], heat wanted at most [W], set-point [°C], band [K]
UNITS = (
    ("pool-boiler", "pool", "pool-water", 3, 2, 900.0, 2600.0, 28.0, 0.5),
    ("residence-boiler", "residence", "residence-tank", 2, 2, 700.0, 1100.0, 50.0, 5.0),
    *((f"heater-{n}", "flats", f"flat-{n}", 1, 1, 500.0, 480.0 - 30 * n, 20.0, 0.5) for n in range(1, 7)),
    ("rack", "dc", None, 1, 4, 1200.0, 0.0, 0.0, 0.0),
)
REASONS = {
    "render": "flex: pool water 0.4 K under its set-point, 2.1 kW wanted for the next hour",
    "price": "on demand: no warm node free within 5 s, overflow to the data centre",
    "batch": "harvest: room below its band, may be stopped when it is warm",
    "fill": "filler: heat wanted and no other work waits",
}


def _task(unit: str, node: int, step: int) -> str:
    if unit == "rack":
        return "price" if 20 <= step < 44 else ""
    cycle = (step // 8 + node + len(unit)) % 6
    return ("render", "render", "batch", "", "fill", "render")[cycle]


@pytest.fixture(scope="session")
def bundle() -> FleetStatementBundle:
    rows: list[LedgerRow] = []
    sinks: list[SinkSeries] = []
    units: list[UnitSeries] = []
    runs: list[JobRun] = []
    it_by_site: dict[tuple[str, int], list[float]] = {}
    times = tuple(T0 + step * STEP for step in range(STEPS))
    for unit, site, sink, nodes, slots, max_w, wanted_max, setpoint, band in UNITS:
        wanted = [max(0.0, wanted_max * (0.55 + 0.5 * math.sin(step / 13 + len(unit)))) for step in range(STEPS)]
        electric: list[float] = []
        delivered: list[float] = []
        temps: list[float] = []
        warm, temp = 0.0, setpoint - 1.4 * band
        for step in range(STEPS):
            start, end = times[step], times[step] + STEP
            total = 0.0
            for node in range(nodes):
                task = _task(unit, node, step)
                power = max_w * (0.95 if task else 0.12)
                window = NodeWindow(
                    site_id=SiteId(site), unit_id=UnitId(unit), node_id=NodeId(f"{unit}-n{node}"), start=start,
                    end=end, energy_j=power * 300, idle_w=0.12 * max_w, slots=slots,
                )  # fmt: skip
                uses = []
                if task:
                    instance = instance_id(TaskId(task), (step // 8) * 10 + node)
                    uses.append(
                        AttemptUse(
                            attempt_id=attempt_id(instance, 1), instance_id=instance, task_id=TaskId(task),
                            account_id=AccountId("someone"), cpu_s=280.0,
                            share=Share.HEAT_ONLY if task == "fill" else Share.JOB,
                        )
                    )  # fmt: skip
                    if step % 8 == 0 or _task(unit, node, step - 1) != task:
                        runs.append(
                            JobRun(
                                attempt_id=attempt_id(instance, 1), task_id=TaskId(task), task_name=NAMES[task],
                                instance_id=instance, node_id=window.node_id, unit_id=UnitId(unit),
                                site_id=SiteId(site), site_name=NAMES[site], start=start,
                                end=None if step // 8 == STEPS // 8 - 1 else times[(step // 8) * 8 + 7] + STEP * 0.9,
                                outcome="stopped" if task == "batch" and step % 3 == 0 else "succeeded",
                                reason=REASONS[task],
                            )
                        )  # fmt: skip
                own = energy_rows(
                    window, CpuTimeRule().split(window, uses), grid_g_per_kwh=45 + step / 4, tier=Tier.T4_CURVE
                )
                rows += own
                it_by_site.setdefault((site, step), []).append(it_energy_j(own))
                total += power
            warm += (total - warm) * 0.4
            electric.append(total)
            delivered.append(warm if sink else 0.0)
            temp += 0.25 * band * ((warm - wanted[step]) / max(wanted_max, 1) - 0.1 * (temp - setpoint) / max(band, 1))
            temps.append(temp)
            if sink:
                rows.append(
                    HeatRow(
                        site_id=SiteId(site), unit_id=UnitId(unit), sink_id=SinkId(sink), start=start, end=end,
                        electric_j=total * 300, delivered_j=warm * 300, demanded_j=wanted[step] * 300, temp_c=temp,
                        setpoint_c=setpoint, lower_c=setpoint - band, upper_c=setpoint + band,
                        discomfort_kh=max(0.0, abs(temp - setpoint) - band) / 12,
                    )
                )  # fmt: skip
        units.append(
            UnitSeries(
                unit_id=UnitId(unit), name=unit, site_id=SiteId(site), site_name=NAMES[site],
                sink_id=SinkId(sink) if sink else None, times=times, wanted_w=tuple(wanted),
                delivered_w=tuple(delivered), electric_w=tuple(electric),
            )
        )  # fmt: skip
        if sink:
            sinks.append(
                SinkSeries(
                    sink_id=SinkId(sink), name=sink.replace("-", " ").capitalize(), site_id=SiteId(site),
                    site_name=NAMES[site], times=times, temp_c=(float("nan"), *temps[1:]),
                    setpoint_c=(setpoint,) * STEPS, lower_c=(setpoint - band,) * STEPS,
                    upper_c=(setpoint + band,) * STEPS,
                )
            )  # fmt: skip
    for (site, step), joules in it_by_site.items():
        rows.append(
            overhead_row(
                SiteId(site), times[step], times[step] + STEP, it_j=math.fsum(joules),
                pue=1.4 if site == "dc" else 1.03, grid_g_per_kwh=45 + step / 4, tier=Tier.T4_CURVE,
            )
        )  # fmt: skip
    terms = Terms(names=NAMES, factor="éCO2mix average, France, location-based (made up for a test)")
    return FleetStatementBundle(
        title="Statement of the demonstration fleet",
        fleet=fleet_statement(rows, terms),
        start=T0,
        end=T0 + STEPS * STEP,
        created_at=T0 + STEPS * STEP,
        clock_rate=60.0,
        policy="follow",
        sinks=tuple(sinks),
        units=tuple(units),
        runs=tuple(runs),
        findings=tuple(check(rows)),
        residual=worst_residual(rows),
        notes=("Heat hardware is virtual: a thermal twin stands in the place of pipes and rooms.",),
        attributions=("Weather: made up for this test.",),
    )
