"""How well an energy figure is known; stored with each figure."""

from __future__ import annotations

import enum


class DataTier(enum.Enum):
    """From a meter (T1) to a guess from the kind of machine (T5); `reference/footprint.md` §3.4."""

    METER = "T1"  # calibrated kWh meter or smart outlet per server
    BMC = "T2"  # the server's own management controller (Redfish, IPMI)
    RAPL = "T3"  # processor and memory counters, and what is estimated around them
    CURVE = "T4"  # power curve on CPU time; a factor-two band
    ARCHETYPE = "T5"  # a typical machine of its kind
