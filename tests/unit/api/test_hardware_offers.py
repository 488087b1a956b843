"""Given nodes of several kinds, when a constraint cannot be met, then the words tell what there is of that kind."""

from __future__ import annotations

import dataclasses

import pytest

from ondol.model.conditions import HardwareKind
from ondol.model.ids import NodeId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.site import Node
from ondol.server.api.hardware import offered

SMALL = Node(
    id=NodeId("s"),
    unit_id=UnitId("u"),
    curve=PowerCurve(idle_w=10.0, max_w=100.0),
    slots=2,
    memory_bytes=4 * 10**9,
    cores_per_slot=2,
    cpu_model="Ryzen 1700X",
)
LARGE = dataclasses.replace(
    SMALL, cores_per_slot=16, memory_bytes=64 * 10**9, cpu_model="Epyc 7543", ssd=True, gpu="A2"
)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (HardwareKind.MINIMUM_CORE, "2 cores, 16 cores"),
        (HardwareKind.MAXIMUM_RAM, "2000 MB, 32000 MB"),
        (HardwareKind.MINIMUM_RAM_CORE_RATIO, "1 GB a core, 2 GB a core"),
        (HardwareKind.SPECIFIC, "Epyc 7543, Ryzen 1700X"),
        (HardwareKind.CPU_MODEL, "Epyc 7543, Ryzen 1700X"),
        (HardwareKind.GPU, "a GPU, no GPU"),
        (HardwareKind.NO_SSD, "an SSD, no SSD"),
    ],
)
def test_each_kind_is_told_once_and_in_order(kind: HardwareKind, words: str) -> None:
    assert offered([LARGE, SMALL, LARGE], kind) == words


def test_every_kind_has_words_and_many_are_cut_short() -> None:
    assert all(offered([SMALL], kind) for kind in HardwareKind)
    assert offered([], HardwareKind.GPU) == "no node at all"
    many = [dataclasses.replace(SMALL, cores_per_slot=number) for number in range(1, 40)]
    assert offered(many, HardwareKind.MINIMUM_CORE).endswith("20 cores, …")
