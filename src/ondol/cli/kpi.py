"""`ondol kpi`: key figures of ISO/IEC 30134, the table of (EU) 2024/1364, the French thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.api import YEARS_S
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.kpi_declared import NOTHING, Declared
from ondol.cli.listing import WIDTH, Column, field, print_json, print_paragraph, print_rows, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock
from ondol.model.errors import InvalidFieldError
from ondol.storage.whole_files import write_whole

app = App(name="kpi", help="Key figures of data centres, what authorities want to be told, thresholds.")
From = Annotated[str | None, Parameter(name="--from")]
_PATH = "/ledger/v1/kpi"


@app.command
def site(
    site: str,
    /,
    *,
    from_: From = None,
    to: str | None = None,
    declared: Declared = NOTHING,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show the key figures of a site.

    Parameters
    ----------
    site:
        Its id.
    from_:
        From this platform time on, ISO 8601; 7 days back if left out, a year at most.
    to:
        Before this platform time.
    """
    _show({"site": site, "from": from_, "to": to, **declared.query}, out, where)


@app.command
def entity(
    name: str,
    /,
    *,
    from_: From = None,
    to: str | None = None,
    declared: Declared = NOTHING,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show the key figures of all sites of a legal entity; for the operator.

    Parameters
    ----------
    name:
        As `legal_entity` of the fleet file names it.
    from_:
        From this platform time on, ISO 8601; 7 days back if left out, a year at most.
    to:
        Before this platform time.
    """
    _show(
        {"entity": name, "from": from_, "to": to, **declared.query},
        out,
        where,
    )


@app.command
def fleet(
    *,
    from_: From = None,
    to: str | None = None,
    declared: Declared = NOTHING,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show the key figures of all sites together; for the operator.

    Parameters
    ----------
    from_:
        From this platform time on, ISO 8601; 7 days back if left out, a year at most.
    to:
        Before this platform time.
    """
    _show({"from": from_, "to": to, **declared.query}, out, where)


@app.command
def eu_export(
    *,
    site: str | None = None,
    entity: str | None = None,
    from_: From = None,
    to: str | None = None,
    csv: Path | None = None,
    declared: Declared = NOTHING,
    floor_m2: float | None = None,
    computer_room_m2: float | None = None,
    battery_kw: float | None = None,
    potable_m3: float | None = None,
    waste_heat_c: float | None = None,
    intake_c: float | None = None,
    refrigerants: str | None = None,
    cooling_degree_days: float | None = None,
    servers_capacity: float | None = None,
    storage_pb: float | None = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show the fields of Regulation (EU) 2024/1364; what is not known is empty and says why. For the operator.

    Parameters
    ----------
    site:
        Of this site only.
    entity:
        Of all sites of this legal entity.
    from_:
        From this platform time on, ISO 8601; a report is of a calendar year.
    to:
        Before this platform time.
    csv:
        Write it to this file as a sheet.
    floor_m2:
        Floor area of the data centre, in m².
    computer_room_m2:
        Floor area of its computer rooms, in m².
    battery_kw:
        Battery power offered to the grid, in kW.
    potable_m3:
        Potable water taken in, in m³.
    waste_heat_c:
        Mean temperature of the waste heat, in °C.
    intake_c:
        Mean set-point at the air intake of the servers, in °C.
    refrigerants:
        Kinds of refrigerants.
    cooling_degree_days:
        Of the place in the year, in K·d.
    servers_capacity:
        Capacity of the servers by their benchmark.
    storage_pb:
        Capacity of storage, in PB.
    """
    if site is not None and entity is not None:
        raise InvalidFieldError("--entity", entity, "given without --site: the table is of one of them")
    query: dict[str, object] = {
        "site": site,
        "entity": entity,
        "from": from_,
        "to": to,
        **declared.query,
        "floor_m2": floor_m2,
        "computer_room_m2": computer_room_m2,
        "battery_kw": battery_kw,
        "potable_m3": potable_m3,
        "waste_heat_c": waste_heat_c,
        "intake_c": intake_c,
        "refrigerants": refrigerants,
        "cooling_degree_days": cooling_degree_days,
        "servers_capacity": servers_capacity,
        "storage_pb": storage_pb,
    }
    with open_api(where, timeout_s=YEARS_S) as api:
        if csv is not None:
            write_whole(csv, api.data(f"{_PATH}/eu-2024-1364", format="csv", **query))
            print_text(str(csv))
            return
        made = api.get(f"{_PATH}/eu-2024-1364", **query)
    if out.json:
        print_json(made)
        return
    columns = (
        field("ANNEX", "annex", folds=False),
        field("FIELD", "symbol", folds=False),
        field("WHAT", "name"),
        field("VALUE", "value", lambda value: UNKNOWN if value is None else _number(value), right=True, folds=False),
        field("UNIT", "unit", folds=False),
    )
    print_rows(made["fields"], columns, out=out, width=WIDTH)
    empty: dict[str, list[str]] = {}
    for one in made["fields"]:
        if one["value"] is None:
            empty.setdefault(one["unknown"], []).append(one["symbol"])
    for why, symbols in empty.items():
        print_paragraph(f"{', '.join(symbols)} ({why})", label="Empty")
    for note in made["notes"]:
        print_paragraph(note)


@app.command
def thresholds(*, from_: From = None, to: str | None = None, out: Out = SHOWN, where: Where = HERE) -> None:
    """Hold installed power by SIRET against the French thresholds; for the operator.

    Parameters
    ----------
    from_:
        Reuse of heat from this platform time on, ISO 8601; 7 days back if left out, a year at most.
    to:
        Before this platform time.
    """
    with open_api(where, timeout_s=YEARS_S) as api:
        made = api.get(f"{_PATH}/thresholds", **{"from": from_, "to": to})
    if out.json:
        print_json(made)
        return
    columns = (
        field("SIRET", "siret", folds=False),
        Column("SITES", lambda row: ", ".join(row["sites"])),
        field("IT POWER", "installed_it_w", lambda power_w: f"{power_w / 1000:g} kW", right=True, folds=False),
        field("500 kW: REPORT", "must_report", lambda due: "yes" if due else "no", folds=False),
        field("1 MW: USE HEAT", "must_use_heat", lambda due: "yes" if due else "no", folds=False),
        field("ERF", "erf", _number, right=True, folds=False),
    )
    print_rows(made["by_siret"], columns, out=out, empty="No French site has a SIRET.", width=WIDTH)
    for note in made["notes"]:
        print_paragraph(note)
    if made["undecided"]:
        print_paragraph("With the sites without a SIRET a number could be over a threshold: this is not decided.")


def _show(query: dict[str, object], out: Out, where: Where) -> None:
    from ondol.report.words import grams

    with open_api(where, timeout_s=YEARS_S) as api:
        made = api.get(_PATH, **query)
    if out.json:
        print_json(made)
        return
    print_paragraph(
        f"{made['kind']} {made['id']}, {clock(made['from'])} to {clock(made['to'])} UTC, {made['period']} figures; "
        f"carbon basis {made['basis']}"
    )
    print_text("")
    columns = (
        field("FIGURE", "name"),
        field("VALUE", "value", _number, right=True, folds=False),
        field("UNIT", "unit", folds=False),
        field("DATA", "tier", folds=False),
    )
    print_rows(made["kpis"], columns, out=out, width=WIDTH)
    print_text("")
    for one in made["kpis"]:
        why = f"not known: {one['undefined']}" if one["value"] is None else ""
        told = "; ".join(part for part in (why, one["note"], one["standard"]) if part)
        print_paragraph(told, label=one["id"].replace("_", " "))
    print_text("")
    told = made["scope_2"]
    market = "not known" if told["market_g"] is None else grams(told["market_g"])
    print_paragraph(f"Scope 2: location-based {grams(told['location_g'])}, market-based {market} ({told['note']}).")
    for note in made["notes"]:
        print_paragraph(note)


def _number(value: Any) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.4g}".replace(",", " ") if isinstance(value, int | float) and abs(value) < 1e6 else f"{value}"
