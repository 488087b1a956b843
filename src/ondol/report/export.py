"""A statement as JSON, for programs."""

from __future__ import annotations

import dataclasses

import msgspec

from ondol.report.bundle import FleetStatementBundle

SCHEMA = "ondol-statement/1"


def statement_json(bundle: FleetStatementBundle, *, with_series: bool = True) -> bytes:
    """Give the whole bundle as indented UTF-8 JSON; what is not known (None, nan) is null.

    Parameters
    ----------
    with_series : False leaves out the temperature and power series, which make most of the size
    """
    shown = bundle if with_series else dataclasses.replace(bundle, sinks=(), units=())
    return msgspec.json.format(msgspec.json.encode({"schema": SCHEMA, "statement": shown}), indent=2)
