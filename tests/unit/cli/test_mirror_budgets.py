"""The mirror's line about a budget: used, of how much, and left are of one period and fit together."""

from __future__ import annotations

from ondol.cli.mirror import _budget


def test_what_was_carried_over_is_part_of_what_there_is() -> None:
    """Given 3 kg and 1 kg carried over, when 500 g are used, then 3.5 kg of 4 kg are left, not of 3."""
    line = {
        "co2e_limit_g": 3000.0, "co2e_carried_g": 1000.0, "co2e_spent_g": 500.0, "co2e_left_g": 3500.0,
        "energy_limit_kwh": None, "energy_carried_kwh": None, "energy_spent_kwh": 1.0, "energy_left_kwh": None,
    }  # fmt: skip
    assert _budget(line) == "500 gCO2e of 4.00 kgCO2e, 3.50 kgCO2e left"


def test_what_is_promised_is_told_where_it_is_not_left() -> None:
    """Given 60 g of which 849 g are used and 19 g promised, then −808 g left is no riddle."""
    line = {
        "co2e_limit_g": 60.0, "co2e_spent_g": 849.0, "co2e_left_g": -808.0,
        "energy_limit_kwh": None, "energy_spent_kwh": 1.0, "energy_left_kwh": None,
    }  # fmt: skip
    assert _budget(line) == "849 gCO2e of 60.0 gCO2e, 19.0 gCO2e promised, −808 gCO2e left"
