"""What estimates and the carbon basis say in tests of budgets."""

from __future__ import annotations

import datetime as dt

from ondol.accounting.basis import Basis, Line
from ondol.model.compute import Task
from ondol.model.estimate import Estimate
from ondol.model.factor import Scope
from ondol.model.fleet import Fleet
from ondol.model.view import ServiceClass


def basis_of(fleet: Fleet) -> Basis:
    lines = {site.id: Line(slope=1.0, offset_g_per_kwh=10.0) for site in fleet.sites}
    return Basis(name="lca_levelled", scope=Scope.LCA, lines=lines, note="for tests")


class Said:
    """Estimates that say what a test wants: kWh and g by service class, or by task."""

    def __init__(self, energy_kwh: float = 1.0, co2e_g: float = 60.0) -> None:
        self.energy_kwh, self.co2e_g = energy_kwh, co2e_g
        self.cheaper: dict[ServiceClass, tuple[float, float]] = {}

    def estimate(self, task: Task, *, service: ServiceClass | None = None, at: dt.datetime | None = None) -> Estimate:
        kwh, grams = self.cheaper.get(service or task.service, (self.energy_kwh, self.co2e_g))
        begin = at or task.created_at
        return Estimate(
            start_p50=begin, start_p90=begin, end_p50=begin, end_p90=begin, energy_p50_kwh=kwh / 2, energy_p90_kwh=kwh,
            co2e_p50_g=grams / 2, co2e_p90_g=grams, heat_kwh=None, basis="lca_levelled", grounds="the test says so",
        )  # fmt: skip
