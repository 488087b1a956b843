"""A pool's secret constants: hidden where they are shown, and kept where what was shown is sent back."""

from __future__ import annotations

import datetime as dt

from ondol.control.group_ports import PoolDetail
from ondol.model.conditions import ForcedConstant
from ondol.model.ids import AccountId, PoolId
from ondol.model.pool import ComputePool
from ondol.server.api.pool_in import read_pool_update
from ondol.server.api.pool_out import pool_out

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
SECRET = "QARNOT_SECRET__KEY"


def a_pool() -> ComputePool:
    return ComputePool(
        id=PoolId("pool"),
        account_id=AccountId("ada"),
        name="pool",
        profile="ondol-batch",
        constants={SECRET: "hush", "PLAIN": "seen"},
        forced_constants=(ForcedConstant(name=SECRET, value="hush"), ForcedConstant(name="PLAIN", value="seen")),
        created_at=NOW,
        modified_at=NOW,
        state_since=NOW,
        wire="{}",
    )


def test_an_update_that_sends_back_what_was_shown_keeps_the_secret() -> None:
    # given a pool as its owner is shown it
    shown = pool_out(PoolDetail(pool=a_pool(), holders=(), queued=0, running=0, capacity=0), NOW)
    assert {"key": SECRET, "value": "[SECRET]"} in shown["constants"]

    # when the SDK sends all of it back with another plain value
    sent = [one if one["key"] == SECRET else one | {"value": "changed"} for one in shown["constants"]]
    change = read_pool_update({"constants": sent}, a_pool())

    # then the secret is what it was
    assert change.constants == {SECRET: "hush", "PLAIN": "changed"}


def test_an_update_may_change_the_secret() -> None:
    change = read_pool_update({"constants": [{"key": SECRET, "value": "new"}]}, a_pool())
    assert change.constants == {SECRET: "new"}


def test_forced_secrets_are_hidden_and_forced_plain_values_shown() -> None:
    forced = pool_out(PoolDetail(pool=a_pool(), holders=(), queued=0, running=0, capacity=0), NOW)["forcedConstants"]
    assert [one["forcedValue"] for one in forced] == ["[SECRET]", "seen"]
