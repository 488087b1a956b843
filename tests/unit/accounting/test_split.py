from __future__ import annotations

import datetime as dt
import math

import pytest

from ondol.accounting.rows import energy_rows, it_energy_j, overhead_row
from ondol.accounting.split import AttemptUse, CpuTimeRule, NodeWindow, Piece, conserve
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, NodeId, SiteId, TaskId, UnitId, attempt_id, instance_id
from ondol.model.ledger import Share, Tier

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)


def window(energy_j: float = 6000.0, *, idle_w: float = 20.0, slots: int = 2, seconds: float = 60.0) -> NodeWindow:
    return NodeWindow(
        site_id=SiteId("pool"),
        unit_id=UnitId("boiler"),
        node_id=NodeId("n1"),
        start=T0,
        end=T0 + dt.timedelta(seconds=seconds),
        energy_j=energy_j,
        idle_w=idle_w,
        slots=slots,
    )


def use(number: int, cpu_s: float, **kwargs: object) -> AttemptUse:
    instance = instance_id(TaskId("t"), number)
    return AttemptUse(
        attempt_id=attempt_id(instance, 1),
        instance_id=instance,
        task_id=TaskId("t"),
        account_id=AccountId("a"),
        cpu_s=cpu_s,
        **kwargs,  # type: ignore[arg-type]
    )


def test_dynamic_goes_by_cpu_time_and_idle_by_slots() -> None:
    # 6000 J, of which 1200 J idle; two of two slots held; CPU time 3 : 1
    pieces = CpuTimeRule().split(window(), [use(0, 45.0), use(1, 15.0)])
    assert [piece.energy_j for piece in pieces] == pytest.approx([4800 * 0.75 + 600, 4800 * 0.25 + 600])
    assert {piece.share for piece in pieces} == {Share.JOB}


def test_unreserved_idle_goes_to_the_idle_share() -> None:
    pieces = CpuTimeRule().split(window(), [use(0, 30.0)])
    assert [(piece.share, piece.energy_j) for piece in pieces] == [(Share.JOB, 5400.0), (Share.IDLE, 600.0)]


def test_a_slot_held_for_half_the_window_pays_half_its_idle() -> None:
    pieces = CpuTimeRule().split(window(), [use(0, 30.0, held_s=30.0)])
    assert pieces[0].energy_j == pytest.approx(4800 + 300)
    assert pieces[1].energy_j == pytest.approx(900)


def test_an_empty_node_is_all_idle_and_a_node_that_is_off_still_has_an_owner() -> None:
    assert CpuTimeRule().split(window(), []) == (Piece(share=Share.IDLE, energy_j=6000.0),)
    assert CpuTimeRule().split(window(0.0), []) == (Piece(share=Share.IDLE, energy_j=0.0),)


def test_less_than_idle_power_is_all_idle() -> None:
    pieces = CpuTimeRule().split(window(600.0), [use(0, 5.0)])
    assert [piece.energy_j for piece in pieces] == [300.0, 300.0]


def test_energy_without_cpu_time_is_shared_as_idle() -> None:
    pieces = CpuTimeRule().split(window(), [use(0, 0.0)])
    assert [piece.energy_j for piece in pieces] == [3000.0, 3000.0]


def test_filler_is_its_own_share() -> None:
    pieces = CpuTimeRule().split(window(), [use(0, 30.0, share=Share.HEAT_ONLY), use(1, 30.0)])
    assert [piece.share for piece in pieces] == [Share.HEAT_ONLY, Share.JOB]


def test_order_of_uses_does_not_matter() -> None:
    uses = [use(0, 0.1), use(1, 0.2)]
    assert CpuTimeRule().split(window(), uses) == CpuTimeRule().split(window(), uses[::-1])


@pytest.mark.parametrize(
    ("uses", "field"),
    [
        ([use(0, 1.0, slots=3)], "slot-seconds"),
        ([use(0, 1.0), use(0, 1.0)], "count twice"),
        ([use(0, 1.0, held_s=61.0)], "held_s"),
    ],
)
def test_impossible_uses_are_refused(uses: list[AttemptUse], field: str) -> None:
    with pytest.raises(InvalidFieldError, match=field):
        CpuTimeRule().split(window(), uses)


def test_idle_and_overhead_are_not_for_an_attempt_to_claim() -> None:
    with pytest.raises(InvalidFieldError, match="job or heat_only"):
        use(0, 1.0, share=Share.IDLE)
    with pytest.raises(InvalidFieldError, match="cpu_s"):
        use(0, -1.0)


def test_a_rule_that_loses_energy_is_refused() -> None:
    with pytest.raises(InvalidFieldError, match="1e-9"):
        conserve([Piece(share=Share.IDLE, energy_j=9.0)], 10.0)
    with pytest.raises(InvalidFieldError, match="owner"):
        conserve([], 10.0)


def test_rows_carry_the_pieces_and_overhead_follows_pue() -> None:
    pieces = CpuTimeRule().split(window(), [use(0, 30.0)])
    rows = energy_rows(window(), pieces, grid_g_per_kwh=50.0, tier=Tier.T4_CURVE)
    assert [row.attempt_id for row in rows] == ["t.000000.001", None]
    assert rows[0].cpu_s == 30.0
    assert math.fsum(row.energy_j for row in rows) == 6000.0
    over = overhead_row(
        SiteId("dc"),
        T0,
        T0 + dt.timedelta(seconds=60),
        it_j=it_energy_j(rows),
        pue=1.4,
        grid_g_per_kwh=50.0,
        tier=Tier.T4_CURVE,
    )
    assert over.energy_j == pytest.approx(2400.0)
    assert over.node_id is None
    with pytest.raises(InvalidFieldError, match="pue"):
        overhead_row(SiteId("dc"), T0, T0, it_j=1.0, pue=0.9, grid_g_per_kwh=50.0, tier=Tier.T4_CURVE)
