"""Given a platform that ran, when its records are checked, then every decision and every joule is there again."""

from __future__ import annotations

import json
from pathlib import Path

from acceptance.asking import end_of, messages, ondol, work
from acceptance.platform import Up


def test_a_run_is_decided_again_and_its_ledger_agrees(tmp_path: Path) -> None:
    """Given a run with work, a kill and a cut record, when it is replayed and audited, then both agree."""
    up = Up(tmp_path)
    up.start()
    try:
        first = work(up.connection(), "echo one", name="first")
        first.submit()
        assert end_of(first) == "Success", messages(first)
        up.kill()
        with (up.data / "ticks.gz").open("r+b") as record:
            record.truncate(record.seek(0, 2) - 5)  # as a crash in the middle of a tick would leave it
        up.start()
        second = work(up.connection(), 'sh -c "head -c 10000000 /dev/zero | sha256sum"', name="second", service="flex")
        second.submit()
        assert end_of(second) == "Success", messages(second)
    finally:
        up.stop()

    replayed = ondol("replay", str(up.data / "ticks.gz"))
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "every decision is equal" in replayed.stdout
    counted = json.loads(ondol("replay", str(up.data / "ticks.gz"), "--json").stdout)
    assert counted["ticks"] > 3
    assert counted["actions"] >= 2
    assert counted["differing"] == []

    checked = ondol("ledger", "check", "--data", str(up.data))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "everything agrees" in checked.stdout
    found = json.loads(ondol("ledger", "check", "--data", str(up.data), "--json").stdout)
    assert (found["tasks"], found["instances"], found["findings"]) == (2, 2, [])
    assert found["energy_j"] > 0
