"""The diagrams in the page on life cycles: what they should be, and a way to bring them up to date.

Run: python tests/unit/docs/lifecycle_page.py
"""

from __future__ import annotations

import re
from pathlib import Path

from ondol.lifecycle.diagram import diagrams

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "lifecycle.md"
_BLOCK = re.compile(r"<!-- diagram: (\w+) -->\n```mermaid\n.*?```\n", re.DOTALL)


def shown(text: str) -> list[str]:
    """Names of the machines that a page has a diagram of."""
    return _BLOCK.findall(text)


def refreshed(text: str) -> str:
    """Give the page with every diagram drawn anew from the tables."""
    drawn = diagrams()
    return _BLOCK.sub(lambda found: f"<!-- diagram: {found[1]} -->\n```mermaid\n{drawn[found[1]]}```\n", text)


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
