"""`ondol signal`, and what `ondol task create` says, against a running platform of one house."""

from __future__ import annotations

import time

import pytest

from integration.cli.cli_platform import ondol, ondol_json
from ondol.cli.main import run


@pytest.fixture(autouse=True)
def _decided(capsys: pytest.CaptureFixture[str]) -> None:
    """The platform has decided once: there is a signal."""
    until_s = time.monotonic() + 20.0
    while run(("signal", "--site", "house", "--json")) != 0:
        assert time.monotonic() < until_s, capsys.readouterr().err
        time.sleep(0.2)


def test_one_house_is_withheld_from_the_list_and_shown_to_its_operator(capsys: pytest.CaptureFixture[str]) -> None:
    said = ondol(capsys, "signal")
    assert "FR is withheld: fewer than 3 sites of different hosts" in said
    shown = ondol(capsys, "signal", "--site", "house")
    assert "site/house" in shown
    assert "one sign an hour, UTC" in shown
    figures = ondol_json(capsys, "signal", "--site", "house")
    assert figures["steps"][0]["grid_g_per_kwh"] > 0.0
    assert figures["state"] in ("heat_wanted", "neutral", "heat_wasted")
    assert "withheld" in _error(capsys, "signal", "FR")


def test_how_often_it_came_true_is_told_of_ones_own_site(capsys: pytest.CaptureFixture[str]) -> None:
    """Given a platform that has just begun, then its site has lead times with nothing compared and no guess."""
    shown = ondol(capsys, "signal", "quality", "--site", "house")
    assert "24-47 h" in shown
    assert max(map(len, shown.splitlines())) <= 100
    figures = ondol_json(capsys, "signal", "quality", "--site", "house")
    assert figures["place"] == "site/house"
    for lead in figures["leads"]:
        assert lead["compared"] >= 0
        assert (lead["hit_rate"] is None) == (lead["compared"] == 0)
    assert ondol_json(capsys, "signal", "quality") == {"areas": []}
    assert "withheld" in _error(capsys, "signal", "quality", "FR")


def test_a_new_task_is_told_what_becomes_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    create = ("task", "create", "--name", "said", "--command", "true", "--service", "harvest")
    capsys.readouterr()
    assert run(create) == 0
    told = capsys.readouterr()
    assert told.err.startswith("harvest: ")
    assert "slots are free" in told.err
    assert len(told.out.split()) == 1
    assert run((*create, "--quiet")) == 0
    assert capsys.readouterr().err == ""


def _error(capsys: pytest.CaptureFixture[str], *line: str) -> str:
    capsys.readouterr()
    assert run(line) == 1
    return capsys.readouterr().err
