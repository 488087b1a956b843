"""Given a week of a small fleet, when the twin lives through it with its ledger, then every joule is owned once."""

from __future__ import annotations

import math

import pytest

from ondol.accounting.conservation import check, worst_residual
from ondol.accounting.statement import fleet_statement
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share
from ondol.policy.registry import load_policy
from ondol.twin.ledger import LedgerTwin, against_score
from unit.twin.small_fleets import fleet, series_of, work

DAY_S = 86_400.0


@pytest.mark.parametrize(("policy", "days"), [("greco", 7), ("thermostat-filler", 1)])
def test_a_week_adds_up(policy: str, days: int) -> None:
    scenario = fleet(days=float(days))
    rows: list[LedgerRow] = []
    trace = work(40 * days, 0.8 * days * DAY_S, seed=11)
    twin = LedgerTwin(scenario, series_of(scenario), trace, load_policy(policy), rows.extend)
    twin.live(days * 96)
    energy = [row for row in rows if isinstance(row, EnergyRow)]
    heat = [row for row in rows if isinstance(row, HeatRow)]
    assert twin.over
    # Every joule is owned once, every window covered once, and the sum is what the twin itself counted.
    assert check(rows) == []
    assert worst_residual(rows) < 1e-9
    assert against_score(twin, math.fsum(row.energy_j for row in energy)) < 1e-9
    assert math.fsum(row.delivered_j for row in heat) == pytest.approx(float(twin.score.heat_j.sum()), rel=1e-9)
    assert {row.share for row in energy} >= {Share.JOB, Share.IDLE, Share.OVERHEAD}
    assert (Share.HEAT_ONLY in {row.share for row in energy}) == bool(len(twin.attempts.run_s) > twin.attempts.count)
    # And a statement can be made of it, whose jobs with what is nobody's are the fleet.
    statement = fleet_statement(rows)
    assert len(statement.jobs) >= 30 * days
    jobs_kwh = math.fsum(job.it_kwh for job in statement.jobs)
    idle_kwh = math.fsum(row.energy_j for row in energy if row.share is Share.IDLE) / 3.6e6
    assert jobs_kwh + idle_kwh == pytest.approx(statement.figures.energy.it_kwh, rel=1e-9)
