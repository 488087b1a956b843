"""Given a quote under budgets, when it is shown, then what would be left has the units that budgets are listed in."""

from __future__ import annotations

from typing import Any

import pytest

from ondol.cli.output import SHOWN
from ondol.cli.quote import _show


def option(**budget: float | None) -> dict[str, Any]:
    at = {"p50": "2026-01-12T07:00:00+00:00", "p90": "2026-01-12T08:00:00+00:00"}
    return {
        "option": "now", "recommended": True, "feasible": True, "why_not": None, "why": "slots are free", "start": at,
        "end": at, "energy_kwh": {"p50": 1.0, "p90": 2.0}, "co2e_g": {"low": 50.0, "p50": 60.0, "high": 120.0},
        "heat_reused_kwh": None, "price_eur": None, "budgets": [{"name": "lab (organization)", **budget}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("grams", "kwh", "words"),
    [
        (899_740.8, None, "899.74 kgCO2e"),
        (-557.6, 0.25, "-558 gCO2e, 250 Wh"),
        (None, 497.669, "498 kWh"),
    ],
)
def test_what_would_be_left_of_a_budget(
    grams: float | None, kwh: float | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    quote = {
        "id": "q", "made_at": "2026-01-12T07:00:00+00:00", "valid_until": "2026-01-12T07:10:00+00:00",
        "accepted": None, "outcome": None, "options": [option(co2e_left_g=grams, energy_left_kwh=kwh)],
    }  # fmt: skip
    _show(quote, SHOWN)
    assert f"  left of lab (organization) after its p90: {words}\n" in capsys.readouterr().err


def shown(capsys: pytest.CaptureFixture[str], **changes: Any) -> tuple[str, str]:
    quote = {
        "id": "q", "made_at": "2026-01-12T07:00:00+00:00", "valid_until": "2026-01-12T07:10:00+00:00",
        "accepted": None, "outcome": None, "options": [{**option(), "budgets": [], "service": "flex", **changes}],
    }  # fmt: skip
    _show(quote, SHOWN)
    out, err = capsys.readouterr()
    return out, err


def test_each_option_says_how_the_last_of_its_class_did_and_its_tariff(capsys: pytest.CaptureFixture[str]) -> None:
    record = {"tasks": 120, "ended_by_p90": 0.91}
    _, notes = shown(capsys, record=record, price_eur=1.2, tariff_eur_per_core_h=0.04)
    assert "of the last 120 flex tasks 91 % ended by their p90" in notes
    assert "price: 0.04 EUR per core-hour, by the tariff of now" in notes
    assert "ended by their p90" not in shown(capsys, record=None)[1]


def test_where_nobody_can_say_when_no_time_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    none = {"p50": None, "p90": None}
    table, notes = shown(capsys, start=none, end=none, feasible=False, why_not="its start is not foreseen within 48 h")
    assert table.count("not foreseen") == 2
    assert "now cannot be had: its start is not foreseen within 48 h" in notes


def test_the_table_fits_a_terminal_and_all_its_figures_have_as_many_digits(capsys: pytest.CaptureFixture[str]) -> None:
    """Given waits of any length and much carbon, when the quote is shown, then within 80 columns; 2.1 kWh are 2.10."""
    start = {"p50": "2026-01-13T06:00:00+00:00", "p90": "2026-01-14T06:00:00+00:00"}
    end = {"p50": "2026-01-13T06:36:00+00:00", "p90": "2026-01-14T09:24:00+00:00"}
    table, _ = shown(
        capsys, option="deadline", start=start, end=end, energy_kwh={"p50": 0.99, "p90": 2.1}, price_eur=0.0,
        co2e_g={"low": 52.63, "p50": 100.0, "high": 236.4}, heat_reused_kwh=0.969,
    )  # fmt: skip
    assert max(map(len, table.splitlines())) <= 80, table
    for words in ("deadline *", "0.990/2.10", "52.6–236 g", "0.969"):
        assert words in table
    assert "5.31–50.1 kg" in shown(capsys, co2e_g={"low": 5_310.0, "p50": 9_000.0, "high": 50_148.0})[0]
    assert "EUR" not in table, "nothing costs anything here"
    assert "EUR" in shown(capsys, price_eur=1.5, tariff_eur_per_core_h=0.05)[0]
