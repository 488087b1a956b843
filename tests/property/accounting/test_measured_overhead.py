"""Whatever meters of a site and of its servers say: overhead is what the one has beyond the others, or none."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.measured_overhead import LEAST_SEEN, MOST_PUE, beyond

PAIRS = st.lists(
    st.tuples(st.floats(0.0, 1e9), st.floats(1e-3, 1e9), st.booleans(), st.floats(0.8, 3.2), st.booleans()),
    min_size=1,
    max_size=40,
)


@given(PAIRS)
def test_overhead_sums_to_the_difference_of_the_meters_and_is_never_below_zero(
    pairs: list[tuple[float, float, bool, float, bool]],
) -> None:
    servers = np.array([one for _, one, _, _, _ in pairs])
    amount = np.array([ratio * own if near else free for free, own, near, ratio, _ in pairs])
    usable = np.array([one for *_, one in pairs])
    found = beyond(amount, servers, usable)
    assert (found.overhead_j >= 0.0).all()
    assert not (found.used & ~usable).any()
    assert not (found.used & found.absurd).any()
    assert (found.overhead_j[~found.used] == 0.0).all()
    plausible = usable & (amount <= MOST_PUE * servers) & (amount >= LEAST_SEEN * servers)
    more_j = math.fsum((amount - servers)[plausible])
    if found.short:
        assert more_j < 0.0
        assert not found.used.any()
    else:
        assert (found.used == plausible).all()
        scale = max(1e-3, math.fsum(servers[plausible]))
        assert abs(math.fsum(found.overhead_j) - max(0.0, more_j)) <= 1e-9 * scale
    # a window in which the site's meter has no more than the servers has no overhead, however the others stand
    assert (found.overhead_j[amount <= servers] == 0.0).all()
