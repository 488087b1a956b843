"""The highest clock that the processor may take, as a power limit (kernel documentation, admin-guide/pm/cpufreq)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from ondol.drivers.host_power.power_map import PowerMap
from ondol.drivers.host_power.sysfs import SysFiles
from ondol.drivers.host_power.sysfs_driver import SysfsDriver
from ondol.model.binding import Binding
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.power import PowerCurve

_ADDRESS = re.compile(r"all|policy\d{1,4}")
_KNOTS = 11


class CpufreqDevice:
    """Clock policies of one node as a limit in watts.

    Between idle and full power the map begins as a straight line over the clock:
    P(f) = P_idle + (P_max − P_idle) · f/f_max. A CMOS circuit draws C·V²·f (Chandrakasan, Sheng, Brodersen 1992,
    IEEE J. Solid-State Circuits 27(4)), and the voltage never falls as the clock rises, so the true curve is convex and
    lies below: the clock for a power is concave in it, and the line errs to the safe side. Measurements then better it
    (`PowerMap`).

    Parameters
    ----------
    root, address : folder of the policies; "all", or the name of one
    curve : of the node [W]
    """

    def __init__(self, root: Path, address: str, files: SysFiles, curve: PowerCurve) -> None:
        self._root = root
        self._address = address
        self._files = files
        self._curve = curve
        self._policies: list[Path] = []
        self._original: dict[Path, int] = {}
        shares = [k / (_KNOTS - 1) for k in range(_KNOTS)]
        powers_w = [curve.idle_w + (curve.max_w - curve.idle_w) * share for share in shares]
        self._map = PowerMap(shares, powers_w, idle_w=curve.idle_w)

    def read(self, point: str) -> float:  # noqa: ARG002 - it has the limit only
        """Power at full load with the clock that is allowed [W]."""
        return self._map.power_w(self._share())

    def span_w(self) -> tuple[float, float]:
        """Power at full load with the lowest and the highest clock [W]."""
        lowest = max(self._lowest(policy) / self._highest(policy) for policy in self._found())
        return self._map.power_w(lowest), self._map.power_w(1.0)

    def limit(self, cap_w: float) -> str:
        """Allow the highest clock that keeps the limit at full load."""
        if not self._original:
            self._original = {policy: self._files.whole(policy / "scaling_max_freq") for policy in self._found()}
        share = self._map.setting_for(cap_w)
        for policy in self._found():
            khz = max(round(share * self._highest(policy)), self._lowest(policy))
            self._files.put(policy / "scaling_max_freq", khz)
        low_w, high_w = self.span_w()
        return "" if low_w <= cap_w <= high_w else f"its clocks reach from {low_w:.0f} to {high_w:.0f} W"

    def restore(self) -> None:
        """Put back each policy's highest clock."""
        for policy in list(self._original):
            self._files.put(policy / "scaling_max_freq", self._original[policy])
            del self._original[policy]

    def learn(self, power_w: float) -> bool:
        """Take a measured power under the clock in force [W]."""
        return self._map.learn(self._share(), power_w)

    def _share(self) -> float:
        """Mean of the allowed clocks over the highest ones."""
        policies = self._found()
        return sum(self._files.whole(p / "scaling_max_freq") / self._highest(p) for p in policies) / len(policies)

    def _highest(self, policy: Path) -> int:
        return max(self._files.whole(policy / "cpuinfo_max_freq"), 1)

    def _lowest(self, policy: Path) -> int:
        """The kernel refuses a highest clock below the lowest that is allowed."""
        return max(self._files.whole(policy / name) for name in ("cpuinfo_min_freq", "scaling_min_freq"))

    def _found(self) -> list[Path]:
        if not self._policies:
            pattern = "policy*" if self._address == "all" else self._address
            found = [path for path in self._root.glob(pattern) if _ADDRESS.fullmatch(path.name)]
            self._policies = sorted(found, key=lambda path: int(path.name.removeprefix("policy")))
            if not self._policies:
                raise UnavailableError(
                    f"no clock policy {pattern} below {self._root}: virtual machines and fixed clocks have none"
                )
        return self._policies


class CpufreqDriver(SysfsDriver):
    """Limits a node that is this host by its clock; address "all" or a policy, e.g. "policy0".

    Its watts are estimated by a map from clock to power, see `CpufreqDevice`; bind a meter beside it. At the end the
    clocks that were allowed before are put back. Errors as `KnobDriver`.

    Parameters
    ----------
    root : folder of the policies
    files : how it is read; for tests
    """

    points: ClassVar[tuple[str, ...]] = ("power_cap",)
    estimated: ClassVar[tuple[str, ...]] = ("power_cap",)
    default_root: ClassVar[Path] = Path("/sys/devices/system/cpu/cpufreq")

    def make_device(self, binding: Binding) -> CpufreqDevice:
        """Make the policies of an address."""
        address = binding.address or "all"
        if not _ADDRESS.fullmatch(address):
            raise InvalidFieldError(f"binding[{binding.key}].address", binding.address, '"all" or e.g. "policy0"')
        return CpufreqDevice(self._root, address, self._files, self.curve_of(binding))
