"""Carries what the job prints into files of limited size, without ever blocking or ending the job."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

_CHUNK = 65536
_TURN_BYTES = 4 * 1024 * 1024  # so that a flood on one stream cannot keep the shim from its other duties
_PIPE_BYTES = 256 * 1024
_FLOOD_REST_S = 0.004  # a flood that is dropped anyway is taken at some 60 MB/s, so that it costs the host no core


class Pump:
    """One stream of the job.

    Parameters
    ----------
    path : file that receives it
    limit_bytes : bytes kept; what comes after is dropped, and one line in the file says so
    """

    def __init__(self, path: str, limit_bytes: int) -> None:
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        with contextlib.suppress(OSError):  # where the user's share of pipe memory is spent, 64 KiB do too
            fcntl.fcntl(self.read_fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._left = limit_bytes
        self._limit_bytes = limit_bytes
        self._said = False
        self.open = True
        self.error = ""

    def close_write_end(self) -> None:
        """Let go of the job's end once the job has it, so that the end of the stream can be seen."""
        os.close(self.write_fd)

    def carry(self) -> bool:
        """Move what is there, at most 4 MiB; tells whether the stream is still open."""
        moved = 0
        while self.open and moved < _TURN_BYTES:
            try:
                data = os.read(self.read_fd, _CHUNK)
            except BlockingIOError:
                break
            self.open = bool(data)
            moved += len(data)
            self._keep(data)
        if moved >= _CHUNK and self._left == 0:
            time.sleep(_FLOOD_REST_S)
        return self.open

    def finish(self) -> None:
        """Flush the file to the disk and close both ends."""
        self.open = False
        try:
            os.fsync(self._file)
        except OSError as error:
            self.error = self.error or str(error)
        os.close(self._file)
        os.close(self.read_fd)

    def _keep(self, data: bytes) -> None:
        kept = data[: self._left]
        self._left -= len(kept)
        self._write(kept)
        if len(kept) < len(data) and not self._said:
            self._said = True
            self._write(b"\n[ondol] only the first %d bytes are kept; the rest was dropped\n" % self._limit_bytes)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:  # a full disk ends the keeping, not the job
            self._left = 0
            self._said = True
            self.error = f"Its output could not be kept whole: {error.strerror}"
