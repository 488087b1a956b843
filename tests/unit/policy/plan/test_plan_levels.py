"""Levels of power from the units of a view: whole units first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SinkId
from ondol.model.view import SinkColumns, View
from ondol.policy.plan.levels import LEVELS, levels_of
from unit.policy.views import UnitRow, World


def view_of(units: list[UnitRow], sinks: list[int], capture: list[float]) -> View:
    """A view whose units, in id order, heat the given sinks."""
    view = World(units).view()
    n = len(capture)
    none = np.zeros((n, 1))
    columns = SinkColumns(
        ids=tuple(SinkId(f"sink-{i}") for i in range(n)),
        site=np.zeros(n, dtype=np.int64),
        store_j=np.zeros(n),
        capacity_j=np.zeros(n),
        loss_per_s=np.zeros(n),
        capture=np.array(capture),
        demand_w=none,
        demand_high_w=none,
        backup_g_per_kwh=none,
        backup_eur_per_kwh=none,
    )
    return replace(view, units=replace(view.units, sink=np.array(sinks)), sinks=columns)


def boiler(name: str, nodes: int, accepts: bool = True) -> UnitRow:
    return UnitRow(name, slots=(1,) * nodes, accepts=accepts)  # nodes of 50 W to 450 W


def test_equal_units_are_added_one_after_the_other_at_full_load():
    """Eight boilers of four nodes: every level is a number of whole boilers, none of them at part load."""
    view = view_of([boiler(f"u{i}", 4) for i in range(8)], [0] * 8, [0.9])
    levels = levels_of(view, case_loss_w=np.full(8, 150.0))
    whole = np.arange(LEVELS + 1)
    np.testing.assert_allclose(levels.power_w, [whole * 1800.0])
    np.testing.assert_allclose(levels.heat_w, [whole * 1620.0])
    np.testing.assert_allclose(levels.rate, [whole * 4.0])


def test_a_single_unit_at_part_load_idles_and_heats_badly():
    view = view_of([boiler("u", 8)], [0], [0.9])
    levels = levels_of(view, case_loss_w=np.array([300.0]))
    # One of eight nodes at work: 450 W and 7 × 50 W. The loop takes (0.9 × 3600 + 300) / 3600 and loses 300 W.
    assert levels.power_w[0, 1] == pytest.approx(800.0)
    assert levels.heat_w[0, 1] == pytest.approx(800.0 * (0.9 + 300.0 / 3600.0) - 300.0)
    assert levels.heat_w[0, 1] / levels.power_w[0, 1] < 0.7
    assert levels.heat_w[0, -1] / levels.power_w[0, -1] == pytest.approx(0.9)


def test_levels_move_to_a_whole_unit_nearby_and_the_largest_unit_runs_first():
    view = view_of([boiler("u1", 4), boiler("u2", 6)], [0, 0], [0.9])
    levels = levels_of(view)
    np.testing.assert_allclose(levels.rate, [[0.0, 1.25, 2.5, 3.75, 5.0, 6.0, 7.5, 8.75, 10.0]])
    assert levels.power_w[0, 5] == pytest.approx(6 * 450.0)  # u2 in full, u1 off
    assert levels.power_w[0, 1] == pytest.approx(6 * 50.0 + 1.25 * 400.0)


def test_sinks_share_nothing_racks_heat_nobody_and_closed_nodes_do_not_count():
    view = view_of(
        [boiler("u1", 8), boiler("u2", 8), boiler("u3", 8), boiler("u4", 8, accepts=False)],
        [2, 0, -1, 1],
        [0.9, 0.9, 0.5],
    )
    levels = levels_of(view)
    np.testing.assert_allclose(levels.power_w[:, -1], [3600.0, 0.0, 3600.0])
    np.testing.assert_allclose(levels.heat_w[:, -1], [3240.0, 0.0, 1800.0])
    np.testing.assert_allclose(levels.rate[1], 0.0)
    counted = levels_of(view, usable=np.ones(32, dtype=bool))
    assert counted.power_w[1, -1] == pytest.approx(3600.0)


def test_a_case_that_loses_all_heat_at_low_load_gives_none_there():
    view = view_of([boiler("u", 8)], [0], [0.4])
    levels = levels_of(view, case_loss_w=np.array([2000.0]))
    assert levels.heat_w[0, 1] == 0.0
    assert (np.diff(levels.heat_w, axis=1) >= 0.0).all()


def test_a_view_without_sinks_has_no_levels():
    levels = levels_of(view_of([boiler("u", 2)], [-1], []))
    assert levels.power_w.shape == (0, LEVELS + 1)


@pytest.mark.parametrize(
    ("sinks", "loss", "names"),
    [
        ([0, 1], [0.0, 0.0], r"units.sink\[u2\] = 1"),
        ([0, 0], [0.0, -1.0], r"case_loss_w\[u2\] = -1"),
        ([0, 0], [np.nan, 0.0], r"case_loss_w\[u1\] = nan"),
        ([0, 0], [0.0, 400.0], r"case_loss_w\[u2\] = 400.0.*up to 180 W"),
        ([0, 0], [0.0], r"case_loss_w = \(1,\)"),
    ],
)
def test_what_cannot_be_is_refused_by_name(sinks, loss, names):
    with pytest.raises(InvalidFieldError, match=names):
        levels_of(view_of([boiler("u1", 4), boiler("u2", 4)], sinks, [0.9]), case_loss_w=np.array(loss))
