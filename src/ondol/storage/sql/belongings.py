"""Answers given before, secrets and projects in SQL."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from ondol.model.account import Project, Secret
from ondol.model.ids import AccountId, ProjectId
from ondol.storage.ports import Changes, Reply
from ondol.storage.rows import encode
from ondol.storage.sql import account_tables as tables
from ondol.storage.sql.database import Database
from ondol.storage.sql.listing import begins_with
from ondol.storage.sql.recent import Recent
from ondol.storage.times import from_us, to_us


class SqlBelongings:
    """The part of the store for what accounts have beside tasks and buckets."""

    _database: Database
    _recent_projects: Recent[tuple[Project, ...]]

    def reply(self, account_id: AccountId, key: str) -> Reply | None:
        row = self._database.row(tables.reply, account_id=account_id, key=key)
        if row is None:
            return None
        return Reply(
            account_id=account_id,
            key=key,
            fingerprint=row["fingerprint"],
            status=row["status"],
            body=bytes(row["body"]),
            created_at=from_us(row["created_us"]),
        )

    def forget_replies(self, before: dt.datetime) -> None:
        with self._database.writing() as connection:
            connection.execute(tables.reply.delete().where(tables.reply.c.created_us < to_us(before)))

    def secret(self, account_id: AccountId, key: str) -> Secret | None:
        row = self._database.row(tables.secret, account_id=account_id, key=key)
        return None if row is None else Secret(account_id=account_id, key=key, sealed=bytes(row["sealed"]))

    def secret_keys(self, account_id: AccountId, prefix: str = "") -> tuple[str, ...]:
        t = tables.secret.c
        query = sa.select(t.key).where(t.account_id == account_id, *begins_with(t.key, prefix)).order_by(t.key)
        with self._database.reading() as connection:
            return tuple(connection.execute(query).scalars())

    def put_secret(self, secret: Secret) -> None:
        row = (secret.account_id, secret.key, secret.sealed)
        with self._database.writing() as connection:
            self._database.upsert(connection, tables.secret, [row])

    def delete_secret(self, account_id: AccountId, key: str) -> bool:
        t = tables.secret.c
        with self._database.writing() as connection:
            done = connection.execute(tables.secret.delete().where(t.account_id == account_id, t.key == key))
            return done.rowcount > 0

    def projects(self) -> tuple[Project, ...]:
        t = tables.project.c
        query = sa.select(t.body).order_by(t.slug)
        return self._recent_projects.get((), lambda: self._database.decoded(query, Project))

    def project(self, project_id: ProjectId) -> Project | None:
        return self._database.noun(tables.project, Project, id=project_id)

    def put_project(self, project: Project) -> None:
        taken = f"There is already a project with the short name {project.slug}; choose another"
        row = (project.id, project.slug, encode(project))
        with self._database.writing(taken) as connection:
            self._database.upsert(connection, tables.project, [row])
        self._recent_projects.forget()

    def delete_project(self, project_id: ProjectId) -> bool:
        t = tables.project.c
        with self._database.writing() as connection:
            gone = connection.execute(tables.project.delete().where(t.id == project_id)).rowcount > 0
        self._recent_projects.forget()
        return gone


def write_replies(database: Database, connection: sa.Connection, changes: Changes) -> None:
    """Keep the answers to creations beside what they created."""
    database.upsert(
        connection,
        tables.reply,
        [
            (reply.account_id, reply.key, reply.fingerprint, reply.status, reply.body, to_us(reply.created_at))
            for reply in changes.replies
        ],
    )
