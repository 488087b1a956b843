"""The status record of an attempt: one fixed-size block that its shim overwrites in place.

Overwriting a block that is already there cannot fail on a full disk, and spares the disk the journal traffic of
four renames a second. A checksum tells a torn block from a whole one; `store(durable=True)` flushes it.
"""

from __future__ import annotations

import json
import os
import zlib

SIZE_BYTES = 2048
_MESSAGE_MAX = 600


def open_record(path: str, *, create: bool = False) -> int:
    """Open (or create) the record file and give its descriptor; raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)


def store(fd: int, fields: dict[str, object], *, durable: bool = False) -> None:
    """Overwrite the record with `fields`; raises OSError.

    Parameters
    ----------
    fields : JSON values; a ``"message"`` is cut to 600 characters so that the record keeps its size
    durable : also wait until it is on the disk
    """
    fields = {**fields, "message": str(fields.get("message", ""))[:_MESSAGE_MAX]}
    text = json.dumps(fields).encode()
    if len(text) > SIZE_BYTES - 16:  # a message of escapes alone
        text = json.dumps({**fields, "message": ""}).encode()
    block = text.ljust(SIZE_BYTES - 10) + b"\n%08x\n" % zlib.crc32(text)
    os.pwrite(fd, block, 0)
    if durable:
        os.fsync(fd)


def load(fd: int) -> tuple[bytes, dict[str, object] | None]:
    """Read the record: the raw block, and its fields or None where it is torn or was never written."""
    block = os.pread(fd, SIZE_BYTES, 0)
    return block, decode(block)


def decode(block: bytes) -> dict[str, object] | None:
    """Fields of a raw block, None where its checksum does not fit."""
    text = block[: SIZE_BYTES - 10].rstrip()
    if len(block) != SIZE_BYTES or block[-9:-1] != b"%08x" % zlib.crc32(text):
        return None
    fields = json.loads(text)
    return fields if isinstance(fields, dict) else None
