"""Given a node whose energy was measured, when it is split by a named rule, then its parts are as the rule says."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.accounting.ceems import CeemsRule
from ondol.accounting.split import AttemptUse, CpuTimeRule, NodeWindow, Piece
from ondol.accounting.split_rules import RULES, rule_named
from ondol.model.accounting_terms import SPLIT_RULES
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, SiteId, TaskId, UnitId
from ondol.model.ledger import Share

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)


def window(**changes: object) -> NodeWindow:
    base = NodeWindow(
        site_id=SiteId("s"),
        unit_id=UnitId("u"),
        node_id=NodeId("n"),
        start=T0,
        end=T0 + dt.timedelta(seconds=1),
        energy_j=400.0,
        idle_w=100.0,
        slots=4,
        package_j=180.0,
        dram_j=20.0,
    )
    return dataclasses.replace(base, **changes)


def use(name: str, cpu_s: float, memory_bytes: float | None, **changes: object) -> AttemptUse:
    base = AttemptUse(
        attempt_id=AttemptId(name),
        instance_id=InstanceId("t/000000"),
        task_id=TaskId("t"),
        account_id=AccountId("a"),
        cpu_s=cpu_s,
        memory_bytes=memory_bytes,
    )
    return dataclasses.replace(base, **changes)


def joules(pieces: tuple[Piece, ...]) -> dict[str, float]:
    return {"idle" if p.use is None else str(p.use.attempt_id): p.energy_j for p in pieces}


def test_every_rule_of_the_fleet_file_is_there() -> None:
    assert tuple(RULES) == SPLIT_RULES
    with pytest.raises(InvalidFieldError, match="split_rule"):
        rule_named("by feeling")


def test_ceems_gives_what_its_rules_say() -> None:
    # footprint.md V7: 400 W, package 180, memory 20; a: CPU 30, memory 64; b: CPU 10, memory 32.
    pieces = CeemsRule().split(window(), [use("a", 30.0, 64.0), use("b", 10.0, 32.0)])
    assert joules(pieces) == pytest.approx({"a": 287.0, "b": 113.0}, rel=1e-12)
    assert math.fsum(piece.energy_j for piece in pieces) == 400.0


def test_ceems_leaves_to_idle_what_nobody_used() -> None:
    assert joules(CeemsRule().split(window(), [])) == {"idle": 400.0}
    # Given one that holds its slot for half of the window and uses no CPU time, then the rest is nobody's.
    pieces = CeemsRule().split(window(), [use("a", 0.0, 8.0, held_s=0.5)])
    assert joules(pieces) == pytest.approx({"a": 36.0 + 20.0, "idle": 324.0 + 20.0})


@pytest.mark.parametrize(
    ("given_window", "given_use"),
    [
        (window(dram_j=None), use("a", 1.0, 1.0)),
        (window(package_j=None), use("a", 1.0, 1.0)),
        (window(package_j=0.0, dram_j=0.0), use("a", 1.0, 1.0)),
        (window(), use("a", 1.0, None)),
    ],
)
def test_ceems_is_refused_without_its_counters(given_window: NodeWindow, given_use: AttemptUse) -> None:
    with pytest.raises(UnavailableError):
        CeemsRule().split(given_window, [given_use])


def test_idle_energy_is_kept_apart_where_nobody_reserved_it() -> None:
    # footprint.md §3.4: 400 J, of which 100 J idle; a holds 2 of 4 slots, b 1; CPU time 30 : 10; a quarter is nobody's.
    pieces = CpuTimeRule().split(window(), [use("a", 30.0, None, slots=2), use("b", 10.0, None)])
    assert joules(pieces) == pytest.approx({"a": 225.0 + 50.0, "b": 75.0 + 25.0, "idle": 25.0})


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_measured_card_is_its_holders(rule: CpuTimeRule | CeemsRule) -> None:
    # Given two cards of 200 J and 100 J in a node of 700 J; a holds the first all the time, b the second for half.
    full = window(energy_j=700.0, cards_j={"gpu0": 200.0, "gpu1": 100.0})
    uses = [use("a", 30.0, 64.0, cards=("gpu0",)), use("b", 10.0, 32.0, cards=("gpu1",), held_s=0.5)]
    bare = [dataclasses.replace(one, cards=()) for one in uses]
    without, with_cards = joules(rule.split(window(), bare)), joules(rule.split(full, uses))
    assert with_cards["a"] - without["a"] == pytest.approx(200.0)
    assert with_cards["b"] - without["b"] == pytest.approx(50.0)
    assert with_cards["idle"] - without.get("idle", 0.0) == pytest.approx(50.0)


def test_a_card_has_one_holder_and_a_counter() -> None:
    full = window(cards_j={"gpu0": 200.0})
    with pytest.raises(InvalidFieldError, match="one attempt at a time"):
        CpuTimeRule().split(full, [use("a", 1.0, 1.0, cards=("gpu0",)), use("b", 1.0, 1.0, cards=("gpu0",))])
    with pytest.raises(InvalidFieldError, match="measured"):
        CpuTimeRule().split(full, [use("a", 1.0, 1.0, cards=("gpu1",))])
    with pytest.raises(InvalidFieldError, match="cards_j"):
        window(cards_j={"gpu0": 401.0})


amounts = st.floats(0.0, 1e9, allow_nan=False)


@given(
    st.sampled_from(list(RULES.values())),
    amounts,
    st.floats(1e-3, 1e9),
    st.floats(0.0, 1.0),
    st.floats(0.0, 20_000.0),
    st.lists(st.tuples(amounts, amounts, st.none() | st.floats(0.0, 1.0), st.booleans()), max_size=4),
)
@settings(max_examples=200, deadline=None)
def test_any_rule_gives_every_joule_to_one_owner(
    rule: CpuTimeRule | CeemsRule,
    energy_j: float,
    counted_j: float,
    package_share: float,
    idle_w: float,
    given_uses: list[tuple[float, float, float | None, bool]],
) -> None:
    full = window(
        energy_j=energy_j,
        idle_w=idle_w,
        package_j=counted_j * package_share,
        dram_j=counted_j * (1.0 - package_share),
        cards_j={f"gpu{n}": energy_j / 10.0 for n in range(len(given_uses))},
    )
    uses = [
        use(f"a{n}", cpu_s, memory, held_s=held_s, cards=(f"gpu{n}",) if holds else ())
        for n, (cpu_s, memory, held_s, holds) in enumerate(given_uses)
    ]
    pieces = rule.split(full, uses)
    assert math.isclose(math.fsum(piece.energy_j for piece in pieces), energy_j, rel_tol=1e-9, abs_tol=1e-12)
    assert all(piece.energy_j >= 0.0 for piece in pieces)
    assert [p.use for p in pieces if p.use is not None] == uses
    assert sum(p.share is Share.IDLE for p in pieces) <= 1
