"""`ondol factors`: what carbon is counted with, row by row, without a platform."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.listing import (
    WIDTH,
    AsJson,
    Column,
    field,
    print_json,
    print_pairs,
    print_paragraph,
    print_rows,
    print_text,
)

if TYPE_CHECKING:
    from ondol.accounting.embodied import Impacts
    from ondol.accounting.registry import Registry
    from ondol.model.factor import Factor
    from ondol.model.fleet import Fleet
    from ondol.model.hardware_parts import Hardware

app = App(name="factors", help="Factors that carbon is counted with: sources, ranges, your own rows.")
_AsFleet = Annotated[Path | None, Parameter(name="--fleet")]
_AsOwn = Annotated[Path | None, Parameter(name="--own")]


@app.command(name="list")
def list_(
    group: str = "", *, geography: str = "", own: _AsOwn = None, fleet: _AsFleet = None, as_json: AsJson = False
) -> None:
    """List the factors.

    Parameters
    ----------
    group:
        First part of their ids, whole words: electricity, carrier, heater, equivalence, embodied, gpu, die, archetype.
    geography:
        ISO 3166 country, EU or world.
    own:
        A table of your own rows (CSV) that come before the packaged ones.
    fleet:
        A fleet file that may name such a table.
    """
    registry = _registry(own, fleet)
    rows = [_plain(registry, row) for row in registry.find(group, geography=geography)]
    if as_json:
        print_json({"factors": registry.label, "data": rows})
        return
    if not rows:
        print_text("No such factor; 'ondol factors list' shows all.")
    for unit in dict.fromkeys(row["unit"] for row in rows):
        columns = (
            field(unit, "id", folds=False),
            *(field(name, name, _four, right=True, folds=False) for name in ("value", "low", "high")),
            Column("year", lambda row: f"{row['year']}{'*' if row['own'] else ' '}", right=True, folds=False),
        )
        print_rows([row for row in rows if row["unit"] == unit], columns, width=WIDTH)
        print_text("")
    if any(row["own"] for row in rows):
        print_text("* a row of your own")
    print_paragraph(f"{len(rows)} of {len(registry.rows)} rows, {registry.label}")


@app.command
def show(factor: str, *, own: _AsOwn = None, fleet: _AsFleet = None, as_json: AsJson = False) -> None:
    """Show one factor with its scope, source and licence; of a reference heater also what its heat costs.

    Parameters
    ----------
    factor:
        Its id.
    own:
        A table of your own rows (CSV) that come before the packaged ones.
    fleet:
        A fleet file that may name such a table.
    """
    registry = _registry(own, fleet)
    row = registry.get(factor)
    heat = _heat(registry, row)
    if as_json:
        print_json({"factors": registry.label, **_plain(registry, row), "useful_heat": heat})
        return
    pairs = [
        (name, f"{value:g}" if isinstance(value, float) else value) for name, value in _plain(registry, row).items()
    ]
    if heat is not None:
        text = f"{heat['value']:.4f} ({heat['low']:.4f} to {heat['high']:.4f}) kgCO2e, carrier of {heat['geography']}"
        pairs.append(("a kWh of heat", text))
    print_pairs([*pairs, ("table", registry.label)], width=WIDTH)


@app.command
def check(file: Path, *, as_json: AsJson = False) -> int:
    """Check a table of your own rows; every mistake is told with its line, and the exit code is 1 where there is one.

    Parameters
    ----------
    file:
        CSV with the columns of the packaged table.
    """
    from ondol.accounting.factor_table import FactorTableError
    from ondol.signals.factors import packaged_registry, registry_with

    try:
        registry = registry_with(file)
    except FactorTableError as error:
        if not as_json:
            raise
        print_json({"file": str(file), "right": False, "mistakes": [dataclasses.asdict(one) for one in error.mistakes]})
        return 1
    packaged = packaged_registry().rows
    replaced = [key for key in registry.own if key in packaged]
    added = [key for key in registry.own if key not in packaged]
    if as_json:
        known = {"added": added, "replaced": replaced, "factors": registry.label}
        print_json({"file": str(file), "right": True, "mistakes": [], **known})
        return 0
    print_text(f"{file} is right: {len(added)} added, {len(replaced)} in place of packaged ones; {registry.label}")
    return 0


@app.command
def embodied(
    hardware: str = "",
    *,
    fleet: _AsFleet = None,
    own: _AsOwn = None,
    data: Path | None = None,
    as_json: AsJson = False,
) -> None:
    """Show what making a kind of machine costs, part by part, and an hour of its life.

    Parameters
    ----------
    hardware:
        Its specification in the fleet file; all of them if left out.
    fleet:
        The fleet file; that of the last start if left out.
    own:
        A table of your own rows (CSV), in place of the fleet's.
    data:
        Data folder of the platform [env: ONDOL_DATA, default: ./var/ondol].
    """
    from ondol.model.errors import NotFoundError

    known = _fleet(fleet, data)
    described = {kind.specification for kind in known.hardware}
    if hardware and hardware not in described:
        names = ", ".join(sorted(described)) or "no hardware at all"
        raise NotFoundError("hardware", f"{hardware} (the fleet file describes {names})")
    registry = _registry_of(known, own)
    told = [_machine(kind, registry) for kind in known.hardware if hardware in ("", kind.specification)]
    unknown = sorted({node.specification for node in known.nodes} - described)
    if as_json:
        print_json({"factors": registry.label, "data": told, "unknown": unknown})
        return
    for machine in told:
        _print_machine(machine)
    if unknown and not hardware:
        print_paragraph(f"not described, so left out of statements and named there: {', '.join(unknown)}")


def _machine(kind: Hardware, registry: Registry) -> dict[str, Any]:
    from ondol.accounting.embodied import embodied_of, embodied_rate

    made = embodied_of(kind, registry)
    return {
        "specification": kind.specification,
        "method": made.method,
        "asks_boavizta": kind.boavizta,
        "lifetime_h": made.lifetime_h,
        "second_life": made.second_life,
        "written_off_at": made.written_off_at,
        "parts": [_row(part.name, part.impacts) for part in made.parts],
        "making": _row("together", made.impacts),
        "per_hour": _row("an hour", embodied_rate(made)),
        "sources": made.sources,
    }


def _row(name: str, impacts: Impacts) -> dict[str, Any]:
    return {"name": name, **dataclasses.asdict(impacts)}


def _print_machine(machine: dict[str, Any]) -> None:
    print_paragraph(
        f"{machine['specification']}: {machine['method']}, {machine['lifetime_h']:g} h, {machine['second_life']}"
        + (f", counted until {machine['written_off_at']:%Y-%m-%d}" if machine["written_off_at"] else "")
        + ("; a platform asks BoaviztAPI instead" if machine["asks_boavizta"] else "")
    )
    columns = [field("part", "name")]
    for key, heading, scale in (("gwp", "kgCO2e", 1.0), ("adpe", "mgSb", 1e6), ("pe", "MJ", 1.0)):
        columns.append(field(f"{heading} (low to high)", key, functools.partial(_ranged, scale=scale), folds=False))
    print_rows([*machine["parts"], machine["making"]], columns, width=WIDTH)
    hour = machine["per_hour"]
    told = ", ".join(
        f"{_ranged(hour[key], scale=scale)} {unit}"
        for key, unit, scale in (("gwp", "gCO2e", 1e3), ("adpe", "mgSb", 1e6), ("pe", "MJ", 1.0))
        if hour[key] is not None
    )
    print_paragraph(told, label="an hour of its life")


def _ranged(band: dict[str, float] | None, *, scale: float) -> str:
    if band is None:
        return ""
    value, low, high = (_short(band[name] * scale) for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _four(value: float) -> str:
    return f"{value:.4g}" if value < 1e4 else f"{value:g}"


def _registry(own: Path | None, fleet: Path | None) -> Registry:
    from ondol.signals.factors import registry_with

    return registry_with(own) if fleet is None or own is not None else _registry_of(_fleet(fleet, None), None)


def _registry_of(fleet: Fleet, own: Path | None) -> Registry:
    from ondol.signals.factors import registry_with

    return registry_with(own or (Path(fleet.accounting.factors) if fleet.accounting.factors else None))


def _fleet(file: Path | None, data: Path | None) -> Fleet:
    from ondol.cli.fleet_choice import choose_fleet
    from ondol.control.layout import data_folder

    return choose_fleet(file, data_folder(data))


def _plain(registry: Registry, row: Factor) -> dict[str, Any]:
    values = {name: getattr(value, "value", value) for name, value in dataclasses.asdict(row).items()}
    return {**values, "own": registry.is_own(row.id)}


def _heat(registry: Registry, row: Factor) -> dict[str, Any] | None:
    """What a kWh of a heater's heat costs, with the electricity of the row's own country."""
    if not row.carrier:
        return None
    from ondol.accounting.factor_combine import useful_heat

    heat = useful_heat(registry, row.id, row.geography)
    return {"value": heat.value, "low": heat.low, "high": heat.high, "unit": heat.unit, "geography": heat.geography}
