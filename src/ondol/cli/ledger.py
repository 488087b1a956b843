"""`ondol ledger`: energy, heat and carbon, row by row or summed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.kinds import TASKS, find_id
from ondol.cli.kinds import rows as rows_of
from ondol.cli.ledger_files import open_store, write_html
from ondol.cli.listing import field, print_json, print_pairs, print_rich, print_rows, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock, energy, temperature
from ondol.control.layout import data_folder
from ondol.model.errors import InvalidFieldError

app = App(name="ledger", help="Energy, heat and carbon, row by row or summed.")

From = Annotated[str | None, Parameter(name="--from")]
_J_PER_KWH = 3.6e6
_PAGE = 5000
_FINDINGS = 20


@app.command(name="energy")
def energy_(
    *,
    task: str | None = None,
    site: str | None = None,
    last: int = 20,
    from_: From = None,
    to: str | None = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """List electricity: which share of which node, in which window, on whose account.

    Parameters
    ----------
    task:
        Only this task's rows.
    site:
        Only this site's rows.
    last:
        Only so many of the latest rows, 0 for all.
    from_:
        From this platform time on, ISO 8601, e.g. 2022-01-26T04:30Z; 7 days back if left out, unless a task is named.
    to:
        Before this platform time.
    """
    rows = _rows("/ledger/v1/energy", where, task=task, site=site, last=last, from_=from_, to=to)
    columns = (
        field("FROM (UTC)", "start", clock),
        field("TO", "end", lambda end: clock(end)[-8:]),
        field("SITE", "site_id"),
        field("NODE", "node_id"),
        field("SHARE", "share"),
        field("ENERGY", "energy_j", _kwh, right=True),
        field("CPU", "cpu_s", lambda value: f"{value or 0:.2f} s", right=True),
        field("GRID", "grid_g_per_kwh", lambda value: f"{value:.0f} g/kWh", right=True),
        field("TIER", "tier"),
        field("TASK", "task_id", lambda value: str(value)[:8] if value else UNKNOWN),
    )
    print_rows(rows, columns, out=out, empty="The ledger's first window has not passed yet.")


@app.command
def heat(
    *,
    site: str | None = None,
    last: int = 20,
    from_: From = None,
    to: str | None = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """List heat: what each unit delivered, what was asked of it, what was felt.

    Parameters
    ----------
    site:
        Only this site's rows.
    last:
        Only so many of the latest rows, 0 for all.
    from_:
        From this platform time on, ISO 8601, e.g. 2022-01-26T04:30Z; 7 days back if left out.
    to:
        Before this platform time.
    """
    rows = _rows("/ledger/v1/heat", where, task=None, site=site, last=last, from_=from_, to=to)
    columns = (
        field("FROM (UTC)", "start", clock),
        field("TO", "end", lambda end: clock(end)[-8:]),
        field("UNIT", "unit_id"),
        field("HEATS", "sink_id"),
        field("ELECTRICITY", "electric_j", _kwh, right=True),
        field("DELIVERED", "delivered_j", _kwh, right=True),
        field("ASKED FOR", "demanded_j", _kwh, right=True),
        field("TEMP.", "temp_c", temperature, right=True),
        field("DISCOMFORT", "discomfort_kh", lambda value: f"{value or 0:.3f} K·h", right=True),
    )
    print_rows(rows, columns, out=out, empty="The ledger's first window has not passed yet.")


@app.command
def statement(
    *,
    task: str | None = None,
    site: str | None = None,
    html: Path | None = None,
    from_: From = None,
    to: str | None = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show what a task, a site, or the whole fleet took and gave.

    Parameters
    ----------
    task:
        Of this task of yours.
    site:
        Of this site.
    html:
        Write the fleet's statement with its drawings to this file; needs the platform's data folder on this machine.
    from_:
        Of a site or the fleet: from this platform time on, ISO 8601; 7 days back if left out, 31 days at most.
    to:
        Before this platform time.
    """
    if task is not None and site is not None:
        raise InvalidFieldError("--task", task, "given without --site: a statement is of one of them")
    if html is not None:
        if task is not None or site is not None:
            raise InvalidFieldError("--html", str(html), "given without --task and --site: it is of the whole fleet")
        if from_ is not None or to is not None:
            raise InvalidFieldError("--html", str(html), "given without --from and --to: it is of all that was")
        write_html(html, where)
        print_text(str(html))
        return
    with open_api(where) as api:
        made = api.get(
            "/ledger/v1/statement", task=None if task is None else _task_key(api, task), site=site, **_span(from_, to)
        )
        if made["kind"] == "fleet" and not out.json:
            titles = {str(one["uuid"]): str(one["name"]) for one in rows_of(api, TASKS)}
            for job in made["statement"]["jobs"]:
                job["name"] = titles.get(job["task_id"], job["name"])
    if out.json:
        print_json(made)
    elif made["kind"] == "task":
        _print_task(made)
    else:
        _print_sites(made)


@app.command
def check(
    *,
    data: Annotated[
        Path | None, Parameter(help="Data folder of the platform [env: ONDOL_DATA, default: ./var/ondol].")
    ] = None,
    out: Out = SHOWN,
) -> int:
    """Audit the data folder: do tasks, attempts and joules agree? Exit code 3 where they do not."""
    from ondol.control.audit import audit

    folder = data_folder(data)
    with open_store(folder) as store:
        result = audit(store)
        if result.findings:
            result = audit(store)  # a running platform may have written between two looks
    if out.json:
        print_json({name: getattr(result, name) for name in result.__dataclass_fields__})
        return 3 if result.findings else 0
    verdict = f"{len(result.findings)} disagreements" if result.findings else "everything agrees"
    print_pairs(
        [
            ("tasks", result.tasks),
            ("instances", result.instances),
            ("attempts", result.attempts),
            ("ledger rows", result.ledger_rows),
            ("electricity", energy(result.energy_j / _J_PER_KWH)),
            ("worst residual", f"{result.worst_residual:.1e} relative (1e-09 is allowed)"),
            ("verdict", verdict),
        ]
    )
    for finding in result.findings[:_FINDINGS]:
        print_text(f"  {finding}")
    return 3 if result.findings else 0


def _span(from_: str | None, to: str | None) -> dict[str, str | None]:
    return {"from": from_, "to": to}


def _rows(
    path: str, where: Where, *, task: str | None, site: str | None, last: int, from_: str | None, to: str | None
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with open_api(where) as api:
        query: dict[str, object] = {
            "task": None if task is None else _task_key(api, task),
            "site": site,
            **_span(from_, to),
        }
        first = api.get(path, **query, limit=1)
        query["from"], total = first["from"], first["total"]  # all pages are of one span, also over midnight
        offset: int | None = max(0, total - last) if last > 0 else 0
        while offset is not None:
            page = api.get(path, **query, offset=offset, limit=_PAGE)
            rows += page["data"]
            offset = page["next_offset"]
    return rows


def _task_key(api: Any, key: str) -> str:
    """Whole ids go as they are: the ledger knows deleted tasks too."""
    return key if len(key) == 36 else find_id(api, TASKS, key)


def _kwh(joules: float | None) -> str:
    return UNKNOWN if joules is None else energy(joules / _J_PER_KWH)


def _print_task(made: dict[str, Any]) -> None:
    from ondol.report.words import grams

    one = made["statement"]
    places: dict[str, float] = {}
    for place in one["places"]:
        places[place["site_name"]] = places.get(place["site_name"], 0.0) + place["it_kwh"]
    print_pairs(
        [
            ("task", one["name"]),
            ("attempts", one["attempts"]),
            ("electricity", f"{energy(one['total_kwh'])}, of it overhead {energy(one['overhead_kwh'])}"),
            ("charged to heat", energy(one["charged_to_heat_kwh"]) if one["charged_to_heat_kwh"] else ""),
            ("carbon", f"{grams(one['carbon_g'])} ({grams(one['carbon_low_g'])} to {grams(one['carbon_high_g'])})"),
            ("useful heat", energy(one["useful_heat_kwh"])),
            ("CPU time", f"{one['cpu_s']:.1f} s"),
            ("ran at", ", ".join(f"{name} {energy(amount)}" for name, amount in places.items())),
            ("known by", ", ".join(f"{tier} {energy(amount)}" for tier, amount in one["kwh_by_tier"])),
            ("factor", one["factor"]),
        ]
    )


def _print_sites(made: dict[str, Any]) -> None:
    """Print the tables of the statement of one site or of the fleet."""
    import msgspec

    from ondol.accounting.statement import FleetStatement, SiteStatement
    from ondol.report.terminal import job_table, share_table, site_table

    if made["kind"] == "site":
        one = msgspec.convert(made["statement"], SiteStatement)
        fleet = FleetStatement(
            figures=one.figures, discomfort_kh=one.discomfort_kh, sites=(one,), jobs=(), method=one.method
        )
    else:
        fleet = msgspec.convert(made["statement"], FleetStatement)
    terms, span = made["terms"], fleet.figures
    print_text(
        f"{span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M} UTC, platform time "
        f"({terms['clock_rate']:g} × wall time), policy {terms['policy']}\n"
    )
    print_rich(site_table(fleet))
    print_rich(share_table(fleet))
    if fleet.jobs:
        print_rich(job_table(fleet))
    print_text(f"Carbon: {fleet.figures.carbon.factor}.")
