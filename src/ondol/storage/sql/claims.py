"""The registers of claims in SQL."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from ondol.accounting.claims import follow
from ondol.model.claim import CHAIN_BEGIN, ClaimRow
from ondol.model.errors import UnavailableError
from ondol.model.ids import SiteId
from ondol.storage.rows import encode
from ondol.storage.sql import claim_tables as tables
from ondol.storage.sql.database import Database
from ondol.storage.times import to_us

_TAKEN = "another row of this register was written at the same moment"


class SqlClaims:
    """The claims' part of the store."""

    _database: Database

    def append_claim(self, row: ClaimRow) -> None:
        t = tables.claim.c
        query = sa.select(t.number, t.hash).where(t.site_id == row.site_id).order_by(t.number.desc()).limit(1)
        with self._database.writing(_TAKEN) as connection:
            found = connection.execute(query).first()
            follow(row, *((0, CHAIN_BEGIN) if found is None else (int(found[0]), str(found[1]))))
            line = (row.site_id, row.number, to_us(row.at), encode(row), row.hash)
            self._database.insert(connection, tables.claim, [line])

    def claim_rows(self, site_id: SiteId | None = None) -> tuple[ClaimRow, ...]:
        t = tables.claim.c
        query = sa.select(t.body).order_by(t.site_id, t.number)
        if site_id is not None:
            query = query.where(t.site_id == site_id)
        try:
            return self._database.decoded(query, ClaimRow)
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
            text = f"A row of the register of claims cannot be read, somebody or something changed it: {error}"
            raise UnavailableError(text) from error

    def claim_seal(self, site_id: SiteId) -> tuple[int, str] | None:
        t = tables.claim.c
        query = sa.select(t.number, t.hash).where(t.site_id == site_id).order_by(t.number.desc()).limit(1)
        with self._database.reading() as connection:
            found = connection.execute(query).first()
        return None if found is None else (int(found[0]), str(found[1]))
