"""Given accounts that were just read, when they change here or in another process, then that is seen in time."""

from __future__ import annotations

import time
from pathlib import Path

from integration.storage.samples import ALICE, NOON
from ondol.model.account import Account
from ondol.storage.sql.recent import FRESH_S, Recent
from ondol.storage.sql.store import SqlStore


def test_a_new_token_holds_at_once_here_and_soon_elsewhere(tmp_path: Path) -> None:
    here, there = (SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}") for _ in range(2))
    here.add_account(Account(id=ALICE, email="a@b.c", token_hash="old", token_sealed=b"s", created_at=NOON))
    assert there.account_by_token_hash("old") is not None
    assert here.account_by_token_hash("old") is not None
    here.replace_token(ALICE, "new", b"t")
    assert here.account_by_token_hash("old") is None
    assert here.account_by_token_hash("new") is not None
    end = time.monotonic() + FRESH_S + 5.0
    while there.account_by_token_hash("old") is not None:
        assert time.monotonic() < end
        time.sleep(0.01)
    here.close()
    there.close()


def test_what_was_read_before_a_change_is_not_remembered_after_it() -> None:
    recent: Recent[int] = Recent()

    def read_while_it_changes() -> int:
        recent.forget()
        return 1

    assert recent.get(("k",), read_while_it_changes) == 1
    assert recent.get(("k",), lambda: 2) == 2
    assert recent.get(("k",), lambda: 3) == 2
