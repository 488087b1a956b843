"""Sun through façades, blinds, and the equivalent outdoor temperature."""

from __future__ import annotations

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.thermal.outdoor import equivalent_outdoor_temp_c, surroundings_temp_c
from ondol.thermal.room import RoomInputs, RoomState, step_room
from ondol.thermal.room_parameters import RoomParameters
from ondol.thermal.sun import Facade, blind_openness, with_sun

ROOM = RoomParameters(
    exterior_area_m2=30.0,
    interior_area_m2=60.0,
    r_ext_k_per_w=0.002,
    c_ext_j_per_k=4e6,
    r_ext_rem_k_per_w=0.02,
    r_int_k_per_w=0.0007,
    c_int_j_per_k=12e6,
)


def test_sun_is_split_by_area_without_the_facade_it_came_through_and_none_is_lost() -> None:
    # given two façades
    facades = [Facade(10.0, 4.0), Facade(20.0, 2.0)]
    # when sun comes through both
    lit = with_sun(ROOM, RoomInputs(0.0, convective_w=5.0), facades, [100.0, 50.0])
    # then 9 % go to the air, the rest by area, and the sum is what came in
    rest = 0.91 * np.array([400.0, 100.0])
    np.testing.assert_allclose(lit.convective_w, 5.0 + 0.09 * 500.0)
    np.testing.assert_allclose(lit.exterior_surface_w, rest[0] * 20 / 80 + rest[1] * 10 / 70)
    np.testing.assert_allclose(np.add(lit.exterior_surface_w, lit.interior_surface_w), rest.sum())


def test_one_facade_that_is_the_whole_exterior_is_the_plain_aperture() -> None:
    # given the same glass said both ways
    plain = RoomParameters(**{name: getattr(ROOM, name) for name in RoomParameters.RANGES} | {"solar_aperture_m2": 7.0})
    by_facade = with_sun(ROOM, RoomInputs(5.0), [Facade(30.0, 7.0)], [200.0])
    # when an hour passes
    one, _ = step_room(plain, RoomState.uniform(20.0), RoomInputs(5.0, irradiance_w_per_m2=200.0), 3600.0)
    other, _ = step_room(ROOM, RoomState.uniform(20.0), by_facade, 3600.0)
    # then the rooms are alike
    np.testing.assert_allclose(one.air_temp_c, other.air_temp_c, atol=1e-12)


def test_sun_takes_rooms_at_once() -> None:
    # given two rooms with apertures of their own
    rooms = RoomParameters(**{name: np.repeat(getattr(ROOM, name), 2) for name in RoomParameters.RANGES})
    # when one sun shines on both
    lit = with_sun(rooms, RoomInputs(0.0), [Facade(30.0, np.array([1.0, 2.0]))], [100.0])
    # then each has its own
    np.testing.assert_allclose(np.asarray(lit.interior_surface_w), [91.0, 182.0])


def test_blind_closes_above_its_threshold_only() -> None:
    np.testing.assert_array_equal(blind_openness(np.array([0.0, 100.0, 100.1])), [1.0, 1.0, 0.15])


def test_equivalent_temperature_is_the_air_where_nothing_else_acts() -> None:
    assert equivalent_outdoor_temp_c(7.0, wall_weights=[2.0], window_weights=[14.0]) == pytest.approx(7.0)


def test_equivalent_temperature_weighs_wall_window_and_ground() -> None:
    # given UA of 1, 2 and 5 W/K, sun on the wall, a sky 10 K colder than the air, a blind half down
    temp = equivalent_outdoor_temp_c(
        np.array([10.0, 20.0]),
        wall_weights=[1.0],
        window_weights=[2.0],
        ground_weight=5.0,
        wall_irradiance_w_per_m2=[np.array([500.0, 0.0])],
        window_openness=[0.5],
        ground_temp_c=15.0,
        surroundings_c=np.array([0.0, 10.0]),
    )
    # then every part counts by its weight: sun 0.7 · 500/25 K, long wave −10 K · 5/25
    wall, window = np.array([10.0 + 14.0 - 2.0, 20.0 - 2.0]), np.array([9.0, 19.0])
    np.testing.assert_allclose(temp, (wall + 2 * window + 5 * 15.0) / 8)


def test_sky_and_ground_give_their_temperatures_back() -> None:
    # given what grey bodies of 0 and 20 °C send
    sky, ground = 0.93 * 5.67e-8 * np.array([273.15, 293.15]) ** 4
    # then a wall sees half of each, a flat roof the sky alone, and the factor is that of IBPSA's case 9
    assert surroundings_temp_c(sky, ground) == pytest.approx(10.0)
    assert surroundings_temp_c(sky, ground, sky_view=1.0) == pytest.approx(0.0)
    assert surroundings_temp_c(1.0, 1.0) + 273.15 == pytest.approx(65.99081593, rel=1e-6)


def test_bad_input_is_refused_by_name() -> None:
    with pytest.raises(InvalidFieldError, match="weights"):
        equivalent_outdoor_temp_c(5.0)
    with pytest.raises(InvalidFieldError, match="ground_temp_c"):
        equivalent_outdoor_temp_c(5.0, ground_weight=1.0)
    with pytest.raises(InvalidFieldError, match="wall_irradiance"):
        equivalent_outdoor_temp_c(5.0, wall_weights=[1.0], wall_irradiance_w_per_m2=[1.0, 2.0])
    with pytest.raises(InvalidFieldError, match="outdoor_temp_c"):
        equivalent_outdoor_temp_c(float("nan"), wall_weights=[1.0])
    with pytest.raises(InvalidFieldError, match="ground_w_per_m2"):
        surroundings_temp_c(300.0, 0.0)
    with pytest.raises(InvalidFieldError, match=r"Facade\.area_m2"):
        with_sun(ROOM, RoomInputs(5.0), [Facade(31.0, 1.0)], [1.0])
    with pytest.raises(InvalidFieldError, match="one per façade"):
        with_sun(ROOM, RoomInputs(5.0), [Facade(3.0, 1.0)], [])
    with pytest.raises(InvalidFieldError, match="closed"):
        blind_openness(5.0, closed=1.5)
