"""The site's electrical limit, shared by its units: idle power, then what cannot wait, then by priority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ondol.agent.layout import SiteLayout, UnitLayout
from ondol.agent.power_caps import SiteShare, share_site_limit
from ondol.agent.site_step import UnitWish


def within_site_limit(site: SiteLayout, wishes: Sequence[UnitWish]) -> list[UnitWish]:
    """Bound the wishes so that all units together keep the limit."""
    limit_w = site.site.electrical_limit_w
    shares = [
        SiteShare(
            unit_id=wish.layout.unit.id,
            idle_w=0.0 if wish.verdict.trip else wish.layout.idle_w,
            urgent_w=wish.urgent_w,
            target_w=wish.target_w,
            priority=_priority(site, wish.layout),
        )
        for wish in wishes
    ]
    granted = share_site_limit(limit_w, shares)
    return [_bounded(wish, granted[wish.layout.unit.id], limit_w) for wish in wishes]


def _bounded(wish: UnitWish, power_w: float, limit_w: float) -> UnitWish:
    if power_w >= wish.target_w - 1e-9:
        return wish
    reason = f"the site may draw {limit_w:.0f} W in all: at most {power_w:.0f} W"
    return replace(wish, target_w=power_w, limited_by="safety", reason=reason, site_limited=True)


def _priority(site: SiteLayout, layout: UnitLayout) -> int:
    if layout.sink is None:
        return 0
    request = next(group.request for group in site.sinks if group.sink.id == layout.sink.id)
    return 0 if request is None else request.priority
