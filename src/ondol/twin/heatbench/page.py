"""The benchmark as one HTML file that needs nothing else; light and dark, desk and phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ondol.report.comparison_plots import CARBON_PARTS, colour_of
from ondol.report.drawing import variable
from ondol.twin.heatbench import plots
from ondol.twin.heatbench.aims import Verdict
from ondol.twin.heatbench.report import KINDS, by_how_much, number, standings, why_not
from ondol.twin.heatbench.standing import Line

_WAITS = tuple(
    (f"wait_{kind}_p{share}_s", f"p{share}\n{label}" if share == 90 else f"p{share}")
    for kind, label in (("on_demand", "now"), ("flex", "flex"), ("harvest", "harvest"))
    for share in (50, 90, 99)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A case's drawings."""

    name: str
    note: str
    carbon: Markup
    waits: Markup | None
    discomfort: Markup | None


def write_page(
    path: Path, lines: Sequence[Line], found: Sequence[Verdict], *, policy: str, about: Sequence[str]
) -> None:
    """Write the page.

    Parameters
    ----------
    lines : of all policies and cases, at least one
    found : verdicts on the aims of `policy`
    about : sentences at the end: how it was made
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("ondol.twin.heatbench"), PackageLoader("ondol.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    policies = list(dict.fromkeys(line.policy for line in lines))
    cases = list(dict.fromkeys(line.case for line in lines))
    text = environment.get_template("benchmark.html.j2").render(
        policy=policy if policy in policies else "",
        standings=standings(lines),
        verdicts=found,
        number=number,
        by_how_much=by_how_much,
        legend=[(name, variable(colour_of(rank))) for rank, name in enumerate(policies)],
        carbon_legend=[(label, variable(colour)) for _, label, colour in CARBON_PARTS],
        captured=_safe(plots.captured(lines, "g")) if any(line.counts for line in lines) else None,
        cases=[_shown([line for line in lines if line.case == case], rank) for rank, case in enumerate(cases)],
        about=about,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _shown(lines: Sequence[Line], rank: int) -> Shown:
    waits = [(name, label) for name, label in _WAITS if any(name in line.figures for line in lines)]
    names = [(f"discomfort_{kind}_kh", kind) for kind in KINDS]
    kinds = [one for one in names if any(one[0] in line.figures for line in lines)] or [("discomfort_kh", "all sinks")]
    felt = any(name in line.figures for line in lines for name, _ in kinds)
    waited = plots.bars(lines, waits, "wait, s", f"w{rank}", log=True) if waits else ""
    felt_svg = plots.bars(lines, kinds, "discomfort, K·h", f"d{rank}", log=False) if felt else ""
    return Shown(
        name=lines[0].case,
        note="" if lines[0].counts else why_not(lines),
        carbon=_safe(plots.carbon(lines, f"c{rank}")),
        waits=_safe(waited) if waited else None,
        discomfort=_safe(felt_svg) if felt_svg else None,
    )


def _safe(drawn: str) -> Markup:
    return Markup(drawn)  # noqa: S704 - our own SVG, its text escaped
