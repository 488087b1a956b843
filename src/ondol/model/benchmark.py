"""What a kind of server can do, and what it draws then, by a named benchmark: for ITEEsv (ISO/IEC 30134-4)."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.checks import check_range, check_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBenchmark:
    """Result of one benchmark of one kind of server.

    Parameters
    ----------
    specification : which servers it is about: their specification key, or CPU model where they have none
    name : of the benchmark with its version, e.g. "SPECpower_ssj2008"; figures of different ones are never added
    score : maximum performance of one server (SMPE), in the benchmark's unit, above 0
    power_w : maximum power of one server in the same run (SMPO), above 0 [W]
    source : where the result is published, or the report of the own run
    """

    specification: str
    name: str
    score: float
    power_w: float
    source: str

    def __post_init__(self) -> None:
        check_text("benchmark.specification", self.specification)
        check_text("benchmark.name", self.name, 80)
        check_range("benchmark.score", self.score, 1e-9, 1e15)
        check_range("benchmark.power_w", self.power_w, 0.1, 1e6, "W")
        check_text("benchmark.source", self.source, 500)
