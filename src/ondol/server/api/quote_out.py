"""Quotes as JSON: figures with their units in their names, times in ISO 8601."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from ondol.accounting.quote import Quality
from ondol.model.estimate import Estimate
from ondol.model.quote import Option, Quote

_LEAST_TOLD = 20  # tasks of others from which on a share tells nothing of a single one
_NOTE = "of ten like it, nine start, end, take and emit no more than p90 says; p50: five"


def quote_out(quote: Quote) -> dict[str, Any]:
    """A quote with its options, and what came of it."""
    return {
        "id": quote.id,
        "task_name": quote.task_name,
        "made_at": _at(quote.made_at),
        "valid_until": _at(quote.valid_until),
        "options": [_option(one) for one in quote.options],
        "accepted": quote.accepted or None,
        "accepted_at": _at(quote.accepted_at),
        "matched": quote.matched,
        "task_uuid": quote.task_id or None,
        "outcome": None
        if quote.outcome is None
        else {
            "state": quote.outcome.state,
            "start": _at(quote.outcome.start),
            "end": _at(quote.outcome.end),
            "energy_kwh": quote.outcome.energy_kwh,
            "co2e_g": quote.outcome.co2e_g,
        },
        "note": _NOTE,
    }


def quality_out(
    rows: tuple[Quality, ...], every: dict[str, dict[str, tuple[int, int]]], *, counted: bool
) -> dict[str, Any]:
    """How good quotes were.

    Parameters
    ----------
    every : of all tasks of the installation, quoted or not
    counted : whether to say how many these are, which is the operator's to know
    """
    return {
        "aim": {"p50_kept": 0.5, "p90_kept": 0.9},
        "quotes": [dataclasses.asdict(row) for row in rows],
        "every_task": [
            {
                "figure": figure,
                "service": service,
                "tasks": number if counted else None,
                "p90_kept": round(good / number, 2) if number >= _LEAST_TOLD else None,
            }
            for figure, classes in every.items()
            for service, (number, good) in classes.items()
        ],
    }


def _option(option: Option) -> dict[str, Any]:
    told = option.estimate
    return {
        "option": option.name,
        "feasible": option.feasible,
        "why_not": option.why_not or None,
        "recommended": option.recommended,
        "service": option.service.name.lower(),
        "instances": option.instances,
        "speed_cap": option.speed_cap,
        "deadline": _at(option.deadline),
        **({} if told is None else _figures(option, told)),
        "budgets": [
            {
                "id": one.budget_id,
                "name": one.name,
                "co2e_left_g": one.co2e_g,
                "energy_left_kwh": one.energy_kwh,
                "fits": one.fits,
                "renews_at": _at(one.renews_at),
            }
            for one in option.budgets
        ]
        or None,
        "why": option.why or None,
    }


def _figures(option: Option, told: Estimate) -> dict[str, Any]:
    return {
        "start": {**_span(told, told.start_p50, told.start_p90), "not_before": _at(told.not_before)},
        "end": _span(told, told.end_p50, told.end_p90),
        "energy_kwh": {"p50": told.energy_p50_kwh, "p90": told.energy_p90_kwh},
        "co2e_g": {"low": option.co2e_low_g, "p50": told.co2e_p50_g, "high": told.co2e_p90_g},
        "co2e_basis": told.basis,
        "heat_reused_kwh": told.heat_kwh,
        "price_eur": option.price_eur,
        "tariff_eur_per_core_h": option.tariff_eur,
        "record": None
        if option.record is None or option.record.tasks < _LEAST_TOLD
        else {"tasks": option.record.tasks, "ended_by_p90": round(option.record.kept / option.record.tasks, 2)},
        "grounds": told.grounds,
    }


def _span(told: Estimate, p50: dt.datetime, p90: dt.datetime) -> dict[str, str | None]:
    """Median and p90 of a moment; null where nobody can say."""
    said = told.not_before is None
    return {"p50": _at(p50) if said else None, "p90": _at(p90) if said else None}


def _at(when: dt.datetime | None) -> str | None:
    return None if when is None else when.isoformat()
