"""`[signal]` and `[filler]` of a fleet file: read, written, and refused with their line."""

from __future__ import annotations

import pytest

from ondol.demo.fleet import demo_fleet
from ondol.storage.fleet_file import check_fleet_text, fleet_to_toml, load_fleet

SIGNAL = '[signal]\npublic = true\nleast_sites = 5\nmqtt_host = "broker.example.org"\nmqtt_user = "ondol"\n'
FILLER = '[filler]\nsource = "boinc"\nproject_url = "https://boinc.example.org"\nproject_key_secret = "boinc/key"\n'


def with_head(head: str) -> str:
    return f"{head}\n{fleet_to_toml(demo_fleet())}"


def test_what_is_said_is_kept_and_written_again() -> None:
    fleet = load_fleet(with_head(SIGNAL + FILLER), "x")
    assert (fleet.signal.public, fleet.signal.least_sites, fleet.signal.mqtt_user) == (True, 5, "ondol")
    assert (fleet.filler.source, fleet.filler.project_key_secret) == ("boinc", "boinc/key")
    assert load_fleet(fleet_to_toml(fleet), "y") == fleet


def test_by_default_nothing_is_public_nothing_fills_and_nothing_is_written() -> None:
    fleet = demo_fleet()
    assert not fleet.signal.public
    assert fleet.filler.source == "none"
    assert "[signal]" not in fleet_to_toml(fleet)
    assert "[filler]" not in fleet_to_toml(fleet)


@pytest.mark.parametrize(
    ("head", "line", "words"),
    [
        ("[signal]\nleast_sites = 2", 2, "a whole number from 3"),
        ("[signal]\nmqtt_password_file = 'x'", 1, "mqtt_user"),
        ("[signal]\nmqtt_root = 'a/+'", 2, "a part of a topic"),
        ("[signal]\npublik = true", 2, "did you mean public?"),
        ("[filler]\nsource = 'mine'", 2, "one of none, tasks, boinc, burn"),
        ("[filler]\nsource = 'tasks'", 1, "account"),
        ("[filler]\nsource = 'burn'", 1, "burn_asked_by"),
        ("[filler]\nsource = 'burn'\nburn_asked_by = 'Ana'", 3, "NAME, REASON"),
        ("[filler]\nsource = 'boinc'\nproject_url = 'boinc.example.org'", 3, "http(s)"),
        ("[filler]\nburn_asked_by = 'Ana, cold'", 2, 'unless source is "burn"'),
        ("[filler]\nslice_s = 5.0", 2, "from 60"),
        ("[[filler]]\nsource = 'none'", 1, "write [filler]"),
    ],
)
def test_what_is_not_allowed_is_named_with_its_line(head: str, line: int, words: str) -> None:
    mistakes = check_fleet_text(with_head(head))
    assert any(one.line == line and words in one.message for one in mistakes), mistakes
