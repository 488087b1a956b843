"""Where the last whole member of a growing gzip file ends, found without reading all of the file again."""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path

_TRAILER_BYTES = 8  # CRC-32 and size of the data, the end of every gzip member (RFC 1952)


class WholeMark:
    """Remembers in ``<name>.whole`` up to where a gzip file is known to be whole; only what follows is read again.

    The mark is a hint: one that does not fit the file is passed over, and the file is read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, path.with_name(f"{path.name}.whole")

    def note(self, size: int) -> None:
        """Remember that the first `size` bytes are whole members."""
        with contextlib.suppress(OSError):  # without a mark the next start reads more, and no tick is lost
            self._file.write_text(f"{size} {_trailer(self._path, size)}\n", encoding="ascii")

    def find_end(self) -> int:
        """Bytes of the file up to the end of its last whole member."""
        if not self._path.exists():
            return 0
        return whole_members(self._path, self._noted())

    def _noted(self) -> int:
        try:
            size, _, trailer = self._file.read_text(encoding="ascii").strip().partition(" ")
            begin = int(size)
            return begin if begin > 0 and trailer and trailer == _trailer(self._path, begin) else 0
        except (OSError, ValueError):
            return 0


def whole_members(path: Path, begin: int = 0) -> int:
    """Bytes of a gzip file up to the end of its last whole member.

    Parameters
    ----------
    begin : end of a member, from where on to look
    """
    whole = seen = begin
    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    with path.open("rb") as file:
        file.seek(begin)
        while chunk := file.read(1 << 20):
            while chunk:
                try:
                    member.decompress(chunk)
                except zlib.error:
                    return whole
                left = member.unused_data
                seen += len(chunk) - len(left)
                if member.eof:
                    whole = seen
                    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                chunk = left
    return whole


def _trailer(path: Path, size: int) -> str:
    """The last bytes before `size` in hex; empty where the file is shorter."""
    if size < _TRAILER_BYTES:
        return ""
    with path.open("rb") as file:
        file.seek(size - _TRAILER_BYTES)
        found = file.read(_TRAILER_BYTES)
    return found.hex() if len(found) == _TRAILER_BYTES else ""
