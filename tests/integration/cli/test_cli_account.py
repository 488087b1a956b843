"""Secrets, account, quotas, projects and kept platforms against a real platform."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest

from integration.cli.cli_platform import ondol, ondol_json
from ondol.cli.main import run
from ondol.cli.up import Serving


def test_secrets_are_kept_changed_listed_and_forgotten(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("from stdin\n"))
    ondol(capsys, "secrets", "create", "db/password")
    (tmp_path / "value").write_text("from file\n")
    ondol(capsys, "secrets", "create", "db/deep/other key", "--value-file", "value")
    ondol(capsys, "secrets", "create", "plain", "-given")
    ondol(capsys, "secrets", "create", "plain", "again", code=1)

    assert ondol(capsys, "secrets", "get", "db/password") == "from stdin"
    assert ondol(capsys, "secrets", "get", "db/deep/other key") == "from file\n"
    assert [row["key"] for row in ondol_json(capsys, "secrets", "list")] == ["db/", "plain"]
    assert [row["key"] for row in ondol_json(capsys, "secrets", "list", "db")] == ["db/deep/", "db/password"]
    every = ondol(capsys, "secrets", "list", "-r", "-q").splitlines()
    assert every == ["db/deep/other key", "db/password", "plain"]
    ondol(capsys, "secrets", "list", "nowhere", code=1)
    ondol(capsys, "secrets", "update", "plain", "other")
    assert ondol_json(capsys, "secrets", "get", "plain") == {"key": "plain", "value": "other"}
    ondol(capsys, "secrets", "update", "nothing", "x", code=1)
    task = ondol_json(
        capsys, "task", "create", "-n", "knows", "--command", "true", "--service", "on_demand", "--wait",
        "--secrets-access-rights-by-key", "plain", "--secrets-access-rights-by-prefix", "db/",
    )  # fmt: skip
    assert task["state"] == "Success"
    ondol(capsys, "secrets", "delete", "plain", "db/password", "db/deep/other key")
    assert ondol_json(capsys, "secrets", "list", "-r") == []


def test_use_quotas_and_hardware_are_readable(capsys: pytest.CaptureFixture[str], serving: Serving) -> None:
    assert "tasks not over" in ondol(capsys, "account")
    assert ondol_json(capsys, "account")["email"]
    assert "OnDemand" in ondol(capsys, "quota", "computing", "user")
    assert "flex" in ondol_json(capsys, "quota", "computing", "user")
    ondol(capsys, "quota", "computing", "organization", code=1)
    assert "--min-core-count" in ondol(capsys, "hw-constraints", "list")
    assert ondol_json(capsys, "hw-constraints", "list", "--cpu", "no such model") == []


def test_projects_are_made_by_the_operator_and_listed_by_the_user(
    capsys: pytest.CaptureFixture[str], serving: Serving
) -> None:
    email = ondol_json(capsys, "account")["email"]
    ondol(capsys, "admin", "project", "add", "warmth", "--name", "Warmth")
    ondol(capsys, "admin", "project", "member", "warmth", email)
    ondol(capsys, "admin", "project", "budget", "warmth", "10", "--alias", "first")

    deadline_s = time.monotonic() + 10  # what another process changes is seen within moments
    while not (rows := ondol_json(capsys, "project", "list")) and time.monotonic() < deadline_s:
        pass
    assert [row["slug"] for row in rows] == ["warmth"]
    assert ondol_json(capsys, "project", "budgets", "warmth")[0]["totalAmountInCents"] == 1000
    assert "10.00 EUR" in ondol(capsys, "project", "budgets", "Warmth", "--active")
    ondol(capsys, "project", "budgets", "nothing", code=1)
    task = ondol_json(
        capsys, "task", "create", "-n", "booked", "--command", "true", "--project", "warmth", "--service", "on_demand",
        "--wait",
    )  # fmt: skip
    assert task["projectUuid"] == ondol_json(capsys, "project", "list")[0]["uuid"]


def test_a_kept_platform_is_used_and_calls_can_be_watched(
    capsys: pytest.CaptureFixture[str], serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = serving.owner_token()
    monkeypatch.delenv("ONDOL_DATA")
    ondol(capsys, "config", "set", "--url", serving.url, "--token", token)

    assert run(["account", "-v", "--no-color", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert "GET /info 200" in said.err
    assert token not in said.out + said.err
    shown = ondol(capsys, "config", "show")
    assert serving.url in shown
    assert token not in shown
    assert run(["task", "list", "--token", "wrong-token-0123456789"]) == 1
    assert "not valid" in capsys.readouterr().err
