"""`ondol worksheet`: figures worked out from numbers that somebody declares, by the formulas of statements."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ondol.cli.listing import WIDTH, AsJson, field, print_json, print_pairs, print_paragraph, print_rows, print_text

if TYPE_CHECKING:
    from ondol.accounting.worksheet.places import PlaceFigures
    from ondol.accounting.worksheet.worked import NodeSplit, Worked
    from ondol.accounting.worksheet.works import JobFigures

_REFUSED = 1


def worksheet(
    file: Path, /, *, own: Annotated[Path | None, Parameter(name="--own")] = None, as_json: AsJson = False
) -> int:
    """Work out key figures, views, avoided emissions, SCI and splits from declared numbers, without a platform.

    What is impossible is refused, table by table; then the exit code is 1.

    Parameters
    ----------
    file:
        The worksheet, TOML or JSON.
    own:
        A table of your own factors (CSV) that come before the packaged ones.
    """
    from ondol.accounting.worksheet.sheet import read_sheet
    from ondol.accounting.worksheet.worked import work_out
    from ondol.signals.factors import registry_with

    registry = registry_with(own)
    worked = work_out(read_sheet(_document(file)), registry)
    if as_json:
        print_json({"factors": registry.label, **_plain(worked)})
    else:
        _print(worked)
        print_text(f"factors: {registry.label}")
    return _REFUSED if worked.refused else 0


def _document(file: Path) -> Mapping[str, Any]:
    import json
    import tomllib

    from ondol.model.errors import InvalidFieldError, NotFoundError

    try:
        data = file.read_bytes()
    except OSError as error:
        raise NotFoundError("worksheet", f"{file} ({error.strerror})") from error
    try:
        found = json.loads(data, object_pairs_hook=_once) if file.suffix == ".json" else tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidFieldError(
            "worksheet", str(file), f"TOML, or JSON in a file that ends with .json ({error})"
        ) from error
    if not isinstance(found, dict):
        raise InvalidFieldError("worksheet", str(file), "a table of tables")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that stands twice would silently hide what stood there first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)} stands twice in one table")
    return found


def _plain(worked: Worked) -> dict[str, Any]:
    """All of it for programs, with enums as their values."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(dataclasses.asdict(worked), builtin_types=())
    return found


def _print(worked: Worked) -> None:
    for place in worked.sites:
        _print_place(place)
    for job in worked.jobs:
        _print_job(job)
    for name, made in worked.software:
        print_text(f"\n{name}: software carbon intensity (ISO/IEC 21031)")
        rows = [("O", made.operational_g, "gCO2e"), ("M", made.embodied_g, "gCO2e"), ("O + M", made.total_g, "gCO2e")]
        print_pairs([(key, f"{value:.10g} {unit}") for key, value, unit in rows] + [("SCI", _said(made.per_unit_g))])
    for split in worked.splits:
        _print_split(split)
    for place_name, why in worked.refused:
        print_text("")
        print_paragraph(why, label=f"REFUSED {place_name}")


def _print_place(place: PlaceFigures) -> None:
    from ondol.accounting.boundary import Boundary

    print_text("")
    print_paragraph(f"{place.name}: E_DC {place.e_dc_kwh:.10g} kWh, E_IT {place.e_it_kwh:.10g} kWh")
    rows = [{"id": one.id, "value": one.value, "unit": one.unit, "why": one.undefined} for one in place.kpis]
    columns = (
        field("figure", "id", folds=False),
        field("value", "value", _said, right=True, folds=False),
        field("unit", "unit", folds=False),
        field("why there is none", "why"),
    )
    print_rows(rows, columns, width=WIDTH)
    if place.boundary != Boundary().text:
        print_paragraph(place.boundary)
    for note in place.notes:
        print_paragraph(note)
    if place.scope_two is not None:
        two = place.scope_two
        market = "none" if two.market_g is None else f"{two.market_g / 1e3:.10g} kgCO2e"
        print_text(f"scope 2: location-based {two.location_g / 1e3:.10g} kgCO2e, market-based {market}")
        print_paragraph(f"({two.note})")


def _print_job(job: JobFigures) -> None:
    print_text(f"\n{job.name}: {job.total_g:.10g} gCO2e, no credit for heat in it")
    rows = [dataclasses.asdict(view) for view in job.views]
    columns = (
        field("view", "method", folds=False),
        field("work g", "job_g", _said, right=True, folds=False),
        field("heat g", "heat_g", _said, right=True, folds=False),
        field("g/kWh heat", "heat_g_per_kwh", _said, right=True, folds=False),
        field("why there is none", "unavailable"),
    )
    print_rows(rows, columns, width=WIDTH)
    if job.avoided is not None:
        box = job.avoided
        print_text("apart, never in an inventory:")
        pairs = [("avoided", box.named), (f"against {box.heat_pump_name}", box.heat_pump)]
        pairs += [] if box.net is None else [("A4, net", box.net)]
        pairs += (
            [] if job.by_contract is None else [("A6, heat", job.by_contract[0]), ("A6, compute", job.by_contract[1])]
        )
        print_pairs([(name, f"{span.g:.10g} g ({span.low_g:.6g} to {span.high_g:.6g})") for name, span in pairs])
        print_paragraph(box.sentence)
    if job.basket is not None:
        told = job.basket
        share = "" if told.delta_share is None else f" ({100.0 * told.delta_share:+.4g} %)"
        print_paragraph(f"apart, against {told.data_centre} and {told.heater}: {told.delta.g:.10g} g{share}")
        least = "no share is enough" if told.threshold is None else f"{told.threshold:.10g}"
        print_paragraph(
            f"electricity {told.platform_kwh:.10g} kWh against {told.reference_kwh:.10g}; useful share "
            f"{told.useful_share:.10g}, the least: {least}" + (f"; {told.note}" if told.note else "")
        )


def _print_split(split: NodeSplit) -> None:
    print_text("")
    print_paragraph(f"{split.name}: {split.total_kwh:.10g} kWh; {split.rule}")
    rows: Iterable[dict[str, Any]] = ({"who": who, "kwh": kwh, "w": watts} for who, kwh, watts in split.parts)
    columns = (
        field("who", "who"),
        field("kWh", "kwh", _said, right=True),
        field("W", "w", _said, right=True),
    )
    print_rows(list(rows), columns)


def _said(value: float | None) -> str:
    return "-" if value is None else f"{value:.9g}"
