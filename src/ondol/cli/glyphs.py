"""Signs and colours of the live view; ASCII ones where the terminal has no others.

Colours are those of Okabe & Ito (2008, "Color Universal Design"), which people with any common colour blindness can
tell apart; every colour comes with a sign of its own.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from ondol.cli.screen_model import Comfort

GREEN, ORANGE, RED, SKY, PINK = "#009E73", "#E69F00", "#D55E00", "#56B4E9", "#CC79A7"
COMFORT_STYLE = {
    Comfort.IN_BAND: f"bold {GREEN}",
    Comfort.BELOW: f"bold {SKY}",
    Comfort.ABOVE: f"bold {RED}",
    Comfort.UNKNOWN: "dim",
}
_ASCII_WORDS = {
    "→": "->",
    "←": "<-",
    "≥": ">=",
    "≤": "<=",
    "×": "x",
    "·": "-",
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "°": "",
    "’": "'",
    "“": '"',
    "”": '"',
    "\u00a0": " ",
    "\u202f": " ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """One set of signs.

    Parameters
    ----------
    eighths : from almost empty to almost full, for the end of a bar
    """

    unicode: bool
    comfort: dict[Comfort, str]
    gauge_ends: tuple[str, str]
    gauge_line: str
    gauge_setpoint: str
    gauge_dot: str
    bar: str
    bar_rest: str
    eighths: str
    job: dict[str, str]
    because: str

    def text(self, words: str) -> str:
        """Give words with the signs that the terminal has; control characters are left out."""
        shown = "".join(c if c.isprintable() else " " for c in words)
        if self.unicode:
            return shown
        for sign, instead in _ASCII_WORDS.items():
            shown = shown.replace(sign, instead)
        return unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode()


UNICODE = Glyphs(
    unicode=True,
    comfort={Comfort.IN_BAND: "●", Comfort.BELOW: "▼", Comfort.ABOVE: "▲", Comfort.UNKNOWN: "?"},
    gauge_ends=("▕", "▏"),
    gauge_line="─",
    gauge_setpoint="┼",
    gauge_dot="●",
    bar="█",
    bar_rest="░",
    eighths="▏▎▍▌▋▊▉",
    job={"wait": "◌", "run": "▶", "pause": "‖", "ok": "✔", "bad": "✘", "end": "■"},
    because="↳",
)
ASCII = Glyphs(
    unicode=False,
    comfort={Comfort.IN_BAND: "o", Comfort.BELOW: "v", Comfort.ABOVE: "^", Comfort.UNKNOWN: "?"},
    gauge_ends=("[", "]"),
    gauge_line="-",
    gauge_setpoint="+",
    gauge_dot="o",
    bar="#",
    bar_rest=".",
    eighths="",
    job={"wait": ".", "run": ">", "pause": "=", "ok": "+", "bad": "x", "end": "-"},
    because="  ",
)


def glyphs_for(encoding: str | None) -> Glyphs:
    """Choose the signs for a terminal's encoding."""
    return (
        UNICODE if (encoding or "").lower().replace("-", "").replace("_", "") in ("utf8", "utf16", "utf32") else ASCII
    )


def job_sign(state: str) -> tuple[str, str]:
    """Key into `Glyphs.job` and colour of a task's state."""
    return {
        "Success": ("ok", GREEN),
        "Failure": ("bad", RED),
        "Cancelled": ("end", "dim"),
        "PendingCancel": ("end", "dim"),
        "PendingDelete": ("end", "dim"),
        "Paused": ("pause", ORANGE),
        "PartiallyExecuting": ("run", SKY),
        "FullyExecuting": ("run", SKY),
        "UploadingResults": ("run", SKY),
    }.get(state, ("wait", PINK))
