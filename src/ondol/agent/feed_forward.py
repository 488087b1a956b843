"""Power that holds a sink where it shall be, by its loss alone."""

from __future__ import annotations

from ondol.agent.zone_model import ZoneModel
from ondol.model.sink import Tank

WATER_J_PER_L_K = 4130.0  # 988 kg/m³ × 4181 J/(kg·K) at 50 °C (IAPWS-95)
MAINS_TEMP_C = 10.0  # where no measurement says better; French mains water has 5 to 20 °C over the year


def hold_zone_w(model: ZoneModel, setpoint_c: float, outdoor_c: float, walls_c: float | None = None) -> float:
    """Power that keeps a room at a set-point, ``UA (Tset − To) − gains``; below 0 where it would need cooling [W].

    Parameters
    ----------
    walls_c : present wall temperature; with it the flow into walls that are not yet warm is included.
        None for the steady state [°C]
    """
    zone = model.zone
    if walls_c is None:
        return model.ua_w_per_k * (setpoint_c - outdoor_c) - zone.gains_w
    to_walls_w = zone.mass_ua_w_per_k * (setpoint_c - walls_c)
    return zone.ua_w_per_k * (setpoint_c - outdoor_c) + to_walls_w - zone.gains_w


def stand_by_tank_w(tank: Tank, mean_temp_c: float) -> float:
    """Standing loss of a tank, ``UA (T − T_ambient)`` [W]."""
    return tank.ua_w_per_k * (mean_temp_c - tank.ambient_temp_c)


def mean_draw_w(tank: Tank, setpoint_c: float) -> float:
    """Heat that the daily draw takes, as a mean over the day [W]."""
    return tank.draw_l_per_day * WATER_J_PER_L_K * max(setpoint_c - MAINS_TEMP_C, 0.0) / 86_400.0
