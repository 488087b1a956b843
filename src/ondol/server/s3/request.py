"""The parts of a request that signatures cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """The parts of a request that are signed.

    Parameters
    ----------
    method : HTTP method
    path : as it came, still percent-encoded
    query : decoded name and value pairs, in order
    headers : by lower-case name, every value
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, Sequence[str]]

    def header(self, name: str) -> str | None:
        """Give the first value of a header."""
        values = self.headers.get(name)
        return values[0] if values else None
