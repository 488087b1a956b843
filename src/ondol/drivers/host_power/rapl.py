"""Processor packages through Linux powercap: energy counters, power limits (kernel documentation, powercap)."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from ondol.drivers.host_power.sysfs import SysFiles
from ondol.drivers.host_power.sysfs_driver import SysfsDriver
from ondol.drivers.power.rapl import counter_delta_uj
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.fleet import Fleet

WINDOW_US = 1_000_000
"""Time over which the processor averages the limited power: 1 s, so that a step settles well within 3 s [µs]."""

LOWEST_SHARE = 0.4
"""Lowest limit as a share of the highest where the kernel tells none: `reference/heat.md` §3.1 has 40–100 % of TDP."""

SHORTEST_S = 0.05
"""Least time for a mean power: the counter steps every millisecond, and reading it takes a part of one [s]."""

_PACKAGE = re.compile(r"intel-rapl:(\d+)")  # AMD has it by this name too; intel-rapl-mmio repeats the package
_ADDRESS = re.compile(r"all|\d{1,3}")


class RaplPackage:
    """One package: its counter, and its long-term constraint.

    Parameters
    ----------
    folder : of the zone, e.g. /sys/class/powercap/intel-rapl:0
    clock_s : monotonic time [s]
    """

    def __init__(self, folder: Path, files: SysFiles, clock_s: Callable[[], float]) -> None:
        self._folder = folder
        self._files = files
        self._clock_s = clock_s
        self._counted: tuple[float, int] | None = None  # at which time [s] the counter stood where [µJ]
        self._wraps_uj = 0
        self._mean_w: float | None = None
        self._original: dict[str, int] = {}
        self._high_w: float | None = None

    def energy_j(self) -> float:
        """Energy since the counter's own start, wraps that were seen added [J]."""
        now_uj = self._files.whole(self._folder / "energy_uj")
        at_s = self._clock_s()
        wraps_uj = self._wraps_uj
        if self._counted is not None:
            since_s, before_uj = self._counted
            range_uj = self._files.whole(self._folder / "max_energy_range_uj") if now_uj < before_uj else 0
            wraps_uj += range_uj
            if at_s - since_s < SHORTEST_S:
                return (now_uj + wraps_uj) / 1e6
            self._mean_w = counter_delta_uj(before_uj, now_uj, range_uj) / 1e6 / (at_s - since_s)
        self._counted = (at_s, now_uj)
        self._wraps_uj = wraps_uj
        return (now_uj + wraps_uj) / 1e6

    def power_w(self) -> float | None:
        """Mean power between the last two readings of the counter [W]."""
        self.energy_j()
        return self._mean_w

    def cap_w(self) -> float | None:
        """Limit in force [W]; None where it is switched off."""
        enabled = self._folder / "enabled"
        if self._files.exists(enabled) and self._files.whole(enabled) == 0:
            return None
        return self._read_limit() / 1e6

    def span_w(self) -> tuple[float, float]:
        """Lowest and highest limit [W]."""
        if self._high_w is None:
            told = self._told("constraint_0_max_power_uw")
            # some processors tell 0: what stood there before us is then the highest that is known to be right
            self._high_w = (told or self._original.get("constraint_0_power_limit_uw") or self._read_limit()) / 1e6
        low_w = self._told("constraint_0_min_power_uw") / 1e6
        return (low_w or LOWEST_SHARE * self._high_w), self._high_w

    def limit(self, cap_w: float) -> None:
        """Set the limit [W], as it is."""
        self._remember()
        self._files.put(self._limit, round(cap_w * 1e6))
        window = self._folder / "constraint_0_time_window_us"
        if self._files.exists(window) and self._files.whole(window) > WINDOW_US:
            try:
                self._files.put(window, WINDOW_US)
            except UnavailableError:  # fixed on some processors: the limit holds, over the window it has
                self._original.pop("constraint_0_time_window_us", None)
        if self._original.get("enabled") == 0:
            self._files.put(self._folder / "enabled", 1)

    def restore(self) -> None:
        """Put back limit, window and switch."""
        for name in list(self._original):
            self._files.put(self._folder / name, self._original[name])
            del self._original[name]

    @property
    def _limit(self) -> Path:
        return self._folder / "constraint_0_power_limit_uw"

    def _remember(self) -> None:
        if self._original:
            return
        original = {"constraint_0_power_limit_uw": self._read_limit()}
        for name in ("constraint_0_time_window_us", "enabled"):
            if self._files.exists(self._folder / name):
                original[name] = self._files.whole(self._folder / name)
        self._original = original

    def _read_limit(self) -> int:
        if not self._files.exists(self._limit):
            raise UnavailableError(
                f"{self._folder} counts energy but takes no limit (as most AMD processors): bind power_cap to cpufreq"
            )
        return self._files.whole(self._limit)

    def _told(self, name: str) -> int:
        return self._files.whole(self._folder / name) if self._files.exists(self._folder / name) else 0


class RaplDevice:
    """All packages of a node, or one; a limit is shared among them in proportion to what each can take.

    Parameters
    ----------
    root : the powercap folder
    address : number of a package, or "all"
    """

    def __init__(self, root: Path, address: str, files: SysFiles, clock_s: Callable[[], float]) -> None:
        self._root = root
        self._address = address
        self._files = files
        self._clock_s = clock_s
        self._packages: list[RaplPackage] = []

    def read(self, point: str) -> float | None:
        """Sum over the packages; None where one does not know."""
        values: list[float | None] = []
        for package in self._found():
            if point == "electric_meter":
                values.append(package.energy_j())
            else:
                values.append(package.power_w() if point == "electric_power" else package.cap_w())
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    def span_w(self) -> tuple[float, float]:
        """Sums of the lowest and highest limits [W]."""
        spans = [package.span_w() for package in self._found()]
        return sum(low for low, _ in spans), sum(high for _, high in spans)

    def limit(self, cap_w: float) -> str:
        """Share the limit; below the lowest and above the highest it stays there, and says so."""
        low_w, high_w = self.span_w()
        held_w = min(max(cap_w, low_w), high_w)
        share = 0.0 if high_w <= low_w else (held_w - low_w) / (high_w - low_w)
        for package in self._found():
            least_w, most_w = package.span_w()
            package.limit(least_w + share * (most_w - least_w))
        return "" if held_w == cap_w else f"the processor takes {low_w:g} to {high_w:g} W"

    def restore(self) -> None:
        """Put back what each package had."""
        for package in self._packages:
            package.restore()

    def _found(self) -> list[RaplPackage]:
        if not self._packages:
            folders = [path for path in sorted(self._root.glob("intel-rapl:*")) if self._wanted(path)]
            if not folders:
                what = "" if self._address == "all" else f" number {self._address}"
                raise UnavailableError(
                    f"no processor package{what} below {self._root}: virtual machines have none, "
                    "and a container has to mount it"
                )
            self._packages = [RaplPackage(folder, self._files, self._clock_s) for folder in folders]
        return self._packages

    def _wanted(self, folder: Path) -> bool:
        match = _PACKAGE.fullmatch(folder.name)
        if match is None or self._address not in ("all", match.group(1)):
            return False
        return self._files.read(folder / "name").startswith("package-")  # psys beside it holds the packages already


class RaplDriver(SysfsDriver):
    """Power, energy and limit of this host's processor packages; address "all", or the number of a package.

    The limit holds the packages, not what else the node draws: give that constant rest as the binding's `offset` [W].
    At the end the limit that was there before is put back. Errors as `KnobDriver`.

    Parameters
    ----------
    root : the powercap folder
    files, clock_s : how it is read, and monotonic time [s]; for tests
    """

    default_root: ClassVar[Path] = Path("/sys/class/powercap")

    def __init__(
        self,
        connection: Connection,
        bindings: Sequence[Binding],
        *,
        fleet: Fleet,
        now: Callable[[], dt.datetime],
        root: Path | None = None,
        files: SysFiles | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock_s = clock_s
        super().__init__(connection, bindings, fleet=fleet, now=now, root=root, files=files)

    def make_device(self, binding: Binding) -> RaplDevice:
        """Make the packages of an address."""
        address = binding.address or "all"
        if not _ADDRESS.fullmatch(address):
            raise InvalidFieldError(f"binding[{binding.key}].address", binding.address, '"all" or a package number')
        return RaplDevice(self._root, address, self._files, self._clock_s)
