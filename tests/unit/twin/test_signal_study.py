"""Given a run whose signal is kept, then it is held against what came, the same each time."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ondol.model.errors import InvalidFieldError
from ondol.policy.signal_score import LEADS_H, band_of
from ondol.twin.signal_truth.study import Found, study
from unit.twin.test_quotes_study import SCENARIO


@lru_cache
def found(days: float = 2.0, learn_days: float = 0.0) -> tuple[Found, Found]:
    with TemporaryDirectory(prefix="ondol-signal-") as folder:
        file = Path(folder) / "spring.toml"
        file.write_text(SCENARIO.format(days=days, jobs=round(100 * days)))
        both = study(file, learn_days=learn_days)[1]
    return both[0], both[1]


def test_every_hour_that_was_foretold_and_came_is_compared_once() -> None:
    """Given two days, then each lead time has as many pairs as hours came after it; of two homes twice as many."""
    area, homes = found()
    for band, tally in enumerate(area.tallies):
        pairs = sum(48 - lead for lead in LEADS_H if band_of(lead) == band)
        assert tally.compared == pairs
        assert homes.tallies[band].compared == 2 * pairs
        assert sum(tally.happened) == sum(tally.foretold) == pairs
        assert tally.came == sum(tally.foretold_came)
    assert area.tallies[0].foretold[0] > 0, "heat was wanted at some time"


def test_days_that_are_learned_from_are_not_counted_and_a_run_is_the_same_each_time() -> None:
    """Given the same run of which the first day is learned from, then it differs in its pairs alone: those of later."""
    learned, whole = found(learn_days=1.0)[0].tallies, found()[0].tallies
    assert learned[0].compared == 3 * 24
    assert [few.compared < all_.compared for few, all_ in zip(learned[:2], whole[:2], strict=True)] == [True, True]
    assert learned[2] == whole[2], "what was told a day before comes on the second day"


def test_a_span_without_anything_to_compare_is_refused() -> None:
    with pytest.raises(InvalidFieldError, match="learned from"):
        found(days=0.25, learn_days=3.0)
