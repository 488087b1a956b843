"""Nouns to bytes and back; one codec for the database and for records."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder(enc_hook=str, order="deterministic")


def encode(noun: object) -> bytes:
    """Encode a frozen dataclass as JSON bytes, keys sorted."""
    return _ENCODER.encode(noun)


def decode(data: bytes, kind: type[T]) -> T:
    """Decode what `encode` made of a noun of this kind."""
    return msgspec.json.decode(data, type=kind)
