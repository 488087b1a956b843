"""A whole statement as a PDF: A4, searchable text, header and footer with page numbers on every page."""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING, Any

from reportlab.graphics.charts.barcharts import VerticalBarChart  # type: ignore[import-untyped]
from reportlab.graphics.shapes import Drawing, Rect, String  # type: ignore[import-untyped]
from reportlab.lib import colors  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer  # type: ignore[import-untyped]

from ondol.report import statement_words, words
from ondol.report.pdf_sheet import MUTED, RULE, STYLES, WIDTH, Page, heading, load_fonts, table, text
from ondol.report.statement_words import amount, band, shown, span

if TYPE_CHECKING:
    from ondol.accounting.account.figure import Section
    from ondol.accounting.account.statement import Statement

MOST_ROWS = 60
_COLOURS = {"job": "#0072b2", "heat_only": "#e69f00", "idle": "#d9d3c7", "overhead": "#8d8371"}
_LABELS = {"job": "work of users", "heat_only": "run for heat alone", "idle": "idle", "overhead": "overhead"}


def statement_pdf(statement: Statement) -> bytes:
    """Give the statement as the bytes of a PDF; the same statement gives the same bytes."""
    load_fonts()
    sink = io.BytesIO()
    title = statement_words.title(statement)
    page = Page(title, statement_words.when(statement), statement.conventions.registry)
    document = SimpleDocTemplate(
        sink,
        pagesize=A4,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=22 * mm,
        bottomMargin=20 * mm,
        title=title,
        author="Ondol",
        subject="Statement of energy, heat and carbon",
        invariant=1,
    )
    document.build(_story(statement, title), canvasmaker=page.canvas)
    return sink.getvalue()


def _story(statement: Statement, title: str) -> list[Any]:
    story: list[Any] = [text(title, "h1"), text(statement_words.when(statement), "muted"), Spacer(1, 4 * mm)]
    story += [text(line, "lead") for line in statement_words.lead(statement)]
    chart = _course(statement)
    if chart is not None:
        story += [Spacer(1, 3 * mm), chart]
    for section in statement.sections:
        story += _section(section)
        if section.key == "inventory":
            story += [*heading("How sure is it?"), text(statement.driver)]
            causes = [
                [one.cause, f"−{amount(one.below_g, 'gCO2e')}", f"+{amount(one.above_g, 'gCO2e')}"]
                for one in statement.drivers
            ]
            story += [table(["Cause", "Lowers the total by", "Raises it by"], causes)] if causes else []
            story += _parts(statement)
    story += _views(statement)
    story += _apart(statement)
    for head, told in (("What does not add up", statement.findings), ("What is not known", statement.missing)):
        if told:
            story += [*heading(head), *(text(f"• {one}", "small") for one in told[:MOST_ROWS])]
    story += heading("Goal, conventions, notes")
    story += [text(f"• {one}", "small") for one in (*statement.goal, *statement.notes)]
    return story


def _section(section: Section) -> list[Any]:
    rows: list[list[Any]] = []
    for one in section.figures:
        how = f"<br/><font size=6.8 color='#6a665e'>{escape(one.method)}</font>" if one.method else ""
        tier = f" <font size=6.8 color='#6a665e'>[{one.tier}]</font>" if one.tier else ""
        label = Paragraph(escape(one.label) + tier + how, STYLES["cell"])
        if one.value is None:
            rows.append([label, Paragraph(f"<i>not known: {escape(one.missing)}</i>", STYLES["cell"]), ""])
        else:
            rows.append([label, shown(one), Paragraph(escape(band(one.low, one.high, one.unit)), STYLES["right"])])
    return [
        *heading(section.title, section.note),
        table([section.title, "Value", "Range"], rows, (0.52, 0.22, 0.26), spans=True),
    ]


def _parts(statement: Statement) -> list[Any]:
    rows = [
        [
            Paragraph(escape(part.name), STYLES["cell"]),
            amount(part.total_kwh, "kWh"),
            amount(part.operational_g, "gCO2e"),
            amount(part.total_g, "gCO2e"),
            "not metered" if part.useful_kwh is None else amount(part.useful_kwh, "kWh"),
        ]
        for part in statement.parts[:MOST_ROWS]
    ]
    more = len(statement.parts) - MOST_ROWS
    return [
        *heading("What it is the sum of", statement_words.adds_up(statement)),
        table(
            ["Part", "Electricity", "Operational", "With embodied", "Useful heat"], rows, (0.36, 0.16, 0.16, 0.16, 0.16)
        ),
        *([text(f"{more} more are in the JSON and CSV forms.", "muted")] if more > 0 else []),
    ]


def _views(statement: Statement) -> list[Any]:
    rows: list[list[Any]] = []
    for view in statement.views:
        name = Paragraph(f"<b>{view.method}</b> {escape(view.name)}", STYLES["cell"])
        if view.unavailable:
            rows.append(
                [name, Paragraph(f"<i>not available: {escape(view.unavailable)}</i>", STYLES["cell"]), "", "", ""]
            )
            continue
        nothing = "not metered" if view.heat_kwh is None else "no useful heat"
        per = nothing if view.heat_g_per_kwh is None else amount(view.heat_g_per_kwh, "g/kWh")
        rows.append([name, *(amount(one, "gCO2e") for one in (view.job_g, view.heat_g, view.unallocated_g)), per])
    note = "Each view shares out the whole of the inventory and makes none of it vanish. A0 is the inventory's own."
    return [
        *heading("Who bears it: named views", note),
        table(["View", "Work", "Heat", "Nobody", "Per kWh of heat"], rows, (0.4, 0.15, 0.15, 0.15, 0.15), spans=True),
    ]


def _apart(statement: Statement) -> list[Any]:
    story: list[Any] = [
        *heading(
            "Apart from it: comparisons",
            "With something that did not happen; never added to the inventory or taken from it.",
        ),
        text("Avoided emissions of the useful heat", "h3"),
    ]
    for box in statement.avoided[:MOST_ROWS]:
        if box.made is None:
            story.append(text(f"• {box.site_name}: no figure: {box.refused}.", "small"))
            continue
        made = box.made
        told = f"{box.site_name}: {made.sentence} Compared with {made.heat_pump_name}: {span(made.heat_pump)}."
        if made.net is not None and made.net_heat_pump is not None:
            told += f" Burden less avoided (view A4, for no inventory): {span(made.net)}"
            told += f"; with the heat pump {span(made.net_heat_pump)}."
        if box.rest:
            told += f" {box.rest}."
        if box.contract is not None:
            shared = box.contract
            told += f" By contract ({shared.contract}; view A6): {span(shared.heat)} to who takes the heat, "
            told += f"{span(shared.compute)} to who computes."
        story.append(text(f"• {told}", "small"))
    story.append(text("Same work and same heat elsewhere", "h3"))
    for one in statement.baskets[:MOST_ROWS]:
        if one.made is None:
            story.append(text(f"• {one.site_name}, against {one.against}: no figure: {one.refused}.", "small"))
        else:
            told = (
                f"{one.site_name}, against {one.against}: {span(one.made.delta)}; below zero the platform did better."
            )
            story.append(text(f"• {told}", "small"))
    if statement.claims is not None:
        story.append(text("Whose claim it is", "h3"))
        story += [
            text(f"• {one.holder}: {amount(one.kwh, 'kWh')} at {words.percent(one.share)} ({one.site_id})", "small")
            for one in statement.claims[:MOST_ROWS]
        ] or [text("Nobody holds a claim on this heat.", "small")]
    return story


def _course(statement: Statement) -> Drawing | None:
    points = statement.series
    if len(points) < 2:
        return None
    drawing = Drawing(WIDTH, 52 * mm)
    chart = VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 26, 18, WIDTH - 30, 38 * mm
    shares = [share for share in _COLOURS if any(point.kwh.get(share, 0.0) > 0.0 for point in points)]
    chart.data = [[point.kwh.get(share, 0.0) for point in points] for share in shares] or [[0.0]]
    chart.categoryAxis.style = "stacked"
    for rank, share in enumerate(shares):
        chart.bars[rank].fillColor = colors.HexColor(_COLOURS[share])
        chart.bars[rank].strokeColor = None
    form = "%d %b" if statement.step_s >= 86_400.0 else "%H:%M"
    every = max(1, len(points) // 8)
    chart.categoryAxis.categoryNames = [
        words.local(point.start, statement.timezone, form) if rank % every == 0 else ""
        for rank, point in enumerate(points)
    ]
    for axis in (chart.categoryAxis, chart.valueAxis):
        axis.labels.fontName, axis.labels.fontSize = "Ondol", 7
        axis.strokeColor, axis.strokeWidth = RULE, 0.5
    chart.categoryAxis.visibleTicks = False
    chart.valueAxis.valueMin = 0.0
    chart.valueAxis.valueMax = 1.08 * max(sum(point.kwh.values()) for point in points) or 1.0
    chart.valueAxis.visibleGrid, chart.valueAxis.gridStrokeColor, chart.valueAxis.gridStrokeWidth = True, RULE, 0.4
    chart.groupSpacing = 1.5
    drawing.add(chart)
    x = 26.0
    for share in shares:
        drawing.add(Rect(x, 46 * mm, 7, 7, fillColor=colors.HexColor(_COLOURS[share]), strokeColor=None))
        drawing.add(String(x + 10, 46 * mm + 0.5, _LABELS[share], fontName="Ondol", fontSize=7.5, fillColor=MUTED))
        x += 22 + pdfmetrics.stringWidth(_LABELS[share], "Ondol", 7.5)
    drawing.add(String(x, 46 * mm + 0.5, "kWh", fontName="Ondol", fontSize=7.5, fillColor=MUTED))
    return drawing
