"""Jobs, pools, tags, tallies, replies, secrets, projects, terms of accounts; tasks found by more than their age."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BATCH = 500  # tasks moved at once
_FINAL = ("Success", "Failure", "Cancelled")
_NOT, _STORED, _LIVE = 0, 1, 2  # `storage.facets.Counted` as it was when this was written
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    no_terms = "x'7b7d'"  # "{}" as bytes
    if op.get_bind().dialect.name == "postgresql":
        _compare_by_code_points()
        no_terms = "'{}'::bytea"
    with op.batch_alter_table("account") as batch:
        batch.add_column(_text("organization", server_default=""))
        batch.add_column(sa.Column("limits", sa.LargeBinary, nullable=False, server_default=sa.text(no_terms)))
    _create_listed()
    _create_others()
    _move_tasks()


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=more.pop("nullable", False), **more)


def _compare_by_code_points() -> None:
    """SQLite compares texts by their bytes already; task is made anew below."""
    inspector = sa.inspect(op.get_bind())
    for table in ("account", "attempt", "bucket", "document", "instance", "ledger_energy", "ledger_heat"):
        for column in inspector.get_columns(table):
            if isinstance(column["type"], sa.String):
                op.alter_column(table, column["name"], type_=sa.Text(collation="C"))


def _listed(name: str, *more: sa.Column[Any]) -> None:
    op.create_table(
        name,
        _text("id", primary_key=True),
        _text("account_id"),
        _text("shortname"),
        _text("name"),
        _text("state"),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        *more,
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("counted", sa.SmallInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    holder = ["holder"] if name == "task" else []
    op.create_index(f"{name}_by_created", name, ["account_id", *holder, "created_us", "id"])
    op.create_index(f"{name}_by_name", name, ["account_id", *holder, "name", "created_us", "id"])
    op.create_index(f"{name}_by_state", name, ["account_id", *holder, "state", "created_us", "id"])
    op.create_index(f"{name}_by_shortname", name, ["account_id", "shortname"])
    true = "open" if op.get_bind().dialect.name == "postgresql" else "open = 1"
    _partial(f"{name}_by_open", name, ["id"], true)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _create_listed() -> None:
    for index in ("task_by_account", "task_by_open", "task_by_shortname"):
        op.drop_index(index, "task")
    op.rename_table("task", "task_0001")
    _listed(
        "task",
        _text("job_id"),
        _text("pool_id"),
        sa.Column("holder", sa.Boolean, nullable=False),
        sa.Column("expires_us", sa.BigInteger),
    )
    _partial("task_by_job", "task", ["job_id", "created_us", "id"], "job_id != ''")
    _partial("task_by_pool", "task", ["pool_id", "created_us", "id"], "pool_id != ''")
    _partial("task_by_end", "task", ["expires_us", "id"], "expires_us IS NOT NULL")
    _listed("job", _text("pool_id"))
    _listed("pool")


def _create_others() -> None:
    op.create_table(
        "tag",
        _text("account_id", primary_key=True),
        _text("kind", primary_key=True),
        _text("tag", primary_key=True),
        sa.Column("created_us", sa.BigInteger, primary_key=True, autoincrement=False),
        _text("id", primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally",
        _text("account_id", primary_key=True),
        _text("kind", primary_key=True),
        sa.Column("stored", sa.BigInteger, nullable=False),
        sa.Column("live", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "reply",
        _text("account_id", primary_key=True),
        _text("key", primary_key=True),
        _text("fingerprint"),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
    op.create_index(op.f("ix_reply_created_us"), "reply", ["created_us"])
    op.create_table(
        "secret",
        _text("account_id", primary_key=True),
        _text("key", primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "project",
        _text("id", primary_key=True),
        _text("slug", unique=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _move_tasks() -> None:
    connection = op.get_bind()
    metadata = sa.MetaData()
    old = sa.Table("task_0001", metadata, autoload_with=connection)
    task, tag, tally = (sa.Table(name, metadata, autoload_with=connection) for name in ("task", "tag", "tally"))
    stored: Counter[str] = Counter()
    live: Counter[str] = Counter()
    last = ""
    while rows := connection.execute(sa.select(old).where(old.c.id > last).order_by(old.c.id).limit(_BATCH)).all():
        last = rows[-1].id
        bodies = [_body(bytes(row.body)) for row in rows]
        moved = [_columns(row, body) for row, body in zip(rows, bodies, strict=True)]
        connection.execute(task.insert(), moved)
        tags = [
            {"account_id": row.account_id, "kind": "task", "tag": one, "created_us": row.created_us, "id": row.id}
            for row, body in zip(rows, bodies, strict=True)
            for one in dict.fromkeys(body.get("tags", ()))
        ]
        if tags:
            connection.execute(tag.insert(), tags)
        stored.update(row["account_id"] for row in moved if row["counted"] != _NOT)
        live.update(row["account_id"] for row in moved if row["counted"] == _LIVE)
    if stored:
        connection.execute(
            tally.insert(),
            [{"account_id": who, "kind": "task", "stored": n, "live": live[who]} for who, n in sorted(stored.items())],
        )
    op.drop_table("task_0001")


def _body(data: bytes) -> dict[str, Any]:
    """What was kept as sent because it had no meaning yet gets its place."""
    body: dict[str, Any] = json.loads(data)
    wire = json.loads(body.get("wire") or "{}")
    body.setdefault("scheduling", wire.get("schedulingType", "Flex"))
    body.setdefault("auto_delete", bool(wire.get("autoDeleteOnCompletion", False)))
    interval_s = body.pop("snapshot_interval_s", 0)
    if interval_s:
        body.setdefault("snapshot", {"interval_s": interval_s})
    return body


def _columns(row: Any, body: dict[str, Any]) -> dict[str, Any]:
    final = body["state"] in _FINAL
    deleting = bool(body.get("delete_wanted", False))
    return {
        "id": row.id,
        "account_id": row.account_id,
        "shortname": row.shortname,
        "name": body["name"],
        "state": body["state"],
        "created_us": row.created_us,
        "job_id": "",
        "pool_id": "",
        "holder": False,
        "expires_us": None,
        "open": bool(row.open),
        "counted": _NOT if deleting else _STORED if final else _LIVE,
        "body": json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(),
    }
