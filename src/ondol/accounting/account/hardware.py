"""What making the hardware costs, row by row: slots that were held, for as long as they were held in each window.

Over a node and a quarter of an hour the rows' slot-seconds are slots × length: reserved ones to who held them, the rest
to the idle rows. So jobs and idle together are the machine, whatever lies between (`reference/footprint.md` §1.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ondol.accounting.account.columns import NOBODY, SHARES, Codes, EnergyColumns, Floats
from ondol.accounting.bins import BIN_S
from ondol.accounting.embodied.book import EmbodiedBook
from ondol.accounting.embodied.impact import CRITERIA, Impacts
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId
from ondol.model.ledger import Share

_IDLE = SHARES.index(Share.IDLE)


@dataclass(frozen=True, slots=True)
class Hold:
    """Slots that an attempt held from one time to another; 0 for one in a slot of its pool, which is its holder's."""

    slots: float
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What is known of nodes by their ids.

    Parameters
    ----------
    slots : of every node of the fleet
    per_slot_s : impacts of one slot over one second, nodes without known hardware left out
    unknown : those nodes, with why
    methods : how the hardware of each node is known, e.g. "bottom-up"
    written_off_s : by node, when its making is all counted [s since the epoch]; none where that is not known
    """

    slots: Mapping[str, int]
    per_slot_s: Mapping[str, Impacts]
    unknown: Mapping[str, str]
    methods: Mapping[str, str]
    written_off_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Embodied impacts of every row, nan where the node's hardware is not known.

    Parameters
    ----------
    slot_s : slots held × time [s]
    by_criterion : "gwp" [kgCO2e], "adpe" [kgSb], "pe" [MJ]: value, low and high of every row
    """

    slot_s: Floats
    by_criterion: Mapping[str, tuple[Floats, Floats, Floats]]

    def where(self, numbers: Codes) -> Made:
        """Give some of the rows by their numbers."""
        return Made(
            slot_s=self.slot_s[numbers],
            by_criterion={
                one: (value[numbers], low[numbers], high[numbers])
                for one, (value, low, high) in self.by_criterion.items()
            },
        )


def machines(fleet: Fleet, book: EmbodiedBook | None) -> Machines:
    """Tell what is known of the nodes of a fleet."""
    slots = {str(node.id): node.slots for node in fleet.nodes}
    known: dict[str, Impacts] = {}
    for node in fleet.nodes:
        share = None if book is None else book.slots_share(NodeId(node.id), 1.0, 1.0)
        if share is not None:
            known[node.id] = share
    told = {} if book is None else {str(node): why for node, why in book.unknown.items()}
    return Machines(
        slots=slots,
        per_slot_s=known,
        unknown={node: told.get(node, "its hardware is not in the fleet file") for node in slots if node not in known},
        methods={} if book is None else {str(node): one.method for node, one in book.by_node.items()},
        written_off_s={} if book is None else {str(node): at.timestamp() for node, at in book.written_off().items()},
    )


def made(rows: EnergyColumns, known: Machines, holds: Mapping[str, Hold]) -> Made:
    """Give the embodied impacts of every row; overhead rows have none.

    Parameters
    ----------
    holds : by attempt; one that is not there holds one slot over all of its rows
    """
    slot_s = _slot_seconds(rows, known, holds)
    ends_s = np.array([*(known.written_off_s.get(node, np.inf) for node in rows.nodes), np.inf])[rows.node]
    before_end = np.clip((ends_s - rows.start_s) / (rows.end_s - rows.start_s), 0.0, 1.0)
    by_criterion: dict[str, tuple[Floats, Floats, Floats]] = {}
    for one in CRITERIA:
        rates = np.full((3, len(rows.nodes) + 1), np.nan)
        rates[:, NOBODY] = 0.0  # overhead has no machine of its own
        for code, node in enumerate(rows.nodes):
            impacts = known.per_slot_s.get(node)
            band = None if impacts is None else impacts.of(one)
            if band is not None:
                rates[:, code] = band.value, band.low, band.high
        value, low, high = (slot_s * before_end * rates[place][rows.node] for place in range(3))
        by_criterion[one] = value, low, high
    return Made(slot_s=slot_s, by_criterion=by_criterion)


def _slot_seconds(rows: EnergyColumns, known: Machines, holds: Mapping[str, Hold]) -> Floats:
    count = len(rows.attempts)
    slots, start_s, end_s = np.ones(count + 1), np.full(count + 1, -np.inf), np.full(count + 1, np.inf)
    for code, attempt in enumerate(rows.attempts):
        hold = holds.get(attempt)
        if hold is not None:
            slots[code], start_s[code], end_s[code] = hold.slots, hold.start_s, hold.end_s
    slots[NOBODY] = 0.0
    inside = np.minimum(rows.end_s, end_s[rows.attempt]) - np.maximum(rows.start_s, start_s[rows.attempt])
    reserved = slots[rows.attempt] * np.maximum(inside, 0.0)
    on_node = rows.node != NOBODY
    if not on_node.any():
        return np.zeros(len(rows))
    # Windows of a node tile time, so that the rows of a bin reach from its first window's begin to its last one's end.
    bins, key = np.unique(np.stack([rows.node, np.floor(rows.start_s / BIN_S)]), axis=1, return_inverse=True)
    key, count = key.reshape(-1), bins.shape[1]
    first, last = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first, key, rows.start_s)
    np.maximum.at(last, key, rows.end_s)
    of_node = np.array([known.slots.get(node, 1) for node in (*rows.nodes, "")], dtype=np.float64)
    capacity = of_node[bins[0].astype(np.int64)] * (last - first)
    taken = np.bincount(key, weights=reserved, minlength=count)
    idle_s = np.where(rows.share == _IDLE, rows.end_s - rows.start_s, 0.0)
    resting_s = np.bincount(key, weights=idle_s, minlength=count)
    # Clocks differ by a moment at both ends of an attempt: where nothing is idle, or more is held than there is,
    # the reservations are what the node has.
    fits = (resting_s > 0.0) & (taken <= capacity)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(fits | (taken <= 0.0), 1.0, capacity / taken)
        left = np.where(fits, (capacity - taken) / resting_s, 0.0)
    found: Floats = np.where(idle_s > 0.0, left[key] * idle_s, reserved * part[key])
    return np.where(on_node, found, 0.0)
