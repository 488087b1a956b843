"""`ondol factors`: what carbon is counted with, row by row, without a platform."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.listing import AsJson, field, print_json, print_pairs, print_rows, print_text

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
    columns = (
        field("factor", "id"),
        field("value", "value", lambda value: f"{value:g}", right=True),
        field("low", "low", lambda value: f"{value:g}", right=True),
        field("high", "high", lambda value: f"{value:g}", right=True),
        field("unit", "unit"),
        field("year", "year", right=True),
        field("own", "own", lambda own: "own" if own else "-"),
    )
    print_rows(rows, columns, empty="No such factor; 'ondol factors list' shows all.")
    print_text(f"{len(rows)} of {len(registry.rows)} rows, {registry.label}")


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
    print_pairs([*pairs, ("table", registry.label)])


@app.command
def check(file: Path) -> None:
    """Check a table of your own rows; every mistake is told with its line.

    Parameters
    ----------
    file:
        CSV with the columns of the packaged table.
    """
    from ondol.signals.factors import packaged_registry, registry_with

    registry = registry_with(file)
    replaced = sum(row in packaged_registry().rows for row in registry.own)
    print_text(
        f"{file} is right: {len(registry.own) - replaced} added, {replaced} in place of packaged ones; {registry.label}"
    )


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
        print_text(f"not described, so left out of statements and named there: {', '.join(unknown)}")


def _machine(kind: Hardware, registry: Registry) -> dict[str, Any]:
    from ondol.accounting.embodied import embodied_of, embodied_rate

    made = embodied_of(kind, registry)
    return {
        "specification": kind.specification,
        "method": made.method,
        "asks_boavizta": kind.boavizta,
        "lifetime_h": made.lifetime_h,
        "second_life": made.second_life,
        "parts": [_row(part.name, part.impacts) for part in made.parts],
        "making": _row("together", made.impacts),
        "per_hour": _row("an hour", embodied_rate(made)),
        "sources": made.sources,
    }


def _row(name: str, impacts: Impacts) -> dict[str, Any]:
    return {"name": name, **dataclasses.asdict(impacts)}


def _print_machine(machine: dict[str, Any]) -> None:
    print_text(
        f"{machine['specification']}: {machine['method']}, {machine['lifetime_h']:g} h, {machine['second_life']}"
        + ("; a platform asks BoaviztAPI instead" if machine["asks_boavizta"] else "")
    )
    columns = [field("part", "name")]
    for key, heading in (("gwp", "kgCO2e"), ("adpe", "kgSb"), ("pe", "MJ")):
        columns += [
            field(heading, f"{key}.value", _short, right=True),
            field("low", f"{key}.low", _short, right=True),
            field("high", f"{key}.high", _short, right=True),
        ]
    print_rows([*machine["parts"], machine["making"], machine["per_hour"]], columns)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


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
