"""Who made the packaged data, and under which licence: the lines that every statement prints."""

from __future__ import annotations

from importlib.resources import files

_SECTION = "## Lines for statements"


def attributions() -> tuple[str, ...]:
    """Give one line for each source of packaged data, as `data/ATTRIBUTION.md` has them."""
    text = (files("ondol.signals") / "data" / "ATTRIBUTION.md").read_text(encoding="utf-8")
    section = text.partition(_SECTION)[2].partition("\n## ")[0]
    return tuple(line.removeprefix("- ") for line in section.splitlines() if line.startswith("- "))
