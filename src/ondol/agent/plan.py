"""What the platform last told a site, and how far it still holds: the plan, then local control alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from ondol.agent.orders import NodeStatus
from ondol.agent.wire import Outlook
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import SinkId, UnitId

PLAN_HOLDS_S = 7200.0
"""Without a word from the server its floors and node states count for this long [s, platform]; then local control."""

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """What a site's step is given beside its own instruments.

    Parameters
    ----------
    nodes : as the platform knows them
    floors : power that its plan asks for work that cannot wait, per unit [W]
    requests : what counts for every sink now
    outdoor_ahead : forecast [°C] at a time, None where there is none
    price_ahead : price of heat or work at a time, in any unit, by which hygiene cycles are planned; None for none
    """

    nodes: tuple[NodeStatus, ...] = ()
    floors: Mapping[UnitId, float] = field(default_factory=dict)
    requests: Mapping[SinkId, HeatRequest] = field(default_factory=dict)
    outdoor_ahead: Callable[[dt.datetime], float] | None = None
    price_ahead: Callable[[dt.datetime], float] | None = None


class PlanNote(msgspec.Struct, frozen=True, kw_only=True):
    """The last plan and when it was told [s since the epoch, platform]; all of it outlives the agent."""

    told_s: float = 0.0
    nodes: tuple[NodeStatus, ...] = ()
    floors: dict[UnitId, float] = {}
    outlook: Outlook | None = None


def guidance_of(plan: PlanNote, requests: Mapping[SinkId, HeatRequest], now: dt.datetime) -> Guidance:
    """What still holds of a plan.

    For `PLAN_HOLDS_S` floors and node states hold as they were told. After that there are no floors, and of nodes only
    what instruments at the site say: thermostats go on with weather feed-forward, and what compute does not give
    backups do. The weather forecast holds to its end; beyond it, tomorrow is as the last day of it was.
    """
    outlook = plan.outlook
    ahead = None if outlook is None or not outlook.outdoor_c else _Ahead(outlook, outlook.outdoor_c)
    price = None if outlook is None or not outlook.price else _Ahead(outlook, outlook.price)
    if not plan.told_s or now.timestamp() - plan.told_s > PLAN_HOLDS_S:
        return Guidance(requests=requests, outdoor_ahead=ahead, price_ahead=price)
    return Guidance(nodes=plan.nodes, floors=plan.floors, requests=requests, outdoor_ahead=ahead, price_ahead=price)


class _Ahead:
    """Gives a value of an outlook at a time, between its steps in a straight line; beyond its end as a day before."""

    def __init__(self, outlook: Outlook, values: tuple[float, ...]) -> None:
        self._begin_s, self._step_s, self._values = outlook.begin_s, outlook.step_s, values

    def __call__(self, at: dt.datetime) -> float:
        values, last_s = self._values, self._step_s * (len(self._values) - 1)
        since_s = max(at.timestamp() - self._begin_s, 0.0)
        if since_s > last_s:
            days = -(-(since_s - last_s) // _DAY_S)
            since_s = max(min(since_s - days * _DAY_S, last_s), 0.0) if last_s >= _DAY_S else last_s
        row = min(int(since_s // self._step_s), len(values) - 1)
        part = since_s / self._step_s - row
        return values[row] + part * (values[min(row + 1, len(values) - 1)] - values[row])
