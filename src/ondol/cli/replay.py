"""`ondol replay`: decides recorded ticks again and compares."""

from __future__ import annotations

from pathlib import Path

from ondol.cli.listing import print_json, print_pairs, print_text
from ondol.cli.output import SHOWN, Out
from ondol.model.errors import NotFoundError

DIFFERS = 3
_SHOWN, _WIDTH = 3, 160


def replay(file: Path, /, *, out: Out = SHOWN) -> int:
    """Decide every recorded tick again; exit code 0 where all decisions are equal, 3 where one differs.

    Parameters
    ----------
    file:
        A record that 'ondol up' wrote (ticks.gz in its data folder).
    """
    if not file.is_file():
        raise NotFoundError("record", str(file))
    from ondol.control.record import replay as decide_again

    result = decide_again(file)
    if out.json:
        print_json(
            {
                "ticks": result.ticks,
                "actions": result.actions,
                "differing": [{"tick": tick, "recorded": was, "now": now} for tick, was, now in result.differing],
            }
        )
    else:
        count = len(result.differing)
        verdict = "every decision is equal" if count == 0 else f"{count} decisions differ"
        print_pairs([("ticks", result.ticks), ("actions", result.actions), ("result", verdict)])
        for tick, was, now in result.differing[:_SHOWN]:
            _show_difference(tick, was, now)
    return DIFFERS if result.differing else 0


def _show_difference(tick: int, was: str, now: str) -> None:
    """Show both decisions from shortly before the first letter that differs."""
    first = next((k for k, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    begin = max(0, first - _WIDTH // 4)
    dots = "…" if begin else ""
    print_text(f"\ntick {tick}")
    print_text(f"  recorded {dots}{was[begin : begin + _WIDTH]}")
    print_text(f"  now      {dots}{now[begin : begin + _WIDTH]}")
