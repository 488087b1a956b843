"""Every command ends with the promised code and says one line where it fails."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

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
idle_w = 60
max_w = 500
"""


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONDOL_URL", "ONDOL_TOKEN", "ONDOL_DATA", "ONDOL_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONDOL_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("bogus", 2, 'Unknown command "bogus"'),
        ("task create", 2, "--name"),
        ("task create --name x --service soon", 2, "service"),
        ("task list", 1, "ondol up"),
        ("task list --url http://127.0.0.1:1 --token x", 1, "Nothing answers"),
        ("replay nowhere", 1, "No such record"),
        ("fleet show nowhere", 1, "No such fleet file"),
        ("user list", 1, "No such platform data"),
        ("admin user list", 1, "No such platform data"),
        ("admin project list", 1, "No such platform data"),
        ("project list", 1, "ondol up"),
        ("pool create", 2, "--name"),
        ("job create", 2, "--name"),
        ("task abort", 1, "ondol up"),
        ("task abort --url http://127.0.0.1:1 --token x", 2, "--all"),
        ("bucket get", 2, "Which bucket"),
        ("bucket sync-to here", 2, "FOLDER BUCKET"),
        ("bucket put b --string x", 2, "--bucket-path"),
        ("all", 2, "--list"),
        ("config set", 2, "--token"),
        ("config set --url ftp://x", 1, "https://"),
        ("config use nowhere", 1, "nowhere"),
        ("config set --platform ../x --url http://h", 1, "letters"),
        ("secrets get ..", 1, "slashes"),
        ("completion tcsh", 2, "bash"),
        ("task create --name x --range 1- --url http://127.0.0.1:1 --token x", 1, "--range"),
        ("task create --file nowhere.json --url http://127.0.0.1:1 --token x", 1, "nowhere.json"),
        ("task list --created-before soon --url http://127.0.0.1:1 --token x", 1, "--created-before"),
        ("task list --limit 0 --url http://127.0.0.1:1 --token x", 1, "--limit"),
        ("ledger check", 1, "No such platform data"),
        ("heat readings --url http://127.0.0.1:1 --token x", 1, "--sink"),
    ],
)
def test_errors_are_one_line_with_a_code(line: str, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == code

    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "task --help",
        "task create --help",
        "up --help",
        "demo --help",
        "heat --help",
        "pool create --help",
        "task snapshot --help",
        "job --help",
        "config set --help",
        "secrets create --help",
    ],
)
def test_every_part_explains_itself(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 0

    assert "Usage: ondol" in capsys.readouterr().out


def test_the_mistakes_of_a_fleet_file_have_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(FLEET)
    bad.write_text(FLEET.replace('zone = "room"', 'zone = "rom"').replace("max_w = 500", "max_w = -5"))

    assert run(["fleet", "check", str(good)]) == 0
    assert "1 site, 1 unit, 1 node, 1 heated place" in capsys.readouterr().out
    assert run(["fleet", "check", str(bad)]) == 1
    err = capsys.readouterr().err
    assert f"{bad}:14:" in err
    assert f"{bad}:18:" in err
    assert run(["fleet", "check", str(bad), "--json"]) == 1
    seen = json.loads(capsys.readouterr().out)
    assert seen["ok"] is False
    assert [one["line"] for one in seen["mistakes"]] == [14, 18]
    assert run(["fleet", "show", str(good)]) == 0
    assert "60 W to 500 W" in capsys.readouterr().out


def test_accounts_are_made_once_and_renewed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path / "data")]

    assert run(["user", "add", "me@example.org", "--json", *data]) == 0
    token = json.loads(capsys.readouterr().out)["token"]
    assert run(["user", "add", "me@example.org", *data]) == 1
    assert run(["user", "renew-token", "me@example.org", "--json", *data]) == 0
    fresh = json.loads(capsys.readouterr().out)["token"]
    assert fresh != token
    assert run(["user", "list", "--json", *data]) == 0
    out = capsys.readouterr().out
    assert [one["email"] for one in json.loads(out)] == ["me@example.org"]
    assert fresh not in out
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_the_doctor_examines_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["doctor", "--json", "--data", str(tmp_path)])

    seen = json.loads(capsys.readouterr().out)
    marks = {one["what"]: one["mark"] for one in seen["findings"]}
    assert seen["ok"] is (code == 0)
    assert marks["python"] == "ok"
    assert marks["ports"] == "ok"
    assert {"system", "sandbox", "cpu and memory limits", "power meter", "object store"} <= marks.keys()
    assert all(one["advice"] for one in seen["findings"] if one["mark"] != "ok")


def test_the_policies_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "list", "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)
    assert {"fcfs", "follow", "greco"} <= {row["name"] for row in rows}
    assert all(row["summary"] for row in rows)


def test_help_comes_fast_and_a_latin_terminal_is_no_trouble() -> None:
    begun = time.monotonic()
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    process = subprocess.run(
        [sys.executable, "-m", "ondol.cli.main", "doctor"], capture_output=True, timeout=60, env=env, check=False
    )

    assert process.returncode in (0, 1)
    assert process.stdout.isascii()
    assert b"Traceback" not in process.stderr
    assert time.monotonic() - begun < 30


def test_only_what_is_asked_for_is_loaded() -> None:
    loaded = "import sys; from ondol.cli.main import run; run(['--help']); print(sorted(sys.modules))"
    process = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True)

    heavy = ("numpy", "boto3", "httpx2", "sqlalchemy", "fastapi", "yaml", "pydantic", "ondol.control", "ondol.server")
    assert [name for name in heavy if f"'{name}'" in process.stdout] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_given_scripts_that_know_the_verbs(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0

    script = capsys.readouterr().out
    assert "update-resources" in script
    assert "sync-from" in script
    checker = shutil.which(shell)
    if shell == "bash":
        assert checker is not None
    if checker is not None:
        subprocess.run([checker, "-n"], input=script, text=True, check=True, timeout=60)


def test_platforms_are_kept_by_name_and_tokens_never_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("0123456789abcdef0123\n"))
    assert run(["config", "set", "-u", "https://compute.example.org/", "-t", "-", "-e", "me@example.org"]) == 0
    assert (
        run(["config", "set", "--platform", "lab", "--api-uri", "http://lab:8080", "--token", "lab-token", "--use"])
        == 0
    )
    assert (tmp_path / "config.toml").stat().st_mode & 0o777 == 0o600
    assert run(["config", "show", "--format", "JSON"]) == 0
    assert run(["config", "show"]) == 0
    assert run(["config", "use", "default"]) == 0
    said = capsys.readouterr()
    assert "0123…" in said.out
    assert "0123456789" not in said.out + said.err
    assert "lab-token" not in said.out + said.err
    shown = said.out[said.out.index("{") : said.out.rindex("}") + 1]
    assert json.loads(shown)["now"]["url"] == "http://lab:8080"
    assert run(["config", "remove", "lab", "-q"]) == 0
    assert run(["config", "show", "-q"]) == 0
    assert capsys.readouterr().out == "default\n"


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m ondol.cli.main policy list | true"
    process = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False)

    assert b"Traceback" not in process.stderr
    assert b"BrokenPipe" not in process.stderr


def test_a_terminal_without_our_signs_breaks_nothing() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from ondol.cli import main as m; m.run = lambda _: print('0–1 °C…') or 0; m.main()"],
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert said.stdout.strip() == "0?1 ?C?"
