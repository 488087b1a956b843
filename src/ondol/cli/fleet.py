"""`ondol fleet`: checks and shows fleet files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from ondol.cli.listing import Column, field, print_json, print_rows, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import power, temperature

if TYPE_CHECKING:
    from ondol.model.fleet import Fleet
    from ondol.storage.fleet_file import Mistake

app = App(name="fleet", help="Check and show fleet files.")


@app.command
def check(file: Path, /, *, out: Out = SHOWN) -> int:
    """Tell every mistake of a fleet file, each with its line; exit code 1 where there is one.

    Parameters
    ----------
    file:
        The fleet file (TOML).
    """
    fleet, mistakes = _read(file)
    if fleet is not None and (mistakes := _counted_wrongly(fleet, file)):
        fleet = None
    if out.json:
        found = [{"file": str(file), "line": one.line, "where": one.where, "message": one.message} for one in mistakes]
        print_json({"ok": fleet is not None, "mistakes": found, "sites": [] if fleet is None else site_rows(fleet)})
        return 0 if fleet is not None else 1
    if fleet is None:
        for one in mistakes:
            sys.stderr.write(one.sentence(str(file)) + "\n")
        return 1
    print_text(f"{file} is right: {_counts(fleet)}")
    _print_sites(fleet, out=SHOWN)
    return 0


@app.command
def show(file: Path, /, *, out: Out = SHOWN) -> None:
    """Show the sites of a fleet file, their units and where the heat goes.

    Parameters
    ----------
    file:
        The fleet file (TOML).
    """
    from ondol.storage.fleet_file import read_fleet

    fleet = read_fleet(file)
    if out.json:
        print_json({"name": fleet.name, "sites": site_rows(fleet), "units": unit_rows(fleet)})
        return
    print_text(f"{fleet.name}: {_counts(fleet)}\n")
    _print_sites(fleet, out=SHOWN)
    print_text("")
    columns = (
        field("UNIT", "unit"),
        field("SITE", "site"),
        field("KIND", "kind"),
        field("NODES", "nodes", right=True),
        field("SLOTS", "slots", right=True),
        Column("POWER", lambda row: f"{power(row['idle_w'])} to {power(row['max_w'])}", right=True),
        field("HEATS", "sink"),
        field("SET-POINT", "setpoint"),
    )
    print_rows(unit_rows(fleet), columns, out=SHOWN)


def site_rows(fleet: Fleet) -> list[dict[str, Any]]:
    """One row a site: what is there and how much power it takes."""
    rows = []
    for site in fleet.sites:
        units = fleet.units_of(site.id)
        nodes = [node for unit in units for node in fleet.nodes_of(unit.id)]
        rows.append(
            {
                "site": site.id,
                "name": site.name,
                "units": len(units),
                "nodes": len(nodes),
                "slots": sum(node.slots for node in nodes),
                "max_w": sum(node.curve.max_w for node in nodes),
                "limit_w": site.electrical_limit_w,
                "pue": site.pue,
                "sinks": sum(sink.site_id == site.id for sink in fleet.sinks),
                "host_cores": round(sum(node.host_cores for node in nodes), 6),
            }
        )
    return rows


def unit_rows(fleet: Fleet) -> list[dict[str, Any]]:
    """One row a unit: its nodes, and what it heats."""
    rows = []
    for unit in fleet.units:
        nodes, sink = fleet.nodes_of(unit.id), fleet.sink_of(unit)
        rows.append(
            {
                "unit": unit.id,
                "site": unit.site_id,
                "kind": unit.kind.value,
                "nodes": len(nodes),
                "slots": sum(node.slots for node in nodes),
                "idle_w": sum(node.curve.idle_w for node in nodes),
                "max_w": sum(node.curve.max_w for node in nodes),
                "sink": None if sink is None else sink.id,
                "setpoint": None if sink is None else _setpoint(fleet, sink.id),
            }
        )
    return rows


def _setpoint(fleet: Fleet, sink_id: Any) -> str | None:
    request = fleet.request_for(sink_id)
    if request is None:
        return None
    values = [slot.value for slot in request.schedule.slots]
    words = power if request.kind == "power" else temperature
    low, high = words(min(values)), words(max(values))
    return low if low == high else f"{low} to {high}"


def _print_sites(fleet: Fleet, *, out: Out) -> None:
    columns = (
        field("SITE", "site"),
        field("NAME", "name"),
        field("UNITS", "units", right=True),
        field("NODES", "nodes", right=True),
        field("SLOTS", "slots", right=True),
        field("MOST POWER", "max_w", power, right=True),
        field("PUE", "pue", right=True),
        field("HEATED", "sinks", right=True),
    )
    print_rows(site_rows(fleet), columns, out=out)


def _counts(fleet: Fleet) -> str:
    parts = [(len(fleet.sites), "site"), (len(fleet.units), "unit"), (len(fleet.nodes), "node")]
    parts += [(len(fleet.sinks), "heated place"), (len(fleet.requests), "request")]
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts)


def _counted_wrongly(fleet: Fleet, file: Path) -> list[Mistake]:
    """Tell what a start would refuse of its factors, carbon basis, hardware and reference heaters."""
    from ondol.cli.fleet_choice import own_factors_at
    from ondol.control.carbon_ground import carbon_ground
    from ondol.model.errors import OndolError
    from ondol.storage.fleet_file import Mistake

    try:
        carbon_ground(own_factors_at(fleet, file.parent), ask=False)
    except OndolError as error:
        return [Mistake("accounting", None, str(error))]
    return []


def _read(file: Path) -> tuple[Fleet | None, list[Mistake]]:
    from ondol.storage.fleet_file import FleetFileError, read_fleet

    try:
        return read_fleet(file), []
    except FleetFileError as error:
        return None, error.mistakes
