"""Runs of the twin side by side as one HTML file that needs nothing else; light and dark, desk and phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ondol.report import comparison_plots as plots
from ondol.report.comparison_plots import ShownRun
from ondol.report.drawing import SERIES, variable
from ondol.report.html import Card
from ondol.report.run_figures import FIGURES, best


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table: a figure, its value in each run, and which of them is best."""

    heading: str
    inset: bool
    cells: tuple[tuple[str, bool], ...]


def write_comparison_html(
    path: Path, runs: Sequence[ShownRun], *, title: str, about: Sequence[str], notes: Sequence[str]
) -> None:
    """Write runs side by side as one self-contained HTML file; its folder is made where it is missing.

    Parameters
    ----------
    runs : at least one, all with the same sinks
    about : lines below the title
    notes : sentences at the end: sources, what was assumed
    """
    environment = Environment(
        loader=PackageLoader("ondol.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("comparison.html.j2").render(
        title=title,
        about=about,
        notes=notes,
        names=[run.name for run in runs],
        legend=[(run.name, variable(plots.colour_of(rank))) for rank, run in enumerate(runs)],
        rows=table_rows(runs),
        carbon=Markup(plots.carbon_bars(runs, "k")),  # noqa: S704 - our own SVG, its text escaped
        carbon_legend=[(label, variable(colour)) for _, label, colour in (*plots.CARBON_PARTS, plots.STORED)],
        powers=_power_cards(runs),
        temperatures=[
            Card(title=sink.sink_id, subtitle="", drawing=Markup(plots.temperature_card(runs, place, f"t{place}")))  # noqa: S704
            for place, sink in enumerate(runs[0].sinks)
        ],
        waits=_wait_cards(runs),
        power_legend={"heat": variable(SERIES[0]), "backup": variable(SERIES[1])},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def table_rows(runs: Sequence[ShownRun]) -> list[Row]:
    """Give the lines of the table; figures that no run has are left out."""
    rows = []
    for figure in FIGURES:
        if not any(figure.key in run.figures for run in runs):
            continue
        winners = best(figure, [run.figures for run in runs])
        cells = tuple((figure.text(run.figures.get(figure.key)), rank in winners) for rank, run in enumerate(runs))
        rows.append(Row(heading=figure.heading.strip(), inset=figure.heading.startswith(" "), cells=cells))
    return rows


def _power_cards(runs: Sequence[ShownRun]) -> list[Card]:
    highest_w = max(float(max(run.wanted_w.max(), run.heat_w.max(), run.backup_w.max())) for run in runs)
    drawn = [Markup(plots.power_card(run, highest_w, f"p{rank}")) for rank, run in enumerate(runs)]  # noqa: S704
    return [Card(title=run.name, subtitle="", drawing=one) for run, one in zip(runs, drawn, strict=True)]


def _wait_cards(runs: Sequence[ShownRun]) -> list[Card]:
    kinds = [kind for kind in ("on_demand", "flex", "harvest") if any(len(run.waits_s.get(kind, ())) for run in runs)]
    drawn = [Markup(plots.waits_card(runs, kind, f"w{rank}")) for rank, kind in enumerate(kinds)]  # noqa: S704
    titles = [f"{kind.replace('_', '-')} work" for kind in kinds]
    return [Card(title=title, subtitle="", drawing=one) for title, one in zip(titles, drawn, strict=True)]
