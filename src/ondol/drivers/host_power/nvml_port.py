"""The few words of NVML that are needed, in watts and joules, with errors that say what to do."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from typing import Any

from ondol.drivers.host_power.sysfs import NEEDS_ROOT
from ondol.model.errors import UnavailableError

_NOT_SUPPORTED = 3  # nvml.h, nvmlReturn_t
_NO_PERMISSION = 4
_BEGIN_AGAIN = (1, 15, 16)  # uninitialised, card lost, reset needed: the next question opens the library anew


class Nvml:
    """NVML of this host, opened when first asked (NVIDIA, NVML API reference: device queries and commands).

    Parameters
    ----------
    module : stands for `pynvml` of nvidia-ml-py, which is imported when first needed where it is left out
    """

    def __init__(self, module: Any = None) -> None:
        self._module = module
        self._opened = False

    def handles(self, address: str) -> list[Any]:
        """Give the cards of an address: a number, a UUID or "all"; raises UnavailableError."""
        lib = self._open()
        if address == "all":
            count = int(self._ask(lib.nvmlDeviceGetCount))
            handles = [self._ask(lib.nvmlDeviceGetHandleByIndex, number) for number in range(count)]
        elif address.isdigit():
            handles = [self._ask(lib.nvmlDeviceGetHandleByIndex, int(address))]
        else:
            handles = [self._ask(lib.nvmlDeviceGetHandleByUUID, address)]
        if not handles:
            raise UnavailableError("the NVIDIA driver knows no graphics card")
        return handles

    def power_w(self, handle: Any) -> float:
        """Power of the whole card [W]; ± 5 W, and on newer cards a mean over 1 s."""
        return float(self._ask(self._open().nvmlDeviceGetPowerUsage, handle)) / 1e3

    def energy_j(self, handle: Any) -> float:
        """Energy since the driver was loaded [J]; Volta and newer."""
        return float(self._ask(self._open().nvmlDeviceGetTotalEnergyConsumption, handle)) / 1e3

    def cap_w(self, handle: Any) -> float:
        """Limit in force [W]: the lowest of all who set one."""
        return float(self._ask(self._open().nvmlDeviceGetEnforcedPowerLimit, handle)) / 1e3

    def own_cap_w(self, handle: Any) -> float:
        """Limit that was set through this interface [W]."""
        return float(self._ask(self._open().nvmlDeviceGetPowerManagementLimit, handle)) / 1e3

    def span_w(self, handle: Any) -> tuple[float, float]:
        """Lowest and highest limit [W]."""
        low_mw, high_mw = self._ask(self._open().nvmlDeviceGetPowerManagementLimitConstraints, handle)
        return float(low_mw) / 1e3, float(high_mw) / 1e3

    def limit(self, handle: Any, cap_w: float) -> None:
        """Set the limit [W]; needs root."""
        self._ask(self._open().nvmlDeviceSetPowerManagementLimit, handle, round(cap_w * 1e3))

    def close(self) -> None:
        """Let go of the library."""
        if self._opened:
            self._opened = False
            self._ask(self._module.nvmlShutdown)

    def _open(self) -> Any:
        if self._module is None:
            try:
                self._module = importlib.import_module("pynvml")
            except ImportError:
                raise UnavailableError("nvidia-ml-py is not installed: pip install 'ondol[nvidia]'") from None
        if not self._opened:
            self._ask(self._module.nvmlInit)
            self._opened = True
        return self._module

    def _ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except self._module.NVMLError as error:
            code = getattr(error, "value", None)
            if code in _BEGIN_AGAIN:
                self._opened = False
                with contextlib.suppress(self._module.NVMLError):
                    self._module.nvmlShutdown()
            if code == _NO_PERMISSION:
                text = f"the power limit of a graphics card {NEEDS_ROOT.split(',', maxsplit=1)[0]}"
                raise UnavailableError(text) from None
            if code == _NOT_SUPPORTED:
                raise UnavailableError(
                    "this graphics card does not support it (laptop and older cards have no limit)"
                ) from None
            raise UnavailableError(f"NVML: {error}") from None
