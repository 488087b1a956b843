"""Root-sum-square of independent causes; one cause in several addends adds up linearly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.uncertainty import Addends, Cause, relative, together
from ondol.model.errors import InvalidFieldError


def test_independent_relative_terms_combine_by_root_sum_square() -> None:
    """Given 30 % and 40 % on one figure, then it is known to 50 %."""
    addends = Addends()
    addends.add(200.0, [Cause("meter", 0.3, 0.3), Cause("factor", 0.4, 0.4)])

    band = addends.band

    assert (band.low, band.high) == (pytest.approx(100.0), pytest.approx(300.0))
    assert band.driver == "factor"
    assert band.share_of("factor") == pytest.approx(0.64)


def test_one_cause_in_two_addends_does_not_cancel() -> None:
    addends = Addends()
    addends.add(100.0, [Cause("model", 0.5, 1.0)])
    addends.add(100.0, [Cause("model", 0.5, 1.0)])

    assert (addends.band.low, addends.band.high) == (pytest.approx(100.0), pytest.approx(400.0))


def test_two_causes_in_two_addends_partly_cancel() -> None:
    band = together({"a": 100.0, "b": 100.0}, {"a": [Cause("one", 0.3, 0.3)], "b": [Cause("two", 0.4, 0.4)]})

    assert band.high == pytest.approx(250.0)


def test_band_that_reaches_below_nothing_has_no_low_rather_than_zero() -> None:
    addends = Addends()
    addends.add(10.0, [Cause("a", 0.9, 1.0), Cause("b", 0.9, 1.0)])

    assert addends.band.low is None


def test_no_stated_cause_is_no_band_of_zero_width_with_a_driver() -> None:
    addends = Addends()
    addends.add(10.0)

    assert addends.band.driver == ""
    assert addends.band.causes == ()


@given(value=st.floats(1e-6, 1e6), parts=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5))
def test_band_holds_the_value_and_widens_with_every_cause(value: float, parts: list[float]) -> None:
    addends, more = Addends(), Addends()
    causes = [Cause(str(rank), part, part) for rank, part in enumerate(parts)]
    addends.add(value, causes)
    more.add(value, [*causes, Cause("more", 0.1, 0.1)])

    assert addends.band.high >= value
    assert addends.band.low is None or addends.band.low <= value
    assert more.band.high >= addends.band.high


@pytest.mark.parametrize(("value", "low", "high"), [(0.0, 0.0, 1.0), (2.0, 3.0, 4.0), (2.0, 1.0, 1.5)])
def test_factor_outside_of_its_own_range_is_refused(value: float, low: float, high: float) -> None:
    with pytest.raises(InvalidFieldError):
        relative(value, low, high, "factor")


def test_negative_addend_is_refused() -> None:
    with pytest.raises(InvalidFieldError):
        Addends().add(-1.0)
    with pytest.raises(InvalidFieldError, match="causes"):
        together({"a": 1.0}, {})
