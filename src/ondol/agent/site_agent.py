"""The agent of one site: cranked with what is known, it says what each unit shall draw and each node may."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ondol.agent.authority import resolve
from ondol.agent.claims import HARD, check_powers, claims_on, is_quiet
from ondol.agent.demand import no_demand
from ondol.agent.heat_layer import SinkMemory, note_asked
from ondol.agent.layout import UnitLayout, lay_out
from ondol.agent.orders import NodeOrder, NodeStatus, SinkReport, SiteOrders, SiteReadings
from ondol.agent.power_layer import UnitGrant, UnitMemory, rules_for, step_unit
from ondol.agent.safety import SafetyVerdict, guard_unit
from ondol.agent.sink_step import SinkResult, decide_sink
from ondol.agent.site_alarms import alarms_of
from ondol.agent.site_limit import within_site_limit
from ondol.agent.site_step import SiteStep, UnitWish, sink_order, unit_order, unit_senses
from ondol.agent.stores import report_of
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import SinkId, SiteId, UnitId

LONGEST_STEP_S = 900.0
_OUTDOOR_KEPT_S = 21_600.0
_OUTDOOR_GUESS_C = 7.0  # mean of a French heating season; only a start for a controller that corrects it


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMemory:
    """All that an agent remembers; all of it is JSON.

    Parameters
    ----------
    stepped_s : time of the last step, 0 for never [s since the epoch]
    outdoor_c, outdoor_s : last measured outdoor temperature and when
    """

    stepped_s: float = 0.0
    outdoor_c: float | None = None
    outdoor_s: float = 0.0
    sinks: Mapping[SinkId, SinkMemory] = field(default_factory=dict)
    units: Mapping[UnitId, UnitMemory] = field(default_factory=dict)
    heard_s: Mapping[UnitId, float] = field(default_factory=dict)


class SiteAgent:
    """Heat, power and safety of one site.

    Parameters
    ----------
    fleet : where the site's units, sinks and requests are described
    site_id : which one
    partial_nodes : whether nodes can be capped between idle and full; else whole nodes are switched

    Raises
    ------
    NotFoundError : the fleet has no such site
    """

    def __init__(self, fleet: Fleet, site_id: SiteId, *, partial_nodes: bool = True) -> None:
        self._layout = lay_out(fleet, site_id)
        self._own_requests = {group.sink.id: group.request for group in self._layout.sinks}
        self._partial = partial_nodes
        self._memory = SiteMemory()

    def snapshot(self) -> dict[str, Any]:
        """All that the agent remembers, as JSON-able values."""
        return dict(msgspec.to_builtins(self._memory))

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot; sinks and units that it does not know begin afresh, those now gone are forgotten.

        Raises
        ------
        InvalidFieldError : it is not one
        """
        try:
            memory = msgspec.convert(snapshot, SiteMemory)
        except msgspec.ValidationError as error:
            raise InvalidFieldError("snapshot", str(error), "what snapshot() gave; start afresh without it") from error
        sinks = {group.sink.id for group in self._layout.sinks}
        units = {layout.unit.id for layout in self._layout.units}
        self._memory = replace(
            memory,
            sinks={sink_id: kept for sink_id, kept in memory.sinks.items() if sink_id in sinks},
            units={unit_id: kept for unit_id, kept in memory.units.items() if unit_id in units},
            heard_s={unit_id: kept for unit_id, kept in memory.heard_s.items() if unit_id in units},
        )

    def step(
        self,
        now: dt.datetime,
        *,
        readings: SiteReadings,
        nodes: tuple[NodeStatus, ...],
        floors: Mapping[UnitId, float] | None = None,
        outdoor_temp_c: float | None = None,
        outdoor_ahead: Callable[[dt.datetime], float] | None = None,
        requests: Mapping[SinkId, HeatRequest] | None = None,
        unit_limits: Mapping[UnitId, float] | None = None,
        price_ahead: Callable[[dt.datetime], float] | None = None,
    ) -> SiteOrders:
        """Let the loops go one step.

        Parameters
        ----------
        now : platform time, aware, not before the last step's
        readings : instruments; what is missing or old counts as lost
        nodes : states of the nodes; a node that is left out gets no new work
        floors : power that a policy asks for work that cannot wait, per unit [W]
        outdoor_temp_c : measured, None where there is no sensor [°C]
        outdoor_ahead : forecast [°C] for a time, None where there is none
        requests : what is asked of each sink now, in place of the fleet's; a sink left out is only kept from freezing
        unit_limits : most that a person at the site allows a unit [W]
        price_ahead : price of heat or work for a time, in any unit; hygiene cycles run when it is low

        Raises
        ------
        InvalidFieldError : time went backwards, a floor or limit is not a number from 0, or a request is another sink's
        """
        self._take_requests(requests)
        step = self._prepare(
            now,
            readings=readings,
            nodes=nodes,
            floors=floors or {},
            outdoor_temp_c=outdoor_temp_c,
            outdoor_ahead=outdoor_ahead,
            unit_limits=unit_limits or {},
            price_ahead=price_ahead,
        )
        results = self._step_sinks(step)
        wishes = [self._wish(layout, step, results) for layout in self._layout.units]
        wishes = within_site_limit(self._layout, wishes)
        node_orders: list[NodeOrder] = []
        for wish in wishes:
            node_orders += self._step_unit(wish, step)
        self._note_asked(wishes, step.dt_s)
        return SiteOrders(
            now=now,
            dt_s=step.dt_s,
            units=tuple(unit_order(wish, step) for wish in wishes),
            nodes=tuple(sorted(node_orders, key=lambda order: order.node_id)),
            sinks=tuple(sink_order(result.layout, result.demand, step) for result in results.values()),
            reports=tuple(self._report(result, step) for result in results.values()),
            backups=tuple(result.backup for result in results.values() if result.backup is not None),
            hygiene=tuple(result.hygiene.status for result in results.values() if result.hygiene is not None),
            alarms=alarms_of(self._layout.site.id, wishes, tuple(results.values())),
        )

    def _take_requests(self, requests: Mapping[SinkId, HeatRequest] | None) -> None:
        """Replace what is asked of the sinks; models and memory stay."""
        if requests is None:
            asked = self._own_requests
        else:
            asked = {group.sink.id: requests.get(group.sink.id) for group in self._layout.sinks}
            for sink_id, request in asked.items():
                if request is not None and request.target_id != sink_id:
                    raise InvalidFieldError(f"requests[{sink_id}]", request.target_id, "a request of this sink")
        if all(group.request is asked[group.sink.id] for group in self._layout.sinks):
            return
        sinks = tuple(replace(group, request=asked[group.sink.id]) for group in self._layout.sinks)
        self._layout = replace(self._layout, sinks=sinks)

    def _report(self, result: SinkResult, step: SiteStep) -> SinkReport:
        return report_of(
            result.layout,
            now=step.now,
            reading=result.reading,
            units=step.units,
            outdoor_c=step.outdoor_at(step.now) if step.outdoor_c is None else step.outdoor_c,
            demand=result.demand,
            memory=self._memory.sinks[result.layout.sink.id],
        )

    def _prepare(
        self,
        now: dt.datetime,
        *,
        readings: SiteReadings,
        nodes: tuple[NodeStatus, ...],
        floors: Mapping[UnitId, float],
        outdoor_temp_c: float | None,
        outdoor_ahead: Callable[[dt.datetime], float] | None,
        unit_limits: Mapping[UnitId, float],
        price_ahead: Callable[[dt.datetime], float] | None,
    ) -> SiteStep:
        memory, now_s = self._memory, now.timestamp()
        if now_s < memory.stepped_s:
            last = dt.datetime.fromtimestamp(memory.stepped_s, dt.UTC)
            raise InvalidFieldError("now", now.isoformat(), f"at or after the last step, {last.isoformat()}")
        check_powers("floors", floors)
        check_powers("unit_limits", unit_limits)
        dt_s = min(now_s - memory.stepped_s, LONGEST_STEP_S) if memory.stepped_s else 0.0
        if outdoor_temp_c is not None and math.isfinite(outdoor_temp_c):
            memory = replace(memory, outdoor_c=outdoor_temp_c, outdoor_s=now_s)
        known_c = memory.outdoor_c if now_s - memory.outdoor_s <= _OUTDOOR_KEPT_S else None
        if known_c is None and outdoor_ahead is not None:
            known_c = outdoor_ahead(now)
        flat_c = _OUTDOOR_GUESS_C if known_c is None else known_c
        units = {reading.unit_id: reading for reading in readings.units if math.isfinite(reading.loop_temp_c)}
        never = {layout.unit.id: now_s for layout in self._layout.units}
        heard_s = {**never, **memory.heard_s, **{i: r.measured_at.timestamp() for i, r in units.items()}}
        self._memory = replace(memory, stepped_s=now_s, heard_s=heard_s)
        return SiteStep(
            now=now,
            dt_s=dt_s,
            sinks={reading.sink_id: reading for reading in readings.sinks},
            units=units,
            felt={reading.unit_id: reading for reading in readings.units},
            statuses={status.node_id: status for status in nodes},
            flow_lost=readings.flow_lost,
            floors=floors,
            unit_limits=unit_limits,
            price_at=price_ahead,
            outdoor_c=known_c,
            outdoor_at=outdoor_ahead if outdoor_ahead is not None else lambda _: flat_c,
        )

    def _step_sinks(self, step: SiteStep) -> dict[SinkId, SinkResult]:
        results: dict[SinkId, SinkResult] = {}
        memories = dict(self._memory.sinks)
        for layout in self._layout.sinks:
            memory = memories.get(layout.sink.id, SinkMemory())
            timezone = self._layout.site.timezone
            results[layout.sink.id], memories[layout.sink.id] = decide_sink(layout, step, memory, timezone)
        self._memory = replace(self._memory, sinks=memories)
        return results

    def _wish(self, layout: UnitLayout, step: SiteStep, results: Mapping[SinkId, SinkResult]) -> UnitWish:
        unit_id = layout.unit.id
        result = None if layout.sink is None else results[layout.sink.id]
        demand = no_demand() if result is None else result.demand
        reading = None if result is None else result.reading
        unit_reading = step.units.get(unit_id)
        loop_c = None if unit_reading is None else unit_reading.loop_temp_c
        share = self._capacity_share(layout)
        verdict = self._guard(layout, step, result)
        wanted_w = min(layout.power_for_w(demand.heat_w * share, loop_c), layout.power_max_w)
        floor_w = min(step.floors.get(unit_id, 0.0), layout.power_max_w)
        claims = claims_on(
            layout,
            result,
            verdict,
            share=share,
            wanted_w=wanted_w,
            floor_w=floor_w,
            quiet=is_quiet(layout.unit, step.now, self._layout.site.timezone),
            user_w=step.unit_limits.get(unit_id),
        )
        outcome = resolve(wanted_w, claims)
        return UnitWish(
            layout=layout,
            demand=demand,
            temp_c=math.nan if reading is None else reading.temp_c,
            share=share,
            wanted_w=wanted_w,
            demand_w=layout.power_for_w(demand.demand_w * share, loop_c),
            ahead_w=tuple(
                min(layout.power_for_w(heat_w * share, loop_c), layout.power_max_w) for heat_w in demand.ahead_w
            ),
            urgent_w=min(floor_w, outcome.power_w),
            target_w=outcome.power_w,
            verdict=verdict,
            limited_by=outcome.limited_by,
            reason=outcome.reason or demand.reason,
        )

    def _capacity_share(self, layout: UnitLayout) -> float:
        """Part of its sink's heat that a unit gives: by capacity."""
        sink = layout.sink
        if sink is None:
            return 0.0
        fellows = next(group.units for group in self._layout.sinks if group.sink.id == sink.id)
        return layout.power_max_w / sum(unit.power_max_w for unit in fellows)

    def _guard(self, layout: UnitLayout, step: SiteStep, result: SinkResult | None) -> SafetyVerdict:
        if result is None:
            return SafetyVerdict(high_w=math.inf, trip=False, reason="")
        memory = self._memory.units.get(layout.unit.id, UnitMemory())
        senses = unit_senses(
            layout,
            result.layout,
            step,
            reading=result.reading,
            comfort_c=result.demand.upper_c,
            heard_s=self._memory.heard_s[layout.unit.id],
            cycle_c=result.cycle_c,
            unseen_c=result.unseen_c,
        )
        verdict, safety = guard_unit(senses, memory.safety, step.dt_s)
        self._memory = replace(
            self._memory, units={**self._memory.units, layout.unit.id: replace(memory, safety=safety)}
        )
        return verdict

    def _step_unit(self, wish: UnitWish, step: SiteStep) -> tuple[NodeOrder, ...]:
        unit_id = wish.layout.unit.id
        orders, memory = step_unit(
            wish.layout,
            now_s=step.now.timestamp(),
            dt_s=step.dt_s,
            statuses=step.statuses,
            grant=UnitGrant(
                target_w=wish.target_w,
                urgent_w=wish.urgent_w,
                bounded=wish.limited_by in HARD,
                trip=wish.verdict.trip,
                accepts=not wish.verdict.trip and wish.verdict.high_w > wish.layout.idle_w,
            ),
            memory=self._memory.units.get(unit_id, UnitMemory()),
            rules=rules_for(wish.layout, partial=self._partial),
        )
        self._memory = replace(self._memory, units={**self._memory.units, unit_id: memory})
        return orders

    def _note_asked(self, wishes: list[UnitWish], dt_s: float) -> None:
        memories = dict(self._memory.sinks)
        for sink_id, memory in self._memory.sinks.items():
            asked_w = sum(w.wanted_w for w in wishes if w.layout.sink is not None and w.layout.sink.id == sink_id)
            memories[sink_id] = note_asked(memory, asked_w, dt_s)
        self._memory = replace(self._memory, sinks=memories)
