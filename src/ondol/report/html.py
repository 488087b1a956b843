"""A statement as one HTML file that needs nothing else: no network, no scripts; light and dark, desk and phone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ondol.model.ids import instance_number
from ondol.report import plots, words
from ondol.report.bundle import FleetStatementBundle, JobRun
from ondol.report.drawing import INK, SERIES, variable
from ondol.report.terminal import places


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A drawing with its heading."""

    title: str
    subtitle: str
    drawing: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """The runs of one task at one site, taken together: how many, from when, and the commonest reason."""

    task_name: str
    colour: str
    site_name: str
    nodes: str
    count: int
    outcomes: str
    span: str
    reason: str


def write_statement_html(path: Path, bundle: FleetStatementBundle) -> None:
    """Write the statement as one self-contained HTML file; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(statement_html(bundle), encoding="utf-8")


def statement_html(bundle: FleetStatementBundle) -> str:
    """Give the statement as the text of a self-contained HTML page."""
    environment = Environment(
        loader=PackageLoader("ondol.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("number", "kwh", "grams", "percent", "duration"):
        environment.filters[name] = getattr(words, name)
    colour = {task: variable(stand_in) for task, stand_in in plots.task_colours(bundle.runs).items()}
    return environment.get_template("statement.html.j2").render(
        bundle=bundle,
        fleet=bundle.fleet,
        figures=bundle.fleet.figures,
        summary=words.summary(bundle),
        conservation=words.conservation_line(bundle),
        method_notes=words.method_notes(bundle),
        span=f"{words.local(bundle.start, bundle.timezone)} to {words.local(bundle.end, bundle.timezone)}",
        created=words.local(bundle.created_at, bundle.timezone),
        clock_note=words.clock_note(bundle),
        cards=climate_cards(bundle),
        gantt=Markup(plots.gantt(bundle, "g")) if bundle.runs else None,  # noqa: S704 - our own SVG, titles escaped
        energy_bars=Markup(plots.energy_bars(bundle.fleet.sites, "e")),  # noqa: S704
        heat_bars=Markup(plots.heat_bars(bundle.fleet.sites, "h")),  # noqa: S704
        share_legend=[(label, variable(stand_in)) for _, label, stand_in in plots.SHARES],
        heat_legend=[(label, variable(stand_in)) for _, label, stand_in in plots.HEAT_PARTS],
        line_legend={"heat": variable(SERIES[1]), "electric": variable(SERIES[0]), "wanted": variable(INK)},
        task_colour=colour,
        task_legend=list({run.task_id: (run.task_name, colour[run.task_id]) for run in _by_start(bundle)}.values()),
        places=places,
        stays=stays(bundle, colour),
        runs=_by_start(bundle),
        instance_number=instance_number,
        local=lambda when: words.local(when, bundle.timezone, "%a %H:%M:%S"),
        unknown=words.UNKNOWN,
    )


def climate_cards(bundle: FleetStatementBundle) -> list[Card]:
    """Draw a card for each sink with the units that heat it, then one for each unit that heats nothing."""
    cards: list[Card] = []
    for rank, sink in enumerate(bundle.sinks):
        units = [unit for unit in bundle.units if unit.sink_id == sink.sink_id]
        drawn = plots.climate_card(bundle, sink, units, f"c{rank}")
        cards.append(Card(title=sink.name, subtitle=sink.site_name, drawing=Markup(drawn)))  # noqa: S704
    shown = {sink.sink_id for sink in bundle.sinks}
    for rank, unit in enumerate(unit for unit in bundle.units if unit.sink_id not in shown):
        drawn = plots.climate_card(bundle, None, [unit], f"u{rank}")
        cards.append(Card(title=unit.name, subtitle=unit.site_name, drawing=Markup(drawn)))  # noqa: S704
    return cards


def stays(bundle: FleetStatementBundle, colour: dict[str, str]) -> list[Stay]:
    """Sum up where and why each task ran, a line for each site, in order of first start."""
    groups: dict[tuple[str, str], list[JobRun]] = {}
    for run in _by_start(bundle):
        groups.setdefault((run.task_id, run.site_id), []).append(run)
    order = {task: rank for rank, task in enumerate(dict.fromkeys(task for task, _ in groups))}
    ranked = sorted(groups.items(), key=lambda item: order[item[0][0]])  # stable: sites stay by first start
    return [_stay(bundle, runs, colour[task]) for (task, _), runs in ranked]


def _stay(bundle: FleetStatementBundle, runs: list[JobRun], colour: str) -> Stay:
    last = max(run.end or bundle.end for run in runs)
    nodes = sorted({run.node_id for run in runs})
    return Stay(
        task_name=runs[0].task_name,
        colour=colour,
        site_name=runs[0].site_name,
        nodes=", ".join(nodes[:4]) + (f" and {len(nodes) - 4} more" if len(nodes) > 4 else ""),
        count=len(runs),
        outcomes=", ".join(f"{n} {word}" for word, n in Counter(run.outcome for run in runs).most_common()),
        span=f"{words.local(runs[0].start, bundle.timezone, '%a %H:%M')} to "
        f"{words.local(last, bundle.timezone, '%a %H:%M')}",
        reason=Counter(run.reason for run in runs if run.reason).most_common(1)[0][0]
        if any(run.reason for run in runs)
        else "not recorded",
    )


def _by_start(bundle: FleetStatementBundle) -> list[JobRun]:
    return sorted(bundle.runs, key=lambda run: (run.start, run.attempt_id))
