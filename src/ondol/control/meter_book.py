"""From readings of the sites' own meters to the ledger's meter rows.

Readings come from connections of the platform, from hosts who push them and from agents of their own, at once or after
days. What is durable of them is read here in the order in which it was measured, once; the rows are written in one
commit with where it was left off, so nothing is lost or counted twice, whatever dies when.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Mapping

import msgspec

from ondol.accounting.meter_windows import Counted, OpenWindow, closed, count_window, opened
from ondol.agent.counters import BACKWARDS_COUNT, CounterMemory, CounterRules, count_on
from ondol.model.binding import Binding
from ondol.model.errors import UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.ledger import Metered, MeterRow, Tier
from ondol.model.points import PointReading, Quality
from ondol.storage.heat_ports import HeatStore
from ondol.storage.ports import Changes

_log = logging.getLogger(__name__)
KEY = "meters"
EVERY_S = 900.0  # a meter is looked at so often [s, platform]
MOST_AT_ONCE = 100  # meters that are looked at in one turn of the loop; a fleet of thousands takes some turns
PAGE = 5000  # readings of a meter that are taken in one turn
_FIRST = dt.timedelta(days=2)  # so much of what was read before is taken of a meter that has no row yet
_US = dt.timedelta(microseconds=1)
METERED = {
    "electric_meter": Metered.ELECTRICITY_J,
    "fuel_meter": Metered.BACKUP_FUEL_J,
    "backup_electric_meter": Metered.BACKUP_ELECTRICITY_J,
    "renewable_meter": Metered.RENEWABLE_J,
    "water_meter": Metered.WATER_L,
    "cooling_electric_meter": Metered.COOLING_ELECTRICITY_J,
    "cooling_heat_meter": Metered.COOLING_HEAT_J,
}
"""Points that become meter rows, and what they count."""
_L_PER_M3 = 1000.0
_WATER_MAX_L_S = 100.0  # a DN 100 main at 12 m/s: no building takes more
_LEAST_EFFICIENCY = 0.6  # of a worn boiler: fuel taken for the heat that it is rated for
_BACKUP_MAX_W = 1e7  # where no backup's power is known
_TIERS = {"redfish": Tier.T2_BMC, "ipmi": Tier.T2_BMC, "rapl": Tier.T3_RAPL, "nvml": Tier.T3_RAPL}


class MeterState(msgspec.Struct):
    """Where one meter was left off."""

    counter: CounterMemory
    window: OpenWindow


class MeterStates(msgspec.Struct):
    """All meters' states by "site/meter"; what must outlive the platform."""

    meters: dict[str, MeterState] = {}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SiteMeter:
    """A bound meter of a site or unit: the rules of its counter are in the unit of its rows (J or L)."""

    site_id: SiteId
    binding: Binding
    kind: Metered
    tier: Tier
    rules: CounterRules

    @property
    def meter_id(self) -> str:
        """Name of its point."""
        return str(self.binding.key)

    @property
    def key(self) -> str:
        """Name of its state."""
        return f"{self.site_id}/{self.meter_id}"


class SiteMeters:
    """All meters of a fleet.

    Parameters
    ----------
    kept : what `book` wrote in an earlier life
    """

    def __init__(self, fleet: Fleet, store: HeatStore, kept: MeterStates | None = None) -> None:
        self._store = store
        self.meters = meters_of(fleet)
        known = {meter.key for meter in self.meters}
        before: Mapping[str, MeterState] = {} if kept is None else kept.meters
        self._states = {key: state for key, state in before.items() if key in known}
        self._due_s: dict[str, float] = {}
        self._looked: dict[str, dt.datetime] = {}  # how far each was looked through, also where nothing was to be taken
        self._trouble: set[str] = set()

    def book(self, changes: Changes, now: dt.datetime) -> Changes:
        """Add what meters counted since the last time to the changes of this moment.

        Where storage does not answer, it is taken the next time.
        """
        due = [meter for meter in self.meters if self._due_s.get(meter.key, 0.0) <= now.timestamp()]
        due.sort(key=lambda meter: self._due_s.get(meter.key, 0.0))  # who waits longest comes first
        rows: list[MeterRow] = []
        moved = False
        for meter in due[:MOST_AT_ONCE]:
            try:
                state, counted, all_taken = self._take(meter, now)
            except UnavailableError as error:
                _log.warning("the meters have to wait for storage: %s", error)
                break
            except Exception:  # noqa: BLE001  # the ledger of all others must be written, whatever one meter said
                _log.exception("meter %s could not be read on", meter.key)
                state, counted, all_taken = None, [], True
            self._due_s[meter.key] = now.timestamp() + (EVERY_S if all_taken else 0.0)
            if state is not None and state is not self._states.get(meter.key):
                self._states[meter.key], moved = state, True
            rows += [_row(meter, one) for one in counted if one.end_s > one.start_s]
        if not moved:
            return changes
        packed = msgspec.json.encode(MeterStates(meters=dict(sorted(self._states.items()))))
        return dataclasses.replace(changes, facts=(*changes.facts, *rows), documents={**changes.documents, KEY: packed})

    def _take(self, meter: SiteMeter, now: dt.datetime) -> tuple[MeterState | None, list[Counted], bool]:
        """Take the next readings of a meter: its state after them, what they ended, and whether no more wait."""
        state = self._states.get(meter.key)
        done: list[Counted] = []
        since = now - _FIRST if state is None else _after(state)
        since = max(since, self._looked.get(meter.key, since))
        # What claims to be measured later than now waits until its time has come: a clock out there was wrong.
        page = self._store.point_readings(meter.site_id, meter.binding.key, since, now + _US, PAGE)
        for reading in page:
            state, counted = self._count(meter, state, reading)
            done += counted
        if page:  # also past readings that nobody can trust: a page of them must not hold up those behind it
            self._looked[meter.key] = page[-1].measured_at + _US
        return state, done, len(page) < PAGE

    def _count(
        self, meter: SiteMeter, state: MeterState | None, reading: PointReading
    ) -> tuple[MeterState | None, tuple[Counted, ...]]:
        if reading.quality not in (Quality.GOOD, Quality.ESTIMATED):
            return state, ()
        if meter.kind is Metered.WATER_L:
            reading = dataclasses.replace(reading, value=reading.value * _L_PER_M3)
        at_s = reading.measured_at.timestamp()
        before = None if state is None else state.counter
        total, after = count_on(before, reading, meter.rules)
        if state is None or before is None:
            return MeterState(after, opened(at_s, total)), ()
        if after.at_s != at_s or before.at_s == at_s:  # set aside: it does not go on from what was believed
            self._say(meter, after)
            return MeterState(after, state.window), ()
        if _began_anew(before, after, at_s):
            _log.warning("meter %s began anew: nothing is written of the time between", meter.key)
            return MeterState(after, opened(at_s, total)), closed(state.window)
        self._trouble.discard(meter.key)
        counted, window = count_window(state.window, at_s, total)
        return MeterState(after, window), counted

    def _say(self, meter: SiteMeter, memory: CounterMemory) -> None:
        if meter.key not in self._trouble and memory.other is not None:
            self._trouble.add(meter.key)
            _log.warning(
                "meter %s says %g after %g, which cannot be: set aside", meter.key, memory.other.last_j, memory.raw_j
            )


def meters_of(fleet: Fleet) -> tuple[SiteMeter, ...]:
    """Meters of sites, units and sinks that are bound to a connection; those of single nodes are the metering's."""
    drivers = {connection.id: connection.driver for connection in fleet.connections}
    sites = {connection.id: connection.site_id for connection in fleet.connections}
    nodes = {str(node.id) for node in fleet.nodes}
    found = []
    for binding in fleet.bindings:
        kind = METERED.get(binding.point)
        if kind is None or not binding.connection_id or binding.entity_id in nodes:
            continue
        site_id = sites[binding.connection_id]
        found.append(
            SiteMeter(
                site_id=site_id,
                binding=binding,
                kind=kind,
                tier=_TIERS.get(drivers[binding.connection_id], Tier.T1_METER),
                rules=_rules(fleet, site_id, binding, kind),
            )
        )
    return tuple(sorted(found, key=lambda meter: meter.key))


def _rules(fleet: Fleet, site_id: SiteId, binding: Binding, kind: Metered) -> CounterRules:
    site = fleet.site(site_id)
    units = [unit for unit in fleet.units_of(site_id) if binding.entity_id in (unit.id, site_id)]
    full_w = sum(node.curve.max_w for unit in units for node in fleet.nodes_of(unit.id)) * site.pue
    backups_w = sum(sink.backup_power_w for sink in fleet.sinks if sink.site_id == site_id)
    most = {
        Metered.ELECTRICITY_J: full_w or site.electrical_limit_w,
        Metered.RENEWABLE_J: site.electrical_limit_w,
        Metered.COOLING_ELECTRICITY_J: site.electrical_limit_w,
        Metered.COOLING_HEAT_J: full_w or site.electrical_limit_w,  # no more heat than electricity came in
        Metered.WATER_L: _WATER_MAX_L_S,
    }.get(kind, backups_w / _LEAST_EFFICIENCY if backups_w else _BACKUP_MAX_W)
    scale = abs(binding.scale) * (_L_PER_M3 if kind is Metered.WATER_L else 1.0)
    return CounterRules(heat_max_w=most, count_j=scale if scale > 1.0 else 0.0)


def _after(state: MeterState) -> dt.datetime:
    """The moment from which on readings are new."""
    counter = state.counter
    last_s = counter.at_s if counter.other is None else max(counter.at_s, counter.other.last_s)
    return dt.datetime.fromtimestamp(last_s, dt.UTC) + _US


def _began_anew(before: CounterMemory, after: CounterMemory, at_s: float) -> bool:
    """Whether the meter is another one now, jumped, or had run backwards: what it counted in between is not known."""
    return at_s in (after.exchanged_s, after.jumped_s) or before.falls >= BACKWARDS_COUNT


def _row(meter: SiteMeter, counted: Counted) -> MeterRow:
    return MeterRow(
        site_id=meter.site_id,
        meter_id=meter.meter_id,
        kind=meter.kind,
        start=_utc(counted.start_s),
        end=_utc(counted.end_s),
        amount=counted.amount,
        tier=meter.tier,
        uncertainty=meter.binding.uncertainty or None,
    )


def _utc(seconds: float) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=round(seconds * 1e6))
