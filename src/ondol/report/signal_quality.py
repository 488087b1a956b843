"""How often the heat signal came true, as JSON values."""

from __future__ import annotations

from typing import Any

from ondol.policy.signal_score import BANDS_H, BINS, STATES, Tally

MEANING = (
    "came is the state that the signal gave at the begin of the hour, with work that was submitted meanwhile; "
    "hours next to each other and neighbours are alike: they tell less than as many that are apart"
)


def quality_json(place: str, tallies: list[Tally], since: str = "", missed: int | None = None) -> dict[str, Any]:
    """One place, by lead time.

    Parameters
    ----------
    tallies : one for each of `BANDS_H`
    since : month of the first pair, "" where there is none
    missed : hours in which nobody looked, None where that is no question
    """
    told = {
        "place": place,
        "since": since or None,
        "meaning": MEANING,
        "leads": [_band(band, one) for band, one in zip(BANDS_H, tallies, strict=True)],
    }
    return told if missed is None else {**told, "missed_hours": missed}


def _band(band_h: tuple[int, int], tally: Tally) -> dict[str, Any]:
    pairs = tally.compared

    def share(value: float) -> float | None:
        return round(value / pairs, 4) if pairs else None

    return {
        "lead_h": {"from": band_h[0], "below": band_h[1]},
        "compared": pairs,
        "hit_rate": share(tally.came),
        "hit_rate_if_it_stayed": share(tally.stayed),
        "brier": share(tally.squares),
        "brier_uncorrected": share(tally.squares_before),
        "said_off_by": round(tally.off, 4) if pairs else None,
        "states": {
            state.value: {
                "foretold": tally.foretold[row],
                "of_these_came": tally.foretold_came[row],
                "happened": tally.happened[row],
            }
            for row, state in enumerate(STATES)
        },
        "reliability": [
            {
                "from": row / BINS,
                "below": (row + 1) / BINS,
                "compared": int(number),
                "said": round(said / number, 3),
                "came": round(came / number, 3),
            }
            for row, (number, came, said) in enumerate(tally.bins)
            if number
        ],
    }
