"""What safety knows of a unit in order; tests change what they are about."""

from __future__ import annotations

from ondol.agent.safety import UnitSenses


def senses(**changes: object) -> UnitSenses:
    plain: dict[str, object] = {
        "power_max_w": 1000.0,
        "hottest_c": 20.0,
        "ahead_c": 20.0,
        "soft_c": 24.0,
        "hard_c": 27.0,
        "loop_c": 40.0,
        "loop_max_c": 65.0,
        "loop_w_per_k": 300.0,
        "loop_base_c": 20.0,
        "silent_s": 0.0,
        "water": True,
        "flow_lost": False,
        "meter_j": 0.0,
        "measured_w": 500.0,
    }
    return UnitSenses(**(plain | changes))  # type: ignore[arg-type]
