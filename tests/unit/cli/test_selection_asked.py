"""Before something happens to several, a person is asked; a script meant it."""

from __future__ import annotations

import io
import sys

import pytest

from ondol.cli.selection import ANY, Which, agreed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("said", "wanted"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_a_person_decides(said: str, wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(said))
    monkeypatch.setattr(sys, "stderr", asked := Terminal())

    assert agreed("Delete tasks:", 3, yes=False) is wanted
    assert "Delete tasks: 3?" in asked.getvalue()
    assert agreed("Delete tasks:", 1, yes=False)
    assert agreed("Delete tasks:", 3, yes=True)


def test_a_script_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert agreed("Delete tasks:", 3, yes=False)


def test_conditions_hold_together_and_signs_are_taken_as_they_are() -> None:
    assert ANY.filter() is None
    which = Which(name_prefix="a.b-c", tags=["x", "y"], exclusive_tags=["z"], created_after="2026-01-15T08:00+02:00")
    wanted = which.filter()
    assert wanted is not None
    assert wanted["operator"] == "And"
    leaves = [one for one in wanted["filters"] if "field" in one]
    assert {(one["operator"], one["field"], one["value"]) for one in leaves} == {
        ("Like", "Name", r"^a\.b-c"),
        ("GreaterThan", "CreationDate", "2026-01-15T06:00:00Z"),
        ("Equal", "Tags", "z"),
    }
    (either,) = [one for one in wanted["filters"] if one["operator"] == "Or"]
    assert [one["value"] for one in either["filters"]] == ["x", "y"]
