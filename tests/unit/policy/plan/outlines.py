"""Plans by hand, and decisions under them."""

from __future__ import annotations

from ondol.model.decision import Decision
from ondol.policy.plan.outline import Outline
from ondol.policy.plan.place import place
from unit.policy.views import NOW_S, World

HOUR_S = 3600.0


def outline(
    planned_w: dict[str, float],
    value_g: dict[str, float] | float = 0.0,
    price: float = 0.0,
    now_w: dict[str, float] | None = None,
) -> Outline:
    """A plan of now: watts of each sink, what a kWh of heat saves there, and watts before they are eased."""
    values = value_g if isinstance(value_g, dict) else dict.fromkeys(planned_w, value_g)
    return Outline(
        issued_s=NOW_S, power_w=now_w or planned_w, soon_w=planned_w, value_g_per_kwh=values, price_g_per_node_h=price
    )


def placed(
    world: World,
    planned_w: dict[str, float],
    value_g: dict[str, float] | float = 0.0,
    now_w: dict[str, float] | None = None,
) -> Decision:
    """What is decided in a world with stores, at 50 g/kWh unless the world says otherwise."""
    world.stores = True
    world.ahead_s = world.ahead_s or [HOUR_S] * 4
    return place(world.view(), outline(planned_w, value_g, now_w=now_w))
