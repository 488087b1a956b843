"""A statement on the terminal, in 80 columns."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ondol.accounting.figures import Figures
from ondol.accounting.statement import FleetStatement, JobStatement
from ondol.report import words
from ondol.report.bundle import FleetStatementBundle

WIDTH = 80


def print_statement(bundle: FleetStatementBundle, console: Console | None = None) -> None:
    """Print the statement, never wider than 80 columns."""
    console = console or Console()
    console.print(render_statement(bundle), width=min(WIDTH, console.width))


def render_statement(bundle: FleetStatementBundle) -> Group:
    """Give the statement as something rich can print."""
    fleet = bundle.fleet
    parts: list[RenderableType] = [
        Text(bundle.title, style="bold"),
        Text(
            f"{words.local(bundle.start, bundle.timezone)} to {words.local(bundle.end, bundle.timezone)} "
            f"({bundle.timezone}), policy {bundle.policy}",
            style="dim",
        ),
        Text(words.clock_note(bundle), style="dim"),
        Text(),
        *(Text(line) for line in words.summary(bundle)),
        Text(),
        _key_figures(fleet.figures, fleet.discomfort_kh),
        site_table(fleet),
        share_table(fleet),
    ]
    if fleet.jobs:
        parts.append(job_table(fleet))
    parts.append(Text(words.conservation_line(bundle), style="bold red" if bundle.findings else "green"))
    parts.append(Text())
    parts += [_bullet(note) for note in words.method_notes(bundle)]
    parts += [_bullet(source) for source in bundle.attributions]
    return Group(*parts)


def site_table(fleet: FleetStatement) -> Table:
    """Energy, heat, comfort and carbon by site."""
    table = _table("Sites", "elec.\nkWh", "PUE", "heat\nkWh", "useful\nkWh", "ERF", "discomf.\nK·h", "\ngCO2e")
    for site in fleet.sites:
        _site_row(table, site.name, site.figures, site.discomfort_kh)
    table.add_section()
    _site_row(table, "Fleet", fleet.figures, fleet.discomfort_kh)
    return table


def share_table(fleet: FleetStatement) -> Table:
    """On whose account each site's electricity goes."""
    table = _table("Shares, kWh", "jobs", "heat-only", "idle", "overhead", "total")
    for name, figures in [*((site.name, site.figures) for site in fleet.sites), ("Fleet", fleet.figures)]:
        if name == "Fleet":
            table.add_section()
        one = figures.energy
        amounts = (one.job_kwh, one.heat_only_kwh, one.idle_kwh, one.overhead_kwh, one.total_kwh)
        table.add_row(Text(name), *(words.number(amount) for amount in amounts))
    return table


def job_table(fleet: FleetStatement) -> Table:
    """What each job took, and where it ran."""
    table = _table("Jobs", "tries", "elec.\nkWh", "\ngCO2e", "useful\nheat kWh")
    table.add_column("where", ratio=5, overflow="fold")
    for job in fleet.jobs:
        table.add_row(
            Text(job.name),
            str(job.attempts),
            words.number(job.total_kwh),
            words.number(job.carbon_g),
            words.number(job.useful_heat_kwh),
            Text(places(job)),
        )
    return table


def places(job: JobStatement, most: int = 3) -> str:
    """The sites of a job with their share of its energy, largest first."""
    by_site: dict[str, float] = {}
    for place in job.places:
        by_site[place.site_name] = by_site.get(place.site_name, 0.0) + place.it_kwh
    ranked = sorted(by_site.items(), key=lambda item: (-item[1], item[0]))
    shown = [
        f"{name} {words.percent(amount / job.it_kwh)}" if job.it_kwh > 0 else name for name, amount in ranked[:most]
    ]
    return ", ".join(shown) + (f" and {len(ranked) - most} more" if len(ranked) > most else "")


def _key_figures(figures: Figures, discomfort_kh: float) -> Text:
    pairs = [
        ("PUE", words.number(figures.pue)),
        ("ERF", words.number(figures.erf)),
        ("ERE", words.number(figures.ere)),
        ("discomfort", f"{words.number(discomfort_kh)} K·h"),
        ("carbon", words.grams(figures.carbon.total_g)),
    ]
    text = Text()
    for name, value in pairs:
        text.append(f"{name} ", style="dim").append(value, style="bold").append("   ")
    text.rstrip()
    return text


def _site_row(table: Table, name: str, figures: Figures, discomfort_kh: float) -> None:
    heat = figures.heat
    table.add_row(
        Text(name),
        words.number(figures.energy.total_kwh),
        words.number(figures.pue),
        "no meter" if heat is None else words.number(heat.delivered_kwh),
        words.UNKNOWN if heat is None else words.number(heat.useful_kwh),
        words.number(figures.erf, 2),
        words.UNKNOWN if heat is None else words.number(discomfort_kh),
        words.number(figures.carbon.total_g),
    )


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold", width=WIDTH)
    table.add_column(first, overflow="fold", ratio=4)
    for other in others:
        table.add_column(other, justify="right", no_wrap=True)
    return table


def _bullet(note: str) -> Padding:
    grid = Table.grid(padding=(0, 1))
    grid.add_row("·", Text(note, style="dim"))
    return Padding(grid, (0, 0))
