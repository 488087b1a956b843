"""Given graphics cards behind NVML, when their power is limited, then they hold it or the driver says why not.

The module stands for pynvml with its names, units (mW, mJ) and errors; there is no card here.
"""

# ruff: noqa: N802, N815

from __future__ import annotations

import sys

import pynvml
import pytest

from ondol.drivers.host_power.nvml import NvmlDriver
from ondol.model.errors import InvalidFieldError, UnavailableError
from unit.drivers.host_power.power_site import CAP, METER, POWER, binding, connection, fleet, now


class Cards:
    """Two cards of 100 to 400 W, as NVML has them."""

    NVMLError = pynvml.NVMLError

    def __init__(self) -> None:
        self.limits_mw = [400_000, 400_000]
        self.fault = 0
        self.set_fault = 0
        self.opened = 0

    def _check(self, code: int) -> None:
        if code:
            raise pynvml.NVMLError(code)

    def nvmlInit(self) -> None:
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.opened -= 1

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._check(pynvml.NVML_ERROR_INVALID_ARGUMENT if index > 1 else self.fault)
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:
        self._check(0 if uuid == "GPU-00000000-1111" else pynvml.NVML_ERROR_NOT_FOUND)
        return 1

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return min(350_000, self.limits_mw[handle])

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        return 7_000_000 * (handle + 1)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:
        return self.limits_mw[handle]

    nvmlDeviceGetPowerManagementLimit = nvmlDeviceGetEnforcedPowerLimit

    def nvmlDeviceGetPowerManagementLimitConstraints(self, handle: int) -> list[int]:
        return [100_000, 400_000]

    def nvmlDeviceSetPowerManagementLimit(self, handle: int, limit: int) -> None:
        self._check(self.set_fault)
        self.limits_mw[handle] = limit


def driver(cards: object, address: str = "all") -> NvmlDriver:
    points = [binding(point, address) for point in ("electric_power", "electric_meter", "power_cap")]
    return NvmlDriver(connection("nvml"), points, fleet=fleet(), now=now, module=cards)


def test_cards_share_a_limit_and_get_their_own_back() -> None:
    cards = Cards()
    made = driver(cards)
    made.poll()
    assert {reading.key: reading.value for reading in made.readings()} == {CAP: 800.0, POWER: 700.0, METER: 21_000.0}
    assert made.write(CAP, 500.0).obeyed()
    assert cards.limits_mw == [250_000, 250_000]
    made.close()
    assert cards.limits_mw == [400_000, 400_000]
    assert cards.opened == 0


def test_one_card_by_its_uuid_and_its_range() -> None:
    cards = Cards()
    written = driver(cards, "GPU-00000000-1111").write(CAP, 50.0)
    assert cards.limits_mw == [400_000, 100_000]
    assert (written.accepted, written.reason) == (100.0, "the card takes 100 to 400 W")


def test_without_rights_it_says_that_it_needs_root_and_goes_on_reading() -> None:
    cards = Cards()
    cards.set_fault = pynvml.NVML_ERROR_NO_PERMISSION
    made = driver(cards)
    written = made.write(CAP, 300.0)
    assert written.accepted is None
    assert "needs root" in written.reason
    assert made.poll() == ""
    assert len(made.readings()) == 3


def test_a_card_that_has_no_limit_says_so() -> None:
    cards = Cards()
    cards.set_fault = pynvml.NVML_ERROR_NOT_SUPPORTED
    assert "does not support" in driver(cards).write(CAP, 300.0).reason


def test_a_driver_that_went_away_is_opened_anew() -> None:
    cards = Cards()
    made = driver(cards)
    made.poll()
    cards.fault = pynvml.NVML_ERROR_GPU_IS_LOST
    with pytest.raises(UnavailableError, match="NVML"):
        made.poll()
    cards.fault = 0
    assert made.poll() == ""
    assert cards.opened == 1


def test_without_a_driver_of_nvidias_the_status_says_it() -> None:
    made = driver(None)  # the true library, on a machine without a card
    with pytest.raises(UnavailableError, match="NVML"):
        made.poll()
    made.close()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(UnavailableError, match=r"ondol\[nvidia\]"):
        driver(None).poll()


@pytest.mark.parametrize("address", ["first", "-1", "GPU-../../x", "0,1"])
def test_a_wrong_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidFieldError, match="nvidia-smi"):
        driver(Cards(), address)
