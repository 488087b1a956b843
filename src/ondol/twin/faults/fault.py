"""What can fail at a site, when and how badly."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ondol.twin.faults.site_of import SINK, SITE, DrawnSite

SENSOR_FAULTS = ("stuck", "drift", "lost", "spikes", "noise")
OTHER_FAULTS = (
    "flow-lost",
    "link-lost",
    "agent-killed",
    "server-killed",
    "cap-ignored",
    "backup-stuck-off",
    "backup-stuck-on",
    "clock-jump",
)
CODES = SENSOR_FAULTS + OTHER_FAULTS
_NEEDS_BACKUP = ("backup-stuck-off", "backup-stuck-on")
_SHORTEST_S, _LONGEST_S = 300.0, 6.0 * 3600.0
_SINK_SHARE = 0.5  # of sensor faults hit what the agent steers by
_LONGEST_DOWN_S = 3_600.0  # of agent and server: whoever starts them again, a service manager, is not that slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of one thing.

    Parameters
    ----------
    code : one of `CODES`
    target : entity whose instrument or actuator it is; the site for what concerns all
    point, index : of a sensor, "" for none
    begin_s, end_s : since the begin of the sequence [s]
    size : of a drift [K/h], of spikes and noise [K], of a jump of the clock [s]
    """

    code: str
    target: str
    point: str = ""
    index: int = 0
    begin_s: float
    end_s: float
    size: float = 0.0

    def at(self, now_s: float) -> bool:
        """Whether it lasts at a time."""
        return self.begin_s <= now_s < self.end_s

    def __str__(self) -> str:
        where = f"{self.target}.{self.point}.{self.index}" if self.point else self.target
        span = f"{self.begin_s / 3600.0:.2f}–{self.end_s / 3600.0:.2f} h"
        return f"{self.code} {where} {span}" + (f" ({self.size:+.3g})" if self.size else "")


def draw_faults(draw: random.Random, site: DrawnSite, span_s: float) -> tuple[Fault, ...]:
    """Draw one to four faults, by time of begin; they may overlap, for trouble does not come alone."""
    codes = [code for code in CODES if site.backup_w or code not in _NEEDS_BACKUP]
    if site.kind == "room":
        codes.remove("flow-lost")
    faults = [_draw(draw, draw.choice(codes), site, span_s) for _ in range(draw.choice((1, 1, 2, 2, 3, 4)))]
    return tuple(sorted(faults, key=lambda fault: (fault.begin_s, fault.code, fault.target)))


def _draw(draw: random.Random, code: str, site: DrawnSite, span_s: float) -> Fault:
    begin_s = draw.uniform(0.0, 0.8) * span_s
    length_s = draw.uniform(_SHORTEST_S, min(_LONGEST_S, span_s / 2.0))
    if code in ("agent-killed", "server-killed"):
        length_s = min(length_s, draw.uniform(_SHORTEST_S, _LONGEST_DOWN_S))
    end_s = begin_s + length_s
    units = [unit.id for unit in site.fleet.units]
    if code in SENSOR_FAULTS:
        wired = [binding.key for binding in site.fleet.bindings]
        if code in ("drift", "spikes", "noise"):
            wired = [key for key in wired if key.kind.unit == "°C"]
        if draw.random() < _SINK_SHARE:
            wired = [key for key in wired if key.entity_id == SINK]
        key = draw.choice(wired)
        sizes = {"drift": draw.choice((-1, 1)) * draw.uniform(0.5, 6.0), "spikes": draw.uniform(10.0, 80.0)}
        size = sizes.get(code, draw.uniform(0.2, 1.0) if code == "noise" else 0.0)
        return Fault(
            code=code,
            target=key.entity_id,
            point=key.point,
            index=key.index,
            begin_s=begin_s,
            end_s=end_s,
            size=size,
        )
    if code in ("flow-lost", "cap-ignored"):
        return Fault(code=code, target=draw.choice(units), begin_s=begin_s, end_s=end_s)
    if code == "clock-jump":
        size = draw.choice((-1, 1)) * draw.choice((30.0, 600.0, 3600.0, 86_400.0))
        return Fault(code=code, target=SITE, begin_s=begin_s, end_s=begin_s + 1.0, size=size)
    return Fault(code=code, target=SITE, begin_s=begin_s, end_s=end_s)
