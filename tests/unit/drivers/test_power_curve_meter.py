"""Power from CPU time: the curve's vectors, and no CPU second lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.drivers.power.curve import CurveMeter, MeteredNode
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import NodeId
from ondol.model.ledger import Tier
from ondol.model.power import PowerCurve

A, B = NodeId("a"), NodeId("b")
TDP_225 = PowerCurve(idle_w=27.0, max_w=229.5)


@pytest.mark.parametrize(("load", "power_w"), [(0.0, 27.0), (0.1, 72.0), (0.3, 120.375), (0.75, 199.125), (1.0, 229.5)])
def test_power_follows_the_reference_curve(load: float, power_w: float) -> None:
    """footprint.md V15."""
    meter = CurveMeter({A: MeteredNode(curve=TDP_225, host_cores=0.5)})
    assert meter.sample(5.0, {A: 3.0}) == ()
    (energy,) = meter.sample(15.0, {A: 3.0 + load * 5.0})
    assert energy.power_w == pytest.approx(power_w)
    assert energy.energy_j == pytest.approx(power_w * 10.0)
    assert energy.tier is Tier.T4_CURVE


def test_energy_is_counted_on_the_platforms_clock() -> None:
    meter = CurveMeter({A: MeteredNode(curve=TDP_225, host_cores=1.0)}, time_scale=60.0)
    meter.sample(0.0, {A: 0.0})
    (energy,) = meter.sample(1.0, {A: 1.0})
    assert (energy.duration_s, energy.energy_j) == (60.0, pytest.approx(229.5 * 60.0))


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    meter = CurveMeter({A: MeteredNode(curve=TDP_225, host_cores=1.0)})
    meter.sample(0.0, {A: 5.0})
    with pytest.raises(InvalidFieldError, match="never falls"):
        meter.sample(1.0, {A: 4.0})
    with pytest.raises(InvalidFieldError, match="every node"):
        meter.sample(1.0, {})
    with pytest.raises(InvalidFieldError, match="later"):
        meter.sample(0.0, {A: 5.0})
    assert meter.sample(1.0, {A: 5.5})[0].load == pytest.approx(0.5)


@given(st.lists(st.tuples(st.floats(0.1, 10.0), st.floats(0.0, 1.3)), min_size=1, max_size=30))
def test_no_cpu_second_is_lost(windows: list[tuple[float, float]]) -> None:
    cores = 0.25
    meter = CurveMeter({A: MeteredNode(curve=TDP_225, host_cores=cores)})
    times, counts = [0.0], [0.0]
    for span_s, load in windows:
        times.append(times[-1] + span_s)
        counts.append(counts[-1] + span_s * cores * load)
    metered_s = 0.0
    meter.sample(times[0], {A: counts[0]})
    for (before, now), count in zip(pairwise(times), counts[1:], strict=True):
        (energy,) = meter.sample(now, {A: count})
        assert 0.0 <= energy.load <= 1.0
        metered_s += energy.load * (now - before) * cores
    assert metered_s + meter.carry_s[A] == pytest.approx(counts[-1])
