"""What all drivers of the kernel's own power knobs have: a folder, and how it is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from ondol.drivers.host_power.knob_driver import KnobDriver
from ondol.drivers.host_power.sysfs import SysFiles
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet


class SysfsDriver(KnobDriver):
    """A driver of knobs in a folder of sysfs or cgroupfs. Errors as `KnobDriver`.

    Parameters
    ----------
    root : the folder, `default_root` where left out
    files : how it is read; for tests
    """

    default_root: ClassVar[Path]

    def __init__(
        self,
        connection: Connection,
        bindings: Sequence[Binding],
        *,
        fleet: Fleet,
        now: Callable[[], dt.datetime],
        root: Path | None = None,
        files: SysFiles | None = None,
    ) -> None:
        self._root = self.default_root if root is None else root
        self._files = files or SysFiles()
        super().__init__(connection, bindings, fleet=fleet, now=now)
