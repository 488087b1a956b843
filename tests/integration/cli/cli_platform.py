"""A platform with its HTTP side for tests of the client commands, and ways to run those."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ondol.cli.main import run

FLEET = """\
[fleet]
name = "One room"
[[site]]
id = "house"
name = "House"
[[zone]]
id = "room"
site = "house"
name = "Room"
[[unit]]
id = "heater"
site = "house"
kind = "digital_heater"
zone = "room"
[[node]]
unit = "heater"
slots = 2
host_cores = 1.0
idle_w = 60
max_w = 500
"""


def ondol(capsys: pytest.CaptureFixture[str], *line: str, code: int = 0) -> str:
    """What a command prints; it has to end with that code."""
    capsys.readouterr()
    ended = run(line)
    said = capsys.readouterr()
    assert ended == code, said.err + said.out
    return said.out


def ondol_json(capsys: pytest.CaptureFixture[str], *line: str, code: int = 0) -> Any:
    return json.loads(ondol(capsys, *line, "--json", code=code))
