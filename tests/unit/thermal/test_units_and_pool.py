"""Exchanger, heater shell, boiler loop, swimming pool and simple room against closed forms and known numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.thermal.boiler import BoilerInputs, BoilerParameters, step_boiler
from ondol.thermal.exchanger import effectiveness, exchange_conductance_w_per_k
from ondol.thermal.heater import HeaterParameters, step_heater
from ondol.thermal.ideal_load import Emission, ideal_power_w, with_emitter
from ondol.thermal.room import RoomInputs, RoomState, step_room
from ondol.thermal.room_parameters import RoomParameters
from ondol.thermal.swimming_pool import SwimmingPoolInputs, SwimmingPoolParameters, step_swimming_pool
from ondol.thermal.water import saturation_pressure_kpa


def test_effectiveness_has_its_known_values_and_limits() -> None:
    # Incropera et al., table 11.3, counter-flow; the general form and its two limits
    assert effectiveness(1.0, 0.5) == pytest.approx((1 - np.exp(-0.5)) / (1 - 0.5 * np.exp(-0.5)))
    assert effectiveness(2.0, 1.0) == pytest.approx(2 / 3)
    assert effectiveness(2.0, 1.0 - 1e-8) == pytest.approx(2 / 3, abs=1e-7)
    assert effectiveness(2.0, 0.0) == pytest.approx(1 - np.exp(-2.0))
    assert effectiveness(1e6, 0.7) == pytest.approx(1.0)


def test_exchanger_passes_nothing_where_a_flow_stands_still() -> None:
    np.testing.assert_allclose(
        exchange_conductance_w_per_k(800.0, np.array([0.0, 400.0, 0.0, 400.0]), np.array([400.0, 0.0, 0.0, np.inf])),
        [0.0, 0.0, 0.0, 400.0 * (1 - np.exp(-2.0))],
    )
    with pytest.raises(InvalidFieldError, match="hot_w_per_k"):
        exchange_conductance_w_per_k(800.0, -1.0, 400.0)


def test_heater_shell_reaches_its_known_excess_temperature() -> None:
    # given a shell of 22.5 kJ/K and 15 W/K at room temperature: time constant 25 min
    params = HeaterParameters()
    # when it takes 650 W for one time constant
    after, fluxes = step_heater(params, np.array([20.0]), 650.0, 20.0, 1500.0)
    # then it is 1 − 1/e of 43.3 K above the room
    assert after[0] == pytest.approx(20 + 650 / 15 * (1 - np.exp(-1)))
    assert fluxes.electric_j[0] == pytest.approx(fluxes.heat_to_room_j[0] + fluxes.stored_j[0])


def test_case_loss_spares_the_full_load_and_eats_the_part_load() -> None:
    # given 5 W/K of case and a loop 40 K above its room (heat.md 1.4: 5 % of 4 kW, 50 % of 400 W)
    params = BoilerParameters(capture_fraction=1.0, case_ua_w_per_k=5.0, exchanger_ua_w_per_k=1e6)
    power = np.array([4000.0, 400.0])
    # when the load holds the loop there
    loop, load = np.array([60.0, 60.0]), 60.0 - np.array([3800.0, 200.0]) / (0.1 * 4181.0)
    inputs = BoilerInputs(power, 20.0, loop_flow_kg_s=1e3, load_flow_kg_s=0.1, load_temp_c=load)
    loop, fluxes = step_boiler(params, loop, inputs, 900.0)
    # then efficiency is 95 % and 50 %
    np.testing.assert_allclose(fluxes.delivered_j / fluxes.electric_j, [0.95, 0.5], atol=1e-4)
    np.testing.assert_allclose(fluxes.mean_load_return_temp_c, 60.0, atol=0.01)


def test_boiler_without_flow_heats_its_loop_and_its_surroundings_only() -> None:
    params = BoilerParameters(capture_fraction=0.9, case_ua_w_per_k=4.0)
    loop, fluxes = step_boiler(params, np.array([20.0]), BoilerInputs(2000.0, 20.0, 0.0, 0.2, 15.0), 600.0)
    assert fluxes.delivered_j[0] == 0.0
    assert fluxes.uncaptured_j[0] == pytest.approx(0.1 * 2000.0 * 600.0)
    tau = 60_000.0 / 4.0
    assert loop[0] == pytest.approx(20 + 1800 / 4 * (1 - np.exp(-600 / tau)))


def test_pool_evaporates_what_the_carrier_form_says() -> None:
    # given 25 m × 12.5 m at 28 °C under air of 29 °C and 60 %
    params = SwimmingPoolParameters(area_m2=312.5, volume_m3=562.0, emissivity=0.0)
    _, fluxes = step_swimming_pool(params, np.array([28.0]), SwimmingPoolInputs(activity=1.0), 60.0)
    # then the loss is 89 W/m² per kPa of 1.38 kPa
    assert fluxes.evaporation_j[0] / 60.0 / 312.5 == pytest.approx(122.4, abs=0.5)
    # and the Bowen ratio gives 5.5 W/m² back from the warmer air
    assert fluxes.convection_j[0] / 60.0 / 312.5 == pytest.approx(-89.0 * 0.0613, abs=0.01)
    # and a kelvin costs 650 kWh
    assert params.capacity_j_per_k[0] / 3.6e6 == pytest.approx(650.0, abs=5.0)


def test_pool_settles_where_gain_meets_loss_and_a_cover_halts_it() -> None:
    # given a pool whose boiler gives 42 kW
    params = SwimmingPoolParameters(area_m2=312.5, volume_m3=50.0, cover_factor=0.0)
    temps = np.array([28.0])
    # when a hundred days pass
    for _ in range(200):
        temps, fluxes = step_swimming_pool(params, temps, SwimmingPoolInputs(heat_w=42e3), 43_200.0)
    # then gain is loss
    losses = fluxes.evaporation_j + fluxes.convection_j + fluxes.radiation_j + fluxes.refill_j + fluxes.shell_j
    assert losses[0] == pytest.approx(fluxes.heat_j[0], rel=1e-9)
    _, covered = step_swimming_pool(params, temps, SwimmingPoolInputs(covered=1.0), 60.0)
    assert covered.evaporation_j[0] == covered.convection_j[0] == covered.radiation_j[0] == 0.0


def test_saturation_pressure_meets_the_steam_table() -> None:
    # IAPWS-95: 0.6113 kPa at 0.01 °C, 2.3393 at 20, 3.7831 at 28, 12.352 at 50
    np.testing.assert_allclose(
        saturation_pressure_kpa(np.array([0.01, 20.0, 28.0, 50.0])), [0.6117, 2.3393, 3.7831, 12.352], rtol=4e-3
    )


def test_apartment_loses_its_ua_and_keeps_its_capacity() -> None:
    # given a flat of 33 W/K, 0 °C outside and 20 °C held within
    params = RoomParameters.apartment(ua_w_per_k=33.0)
    state = RoomState.uniform(20.0)
    for _ in range(4000):
        power = ideal_power_w(params, state, RoomInputs(0.0), 20.0, 3600.0)
        state, _ = step_room(params, state, with_emitter(params, RoomInputs(0.0), power, Emission()), 3600.0)
    # then the heater gives UA·ΔT, and the sum of masses is what was asked for
    assert power[0] == pytest.approx(660.0, rel=1e-6)
    assert params.c_ext_j_per_k[0] + params.c_int_j_per_k[0] == pytest.approx(4e6)


def test_ideal_power_stops_at_its_limits_and_lands_on_the_set_point() -> None:
    # given a cold, a warm and a nearly right room
    params = RoomParameters.apartment(ua_w_per_k=np.array([33.0, 33.0, 33.0]))
    temps = np.array([10.0, 30.0, 19.95])
    state, inputs = RoomState(temps, temps, temps), RoomInputs(5.0)
    power = ideal_power_w(params, state, inputs, 20.0, 900.0, heating_max_w=1000.0)
    np.testing.assert_allclose(power[:2], [1000.0, 0.0])
    after, _ = step_room(params, state, with_emitter(params, inputs, power, Emission()), 900.0)
    assert after.air_temp_c[2] == pytest.approx(20.0, abs=1e-9)


def test_one_set_of_rooms_may_mix_air_with_and_without_mass() -> None:
    # given the same room three times, its air without, with little and with much mass
    room = {
        "exterior_area_m2": 10.5,
        "interior_area_m2": 75.5,
        "r_ext_k_per_w": 0.00437,
        "r_ext_rem_k_per_w": 0.03896,
        "c_ext_j_per_k": 1.6e6,
        "r_int_k_per_w": 0.0005957,
        "c_int_j_per_k": 14.8e6,
    }
    params = RoomParameters(**room, air_capacity_j_per_k=np.array([0.0, 100.0, 1e6]))
    after, _ = step_room(params, RoomState.uniform(22.0, 3), RoomInputs(22.0, convective_w=1000.0), 900.0)
    # then little mass is like none, and much mass lags
    assert after.air_temp_c[1] == pytest.approx(after.air_temp_c[0], abs=1e-3)
    assert after.air_temp_c[2] < after.air_temp_c[0] - 0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: RoomParameters.apartment(ua_w_per_k=0.0),
        lambda: RoomParameters.apartment(wall_share=1.0),
        lambda: RoomParameters(0.0, 75.0, 0.004, 1e6, 0.04, 0.0006, 1e7),
        lambda: RoomParameters(10.0, 75.0, 0.004, float("nan"), 0.04, 0.0006, 1e7),
        lambda: RoomParameters(10.0, 75.0, 0.004, 1e6, 0.04, 0.0006, 1e7, air_capacity_j_per_k=5.0),
        lambda: BoilerParameters(capture_fraction=1.2),
        lambda: HeaterParameters(ua_w_per_k="warm"),  # type: ignore[arg-type]
        lambda: SwimmingPoolParameters(area_m2=312.0, volume_m3=[1.0, 2.0], emissivity=[0.1, 0.2, 0.3]),  # type: ignore[arg-type]
        lambda: Emission(convective_share=0.8, radiant_share=0.4),
    ],
)
def test_impossible_parameters_are_refused(make: object) -> None:
    with pytest.raises(InvalidFieldError):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("dt_s", [0.0, -1.0, float("nan"), 1e6])
def test_impossible_steps_are_refused(dt_s: float) -> None:
    with pytest.raises(InvalidFieldError, match="dt_s"):
        step_heater(HeaterParameters(), np.array([20.0]), 0.0, 20.0, dt_s)
