"""The split rule that an installation asked for, refused at the start where its counters are missing."""

from __future__ import annotations

from ondol.accounting.split import SplitRule
from ondol.accounting.split_rules import rule_named
from ondol.drivers.power.rapl import RaplMeter
from ondol.engine.ports import Capabilities
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet

_FIELD = "accounting.split_rule"


def chosen_rule(fleet: Fleet, rapl: RaplMeter | None, engine: Capabilities) -> SplitRule:
    """Give the rule of the fleet file's `[accounting]`.

    Raises
    ------
    InvalidFieldError : "ceems" where a node has no counters, or nothing measures the memory of jobs
    """
    name = fleet.accounting.split_rule
    if name == "ceems":
        without = next((node.id for node in fleet.nodes if node.meter != "rapl"), None)
        if without is not None:
            raise InvalidFieldError(_FIELD, name, f'cpu-time, since node {without} has not meter = "rapl"')
        if rapl is None:
            raise InvalidFieldError(_FIELD, name, "cpu-time, since the processor's counters cannot be read here")
        if not rapl.has_dram:
            raise InvalidFieldError(_FIELD, name, "cpu-time, since this machine's memory has no counter of its own")
        if not engine.memory_limit.startswith("cgroup"):
            raise InvalidFieldError(_FIELD, name, "cpu-time, since without cgroups the memory of jobs is not measured")
    return rule_named(name)
