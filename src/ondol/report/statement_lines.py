"""A whole statement for programs: JSON with stable keys, units in their names, and CSV with one line per figure."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from ondol.accounting.account.figure import Figure
from ondol.accounting.account.statement import SCHEMA, ByContract, Statement
from ondol.accounting.allocation import AllocationView
from ondol.accounting.avoided import Avoided, Span

CSV_COLUMNS = ("section", "line", "label", "value", "unit", "low", "high", "tier", "method", "source", "missing")


def statement_data(statement: Statement) -> dict[str, Any]:
    """Give the statement as plain values for JSON: `figures.<section>.<key>`, then views, comparisons, parts, series.

    Times are ISO 8601 UTC with Z; what is not known is null, with `missing` beside it. Documented in
    `docs/reference/statements.md`.
    """
    avoided = statement.avoided_total
    return {
        "schema": SCHEMA,
        "subject": _plain(statement.subject),
        "window": _plain(statement.window),
        "timezone": statement.timezone,
        "conventions": _plain(statement.conventions),
        "goal": list(statement.goal),
        "figures": {
            section.key: {figure.key: _figure(figure) for figure in section.figures} for section in statement.sections
        },
        "views": {view.method: _plain(view) | {"residual": view.residual} for view in statement.views},
        "avoided": {
            "sites": [_plain(one) for one in statement.avoided],
            "named_g": None if avoided is None else avoided[0].g,
            "named_low_g": None if avoided is None else avoided[0].low_g,
            "named_high_g": None if avoided is None else avoided[0].high_g,
            "heat_pump_g": None if avoided is None else avoided[1].g,
            "heat_pump_low_g": None if avoided is None else avoided[1].low_g,
            "heat_pump_high_g": None if avoided is None else avoided[1].high_g,
        },
        "baskets": [_plain(one) for one in statement.baskets],
        "parts": [_plain(part) for part in statement.parts],
        "adds_up": {"residual": statement.residual, "allowed": 1e-9},
        "uncertainty": {"driver": statement.driver, "causes": [_plain(one) for one in statement.drivers]},
        "claims": None if statement.claims is None else [_plain(one) for one in statement.claims],
        "series": {"step_s": statement.step_s, "points": [_plain(point) for point in statement.series]},
        "findings": list(statement.findings),
        "missing": list(statement.missing),
        "notes": list(statement.notes),
    }


def statement_json(statement: Statement) -> bytes:
    """Give the statement as indented UTF-8 JSON."""
    return msgspec.json.format(msgspec.json.encode(statement_data(statement)), indent=2)


def statement_csv(statement: Statement) -> str:
    """Give the statement as CSV: a line for each figure; numbers with a point, empty where not known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for section, figure in lines(statement):
        writer.writerow(
            (
                section,
                _text(figure.key),
                _text(figure.label),
                _cell(figure.value),
                figure.unit,
                _cell(figure.low),
                _cell(figure.high),
                figure.tier,
                _text(figure.method),
                _text(figure.source),
                _text(figure.missing),
            )
        )
    return text.getvalue()


def lines(statement: Statement) -> Iterator[tuple[str, Figure]]:
    """Every figure of a statement with the key of its section: sections, views, comparisons, parts."""
    for section in statement.sections:
        for figure in section.figures:
            yield section.key, figure
    for view in statement.views:
        for key, label in (("job_g", "work"), ("heat_g", "heat"), ("unallocated_g", "nobody")):
            value = getattr(view, key)
            yield (
                "views",
                Figure(
                    key=f"{view.method}.{key}",
                    label=f"{view.method} {view.name}: {label} bears",
                    value=value,
                    unit="gCO2e",
                    method=view.name + _for_heat_alone(key, view),
                    source=view.source,
                    missing="" if value is not None else view.unavailable,
                ),
            )
    for box in statement.avoided:
        for kind in ("named", "heat_pump"):
            yield (
                "avoided",
                _avoided(box.site_id, box.site_name, kind, None if box.made is None else getattr(box.made, kind), box),
            )
        if box.contract is not None:
            yield from _shared(box.site_id, box.site_name, box.contract)
    for one in statement.baskets:
        yield (
            "baskets",
            Figure(
                key=f"{one.site_id}.{one.heater_id}.delta_g",
                label=f"{one.site_name}: platform less {one.against}",
                value=one.made.delta.g if one.made else None,
                low=one.made.delta.low_g if one.made else None,
                high=one.made.delta.high_g if one.made else None,
                unit="gCO2e",
                method="basket of functions (system expansion)"
                + (f"; {one.made.note}" if one.made and one.made.note else ""),
                missing="" if one.made else one.refused,
            ),
        )
    for part in statement.parts:
        for key, label, unit in (("total_kwh", "electricity", "kWh"), ("total_g", "carbon", "gCO2e")):
            name = part.id or "others"
            figure = Figure(key=f"{name}.{key}", label=f"{part.name}: {label}", value=getattr(part, key), unit=unit)
            yield f"parts.{part.kind}", figure
    yield (
        "adds_up",
        Figure(key="residual", label="Sum of the parts against the whole", value=statement.residual, unit="1"),
    )


def _for_heat_alone(key: str, view: AllocationView) -> str:
    if key != "heat_g" or not view.heat_only_g:
        return ""
    return f"; of it {view.heat_only_g:.6g} g ran for heat alone or made the heat equipment, the heat's in every view"


def _avoided(site_id: str, name: str, kind: str, span: Span | None, box: Any) -> Figure:
    made = box.made
    against = "" if made is None else made.reference if kind == "named" else made.heat_pump_name
    return Figure(
        key=f"{site_id}.{kind}_g",
        label=f"{name}: avoided, compared with {against or 'a reference heater'}",
        value=None if span is None else span.g,
        low=None if span is None else span.low_g,
        high=None if span is None else span.high_g,
        unit="gCO2e",
        method="(useful heat − losses that stay with the backup) × factor of the heater − pumps; beside the inventory, "
        "never in it",
        source="" if made is None else _stands_for(kind, made),
        missing=box.refused,
    )


def _stands_for(kind: str, made: Avoided) -> str:
    """Who stands for a reference: the site's evidence for its own heater, nobody for the heat pump beside it."""
    if kind != "named":
        return "a scenario, for which nobody stands; footprint.md §0 rule 4"
    return f"{made.evidence or ''}; valid until {made.valid_until}"


def _shared(site_id: str, name: str, shared: ByContract) -> Iterator[tuple[str, Figure]]:
    for key, who, span in (("heat", "who takes the heat", shared.heat), ("compute", "who computes", shared.compute)):
        figure = Figure(
            key=f"{site_id}.contract_{key}_g",
            label=f"{name}: of what is avoided, by contract to {who}",
            value=span.g,
            low=span.low_g,
            high=span.high_g,
            unit="gCO2e",
            method="view A6: a contract's share of what is avoided; beside the inventory, never in it",
            source=shared.contract,
        )
        yield "avoided", figure


def _figure(figure: Figure) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in figure.__slots__ if name != "key"}


def _plain(noun: object) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(noun, builtin_types=(dt.datetime,))
    return {key: _timed(value) for key, value in made.items()}


def _timed(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: _timed(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_timed(one) for one in value]
    return value


def _text(text: str) -> str:
    """Names are users': a sheet must not take one for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)
