"""What outlives the process: the clock, the plant, the agents' and the policy's memory, kept as small documents."""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import Any, TypeVar

import msgspec

from ondol.agent.site_agent import SiteAgent
from ondol.control.clock import ClockSetting, PlatformClock, new_setting
from ondol.control.metering import Counters
from ondol.control.preconditions import check_rate
from ondol.control.site_bodies import SiteBodies
from ondol.control.sites import virtual_sites
from ondol.control.surroundings import PackagedSurroundings
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.policy.contract import Policy
from ondol.storage.ports import Changes, Store

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Kept:
    """Gives each part of the platform back as it was at the last written window, or fresh at the first start."""

    def __init__(self, store: Store, fleet: Fleet) -> None:
        self._store, self._fleet = store, fleet

    def document(self, key: str, kind: type[T]) -> T | None:
        """Read a document of the given kind, None where there is none yet."""
        data = self._store.document(key)
        return None if data is None else msgspec.json.decode(data, type=kind)

    def clock(self, rate: float, begin: dt.datetime | None) -> PlatformClock:
        """Go on with the clock of the first start; `rate` and `begin` set it where this is the first."""
        setting = self.document("clock", ClockSetting)
        if setting is None:
            setting = new_setting(rate, begin)
            self._store.commit(Changes(documents={"clock": msgspec.json.encode(setting)}))
            return PlatformClock(setting)
        check_rate("the rate of this data folder's clock", setting.rate)
        counters = self.document("meter", Counters)
        clock = PlatformClock(setting, 0.0 if counters is None else counters.window_start_s)
        if counters is not None and clock.now_s() <= counters.window_start_s:
            _log.warning("the wall clock is behind where it was; platform time goes on from %s", clock.now())
        return clock

    def plant(self, surroundings: PackagedSurroundings, now: dt.datetime) -> VirtualPlant:
        """Let the virtual hardware go on from its temperatures and meters."""
        plant = VirtualPlant(self._fleet, surroundings, now, simulated=virtual_sites(self._fleet))
        data = self._store.document("plant")
        if data is not None:
            plant.restore(json.loads(data))
        return plant

    def agents(self) -> dict[SiteId, SiteAgent]:
        """Let the agent of each virtual site go on from what it remembers."""
        agents = {site_id: SiteAgent(self._fleet, site_id) for site_id in virtual_sites(self._fleet)}
        for site_id, agent in agents.items():
            data = self._store.document(f"agent.{site_id}")
            if data is not None:
                agent.restore(json.loads(data))
        return agents

    def memory(self, policy: Policy[Any]) -> Any:  # each policy has a memory of its own kind
        """Give a policy its memory back."""
        fresh = policy.fresh()
        data = self._store.document(f"policy.{policy.name}")
        return fresh if data is None else msgspec.msgpack.decode(data, type=type(fresh))


def documents(plant: VirtualPlant, agents: dict[SiteId, SiteAgent], bodies: SiteBodies) -> dict[str, bytes]:
    """Pack plant, agents and embedded sites, to be written with the ledger's windows."""
    packed = {f"agent.{site_id}": msgspec.json.encode(agent.snapshot()) for site_id, agent in agents.items()}
    return {"plant": msgspec.json.encode(plant.snapshot()), **packed, **bodies.documents()}
