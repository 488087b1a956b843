"""Given a platform that goes on, when all is counted twice, then what is written meanwhile is no disagreement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ondol.control.audit import audit
from scenario.control.groups_stage import Stage


@pytest.mark.parametrize("moment", ["instances", "work_facts", "heat"])
def test_windows_and_ends_that_come_while_it_is_counted_are_no_disagreement(
    moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Stage(tick_s=60.0)
    for cpu_s in (1.0, 5.0, 3600.0):
        here.task(cpu_s=cpu_s)
    here.run(180)
    read = getattr(here.store, moment)
    times: list[None] = []

    def later(*what: Any, **how: Any) -> Iterator[Any]:
        if not times:
            times.append(None)
            here.task(cpu_s=1.0)
            here.run(600)
        return read(*what, **how)

    monkeypatch.setattr(here.store, moment, later)
    found = audit(here.store)
    assert times
    assert found.findings == ()
    assert found.worst_residual < 1e-9
