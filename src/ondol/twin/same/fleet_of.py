"""A scenario's fleet in the words of the platform: the very sites, units and nodes, with what their hosts ask for."""

from __future__ import annotations

import numpy as np

from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import CircuitId, RequestId, SinkId, SiteId
from ondol.model.power import PowerCurve
from ondol.model.schedule import WeeklySchedule, constant, daily
from ondol.model.sink import Sink, SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind
from ondol.twin.layout import Layout
from ondol.twin.scenario.nouns import Scenario, SiteSpec
from ondol.twin.scenario.sinks import NetworkSpec, PoolSpec, RoomSpec, SinkSpec, TankSpec

_ROOM_MAX_C, _TANK_MAX_C, _POOL_MAX_C = 35.0, 95.0, 42.0  # where safety steps in: far above what is lived here
_QUICK_SHELL = (100.0, 1000.0)  # capacity [J/K] and conductance [W/K] of a heater whose heat is in the air at once


def fleet_of(scenario: Scenario, layout: Layout) -> Fleet:
    """Give the fleet whose rows are those of the layout.

    Parameters
    ----------
    scenario : levelled, see `twin.same.levelled`
    """
    country = scenario.grid.country
    sinks, circuits, requests = [], [], []
    for row, (sink_id, spec) in enumerate(zip(layout.sink_ids, layout.sink_specs, strict=True)):
        site = layout.site_specs[layout.sink_site[row]]
        site_id, zone = layout.site_ids[layout.sink_site[row]], "UTC" if site is None else site.timezone
        sinks.append(_sink(spec, sink_id, site_id))
        schedule, band_k = _wish(spec, zone)
        requests.append(
            HeatRequest(
                id=RequestId(f"{sink_id}-wish"), site_id=site_id, target_id=sink_id, schedule=schedule, band_k=band_k
            )
        )
        if isinstance(spec, TankSpec | PoolSpec):
            circuits.append(
                HeatCircuit(
                    id=_circuit(sink_id),
                    site_id=site_id,
                    kind="dhw" if isinstance(spec, TankSpec) else "pool",
                    sink_id=sink_id,
                    exchanger_ua_w_per_k=spec.exchanger_ua_w_per_k,
                    flow_kg_s=spec.flow_kg_s,
                )
            )
    climate, pue = scenario.site[0].climate, layout.site_pue.tolist()
    return Fleet(
        name=scenario.name,
        sites=tuple(
            _site(spec, site_id, country=country, climate=climate, pue=pue[row], limit_w=layout.site_limit_w[row])
            for row, (site_id, spec) in enumerate(zip(layout.site_ids, layout.site_specs, strict=True))
        ),
        units=tuple(_unit(layout, row) for row in range(len(layout.unit_ids))),
        nodes=tuple(
            Node(
                id=node_id,
                unit_id=layout.unit_ids[layout.node_unit[row]],
                curve=PowerCurve(float(layout.node_idle_w[row]), float(layout.node_max_w[row])),
                slots=int(layout.node_slots[row]),
                host_cores=float(layout.node_slots[row]),
            )
            for row, node_id in enumerate(layout.node_ids)
        ),
        sinks=tuple(sinks),
        circuits=tuple(circuits),
        requests=tuple(requests),
    )


def wish_c(spec: SinkSpec) -> float:
    """Temperature that the host of a sink asks for by day [°C]."""
    if isinstance(spec, TankSpec):
        return min(spec.target_c, _top_c(spec))
    return spec.return_c if isinstance(spec, NetworkSpec) else spec.setpoint_c


def _wish(spec: SinkSpec, timezone: str) -> tuple[WeeklySchedule, float]:
    if isinstance(spec, TankSpec):
        return constant(wish_c(spec), timezone), max(_top_c(spec) - wish_c(spec), 0.05)
    if isinstance(spec, RoomSpec) and spec.setback_c != spec.setpoint_c:
        day, night = round(spec.day_from_h * 60), round(spec.day_to_h * 60)
        changes = {0: spec.setback_c if day <= night else spec.setpoint_c}
        changes |= {minute % 1440: value for minute, value in ((day, spec.setpoint_c), (night, spec.setback_c))}
        return daily(tuple(sorted(changes.items())), timezone), spec.band_k
    return constant(wish_c(spec), timezone), getattr(spec, "band_k", 1.0)


def _top_c(spec: TankSpec) -> float:
    return min(spec.temp_max_c, spec.loop_max_c - 2.0)


def _circuit(sink_id: SinkId) -> CircuitId:
    return CircuitId(f"{sink_id}-loop")


def _site(spec: SiteSpec | None, site_id: SiteId, *, country: str, climate: str, pue: float, limit_w: float) -> Site:
    return Site(
        id=site_id,
        name=site_id,
        country=country,
        climate=climate,
        pue=pue,
        electrical_limit_w=min(float(limit_w), 1e9),
        timezone="UTC" if spec is None else spec.timezone,
        latitude_deg=48.8 if spec is None else spec.latitude_deg,
        longitude_deg=2.0 if spec is None else spec.longitude_deg,
    )


def _unit(layout: Layout, row: int) -> Unit:
    unit_id, site_id = layout.unit_ids[row], layout.site_ids[layout.unit_site[row]]
    sink = int(layout.unit_sink[row])
    if sink < 0:
        return Unit(id=unit_id, site_id=site_id, kind=UnitKind.SERVER_RACK)
    sink_id, spec = layout.sink_ids[sink], layout.sink_specs[sink]
    capture = float(layout.unit_capture[row])
    if isinstance(spec, RoomSpec):
        share = 1.0 / int(np.count_nonzero(layout.unit_sink == sink))
        shell_j, shell_ua = spec.shell_j_per_k * share, spec.shell_ua_w_per_k * share
        if not shell_j * shell_ua > 0:
            shell_j, shell_ua = _QUICK_SHELL
        return Unit(
            id=unit_id,
            site_id=site_id,
            kind=UnitKind.DIGITAL_HEATER,
            zone_id=sink_id,
            capture_fraction=capture,
            shell_ua_w_per_k=min(max(shell_ua, 0.1), 1000.0),
            heat_capacity_j_per_k=max(shell_j, 100.0),
        )
    return Unit(
        id=unit_id,
        site_id=site_id,
        kind=UnitKind.DIGITAL_BOILER,
        circuit_id=_circuit(sink_id),
        capture_fraction=capture,
        case_ua_w_per_k=float(layout.unit_case_ua_w_per_k[row]),
        loop_temp_max_c=95.0,
    )


def _sink(spec: SinkSpec, sink_id: SinkId, site_id: SiteId) -> Sink:
    if isinstance(spec, RoomSpec):
        return Zone(
            id=sink_id,
            site_id=site_id,
            name=sink_id,
            ua_w_per_k=max(spec.ua_w_per_k, 0.1),
            air_j_per_k=spec.air_j_per_k,
            mass_j_per_k=spec.mass_j_per_k,
            mass_ua_w_per_k=spec.mass_ua_w_per_k,
            mass_outside_ua_w_per_k=spec.mass_outside_ua_w_per_k,
            solar_aperture_m2=spec.solar_aperture_m2,
            gains_w=spec.gains_w,
            temp_max_c=_ROOM_MAX_C,
            initial_temp_c=spec.initial_temp_c,
        )
    if isinstance(spec, TankSpec):
        return Tank(
            id=sink_id,
            site_id=site_id,
            name=sink_id,
            volume_l=spec.volume_l,
            ua_w_per_k=spec.ua_w_per_k,
            layers=spec.layers,
            ambient_temp_c=spec.ambient_c,
            draw_l_per_day=spec.draw_l_per_day,
            temp_max_c=_TANK_MAX_C,
            initial_temp_c=spec.initial_temp_c,
        )
    assert isinstance(spec, PoolSpec)  # noqa: S101  # networks are refused when a scenario is levelled
    return SwimmingPool(
        id=sink_id,
        site_id=site_id,
        name=sink_id,
        area_m2=spec.area_m2,
        volume_m3=spec.volume_m3,
        hall_temp_c=spec.hall_temp_c,
        hall_humidity=spec.hall_humidity,
        bathers_per_day=spec.bathers_per_day,
        refill_l_per_bather=spec.refill_l_per_bather,
        covered_at_night=spec.covered_at_night,
        temp_max_c=_POOL_MAX_C,
        initial_temp_c=spec.initial_temp_c,
    )
