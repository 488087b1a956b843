"""What others named reaches the terminal without steering it; programs and the quiet get what they asked for."""

from __future__ import annotations

import json

import pytest

from ondol.cli.harmless import harmless
from ondol.cli.listing import field, print_json, print_pairs, print_rows, print_text
from ondol.cli.output import Out

EVIL = "a\x1b[2J\x9b31mb\u202ec\nd\x00"
COLUMNS = (field("NAME", "name"), field("ID", "uuid"))
ROWS = [{"name": EVIL, "uuid": "1234"}, {"name": "ok", "uuid": None}]


def test_tables_and_lines_spell_out_what_would_steer(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, COLUMNS)
    print_pairs([("name", EVIL)])
    print_text(EVIL)

    said = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\u202e", "\x00"} & set(said)
    assert "\\x1b[2J" in said
    assert "\\u202e" in said


def test_json_says_the_same_and_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": EVIL, EVIL: [EVIL]})

    said = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\u202e", "\x00"} & set(said)
    assert json.loads(said) == {"name": EVIL, EVIL: [EVIL]}


def test_the_quiet_get_ids_only(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS[:1], COLUMNS, out=Out(quiet=True), key="uuid")
    print_rows([], COLUMNS, out=Out(quiet=True), key="uuid")

    assert capsys.readouterr().out == "1234\n"


def test_letters_of_all_scripts_stay() -> None:
    assert harmless("온돌 é ü 🔥") == "온돌 é ü 🔥"
