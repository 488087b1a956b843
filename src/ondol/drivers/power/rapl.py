"""Processor energy counters through Linux powercap (kernel documentation, power/powercap)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ondol.model.checks import check_range
from ondol.model.errors import UnavailableError

_ZONE = re.compile(r"intel-rapl:\d+(:\d+)?")  # AMD has it by this name too; intel-rapl-mmio repeats the package


def counter_delta_uj(previous_uj: int, now_uj: int, range_uj: int) -> int:
    """Energy [µJ] between two readings of a counter that starts again at 0 after reaching `range_uj`.

    At most one wrap can be told; a typical range of 262 kJ wraps every 10.9 min at 400 W, so sample at least once a
    minute.
    """
    return now_uj - previous_uj if now_uj >= previous_uj else now_uj - previous_uj + range_uj


@dataclass(frozen=True, slots=True)
class RaplReading:
    """Energy since the reader was made.

    Parameters
    ----------
    package_j, dram_j : energy of all processor packages, of all memory [J]; dram_j is None where it is not counted
    complete : False from the first gap on in which a counter may have wrapped more than once
    """

    package_j: float
    dram_j: float | None
    complete: bool


class RaplMeter:
    """Adds up package and memory counters (data tier T3).

    Only the zones ``package-N`` and ``dram`` count: core and uncore are parts of the package, and psys holds it.
    Left out are power-supply losses, fans, disks and the chipset.

    Raises UnavailableError where there is no counter, or where it may not be read (it is root-only on current kernels).

    Parameters
    ----------
    root : the powercap folder
    power_max_w : most power of one zone; tells after what gap a counter may have wrapped more than once [W]
    """

    def __init__(self, root: Path = Path("/sys/class/powercap"), *, power_max_w: float = 1000.0) -> None:
        check_range("power_max_w", power_max_w, 1.0, 100_000.0, "W")
        self._zones = _find_zones(root)
        self._power_max_w = power_max_w
        self._at_s: float | None = None
        self._total_uj = {"package": 0, "dram": 0}
        self._complete = True

    @property
    def has_dram(self) -> bool:
        """Whether memory has counters of its own."""
        return any(zone.kind == "dram" for zone in self._zones)

    def read(self, at_s: float) -> RaplReading:
        """Read all counters at monotonic time `at_s` [s]; the first call gives zero."""
        gap_s = 0.0 if self._at_s is None else at_s - self._at_s
        check_range("at_s", gap_s, 0.0, float("1e12"), "s after the reading before")
        for zone in self._zones:
            now_uj = _read_whole(zone.folder / "energy_uj")
            self._total_uj[zone.kind] += counter_delta_uj(zone.last_uj, now_uj, zone.range_uj)
            zone.last_uj = now_uj
            if gap_s * self._power_max_w * 1e6 >= zone.range_uj:
                self._complete = False
        self._at_s = at_s
        return RaplReading(
            package_j=self._total_uj["package"] / 1e6,
            dram_j=self._total_uj["dram"] / 1e6 if self.has_dram else None,
            complete=self._complete,
        )


@dataclass(slots=True)
class _Zone:
    kind: str
    folder: Path
    range_uj: int
    last_uj: int


def _find_zones(root: Path) -> list[_Zone]:
    zones = []
    for folder in sorted(root.glob("intel-rapl:*")) if root.is_dir() else []:
        if not _ZONE.fullmatch(folder.name):
            continue
        name = (folder / "name").read_text(encoding="ascii").strip()
        kind = "package" if name.startswith("package-") else name
        if kind in ("package", "dram"):
            range_uj = _read_whole(folder / "max_energy_range_uj")
            zones.append(_Zone(kind, folder, range_uj, _read_whole(folder / "energy_uj")))
    if not any(zone.kind == "package" for zone in zones):
        raise UnavailableError(
            f"No processor energy counters below {root}: virtual machines have none. Energy comes from the power curve"
        )
    return zones


def _read_whole(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except PermissionError:
        raise UnavailableError(
            f"{path} may be read by root only: give the platform's user read permission on it (a udev or tmpfiles rule)"
        ) from None
    except (OSError, ValueError) as error:
        raise UnavailableError(f"{path} cannot be read: {error}") from None
