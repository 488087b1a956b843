"""What the id of a row promises: code takes rows by their ids, so that another unit under one is wrong by thousands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ondol.model.errors import InvalidFieldError
from ondol.model.factor import GRAMS, Factor, Mix, Scope

_ELECTRICITY = re.compile(r"electricity-(?P<country>[a-z]{2})-(?P<kind>[a-z]+).*")
_CRITERIA = {"gwp": "kgCO2e", "adpe": "kgSb", "pe": "MJ"}
_EFFICIENCY = (0.05, 20.0)
_MOST_G_PER_KWH = 3000.0  # lignite is at 1,200; more is a slip of the unit


def id_mistakes(row: Factor) -> Iterator[InvalidFieldError]:
    """Tell where a row is not what its id says: unit, country, and numbers that no such thing has.

    A residual mix goes with location-based figures of direct emissions (GHG Protocol Scope 2 Guidance ch. 6; AIB
    publishes direct ones).
    """
    group, last = row.id.partition("-")[0], row.id.rpartition("-")[2]
    if last in _CRITERIA and not row.unit.startswith(_CRITERIA[last]):
        yield _mistake(row, "unit", row.unit, f"{_CRITERIA[last]} by something, for a row whose id ends with -{last}")
    if group == "heater":
        if row.unit != "kWh/kWh":
            yield _mistake(row, "unit", row.unit, "kWh/kWh: useful heat by what the heater takes in")
        elif not _EFFICIENCY[0] <= row.low <= row.high <= _EFFICIENCY[1]:
            span = f"low and high from {_EFFICIENCY[0]:g} to {_EFFICIENCY[1]:g}, not a percentage"
            yield _mistake(row, "value", row.value, span)
    if group == "carrier" and row.unit not in GRAMS:
        yield _mistake(row, "unit", row.unit, " or ".join(GRAMS))
    if row.unit in GRAMS and row.g_per_kwh > _MOST_G_PER_KWH:
        yield _mistake(row, "value", row.value, f"at most {_MOST_G_PER_KWH / GRAMS[row.unit]:g} {row.unit}")
    yield from _electricity_mistakes(row)


def _electricity_mistakes(row: Factor) -> Iterator[InvalidFieldError]:
    kind = _ELECTRICITY.fullmatch(row.id)
    named = None if kind is None else kind["kind"]
    if row.id.startswith("electricity-") and row.mix is Mix.MARGINAL and named != "marginal":
        yield _mistake(row, "id", row.id, "electricity-<country>-marginal for a marginal factor")
    if kind is None:
        return
    country = kind["country"].upper()
    if row.geography != country:
        yield _mistake(row, "geography", row.geography, f"{country}, as the id says")
    wanted: dict[str, tuple[object, ...]] = {}
    if named in ("lca", "direct"):
        wanted = {"unit": tuple(GRAMS), "scope": (Scope(named),)}
    elif named in ("residual", "marginal") and row.id == f"electricity-{kind['country']}-{named}":
        wanted = {"unit": ("gCO2e/kWh",)}
        if named == "residual":
            wanted |= {"mix": (Mix.MARKET,), "scope": (Scope.DIRECT,)}
        else:
            wanted |= {"mix": (Mix.MARGINAL,), "scope": (Scope.DIRECT, Scope.LCA)}
    for name, allowed in wanted.items():
        has = getattr(row, name)
        if has not in allowed:
            told = " or ".join(str(getattr(one, "value", one)) for one in allowed)
            yield _mistake(row, name, getattr(has, "value", has), f"{told} for a row of that id")


def _mistake(row: Factor, name: str, value: object, allowed: str) -> InvalidFieldError:
    return InvalidFieldError(f"factor[{row.id}].{name}", value, allowed)
