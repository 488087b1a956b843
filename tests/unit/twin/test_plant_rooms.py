"""Rooms of the twin against the room and the heater of `ondol.thermal`, stepped finely side by side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.thermal.heater import HeaterParameters, step_heater
from ondol.thermal.linear import mean_operators_network
from ondol.thermal.room import RoomInputs, RoomState, step_room
from ondol.thermal.room_parameters import RoomParameters
from ondol.twin.plant.rooms import Rooms
from ondol.twin.scenario.sinks import RoomSpec
from unit.twin.small_fleets import room

STEP_S, FINE_S = 900.0, 5.0
Course = list[tuple[float, float, float]]  # heat, outdoor, sun of each step
COLD_DAY: Course = [(0.0, -3.0, 0.0)] * 4 + [(0.0, 2.0, 180.0)] * 4 + [(0.0, -1.0, 0.0)] * 4


def twin_rooms(spec: RoomSpec, lower_c: float, upper_c: float, steps: int) -> Rooms:
    return Rooms(
        (spec,),
        np.zeros(1, dtype=np.int64),
        profile=np.zeros(1, dtype=np.int64),
        lower_c=np.full((1, steps), lower_c),
        upper_c=np.full((1, steps), upper_c),
        step_s=STEP_S,
    )


def reference(spec: RoomSpec, course: Course, extra_w: list[float]) -> list[tuple[float, float, float]]:
    """Shell, air and mass after each step: heater and room by turns of 5 s. `extra_w` goes into the air.

    The mass stands for the exterior element with its surface at its own temperature; there is no interior one.
    """
    outer = RoomParameters(
        exterior_area_m2=100.0,
        interior_area_m2=0.1,
        r_ext_k_per_w=1e-7,
        c_ext_j_per_k=spec.mass_j_per_k,
        r_ext_rem_k_per_w=1.0 / spec.mass_outside_ua_w_per_k - 1.0 / (1000.0 * 100.0),
        r_int_k_per_w=1.0,
        c_int_j_per_k=1.0,
        h_con_ext_w_per_m2_k=spec.mass_ua_w_per_k / 100.0,
        h_con_int_w_per_m2_k=0.01,
        h_rad_w_per_m2_k=0.0,
        h_outside_w_per_m2_k=1000.0,
        air_capacity_j_per_k=spec.air_j_per_k,
        window_w_per_k=spec.ua_w_per_k,
        solar_aperture_m2=spec.solar_aperture_m2,
        solar_convective_share=0.3,
        solar_exterior_share=1.0,
    )
    shell = HeaterParameters(capacity_j_per_k=spec.shell_j_per_k, ua_w_per_k=spec.shell_ua_w_per_k)
    state, shell_c = RoomState.uniform(spec.initial_temp_c), np.array([spec.initial_temp_c])
    seen = []
    for (heat_w, outdoor_c, solar_w_m2), more_w in zip(course, extra_w, strict=True):
        for _ in range(round(STEP_S / FINE_S)):
            shell_c, flux = step_heater(shell, shell_c, heat_w, state.air_temp_c, FINE_S)
            gains_w = float(flux.mean_heat_w[0]) + spec.gains_w + more_w
            inputs = RoomInputs(outdoor_temp_c=outdoor_c, convective_w=gains_w, irradiance_w_per_m2=solar_w_m2)
            state, _ = step_room(outer, state, inputs, FINE_S)
        seen.append((float(shell_c[0]), float(state.air_temp_c[0]), float(state.exterior_temp_c[0])))
    return seen


def follow(rooms: Rooms, course: Course) -> tuple[list[tuple[float, ...]], list[float], list[float]]:
    """States after each step, and backup and vented heat of each."""
    states, backup_w, vent_w = [], [], []
    for step, (heat_w, outdoor_c, solar_w_m2) in enumerate(course):
        outcome = rooms.step(step, np.array([heat_w]), np.array([outdoor_c]), np.array([solar_w_m2]))
        states.append(tuple(rooms.state[0].tolist()))
        backup_w.append(float(outcome.backup_w[0]))
        vent_w.append(float(outcome.dumped_w[0]))
    return states, backup_w, vent_w


@pytest.mark.parametrize("heat_w", [0.0, 650.0])
def test_a_room_floats_and_is_heated_as_its_physics_say(heat_w: float) -> None:
    # given a room that no limit touches, on a cold day with some sun
    course = [(heat_w, outdoor, sun) for _, outdoor, sun in COLD_DAY]
    spec = room(initial_temp_c=19.0)
    # when the twin takes steps of 900 s and the reference steps of 5 s
    states, backup_w, vent_w = follow(twin_rooms(spec, -50.0, 80.0, len(course)), course)
    # then shell, air and mass are the same to a few hundredths of a kelvin
    assert np.array(states) == pytest.approx(np.array(reference(spec, course, [0.0] * len(course))), abs=0.03)
    assert backup_w == vent_w == [0.0] * len(course)


def test_backup_holds_the_lower_limit() -> None:
    # given a cold night without compute heat
    spec = room(initial_temp_c=19.0)
    states, backup_w, _ = follow(twin_rooms(spec, 19.0, 21.0, 12), COLD_DAY)
    # then the air stands at its limit at the end of each step, and the backup is what the reference needs for that
    assert max(abs(air - 19.0) for _, air, _ in states[:4]) < 1e-9
    assert np.array(reference(spec, COLD_DAY, backup_w))[:, 1] == pytest.approx([air for _, air, _ in states], abs=0.03)


def test_a_weak_backup_leaves_it_cold_and_says_so() -> None:
    rooms = twin_rooms(room(initial_temp_c=19.0, backup_max_w=50.0), 19.0, 21.0, 1)
    outcome = rooms.step(0, np.zeros(1), np.array([-10.0]), np.zeros(1))
    assert outcome.backup_w[0] == 50.0
    assert outcome.short_k[0] == pytest.approx(19.0 - rooms.state[0, 1])
    assert outcome.short_k[0] > 0.1


def test_compute_heat_is_let_out_at_the_upper_limit() -> None:
    # given far too much compute heat on a mild day
    course = [(2000.0, 12.0, 0.0)] * 8
    spec = room(initial_temp_c=20.0)
    states, _, vent_w = follow(twin_rooms(spec, 19.0, 21.0, 8), course)
    # then the air stays at its limit, and what was let out is what the reference has to lose for that
    assert max(air for _, air, _ in states) < 21.0 + 1e-9
    assert vent_w[-1] > 1000.0
    mean = reference(spec, course, [-one for one in vent_w])
    assert np.array(mean)[:, 1] == pytest.approx([air for _, air, _ in states], abs=0.03)


def test_sun_alone_overheats_nobody_on_our_account() -> None:
    # given strong sun and no compute heat
    rooms = twin_rooms(room(solar_aperture_m2=10.0), 19.0, 21.0, 12)
    over_k = [rooms.step(t, np.zeros(1), np.array([18.0]), np.array([600.0])).over_k[0] for t in range(12)]
    # then the room is hot, nothing is vented that is not compute heat, and no kelvin is charged to compute
    assert rooms.state[0, 1] > 22.0
    assert over_k == [0.0] * 12


def test_heat_of_a_shell_that_is_no_longer_heated_is_charged() -> None:
    # given a heavy hot shell that was switched off, in a room at its upper limit
    rooms = twin_rooms(room(shell_j_per_k=5e5, shell_ua_w_per_k=15.0), 19.0, 21.0, 1)
    rooms.state[0] = rooms.alone[0] = 21.0
    rooms.state[0, 0] = 70.0
    outcome = rooms.step(0, np.zeros(1), np.array([20.0]), np.zeros(1))
    # then what it still gives counts as too warm by compute heat
    assert outcome.over_k[0] > 0.1


SPECS = st.builds(
    room,
    air_j_per_k=st.floats(1e5, 1e7),
    mass_j_per_k=st.floats(1e6, 1e9),
    ua_w_per_k=st.floats(0.0, 500.0),
    mass_ua_w_per_k=st.floats(1.0, 2000.0),
    mass_outside_ua_w_per_k=st.floats(0.0, 300.0),
    shell_j_per_k=st.sampled_from([0.0, 2e4, 3e5]),
    initial_temp_c=st.floats(10.0, 26.0),
    backup_max_w=st.floats(0.0, 1e5),
)


@settings(max_examples=60)
@given(SPECS, st.floats(0.0, 5000.0), st.floats(-20.0, 35.0), st.floats(0.0, 800.0))
def test_what_goes_in_is_what_is_stored_and_lost(
    spec: RoomSpec, heat_w: float, outdoor_c: float, solar_w_m2: float
) -> None:
    # given any room in any state
    rooms = twin_rooms(spec, 19.0, 21.0, 1)
    before = rooms.state.copy()
    # when it lives through a step
    outcome = rooms.step(0, np.array([heat_w]), np.array([outdoor_c]), np.array([solar_w_m2]))
    # then given = taken + let out, and all that came less all that left, by the exact mean of the step, is stored
    assert 0.0 <= outcome.dumped_w[0] <= heat_w
    assert outcome.backup_w[0] * outcome.dumped_w[0] == 0.0
    forcing_w = rooms.forcing_w(np.array([outdoor_c]), np.array([solar_w_m2]))[0]
    forcing_w += [heat_w, outcome.backup_w[0] - outcome.dumped_w[0], 0.0]
    capacity = rooms.model.capacity
    shell_ua = spec.shell_ua_w_per_k if spec.shell_j_per_k else 1e5
    links = np.diag([shell_ua, shell_ua + spec.mass_ua_w_per_k + spec.ua_w_per_k, spec.mass_ua_w_per_k])
    links[2, 2] += spec.mass_outside_ua_w_per_k
    links[0, 1] = links[1, 0] = -shell_ua
    links[1, 2] = links[2, 1] = -spec.mass_ua_w_per_k
    of_start, of_forcing = mean_operators_network(links[None], capacity, STEP_S)
    mean_c = of_start[0] @ before[0] + of_forcing[0] @ forcing_w
    lost_w = spec.ua_w_per_k * mean_c[1] + spec.mass_outside_ua_w_per_k * mean_c[2]
    stored_j = float((capacity * (rooms.state - before)).sum())
    turned_over_j = float((capacity * np.abs(before)).sum()) + float(np.abs(forcing_w).sum()) * STEP_S
    assert stored_j == pytest.approx((forcing_w.sum() - lost_w) * STEP_S, abs=1e-9 * turned_over_j)


def test_many_rooms_are_as_each_alone() -> None:
    specs = tuple(room(ua_w_per_k=10.0 + 5.0 * k, initial_temp_c=18.0 + k) for k in range(4))
    course = [(500.0, 1.0, 50.0)] * 3
    together = Rooms(
        specs,
        np.zeros(4, dtype=np.int64),
        profile=np.zeros(4, dtype=np.int64),
        lower_c=np.full((1, 3), 19.0),
        upper_c=np.full((1, 3), 21.0),
        step_s=STEP_S,
    )
    for step, (heat_w, outdoor_c, solar) in enumerate(course):
        together.step(step, np.full(4, heat_w), np.full(4, outdoor_c), np.full(4, solar))
    alone = [follow(twin_rooms(spec, 19.0, 21.0, 3), course)[0][-1] for spec in specs]
    assert together.state.tolist() == [list(one) for one in alone]
