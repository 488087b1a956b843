"""Tables of the heat side: wishes, requests, alarms, points with their readings, the hygiene log, terms of sites.

The hygiene log refuses to be changed: triggers of migration 0004 raise at every update and delete of it.
"""

from __future__ import annotations

import sqlalchemy as sa

from ondol.storage.sql.columns import TEXT, metadata, text
from ondol.storage.sql.tenure_tables import NUMBER

wish = sa.Table(
    "host_wish",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", TEXT, nullable=False, unique=True),
    text("site_id", nullable=False),
    text("sink_id", nullable=False),
    sa.Column("set_us", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
sa.Index("host_wish_by_site", wish.c.site_id, wish.c.number)
sa.Index("host_wish_by_sink", wish.c.sink_id, wish.c.set_us)

request = sa.Table(
    "heat_request",
    metadata,
    text("id", primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

alarm = sa.Table(
    "alarm",
    metadata,
    text("id", primary_key=True),
    text("site_id", nullable=False),
    sa.Column("raised_us", sa.BigInteger, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
sa.Index("alarm_by_site", alarm.c.site_id, alarm.c.raised_us)
sa.Index("alarm_by_time", alarm.c.raised_us)
sa.Index("alarm_active", alarm.c.site_id, sqlite_where=alarm.c.active, postgresql_where=alarm.c.active)

point = sa.Table(
    "point",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    text("site_id", nullable=False),
    text("entity_id", nullable=False),
    text("point", nullable=False),
    sa.Column("place", sa.SmallInteger, nullable=False),  # `PointKey.index`
    sa.UniqueConstraint("site_id", "entity_id", "point", "place", name="point_once"),
)

# The key is the order in which readings are read: SQLite keeps the rows in it, and no other index is written.
reading = sa.Table(
    "point_reading",
    metadata,
    sa.Column("point", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at_us", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("quality", sa.SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

hygiene = sa.Table(
    "hygiene_log",
    metadata,
    text("sink_id", primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    text("hash", nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("hygiene_log_by_time", hygiene.c.sink_id, hygiene.c.at_us)

terms = sa.Table(
    "site_terms",
    metadata,
    text("site_id", primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
