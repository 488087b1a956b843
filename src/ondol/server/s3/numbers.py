"""Numbers in queries."""

from __future__ import annotations

import re

from ondol.server.s3.errors import S3Error
from ondol.server.s3.exchange import Exchange

_NUMBER = re.compile(r"[0-9]{1,10}")


def number_in(exchange: Exchange, name: str, default: int, least: int, most: int) -> int:
    """Read a whole number from the query.

    Parameters
    ----------
    default : where it was not sent
    least : smallest that is taken
    most : what larger ones are taken for, as S3 does with page sizes

    Raises S3Error InvalidArgument.
    """
    text = exchange.parameter(name)
    if not text:
        return default
    if not _NUMBER.fullmatch(text) or int(text) < least:
        raise S3Error("InvalidArgument", f"{name} must be a whole number from {least} on", more={"ArgumentName": name})
    return min(int(text), most)


def part_number(exchange: Exchange) -> int:
    """Read ``partNumber``, 1 to 10,000 as S3 has it."""
    text = exchange.parameter("partNumber") or ""
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= 10_000:
        raise S3Error("InvalidArgument", "partNumber must be from 1 to 10000", more={"ArgumentName": "partNumber"})
    return int(text)
