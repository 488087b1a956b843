"""Ledger rows as columns: a month of a fleet has millions of them, and every figure is a sum over some."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ondol.model.ledger import EnergyRow, HeatRow, Share, Tier

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
SHARES = tuple(Share)
TIERS = tuple(Tier)
NOBODY = -1
"""Code of a column's empty cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyColumns:
    """Energy rows, one array for each field, all of the same length.

    Parameters
    ----------
    start_s, end_s : the windows [s since the epoch, platform]
    energy_j, grid_g_per_kwh, cpu_s : as in `EnergyRow`
    share, tier : rank in `SHARES` and `TIERS`
    site, node, account, task, attempt : rank in the tuple of that name, `NOBODY` for none
    """

    start_s: Floats
    end_s: Floats
    energy_j: Floats
    grid_g_per_kwh: Floats
    cpu_s: Floats
    share: Codes
    tier: Codes
    site: Codes
    node: Codes
    account: Codes
    task: Codes
    attempt: Codes
    sites: tuple[str, ...]
    nodes: tuple[str, ...]
    accounts: tuple[str, ...]
    tasks: tuple[str, ...]
    attempts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.energy_j)

    def of(self, share: Share) -> Mask:
        """Rows of a share."""
        found: Mask = self.share == SHARES.index(share)
        return found

    def where(self, mask: Mask | Codes) -> EnergyColumns:
        """Give some of the rows, by a mask or by their numbers; the names stay."""
        return dataclasses.replace(self, **{name: getattr(self, name)[mask] for name in _ENERGY_ARRAYS})

    def overhead(
        self, site: int, start_s: Floats, end_s: Floats, energy_j: Floats, grid_g_per_kwh: Floats
    ) -> EnergyColumns:
        """Give rows of overhead as a site's meter has it (T1), with the names of these; `site` is a rank in `sites`."""
        count = len(energy_j)
        nobody = np.full(count, NOBODY, dtype=np.int64)
        return dataclasses.replace(
            self,
            start_s=start_s,
            end_s=end_s,
            energy_j=energy_j,
            grid_g_per_kwh=grid_g_per_kwh,
            cpu_s=np.zeros(count),
            share=np.full(count, SHARES.index(Share.OVERHEAD), dtype=np.int64),
            tier=np.full(count, TIERS.index(Tier.T1_METER), dtype=np.int64),
            site=np.full(count, site, dtype=np.int64),
            node=nobody,
            account=nobody,
            task=nobody,
            attempt=nobody,
        )

    def followed_by(self, more: Sequence[EnergyColumns]) -> EnergyColumns:
        """Give these rows and others that have the same names, in that order."""
        if not any(len(one) for one in more):
            return self
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), *(getattr(one, name) for one in more)])
            for name in _ENERGY_ARRAYS
        }
        return dataclasses.replace(self, **arrays)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatColumns:
    """Heat rows, one array for each field.

    Parameters
    ----------
    temp_c : mean temperature of what was heated, nan where no sensor spoke [°C]
    tier : of the heat, rank in `TIERS`
    virtual : rows whose meter is equations in place of hardware, or may be, as an earlier release did not say
    """

    start_s: Floats
    end_s: Floats
    delivered_j: Floats
    demanded_j: Floats
    temp_c: Floats
    tier: Codes
    virtual: Mask
    site: Codes
    sink: Codes
    sites: tuple[str, ...]
    sinks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.delivered_j)

    def where(self, mask: Mask) -> HeatColumns:
        """Give some of the rows; the names stay."""
        return dataclasses.replace(self, **{name: getattr(self, name)[mask] for name in _HEAT_ARRAYS})


_ENERGY_ARRAYS = tuple(EnergyColumns.__dataclass_fields__)[:12]
_HEAT_ARRAYS = tuple(HeatColumns.__dataclass_fields__)[:9]


def energy_columns(rows: Iterable[EnergyRow]) -> EnergyColumns:
    """Turn energy rows into columns; names are sorted, so that the same rows give the same columns."""
    ledger = list(rows)
    site, sites = encoded([row.site_id for row in ledger])
    node, nodes = encoded([row.node_id for row in ledger])
    account, accounts = encoded([row.account_id for row in ledger])
    task, tasks = encoded([row.task_id for row in ledger])
    attempt, attempts = encoded([row.attempt_id for row in ledger])
    return EnergyColumns(
        start_s=_times(row.start for row in ledger),
        end_s=_times(row.end for row in ledger),
        energy_j=np.array([row.energy_j for row in ledger], dtype=np.float64),
        grid_g_per_kwh=np.array([row.grid_g_per_kwh for row in ledger], dtype=np.float64),
        cpu_s=np.array([row.cpu_s for row in ledger], dtype=np.float64),
        share=_ranks([row.share for row in ledger], SHARES),
        tier=_ranks([row.tier for row in ledger], TIERS),
        site=site,
        node=node,
        account=account,
        task=task,
        attempt=attempt,
        sites=sites,
        nodes=nodes,
        accounts=accounts,
        tasks=tasks,
        attempts=attempts,
    )


def heat_columns(rows: Iterable[HeatRow]) -> HeatColumns:
    """Turn heat rows into columns."""
    ledger = list(rows)
    site, sites = encoded([row.site_id for row in ledger])
    sink, sinks = encoded([row.sink_id for row in ledger])
    return HeatColumns(
        start_s=_times(row.start for row in ledger),
        end_s=_times(row.end for row in ledger),
        delivered_j=np.array([row.delivered_j for row in ledger], dtype=np.float64),
        demanded_j=np.array([row.demanded_j for row in ledger], dtype=np.float64),
        temp_c=np.array([row.temp_c for row in ledger], dtype=np.float64),
        tier=_ranks([row.tier for row in ledger], TIERS),
        virtual=np.array([row.virtual is not False for row in ledger], dtype=np.bool_),
        site=site,
        sink=sink,
        sites=sites,
        sinks=sinks,
    )


def encoded(values: Sequence[str | None]) -> tuple[Codes, tuple[str, ...]]:
    """Give each value's rank among the names that occur, and the names, sorted."""
    names = tuple(sorted({value for value in values if value is not None}))
    rank: dict[str | None, int] = {name: number for number, name in enumerate(names)}
    rank[None] = NOBODY
    return np.fromiter((rank[value] for value in values), dtype=np.int64, count=len(values)), names


def _ranks(values: Sequence[Hashable], choices: Sequence[Any]) -> Codes:
    rank = {choice: number for number, choice in enumerate(choices)}
    return np.fromiter((rank[value] for value in values), dtype=np.int64, count=len(values))


def _times(moments: Iterable[dt.datetime]) -> Floats:
    return np.array([moment.timestamp() for moment in moments], dtype=np.float64)
