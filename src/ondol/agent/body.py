"""One site with real connections, from instruments to actuators, in the platform or in a process of its own."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ondol.agent.actuators import Actuators
from ondol.agent.asked import wish_of_command
from ondol.agent.instruments import Sensed, SiteInstruments
from ondol.agent.knobs import NodeKnobs
from ondol.agent.orders import AlarmNote, NodeStatus, SiteOrders
from ondol.agent.plan import Guidance
from ondol.agent.shown import Display
from ondol.agent.site_agent import SiteAgent
from ondol.agent.wire import NodeState
from ondol.drivers.ports import Command, Driver
from ondol.drivers.registry import drivers_of
from ondol.model.alarm import Severity
from ondol.model.errors import InvalidFieldError, OndolError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HostWish
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId
from ondol.model.points import PointReading, Quality

_log = logging.getLogger(__name__)
LINK_ALARM_S = 60.0
"""A connection that has been down for this long is told [s, platform]."""
FAIL_SAFE_S = 60.0
"""Where no step has come to its end for this long, heat is taken back [s, platform]."""
STAND_DOWN_S = 5.0
"""What is ordered at the end is waited for so long [s, wall]."""
_WORKS = 0.05  # share of a node's span above idle from which it works
_POWER_LIMIT_MAX_W = 1e7


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyStep:
    """What came of one step.

    Parameters
    ----------
    orders : with all alarms of the site, those of instruments, knobs and connections among them
    nodes : their limits: requested, accepted, measured
    wishes : what people at the site asked for since the last step
    """

    orders: SiteOrders
    sensed: Sensed
    nodes: tuple[NodeState, ...]
    wishes: tuple[HostWish, ...]


class SiteBody:
    """Instruments, agent, knobs and displays of one site.

    Parameters
    ----------
    fleet : the part of the site, `Fleet.of_site`
    now : platform time, for drivers
    drivers : of its connections; those of the registry where left out
    """

    def __init__(
        self, fleet: Fleet, *, now: Callable[[], dt.datetime], drivers: Sequence[Driver] | None = None
    ) -> None:
        self._fleet = fleet
        self._site_id: SiteId = fleet.sites[0].id
        self._drivers = tuple(drivers_of(fleet, self._site_id, now=now) if drivers is None else drivers)
        self._instruments = SiteInstruments(fleet, self._drivers, now)
        self._agent = SiteAgent(fleet, self._site_id)
        self._knobs = NodeKnobs(fleet, self._drivers)
        self._actuators = Actuators(fleet, self._drivers)
        self._display = Display(fleet)
        self._nodes = {node.id: node for node in fleet.nodes}
        self._bindings = {binding.key: binding for binding in fleet.bindings}
        self._units = {unit.id for unit in fleet.units}
        self._sinks = {sink.id for sink in fleet.sinks}
        self._limits_w: dict[UnitId, float] = {}
        self._down_since: dict[str, dt.datetime] = {}
        self._stepped: dt.datetime | None = None
        self._failing_since: dt.datetime | None = None
        self._commands = 0
        self._told: dict[tuple[str, str], str] = {}
        self._asked: frozenset[SinkId] = frozenset()

    @property
    def site_id(self) -> SiteId:
        """Whose body it is."""
        return self._site_id

    @property
    def fleet(self) -> Fleet:
        """The part of the site."""
        return self._fleet

    @property
    def drivers(self) -> tuple[Driver, ...]:
        """Its connections."""
        return self._drivers

    def open(self) -> None:
        """Open all connections; returns at once, also where nobody answers yet."""
        for driver in self._drivers:
            driver.open()

    def stand_down(self, now: dt.datetime) -> None:
        """Order what is safe without a watch, before an end in order; `settle` waits for it, `STAND_DOWN_S` at most.

        Nodes go to idle power, units' power limits and the other heaters of water to 0. Other heaters of rooms in which
        heat is asked for are switched on: their own thermostats decide, as before there was an agent, and no house
        freezes because its agent was ended. Contactors stay as they were told last.
        """
        for node_id in self._knobs.node_ids:
            self._knobs.limit(node_id, 0.0)
        self._actuators.hold_back(now, warm=self._asked)

    def close(self, *, put_back: bool = True) -> None:
        """Leave all as it was told last, and close all connections.

        Parameters
        ----------
        put_back : whether power limits of nodes go back to what was there before us; else controllers of servers keep
            them, and those of this machine go back all the same
        """
        self._knobs.close(put_back=put_back)
        for driver in [] if put_back else self._drivers:
            leave = getattr(driver, "leave_limits", None)
            if leave is not None:
                leave()
        self._actuators.close()
        for driver in self._drivers:
            try:
                driver.close()
            except (OndolError, OSError) as error:
                _log.warning("closing %s: %s", driver.connection_id, error)

    def snapshot(self) -> dict[str, Any]:
        """All that it remembers, as JSON-able values."""
        return {
            "agent": self._agent.snapshot(),
            "instruments": self._instruments.snapshot(),
            "limits_w": dict(self._limits_w),
            "told": [[*key, text] for key, text in sorted(self._told.items())],
            "limits_before": {one.connection_id: before for one in self._drivers if (before := _limits_before(one))},
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a snapshot.

        Raises
        ------
        InvalidFieldError : it is not one
        """
        try:
            agent, instruments, limits_w = (snapshot[key] for key in ("agent", "instruments", "limits_w"))
            limits = {UnitId(key): float(value) for key, value in limits_w.items()}
            told = {(str(one), str(code)): str(text) for one, code, text in snapshot.get("told", ())}
            before = dict(snapshot.get("limits_before", {}))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidFieldError("snapshot", str(error), "what snapshot() gave; start afresh without it") from error
        self._agent.restore(agent)
        self._instruments.restore(instruments)
        self._limits_w = {key: value for key, value in limits.items() if key in self._units}
        self._told = told
        for driver in self._drivers:
            recall = getattr(driver, "recall_limits", None)
            if recall is not None and isinstance(before.get(driver.connection_id), Mapping):
                recall(before[driver.connection_id])

    def step(
        self,
        now: dt.datetime,
        guidance: Guidance,
        *,
        wish_of: Callable[[SinkId], HostWish | None] = lambda _sink: None,
        more_alarms: Sequence[AlarmNote] = (),
    ) -> BodyStep:
        """Read, decide, drive and show, once.

        Parameters
        ----------
        now : platform time; one that lies before the last step's counts as that
        guidance : what the platform tells
        wish_of : the wish that stands over a sink's request, for displays
        more_alarms : of whoever steps this body, e.g. that the link is lost
        """
        now = now if self._stepped is None else max(now, self._stepped)
        self._stepped = now
        self._asked = frozenset(guidance.requests)
        wishes = self._take_commands(wish_of)
        sensed = self._instruments.read(now, self._told_w(guidance.nodes))
        nodes = self._seen(guidance.nodes, sensed)
        orders = self._agent.step(
            now,
            readings=sensed.readings,
            nodes=nodes,
            floors=guidance.floors,
            outdoor_temp_c=sensed.outdoor_temp_c,
            outdoor_ahead=guidance.outdoor_ahead,
            price_ahead=guidance.price_ahead,
            requests=guidance.requests,
            unit_limits=self._limits_w,
        )
        measured_w = self._measured_w(sensed)
        notes = [*orders.alarms, *sensed.alarms, *more_alarms]
        self._actuators.drive(orders, guidance.requests)  # contactors first: nothing below may keep one closed
        for order in orders.nodes:
            self._knobs.limit(order.node_id, order.cap_w)
            notes += self._knobs.check(order.node_id, measured_w.get(order.node_id), now)
        notes += self._actuators.alarms()
        notes += self._link_alarms(now)
        orders = replace(orders, alarms=_each_once(notes))
        self._tell_alarms(orders.alarms)
        self._show(self._display.shown(orders, sensed, guidance.requests, wish_of, self._limits_w))
        self._failing_since = None
        return BodyStep(orders=orders, sensed=sensed, nodes=self._states(orders, measured_w), wishes=wishes)

    def failed(self, now: dt.datetime) -> AlarmNote | None:
        """Note that a step failed; where none has come to its end for `FAIL_SAFE_S`, take heat back and say so.

        Nobody watches the limits of safety any more, so nothing may heat on by the last order: nodes go to idle power,
        units' power limits and the other heaters of water to 0. Other heaters of rooms stay as they are: they have
        thermostats of their own, and a house must not freeze. Contactors stay, too: one that safety opened stays open.
        """
        self._failing_since = now if self._failing_since is None else min(self._failing_since, now)
        if (now - self._failing_since).total_seconds() < FAIL_SAFE_S:
            return None
        for node_id in self._knobs.node_ids:
            self._knobs.limit(node_id, 0.0)
            self._knobs.check(node_id, None, now)
        self._actuators.hold_back(now)
        return AlarmNote(
            entity_id=self._site_id,
            code="site-step-failed",
            severity=Severity.DANGER,
            text="The agent cannot control this site: its steps fail, see its log. Compute goes to idle power, and "
            "water is not heated until they succeed; look after frost and hygiene meanwhile.",
        )

    def push(self, readings: Sequence[PointReading]) -> None:
        """Give readings that hosts pushed, in the points' units, to the drivers that wait for them."""
        for driver in self._drivers:
            push, keys = getattr(driver, "push", None), getattr(driver, "keys", ())
            if push is None:
                continue
            raw = [
                replace(one, value=(one.value - self._bindings[one.key].offset) / self._bindings[one.key].scale)
                for one in readings
                if one.key in keys
            ]  # the driver scales what devices say; these are scaled already
            try:
                if raw:
                    push(tuple(raw))
            except OndolError as error:
                _log.warning("%s: what was pushed is passed over: %s", driver.connection_id, error)

    def settle(self, timeout_s: float) -> bool:
        """Wait until all that was ordered is written; False where that took too long."""
        return self._actuators.wait_idle(timeout_s) and self._knobs.settle(timeout_s)

    def _told_w(self, nodes: Sequence[NodeStatus]) -> dict[UnitId, float]:
        powers: dict[UnitId, float] = {}
        for status in nodes:
            node = self._nodes.get(status.node_id)
            if node is not None:
                powers[node.unit_id] = powers.get(node.unit_id, 0.0) + status.power_w
        return powers

    def _seen(self, told: Sequence[NodeStatus], sensed: Sensed) -> tuple[NodeStatus, ...]:
        """States of all nodes that anybody knows: as the platform told, with power as instruments here measure it.

        A unit's measured power is dealt out to its nodes as the platform sees them, or evenly. What only draws power,
        without a word from the platform, counts as busy where it draws more than when idle: it can give heat, but gets
        no new work from here.
        """
        measured_w = self._measured_w(sensed)
        statuses = {status.node_id: status for status in told if status.node_id in self._nodes}
        for reading in sensed.readings.units:
            own = [node.id for node in self._fleet.nodes_of(reading.unit_id)]
            if not math.isfinite(reading.power_w) or any(node_id in measured_w for node_id in own):
                continue
            told_w = {node_id: statuses[node_id].power_w if node_id in statuses else 0.0 for node_id in own}
            sum_w = sum(told_w.values())
            for node_id in own:
                part = told_w[node_id] / sum_w if sum_w > 0.0 else 1.0 / len(own)
                measured_w[node_id] = reading.power_w * part
        for node_id, power_w in measured_w.items():
            status = statuses.get(node_id)
            if status is not None:
                statuses[node_id] = replace(status, power_w=power_w)
                continue
            curve = self._nodes[node_id].curve
            works = power_w > curve.idle_w + _WORKS * (curve.max_w - curve.idle_w)
            busy = self._nodes[node_id].slots if works else 0
            statuses[node_id] = NodeStatus(node_id=node_id, power_w=power_w, busy_slots=busy)
        return tuple(status for _, status in sorted(statuses.items()))

    def _measured_w(self, sensed: Sensed) -> dict[NodeId, float]:
        """Electric power of nodes that have an instrument of their own that can be trusted, its first one [W]."""
        return {
            NodeId(reading.key.entity_id): reading.value
            for reading in reversed(sensed.points)
            if reading.key.point == "electric_power"
            and reading.quality is Quality.GOOD
            and reading.key.entity_id in self._nodes
        }

    def _states(self, orders: SiteOrders, measured_w: Mapping[NodeId, float]) -> tuple[NodeState, ...]:
        knobs = {state.node_id: state for state in self._knobs.states()}
        states = []
        for order in orders.nodes:
            knob = knobs.get(order.node_id)
            states.append(
                NodeState(
                    node_id=order.node_id,
                    requested_w=order.cap_w,
                    accepted_w=None if knob is None else knob.accepted_w,
                    measured_w=measured_w.get(order.node_id),
                    reason="no knob at the site: its platform limits it" if knob is None else knob.reason,
                )
            )
        return tuple(states)

    def _take_commands(self, wish_of: Callable[[SinkId], HostWish | None]) -> tuple[HostWish, ...]:
        wishes: list[HostWish] = []
        for driver in self._drivers:
            for command in _commands_of(driver):
                try:
                    wish = self._obey(command, wish_of)
                except InvalidFieldError as error:
                    _log.warning("%s: a command for %s is passed over: %s", command.source, command.entity_id, error)
                    why = {"entity": command.entity_id, "command": command.name, "reason": str(error)}
                    self._tell({"event_type": "refused", **why})
                    continue
                if wish is not None:
                    wishes.append(wish)
        return tuple(wishes)

    def _obey(self, command: Command, wish_of: Callable[[SinkId], HostWish | None]) -> HostWish | None:
        self._commands += 1
        if command.name == "power_limit":
            limit_w = command.number
            if command.entity_id not in self._units or limit_w is None or not 0.0 <= limit_w <= _POWER_LIMIT_MAX_W:
                raise InvalidFieldError(
                    "power_limit", limit_w, f"0 to {_POWER_LIMIT_MAX_W:g} W, of a unit of this site"
                )
            self._limits_w[UnitId(command.entity_id)] = limit_w
            return None
        if command.entity_id not in self._sinks:
            raise InvalidFieldError("command.entity", command.entity_id, "a zone, tank or pool of this site")
        sink_id = SinkId(command.entity_id)
        return wish_of_command(command, self._site_id, sink_id, standing=wish_of(sink_id), number=self._commands)

    def _link_alarms(self, now: dt.datetime) -> list[AlarmNote]:
        notes = []
        for driver in self._drivers:
            status = driver.status()
            if status.connected:
                self._down_since.pop(driver.connection_id, None)
                continue
            since = self._down_since.setdefault(driver.connection_id, now)
            if (now - since).total_seconds() >= LINK_ALARM_S:
                text = f"No answer over {driver.connection_id}: {status.detail or 'nobody answers'}"
                notes.append(
                    AlarmNote(
                        entity_id=driver.connection_id,
                        code="connection-lost",
                        severity=Severity.FAULT,
                        text=text[:1000],
                    )
                )
        return notes

    def _tell_alarms(self, notes: Sequence[AlarmNote]) -> None:
        """Say once, where people of the site see events, that an alarm was raised, and once that it is over."""
        now = {(note.entity_id, note.code): note.text for note in notes}
        for kind, fresh, known in (("alarm", now, self._told), ("cleared", self._told, now)):
            for entity_id, code in sorted(fresh.keys() - known.keys()):
                self._tell({"event_type": kind, "code": code, "entity": entity_id, "text": fresh[entity_id, code]})
        self._told = now

    def _tell(self, event: Mapping[str, str]) -> None:
        for driver in self._drivers:
            tell = getattr(driver, "event", None)
            if tell is None:
                continue
            try:
                tell(event)
            except Exception:  # noqa: BLE001 - a display must not stop the heat
                _log.exception("%s: an event could not be told", driver.connection_id)

    def _show(self, shown: Sequence[Any]) -> None:
        for driver in self._drivers:
            show = getattr(driver, "show", None)
            if show is None:
                continue
            try:
                show(tuple(shown))
            except Exception:  # noqa: BLE001 - a display must not stop the heat
                _log.exception("%s: nothing could be shown", driver.connection_id)


def _limits_before(driver: Driver) -> dict[str, Any]:
    """What stood before our limits in devices behind a connection that hold them by themselves."""
    told = getattr(driver, "limits_before", None)
    return {} if told is None else dict(told())


def _commands_of(driver: Driver) -> Sequence[Command]:
    commands = getattr(driver, "commands", None)
    try:
        return () if commands is None else tuple(commands())
    except Exception:  # noqa: BLE001 - one connection must not stop the others
        _log.exception("%s: its commands cannot be read", driver.connection_id)
        return ()


def _each_once(notes: Sequence[AlarmNote]) -> tuple[AlarmNote, ...]:
    """One note for each thing and code, the most severe, in order."""
    found: dict[tuple[str, str], AlarmNote] = {}
    for note in notes:
        before = found.get((note.entity_id, note.code))
        if before is None or note.severity > before.severity:
            found[note.entity_id, note.code] = note
    return tuple(note for _, note in sorted(found.items()))
