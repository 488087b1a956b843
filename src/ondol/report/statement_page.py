"""A whole statement as one HTML file that needs nothing else: no network, no scripts; light, dark, desk, phone."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ondol.accounting.account.statement import Statement
from ondol.report import statement_plots, statement_words, words
from ondol.report.drawing import SERIES, variable

MOST_ROWS = 40
"""Lines of a table on the page; the rest is in JSON and CSV, and the page says so."""


def statement_html(statement: Statement) -> str:
    """Give the statement as the text of a self-contained HTML page."""
    environment = Environment(
        loader=PackageLoader("ondol.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = words.number
    environment.filters["percent"] = words.percent
    for name in ("amount", "band", "shown", "span"):
        environment.filters[name] = getattr(statement_words, name)
    return environment.get_template("account.html.j2").render(
        s=statement,
        title=statement_words.title(statement),
        kind=statement_words.KIND_TITLES[statement.subject.kind],
        when=statement_words.when(statement),
        lead=statement_words.lead(statement),
        adds_up=statement_words.adds_up(statement),
        inventory=statement.section("inventory"),
        rest=[section for section in statement.sections if section.key != "inventory"],
        course=_drawn(statement_plots.course(statement, "c")),
        views=_drawn(statement_plots.views(statement, "v")),
        drivers=_drawn(statement_plots.drivers(statement, "d")),
        comparison=_drawn(statement_plots.comparison(statement, "a")),
        share_legend=[
            (label, variable(colour))
            for share, label, colour in statement_plots.SHARES
            if any(point.kwh.get(share, 0.0) > 0.0 for point in statement.series)
        ],
        heat_colour=variable(SERIES[1]) if any(point.useful_kwh is not None for point in statement.series) else "",
        bearers=[(label, variable(colour)) for _, label, colour in statement_plots.BEARERS],
        most=MOST_ROWS,
    )


def _drawn(text: str | None) -> Markup | None:
    return None if text is None else Markup(text)  # noqa: S704 - our own SVG, its texts escaped
