"""Texts of others made harmless for a terminal: what would steer it, or turn the reading direction, is spelled out."""

from __future__ import annotations

import re

# C0, DEL and C1 controls; line and paragraph separators; the marks that turn bidirectional text (Unicode TR 9, §2).
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def harmless(text: str, *, keep: str = "") -> str:
    r"""Give a text with its control characters spelled out, e.g. `\x1b`.

    Parameters
    ----------
    keep : those that stay, e.g. newlines
    """
    return _STEERING.sub(lambda found: found[0] if found[0] in keep else _spelled(found[0]), text)


def harmless_json(text: str) -> str:
    r"""Give JSON text in which such characters are escaped, `\u001b`: the same value, and nothing steers a terminal."""
    return _STEERING.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def _spelled(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) < 256 else f"\\u{ord(sign):04x}"
