"""A real Modbus TCP server in front of a simulated site: every request moves the site to now, then is answered."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ondol.drivers.virtual.sim_registers import Place, load_places, places, table_size
from ondol.drivers.virtual.sim_site import SimSite
from ondol.model.errors import OndolError, UnavailableError
from ondol.model.ids import UnitId
from ondol.model.points import PointKey

_READS = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_WRITES = {5: "coil", 15: "coil", 6: "holding", 16: "holding"}
_WAIT_S = 5.0


class SimModbusServer:
    """Serves a site's registers on a TCP port, in a thread of its own.

    Parameters
    ----------
    site : what is behind it
    now : platform time
    host, port : where it listens; port 0 takes a free one, see `port`
    device : number that it answers to
    """

    def __init__(
        self,
        site: SimSite,
        *,
        now: Callable[[], dt.datetime],
        host: str = "127.0.0.1",
        port: int = 0,
        device: int = 1,
    ) -> None:
        self._site, self._now, self._host, self.port, self._device = site, now, host, port, device
        self.places = places(site.fleet, {**site.points(), **site.held()})
        self._size, self._loads = table_size(site.fleet), load_places(site.fleet)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: ModbusTcpServer | None = None
        self._begun = threading.Event()
        self._error: Exception | None = None

    def open(self) -> None:
        """Listen; returns when it does.

        Raises
        ------
        UnavailableError : the port cannot be had
        """
        self._thread = threading.Thread(target=self._run, name="sim-modbus", daemon=True)
        self._thread.start()
        if not self._begun.wait(_WAIT_S) or self._error is not None:
            raise UnavailableError(f"The Modbus server cannot listen on {self._host}:{self.port}: {self._error}")

    def close(self) -> None:
        """End all connections and the thread; may be called twice."""
        if self._thread is None or self._loop is None or self._server is None:
            return
        if self._thread.is_alive():
            server: Any = self._server  # its methods are not typed
            asyncio.run_coroutine_threadsafe(server.shutdown(), self._loop)
            self._thread.join(_WAIT_S)
        self._thread = None

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - whoever opened it is told
            self._error = error
            self._begun.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        bits = [SimData(0, values=[False] * self._size, datatype=DataType.BITS)]
        words = [SimData(0, count=self._size, values=0, datatype=DataType.REGISTERS)]
        device = SimDevice(self._device, simdata=(bits, bits, words, words), action=self._action())
        self._server = ModbusTcpServer(device, address=(self._host, self.port), ignore_missing_devices=True)
        await self._server.serve_forever(background=True)
        transport: Any = self._server.transport
        self.port = transport.sockets[0].getsockname()[1]
        self._begun.set()
        await self._server.serving

    def _action(self) -> Callable[..., Coroutine[Any, Any, ExcCodes | None]]:
        async def answer(
            function_code: int,
            start_address: int,  # noqa: ARG001 - every table begins at 0
            address: int,
            count: int,
            current_registers: list[int],
            set_values: list[int] | list[bool] | None,
        ) -> ExcCodes | None:
            if set_values:
                return self._take(_WRITES.get(function_code, ""), address, list(set_values))
            # a single coil or register is read back under the code it was written by
            table = _READS.get(function_code) or _WRITES.get(function_code)
            if table is None:
                return ExcCodes.ILLEGAL_FUNCTION
            if table in ("holding", "input") and not self._known(table, address, count):
                return ExcCodes.ILLEGAL_ADDRESS
            self._site.advance(self._now())
            self._show(table, current_registers)
            return None

        return answer

    def _known(self, table: str, address: int, count: int) -> bool:
        """Whether a read touches any register that there is; gaps between them read 0, as in many devices."""
        every = [*self.places.values(), *self._loads.values()]
        return any(
            one.table == table and one.address < address + count and address < one.address + one.words for one in every
        )

    def _show(self, table: str, shown: list[int]) -> None:
        values = {**self._site.points(), **self._site.held()}
        for key, place in self.places.items():
            if place.table != table:
                continue
            if place.type != "bool":
                shown[place.address : place.address + place.words] = place.encode(values[key])
            else:  # sixteen bits to a word
                word, bit = divmod(place.address, 16)
                shown[word] = (shown[word] & ~(1 << bit)) | (int(values[key] >= 0.5) << bit)
        if table == "holding":
            for unit_id, place in self._loads.items():
                shown[place.address : place.address + place.words] = place.encode(self._site.load(UnitId(unit_id)))

    def _take(self, table: str, address: int, values: list[int] | list[bool]) -> ExcCodes | None:
        """Write every point that the values cover whole; a half float is refused."""
        self._site.advance(self._now())
        everything: list[tuple[PointKey | str, Place]] = [*self.places.items(), *self._loads.items()]
        covered = 0
        wishes: list[tuple[PointKey | str, float]] = []
        for key, place in everything:
            at = place.address - address
            if place.table == table and at >= 0 and at + place.words <= len(values):
                covered += place.words
                part = [int(word) for word in values[at : at + place.words]]
                wishes.append((key, place.decode(part) if place.type != "bool" else float(part[0])))
        if covered != len(values):
            return ExcCodes.ILLEGAL_ADDRESS
        try:
            for key, value in wishes:
                if not math.isfinite(value):
                    return ExcCodes.ILLEGAL_VALUE
                if isinstance(key, PointKey):
                    self._site.write(key, value)
                else:
                    self._site.set_load(UnitId(key), value)
        except OndolError:
            return ExcCodes.ILLEGAL_VALUE
        return None
