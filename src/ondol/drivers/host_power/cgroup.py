"""CPU quota of a control group as a power limit (kernel documentation, cgroup-v2 and sched-bwc)."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import ClassVar

from ondol.drivers.host_power.power_map import PowerMap
from ondol.drivers.host_power.sysfs import SysFiles
from ondol.drivers.host_power.sysfs_driver import SysfsDriver
from ondol.model.binding import Binding
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.power import PowerCurve

PERIOD_US = 100_000  # the kernel's default
QUOTA_MIN_US = 1000  # it refuses less
_KNOTS = 21
_V1_MOUNTS = ("cpu", "cpu,cpuacct")


class CgroupDevice:
    """The quota of one group as a limit in watts, by the node's power curve over its load.

    The curve is concave: the first cores cost most, see `PowerCurve` for its source. Idle power stays in any case.

    Parameters
    ----------
    root, group : where control groups are mounted, and the group's path below
    host_cores : cores that are the node's full load
    """

    def __init__(self, root: Path, group: str, files: SysFiles, curve: PowerCurve, host_cores: float) -> None:
        self._root = root
        self._group = group
        self._files = files
        self._host_cores = host_cores
        self._original: tuple[str, int] | None = None
        loads = [k / (_KNOTS - 1) for k in range(_KNOTS)]
        self._map = PowerMap(loads, [curve.power_w(load) for load in loads], idle_w=curve.idle_w)

    def read(self, point: str) -> float | None:  # noqa: ARG002 - it has the limit only
        """Power at the load that the quota allows [W]; None without a quota."""
        load = self._load()
        return None if load is None else self._map.power_w(load)

    def span_w(self) -> tuple[float, float]:
        """From the least quota to the full load [W]."""
        return self._map.power_w(QUOTA_MIN_US / PERIOD_US / self._host_cores), self._map.power_w(1.0)

    def limit(self, cap_w: float) -> str:
        """Set the quota whose load draws no more than the limit."""
        if self._original is None:
            self._original = self._quota()
        load = self._map.setting_for(cap_w)
        self._set(str(max(round(load * self._host_cores * PERIOD_US), QUOTA_MIN_US)), PERIOD_US)
        low_w, high_w = self.span_w()
        return "" if low_w <= cap_w <= high_w else f"a quota reaches from {low_w:.0f} to {high_w:.0f} W"

    def restore(self) -> None:
        """Put back the quota; a group that is gone needs none."""
        if self._original is not None and self._folder_or_none() is not None:
            self._set(*self._original)
        self._original = None

    def learn(self, power_w: float) -> bool:
        """Take a measured power under the quota in force [W]."""
        load = self._load()
        return load is not None and self._map.learn(load, power_w)

    def _load(self) -> float | None:
        quota, period_us = self._quota()
        if quota in ("max", "-1"):
            return None
        return min(int(quota) / period_us / self._host_cores, 1.0)

    def _quota(self) -> tuple[str, int]:
        """Quota in µs or the kernel's word for none, and period [µs]."""
        folder, v2 = self._folder()
        try:
            if v2:
                quota, period = self._files.read(folder / "cpu.max").split()
                return quota, int(period)
            return self._files.read(folder / "cpu.cfs_quota_us"), self._files.whole(folder / "cpu.cfs_period_us")
        except (OSError, ValueError) as error:
            raise UnavailableError(f"the quota of {folder} cannot be read: {error}") from None

    def _set(self, quota: str, period_us: int) -> None:
        folder, v2 = self._folder()
        if v2:
            self._files.put(folder / "cpu.max", f"{quota} {period_us}")
        else:
            self._files.put(folder / "cpu.cfs_period_us", period_us)
            self._files.put(folder / "cpu.cfs_quota_us", quota)

    def _folder(self) -> tuple[Path, bool]:
        found = self._folder_or_none()
        if found is None:
            raise UnavailableError(
                f"no control group {self._group} with a CPU quota below {self._root}: "
                "start its service, or hand down the cpu controller (cgroup.subtree_control)"
            )
        return found

    def _folder_or_none(self) -> tuple[Path, bool] | None:
        """Folder of the group, and whether it is of version 2."""
        if self._files.exists(self._root / self._group / "cpu.max"):
            return self._root / self._group, True
        for mount in _V1_MOUNTS:
            if self._files.exists(self._root / mount / self._group / "cpu.cfs_quota_us"):
                return self._root / mount / self._group, False
        return None


class CgroupDriver(SysfsDriver):
    """Limits a node that is this host by the CPU quota of a group; address: the group's path, e.g. "ondol.slice".

    It saves little, because idle power stays, but it works everywhere. Its watts are estimated by the node's power
    curve; bind a meter beside it. At the end the quota that was there before is put back. Errors as `KnobDriver`.

    Parameters
    ----------
    root : where control groups are mounted, of version 2, or the folder of the controllers' mounts of version 1
    files : how it is read; for tests
    """

    points: ClassVar[tuple[str, ...]] = ("power_cap",)
    estimated: ClassVar[tuple[str, ...]] = ("power_cap",)
    default_root: ClassVar[Path] = Path("/sys/fs/cgroup")

    def make_device(self, binding: Binding) -> CgroupDevice:
        """Make the group of an address."""
        path = PurePosixPath(binding.address)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            allowed = 'a group\'s path below the mount, e.g. "ondol.slice"'
            raise InvalidFieldError(f"binding[{binding.key}].address", binding.address, allowed)
        curve = self.curve_of(binding)
        return CgroupDevice(self._root, str(path), self._files, curve, self.host_cores_of(binding))
