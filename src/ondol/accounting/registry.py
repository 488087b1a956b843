"""The registry of factors: every row once by id, with a version, own rows in place of packaged ones.

Ids begin with the group of the row: "electricity-fr-lca-average", "carrier-gas-hhv-fr",
"heater-gas-condensing-collective", "equivalence-car-km", "embodied-cpu-die-gwp", "archetype-dell-r740-gwp".
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ondol.accounting.factor_ids import id_mistakes
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.factor import GRAMS, Factor, Heating, Mix, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Factors by id, and where they came from: a statement that records `label` can be computed again.

    Parameters
    ----------
    version : of the packaged table, e.g. "2026-11-23"
    digest : SHA-256 of the packaged table, hexadecimal
    rows : by id, in order of ids
    own : ids of the rows that the operator gave, sorted
    own_digest : SHA-256 of the operator's table, "" where there is none
    """

    version: str
    digest: str
    rows: Mapping[str, Factor] = field(repr=False)
    own: tuple[str, ...] = ()
    own_digest: str = ""

    @classmethod
    def of(cls, factors: Iterable[Factor], *, version: str, digest: str = "") -> Registry:
        """Make a registry of rows; a double id is refused."""
        return cls(version=version, digest=digest, rows=_by_id(factors))

    def get(self, factor_id: str) -> Factor:
        """Give a row by its id.

        Raises
        ------
        NotFoundError : there is none; the message names those that are close
        """
        row = self.rows.get(factor_id)
        if row is None:
            close = difflib.get_close_matches(factor_id, self.rows, n=3, cutoff=0.5)
            hint = f" (did you mean {', '.join(close)}?)" if close else ""
            raise NotFoundError("factor", f"{factor_id}{hint}; `ondol factors list` shows all, own rows can be added")
        return row

    def find(
        self,
        group: str = "",
        *,
        geography: str = "",
        scope: Scope | None = None,
        mix: Mix | None = None,
        heating: Heating | None = None,
        unit: str = "",
        year: int | None = None,
    ) -> tuple[Factor, ...]:
        """Give all rows that fit, by id; "" and None fit everything.

        Parameters
        ----------
        group : first part of the id, whole words, e.g. "electricity" or "electricity-fr"
        """
        return tuple(
            row
            for row in self.rows.values()
            if (not group or row.id == group or row.id.startswith(group + "-"))
            and (not geography or row.geography == geography)
            and (scope is None or row.scope is scope)
            and (mix is None or row.mix is mix)
            and (heating is None or row.heating is heating)
            and (not unit or row.unit == unit)
            and (year is None or row.year == year)
        )

    def merged(self, own_rows: Iterable[Factor], *, digest: str = "") -> Registry:
        """Give a registry in which own rows stand beside the packaged ones, or in the place of those with their id.

        Parameters
        ----------
        digest : SHA-256 of the text that the own rows were read from

        Raises
        ------
        InvalidFieldError : an own id twice; own rows on top of own rows; an own row of another unit, scope, mix,
            calorific basis or carrier than the one it replaces, which would change the meaning of every sum that it
            stands in; a heater with a carrier that is not there, or on another calorific basis; a row that is not what
            its id says
        """
        own = _by_id(own_rows)
        if self.own and own:
            raise InvalidFieldError("factors", min(own), "one table of own rows; this registry has one already")
        rows = dict(sorted({**self.rows, **own}.items()))
        for row in own.values():
            for mistake in self.mistakes(row, rows):
                raise mistake
        return Registry(
            version=self.version,
            digest=self.digest,
            rows=rows,
            own=tuple(sorted(own)),
            own_digest=digest if own else "",
        )

    def mistakes(self, row: Factor, rows: Mapping[str, Factor]) -> Iterator[InvalidFieldError]:
        """Tell all that is wrong with an own row beside or in place of those of this registry; see `merged`.

        Parameters
        ----------
        rows : of this registry and all own ones together, by id
        """
        packaged = self.rows.get(row.id)
        for name in ("unit", "scope", "mix", "heating", "carrier") if packaged is not None else ():
            had, has = getattr(packaged, name), getattr(row, name)
            if had != has:
                yield InvalidFieldError(
                    f"factor[{row.id}].{name}", _text(has), f"{_text(had)}, as the row that it replaces; or another id"
                )
        yield from _carrier_mistakes(row, rows)
        yield from id_mistakes(row)

    def is_own(self, factor_id: str) -> bool:
        """Tell whether the operator gave this row."""
        return factor_id in self.own

    @property
    def label(self) -> str:
        """What a statement records: version and hash of the packaged table and of the own rows."""
        text = f"factors {self.version}" + (f" (sha256 {self.digest[:12]})" if self.digest else "")
        if not self.own:
            return text
        rows = "1 own row" if len(self.own) == 1 else f"{len(self.own)} own rows"
        return f"{text} with {rows} (sha256 {self.own_digest[:12]})"


def electricity_lca(registry: Registry, country: str) -> Factor:
    """Give the life-cycle factor of a country's average electricity, row "electricity-<country>-lca-average".

    Raises
    ------
    NotFoundError : the registry has none for that country; an own row of that id is the cure
    """
    factor_id = f"electricity-{country.lower()}-lca-average"
    if factor_id not in registry.rows:
        known = ", ".join(
            sorted(row.geography for row in registry.find("electricity") if row.id.endswith("-lca-average"))
        )
        raise NotFoundError(
            "factor", f"{factor_id}: there are life-cycle factors for {known}; give an own row of that id"
        )
    return registry.get(factor_id)


def _by_id(factors: Iterable[Factor]) -> dict[str, Factor]:
    found: dict[str, Factor] = {}
    for row in factors:
        if row.id in found:
            raise InvalidFieldError(f"factor[{row.id}].id", row.id, "used once only")
        found[row.id] = row
    return dict(sorted(found.items()))


def _carrier_mistakes(row: Factor, rows: Mapping[str, Factor]) -> Iterator[InvalidFieldError]:
    if row.carrier in ("", "electricity"):
        return
    carrier = rows.get(row.carrier)
    if carrier is None:
        yield InvalidFieldError(
            f"factor[{row.id}].carrier", row.carrier, "electricity, or the id of a row that is there"
        )
    elif carrier.unit not in GRAMS:
        yield InvalidFieldError(
            f"factor[{row.id}].carrier", row.carrier, f"electricity, or a row in {' or '.join(GRAMS)}"
        )
    elif carrier.heating is not row.heating:
        yield InvalidFieldError(
            f"factor[{row.id}].heating",
            row.heating.value,
            f"{carrier.heating.value}, as its carrier {carrier.id} is counted",
        )


def residual_of(registry: Registry, country: str) -> Factor | None:
    """Give the residual mix of a country, row "electricity-<country>-residual"; None where nobody gave one."""
    return registry.rows.get(f"electricity-{country.lower()}-residual")


def marginal_of(registry: Registry, country: str) -> Factor | None:
    """Give a country's marginal factor, row "electricity-<country>-marginal"; None where nobody gave one."""
    return registry.rows.get(f"electricity-{country.lower()}-marginal")


def _text(value: object) -> object:
    return getattr(value, "value", value)
