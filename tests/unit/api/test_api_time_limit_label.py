"""Given the label of the time limit, when a task is read, then it holds; a bad one is refused by its name."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.model.errors import InvalidFieldError
from ondol.model.view import ServiceClass
from ondol.server.api.labels import read_labels

NOON = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)


def test_it_is_wall_seconds_and_none_means_no_limit() -> None:
    faults: list[InvalidFieldError] = []
    assert read_labels({"ondol.time_limit": "90.5"}, ServiceClass.FLEX, NOON, faults).time_limit_s == 90.5
    assert read_labels({}, ServiceClass.FLEX, NOON, faults).time_limit_s == 0.0
    assert faults == []


@pytest.mark.parametrize("text", ["", "soon", "-1", "0", "nan", "inf", "1e12"])
def test_what_is_no_span_is_refused(text: str) -> None:
    faults: list[InvalidFieldError] = []
    read_labels({"ondol.time_limit": text}, ServiceClass.FLEX, NOON, faults)
    assert [fault.field for fault in faults] == ["labels.ondol.time_limit"]
