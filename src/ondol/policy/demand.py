"""Where heat is wanted and not yet given, now and soon, and the order in which units are served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Bools, Floats, Ints, View
from ondol.policy.standing import Standing

LEAST_SHARE = 0.1  # of a slot's watts: less unmet want than this starts nothing
SOON_S = 7200.0  # a job of median to long run time lives in the mean of the next two hours
SOON_WEIGHT = 0.5  # what is wanted soon counts half, what is wanted now the other half
ROOM_S = 1800.0  # a sink has room for a slot if it can take its watts for half an hour
EQUAL_W = 10.0  # wants that differ by less count as equal; the cleaner site then goes first


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Order:
    """In which order units are served.

    Parameters
    ----------
    place : per unit, 0 for the first; inf for those that are not served
    equal : per unit, a number that rises with `place` and is the same for units that only their ids tell apart
    """

    place: Floats
    equal: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """Watts per unit that work could still turn into wanted heat.

    Parameters
    ----------
    open_w : wanted now and not given by idle power and work at full speed, ≥ 0 [W]
    unwanted : somebody's unit whose thermostat asks for no more than idle power
    rank : of units that want more: those below their band first, where a kWh relieves most, then the largest want now
        and soon
    room_w : watts that the sink can take for `ROOM_S` although nobody wants them [W]
    room_rank : of heated units, the one with most room first
    rack_rank : of units that heat nobody, the cleanest first
    """

    open_w: Floats
    unwanted: Bools
    rank: Order
    room_w: Floats
    room_rank: Order
    rack_rank: Order


def demand(view: View, now: Standing, resumed_w: Floats) -> Demand:
    """Work out what is open.

    Parameters
    ----------
    resumed_w : per unit, watts of frozen work that goes on now [W]
    """
    units = view.units
    given_w = now.given_w + resumed_w
    wanted_w = np.where(units.heats, np.clip(np.nan_to_num(units.wanted_w), 0.0, units.power_max_w), 0.0)
    open_w = np.maximum(wanted_w - given_w, 0.0)
    steps = max(1, round(SOON_S / view.step_s))
    ahead = np.nan_to_num(units.wanted_ahead_w[:, :steps])
    soon_w = ahead.mean(axis=1) if ahead.shape[1] else wanted_w
    soon_open_w = np.clip(np.minimum(soon_w, units.power_max_w) - given_w, 0.0, None)
    score_w = (1.0 - SOON_WEIGHT) * open_w + SOON_WEIGHT * soon_open_w
    grid = view.sites.grid_g_per_kwh
    carbon = (np.nan_to_num(grid[:, 0]) if grid.shape[1] else np.zeros(len(view.sites.ids))) * view.sites.pue
    carbon_of = carbon[units.site]
    wants = units.heats & (open_w > LEAST_SHARE * now.typical_w)
    room_w = np.where(units.heats, np.nan_to_num(units.room_j) / ROOM_S, 0.0)
    return Demand(
        open_w=open_w,
        unwanted=units.heats & (wanted_w <= now.idle_w + LEAST_SHARE * now.typical_w),
        rank=_rank(wants, *_relief(view), -np.round(score_w / EQUAL_W), carbon_of),
        room_w=room_w,
        room_rank=_rank(units.heats, -room_w, carbon_of),
        rack_rank=_rank(~units.heats, carbon_of, carbon_of),
    )


def _relief(view: View) -> tuple[Floats, Floats]:
    """Say where heat is felt most: two sort keys, smallest first.

    A joule into a sink of capacity C [J/K] lifts it by 1/C, so it saves that many kelvin as long as the sink is below
    its band: small, cold sinks come first (BOPTEST's discomfort is ∫K dt, whatever the sink). C follows from the heat
    that the sink can still take, room_j / (upper − temp). Capacities within a factor of two count as equal; of those
    the one that lacks most goes first. Sinks within their band come after all of these, in no order here.
    """
    units = view.units
    lack_k = np.nan_to_num(units.lower_c - units.temp_c, nan=-1.0)
    span_k = np.nan_to_num(units.upper_c - units.temp_c)
    known = (lack_k > 0.0) & (span_k > 0.0) & (units.room_j > 0.0)
    capacity = np.divide(units.room_j, span_k, out=np.full(len(lack_k), np.inf), where=known)
    octave = np.floor(np.log2(capacity, out=np.full(len(lack_k), np.inf), where=known))
    return octave, np.where(known, -np.round(lack_k, 1), 0.0)


def _rank(among: Bools, *keys: Floats) -> Order:
    """Give places 0, 1, … by the keys, the first one first, then by id; inf to those that are not among."""
    place = np.full(len(among), np.inf)
    equal = np.zeros(len(among), dtype=np.int64)
    order = np.lexsort(keys[::-1])
    order = order[among[order]]
    place[order] = np.arange(len(order))
    if len(order):
        sorted_keys = np.stack([key[order] for key in keys])
        equal[order[1:]] = np.cumsum((sorted_keys[:, 1:] != sorted_keys[:, :-1]).any(axis=0))
    return Order(place=place, equal=equal)


def state_of(view: View, now: Standing, unit: int) -> str:
    """Say how a unit stands: temperature against set-point, wanted and running watts."""
    units = view.units
    name = units.ids[unit]
    if not units.heats[unit]:
        return f"{name} heats nobody"
    running_w = now.given_w[unit] - now.idle_w[unit]
    want = f"{units.wanted_w[unit]:.0f} W wanted, {running_w:.0f} W running"
    lack_k = units.setpoint_c[unit] - units.temp_c[unit]
    if np.isnan(lack_k):
        return f"{name}: {want}"
    side = "below" if lack_k >= 0 else "above"
    apart = f"{abs(lack_k):.1f} K {side}" if abs(lack_k) >= 0.05 else "at"
    return f"{name}: {apart} {units.setpoint_c[unit]:.1f} °C, {want}"
