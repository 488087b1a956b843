"""Given nodes of several kinds, when work asks for hardware, then exactly the nodes that have it will do."""

from __future__ import annotations

import pytest

from ondol.model.conditions import HardwareConstraint, HardwareKind
from ondol.model.errors import InvalidFieldError
from ondol.model.hardware import fulfils, unmet
from ondol.model.ids import NodeId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.site import Node

Kind = HardwareKind


def node(**fields: object) -> Node:
    """Two slots of 4 cores and 8 GB (10^9) each, unless told otherwise."""
    plain: dict[str, object] = {
        "id": NodeId("n"),
        "unit_id": UnitId("u"),
        "curve": PowerCurve(idle_w=10.0, max_w=100.0),
        "slots": 2,
        "memory_bytes": 16 * 10**9,
        "cores_per_slot": 4,
        "cpu_model": "Epyc 7543",
    }
    return Node(**(plain | fields))  # type: ignore[arg-type]


CASES = [
    (Kind.MINIMUM_CORE, 4, 5),
    (Kind.MAXIMUM_CORE, 4, 3),
    (Kind.MINIMUM_RAM, 8000, 8001),
    (Kind.MAXIMUM_RAM, 8000, 7999),
    (Kind.MINIMUM_RAM_CORE_RATIO, 2.0, 2.01),
    (Kind.MAXIMUM_RAM_CORE_RATIO, 2.0, 1.99),
]


@pytest.mark.parametrize(("kind", "met", "missed"), CASES, ids=lambda value: getattr(value, "name", value))
def test_amounts_are_met_at_the_bound_and_missed_beyond(kind: HardwareKind, met: float, missed: float) -> None:
    assert fulfils(node(), HardwareConstraint(kind=kind, amount=met))
    assert not fulfils(node(), HardwareConstraint(kind=kind, amount=missed))


def test_names_are_those_of_the_model_and_of_the_specification() -> None:
    model = HardwareConstraint(kind=Kind.CPU_MODEL, key="epyc 7543")
    specific = HardwareConstraint(kind=Kind.SPECIFIC, key="8c-32g-ssd")
    assert fulfils(node(), model)
    assert not fulfils(node(cpu_model="other"), model)
    assert fulfils(node(specification_key="8c-32g-ssd"), specific)
    assert not fulfils(node(), specific)
    assert fulfils(node(), HardwareConstraint(kind=Kind.SPECIFIC, key="Epyc 7543")), "the CPU model stands in"


@pytest.mark.parametrize(
    ("has", "has_not", "field", "value"), [(Kind.GPU, Kind.NO_GPU, "gpu", "T4"), (Kind.SSD, Kind.NO_SSD, "ssd", True)]
)
def test_what_is_there_or_not(has: HardwareKind, has_not: HardwareKind, field: str, value: object) -> None:
    for constraint, with_it, without in ((has, True, False), (has_not, False, True)):
        assert fulfils(node(**{field: value}), HardwareConstraint(kind=constraint)) is with_it
        assert fulfils(node(), HardwareConstraint(kind=constraint)) is without


def test_unmet_names_what_no_single_node_meets_with_the_rest() -> None:
    ssd, gpu = HardwareConstraint(kind=Kind.SSD), HardwareConstraint(kind=Kind.GPU)
    nodes = [node(ssd=True), node(gpu="T4")]
    assert unmet(nodes, (ssd,)) is None
    assert unmet(nodes, (gpu,)) is None
    assert unmet(nodes, (ssd, gpu)) == gpu
    assert unmet([], (ssd,)) == ssd
    assert unmet([], ()) is None


@pytest.mark.parametrize(
    ("field", "value"), [("cores_per_slot", 0), ("cores_per_slot", 1.5), ("gpu", " "), ("specification_key", "k" * 201)]
)
def test_nodes_refuse_what_they_cannot_be(field: str, value: object) -> None:
    with pytest.raises(InvalidFieldError, match=field):
        node(**{field: value})
