"""Answers to creations are kept a day and then let go of, and not looked for all the time."""

from __future__ import annotations

import datetime as dt

from ondol.control.old_replies import OldReplies
from ondol.control.ports import REPLY_LIFE
from ondol.model.ids import AccountId
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes, Reply

ALICE = AccountId("alice")


def give(store: MemoryStore, key: str, age: dt.timedelta) -> None:
    reply = Reply(
        account_id=ALICE,
        key=key,
        fingerprint="f",
        status=200,
        body=b"{}",
        created_at=dt.datetime.now(dt.UTC) - age,
    )
    store.commit(Changes(replies=(reply,)))


def test_old_replies_go_once_an_hour():
    store, now_s = MemoryStore(), [0.0]
    replies = OldReplies(store, lambda: now_s[0])
    give(store, "old", REPLY_LIFE + dt.timedelta(minutes=1))
    give(store, "young", REPLY_LIFE - dt.timedelta(minutes=1))
    replies.forget()
    assert store.reply(ALICE, "old") is None
    assert store.reply(ALICE, "young") is not None
    give(store, "old", REPLY_LIFE + dt.timedelta(minutes=1))
    now_s[0] = 3599.0
    replies.forget()
    assert store.reply(ALICE, "old") is not None
    now_s[0] = 3600.0
    replies.forget()
    assert store.reply(ALICE, "old") is None
