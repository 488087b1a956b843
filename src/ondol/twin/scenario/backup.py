"""What a kilowatt-hour of useful heat from a scenario's backup costs, step by step."""

from __future__ import annotations

from ondol.accounting.backup_heat import backup_heat_rates
from ondol.signals.year import Floats
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series


def backup_rates(scenario: Scenario, series: Series) -> tuple[Floats, Floats]:
    """Give carbon [gCO2e/kWh] and price [€/kWh] of backup heat for each step.

    Raises
    ------
    InvalidFieldError : district heat with direct factors, of which there are none
    """
    return backup_heat_rates(
        scenario.backup.kind, scenario.grid.method, series.grid_g_per_kwh, series.price_eur_per_kwh
    )
