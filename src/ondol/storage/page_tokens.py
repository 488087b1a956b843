"""Tokens of pages: where a list goes on. Opaque to those who carry them, checked when they come back."""

from __future__ import annotations

import base64
import binascii

import msgspec

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.storage.facets import Position
from ondol.storage.pages import Query

ORDERS = ("created", "name", "state")
_SHAPES: dict[str, type] = {"created": tuple[int, str], "name": tuple[str, int, str], "state": tuple[str, int, str]}
_LONGEST = 4096  # characters; a token is a name of at most a few hundred and an id
_MOST_US = 1 << 62


def to_token(query: Query, last: Position) -> str:
    """Give the token that goes on after a row."""
    data = msgspec.json.encode([query.order, query.rising, last])
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_token(query: Query, token: str) -> Position | None:
    """Give the place after which a list goes on, None for its beginning.

    Raises
    ------
    NotFoundError : the token was not given for this order
    InvalidFieldError : there is no such order
    """
    if query.order not in ORDERS:
        raise InvalidFieldError("orderBy", query.order, "one of " + ", ".join(ORDERS))
    if not token:
        return None
    try:
        if len(token) > _LONGEST:
            raise NotFoundError("page", token[:80])
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        order, rising, last = msgspec.json.decode(data, type=tuple[str, bool, list[str | int]])
        place: Position = msgspec.convert(last, _SHAPES[query.order])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise NotFoundError("page", token) from error
    if (order, rising) != (query.order, query.rising) or not -_MOST_US < int(place[-2]) < _MOST_US:
        raise NotFoundError("page", token)
    return place
