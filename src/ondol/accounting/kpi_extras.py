"""What key figures need and a ledger does not hold: declared, or known of the machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ondol.accounting.boundary import Boundary, Inflow
from ondol.accounting.scope_two import Contract
from ondol.model.benchmark import ServerBenchmark
from ondol.model.checks import check_range
from ondol.model.factor import Factor
from ondol.model.ids import NodeId, SiteId


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What somebody stands for and no meter of the ledger has seen.

    Parameters
    ----------
    inflows : energy carriers beside electricity
    contracts : GO and PPA that cover electricity of the window
    boundary : what is inside; that of the installation where None
    heat_pump_kwh : electricity of a heat pump that lifts the heat and that no meter of the ledger has seen, ≥ 0 [kWh]
    """

    inflows: tuple[Inflow, ...] = ()
    contracts: tuple[Contract, ...] = ()
    boundary: Boundary | None = None
    heat_pump_kwh: float = 0.0

    def __post_init__(self) -> None:
        check_range("heat_pump_kwh", self.heat_pump_kwh, 0.0, 1e15, "kWh")

    @property
    def notes(self) -> tuple[str, ...]:
        """What to say of it."""
        said = [f"{one.amount:g} of {one.carrier.value} at {one.g_per_kwh:g} g/kWh" for one in self.inflows]
        said += [f"{self.heat_pump_kwh:g} kWh of a heat pump"] if self.heat_pump_kwh else []
        said += [f"{one.kwh:g} kWh by {one.instrument.value} ({one.evidence})" for one in self.contracts]
        return (f"Declared by who asks, not metered here: {'; '.join(said)}.",) if said else ()


NOTHING_DECLARED = Declared()


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a ledger does not hold.

    Parameters
    ----------
    cores : by node, CPU seconds that it has in a second of the ledger's time; nodes without are left out of ITEUsv
    gpu_nodes : nodes that mostly compute on accelerators; ISO/IEC 30134-5 leaves them out
    benchmarks : by node, what its kind of server was found to do and draw, for ITEEsv
    declared : carriers and contracts that no meter has seen
    contracts : by site, what it names in the fleet file for all of its electricity; for scope 2 where none are declared
    residuals : by site, residual mix of its country; none where none is known
    heat_removed_kwh, cooling_kwh : of the cooling, for CER, where they are stated and not metered [kWh]
    embodied_g : share of making the hardware in the window without what work run for heat alone held, for SCI [g]; None
        where some of it is not known
    """

    cores: Mapping[NodeId, float]
    gpu_nodes: frozenset[NodeId] = frozenset()
    benchmarks: Mapping[NodeId, ServerBenchmark] = field(default_factory=dict)
    declared: Declared = NOTHING_DECLARED
    contracts: Mapping[SiteId, Contract] = field(default_factory=dict)
    residuals: Mapping[SiteId, Factor] = field(default_factory=dict)
    heat_removed_kwh: float | None = None
    cooling_kwh: float | None = None
    embodied_g: float | None = None

    @property
    def counted_cores(self) -> dict[NodeId, float]:
        """Cores of the servers that count in ITEUsv: all whose cores are known, but those with accelerators."""
        return {node: cores for node, cores in self.cores.items() if node not in self.gpu_nodes}


NO_EXTRAS = Extras(cores={})
