"""A host's monthly statement as one HTML page for a phone, and as CSV: a line for each day and sink."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ondol.accounting.host_days import HostDay
from ondol.accounting.host_promises import Promise
from ondol.accounting.host_statement import HostStatement, SinkMonth, basis_of
from ondol.report import words
from ondol.report.drawing import BAND, INK, MUTED, SERIES, blank, drawing, svg

CSV_COLUMNS = (
    "site", "sink", "date", "start_utc", "end_utc", "whole_day", "observed_h", "heat_kwh", "demanded_kwh",
    "compute_kwh", "capture_ratio", "shortfall_kwh", "backup_kwh", "backup_h", "discomfort_kh", "inside_share",
    "coldest_c", "guaranteed_c", "guaranteed_kwh_per_day", "guarantee_kept", "missing_kwh", "backup_basis",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    sink: SinkMonth
    heat: Markup
    comfort: Markup | None
    promise: str


def host_statement_csv(statement: HostStatement) -> str:
    """Give the statement as CSV: numbers with a point, times in UTC, empty where a figure is not known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for sink in statement.sinks:
        for day in sink.days:
            writer.writerow(_cell(value) for value in _columns(statement, sink, day))
    return text.getvalue()


def _columns(statement: HostStatement, sink: SinkMonth, day: HostDay) -> Sequence[object]:
    promise = day.promise
    known = day if day.observed_s > 0.0 else None  # what was not measured is not called zero
    return (
        statement.site_id, sink.sink_id, day.date, day.start, day.end, day.whole, day.observed_s / 3600,
        known and day.heat_kwh,
        known and day.demanded_kwh, known and day.compute_kwh, day.capture_ratio, known and day.shortfall_kwh,
        day.backup_kwh, None if day.backup_s is None else day.backup_s / 3600, known and day.discomfort_kh,
        inside_share(day), day.coldest_c,
        None if promise is None else promise.guaranteed_c,
        None if promise is None else promise.guaranteed_kwh_per_day, day.kept, day.missing_kwh,
        basis_of((day,)) or None,
    )  # fmt: skip


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def inside_share(day: HostDay) -> float | None:
    """Share of a day's time with a temperature and a band that lay inside of the band; None without any."""
    return day.inside_s / day.felt_s if day.felt_s > 0.0 else None


def host_statement_html(statement: HostStatement) -> str:
    """Give the statement as the text of a self-contained page: no network, no scripts; light and dark."""
    environment = Environment(
        loader=PackageLoader("ondol.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("number", "kwh", "percent", "duration"):
        environment.filters[name] = getattr(words, name)
    return environment.get_template("host_statement.html.j2").render(
        s=statement,
        cards=[_card(sink, f"h{rank}") for rank, sink in enumerate(statement.sinks)],
        until=words.local(statement.until, statement.timezone),
        lead=_lead(statement),
        unknown=words.UNKNOWN,
        inside_share=inside_share,
        verdict={True: "kept", False: "missed", None: "not known"},
        colour={"heat": SERIES[1], "electric": SERIES[0]},
    )


def _lead(statement: HostStatement) -> str:
    """The month in one or two sentences."""
    told = [f"{words.kwh(statement.heat_kwh)} of heat were delivered"]
    if statement.inside_share is not None:
        told.append(f"it was as warm as asked for {words.percent(statement.inside_share)} of the time")
    sentence = " and ".join(told) + "."
    promised = statement.kept_days + statement.missed_days + statement.unknown_days
    if promised:
        sentence += f" What was guaranteed was kept on {statement.kept_days} of {promised} days"
        sentence += f", missed on {statement.missed_days}" if statement.missed_days else ""
        sentence += f", not to be told for {statement.unknown_days}" if statement.unknown_days else ""
        sentence += "."
    return sentence


def _card(sink: SinkMonth, prefix: str) -> _Card:
    comfort = _comfort_plot(sink, f"{prefix}c") if any(day.felt_s > 0.0 for day in sink.days) else None
    return _Card(
        sink=sink,
        heat=Markup(_heat_plot(sink, f"{prefix}h")),  # noqa: S704  # our own SVG, its titles escaped
        comfort=None if comfort is None else Markup(comfort),  # noqa: S704
        promise="; then ".join(_promised(promise) for promise in sink.promises),
    )


def _promised(promise: Promise) -> str:
    told: list[str] = []
    if not math.isnan(promise.guaranteed_c):
        told.append(f"never below {promise.guaranteed_c:g} °C")
    if promise.guaranteed_kwh_per_day > 0.0:
        told.append(f"{promise.guaranteed_kwh_per_day:g} kWh a day, as far as asked for")
    return " and ".join(told)


def _heat_plot(sink: SinkMonth, prefix: str) -> str:
    """Bars of a day's heat, the other heater's on top, a line for what was asked for [kWh]."""
    with drawing():
        figure = blank(3.7, 1.5)
        axes = figure.subplots()
        numbers = [day.date.day for day in sink.days]
        heat = [day.heat_kwh for day in sink.days]
        axes.bar(numbers, heat, color=SERIES[1], width=0.8)
        backup = [day.backup_kwh or 0.0 for day in sink.days]
        if any(backup):
            axes.bar(numbers, backup, bottom=heat, color=BAND, width=0.8)
        axes.plot(
            numbers,
            [day.demanded_kwh if day.observed_s > 0.0 else math.nan for day in sink.days],
            color=INK,
            linewidth=1.0,
            linestyle=(0, (4, 2)),
        )
        axes.set_title("heat a day, kWh", loc="left", color=MUTED, fontsize=9.0)
        axes.set_xlim(0.4, 31.6)
        axes.set_ylim(bottom=0.0)
        axes.set_xticks([1, 8, 15, 22, 29])
        return svg(figure, prefix, f"{sink.name}: heat of each day in kilowatt-hours")


def _comfort_plot(sink: SinkMonth, prefix: str) -> str:
    """Share of each day's time inside of the band [%]."""
    with drawing():
        figure = blank(3.7, 1.2)
        axes = figure.subplots()
        days = [(day.date.day, share) for day in sink.days if (share := inside_share(day)) is not None]
        axes.bar([day for day, _ in days], [100.0 * share for _, share in days], color=SERIES[3], width=0.8)
        axes.set_title("time as warm as asked, % of the day", loc="left", color=MUTED, fontsize=9.0)
        axes.set_xlim(0.4, 31.6)
        axes.set_ylim(0.0, 100.0)
        axes.set_xticks([1, 8, 15, 22, 29])
        return svg(figure, prefix, f"{sink.name}: share of each day inside of the comfort band in per cent")
