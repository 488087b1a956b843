"""A real Modbus TCP server (pymodbus) with one device, on a free port, whose registers a test sets and reads."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Sequence

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

_SIZE = 700
_TABLES = {"coil": "c", "discrete": "d", "holding": "h", "input": "i"}


class ServedDevice:
    """One device. `holes` are registers that it does not have; `refuse_writes` and `ignore_writes` as real ones do.

    The library answers from a list of registers per table, which `put` writes and `get` reads.
    """

    def __init__(self, *, device: int = 1, port: int = 0, holes: Sequence[tuple[int, int]] = ()) -> None:
        self.port = port
        self.refuse_with: ExcCodes | None = None
        self.refuse_writes: ExcCodes | None = None
        self.ignore_writes = False
        self.most_written: int | None = None
        self.requests: list[tuple[int, int, int]] = []
        self._device_id = device
        self._holes = holes
        self._memory: dict[str, list[int]] = {}
        self._loop = asyncio.new_event_loop()
        self._server: ModbusTcpServer | None = None
        self._thread = threading.Thread(target=self._run, name="modbus server", daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> ServedDevice:
        self._thread.start()
        assert self._ready.wait(10.0)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._shutdown()))
            self._thread.join(10.0)
            assert not self._thread.is_alive()

    def put(self, table: str, number: int, kind: str, value: float, *, swap: bool = False) -> None:
        """Set a value; `kind` is a code of `struct`, big-endian words unless swapped."""
        if table in ("coil", "discrete"):
            word, bit = divmod(number, 16)
            held = self._memory[table]
            held[word] = held[word] | (1 << bit) if value else held[word] & ~(1 << bit)
            return
        packed = struct.pack(">" + kind, value)
        words = [int.from_bytes(packed[at : at + 2], "big") for at in range(0, len(packed), 2)]
        self._memory[table][number : number + len(words)] = words[::-1] if swap else words

    def get(self, table: str, number: int) -> int:
        if table in ("coil", "discrete"):
            return self._memory[table][number // 16] >> (number % 16) & 1
        return self._memory[table][number]

    async def _action(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        held: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        self.requests.append((function, address, count))
        if values is None:
            return self.refuse_with
        if self.refuse_writes is not None:
            return self.refuse_writes
        if self.ignore_writes:
            values[:] = held[address - start : address - start + count]
        if self.most_written is not None:
            values[:] = [min(int(value), self.most_written) for value in values]
        return None

    def _registers(self) -> list[SimData]:
        found, at = [], 0
        for first, last in [*self._holes, (_SIZE, _SIZE)]:
            if first > at:
                found.append(SimData(at, values=[0] * (first - at), datatype=DataType.REGISTERS))
            at = last + 1
        return found

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        bits = [SimData(0, values=[False] * 640, datatype=DataType.BITS)]
        device = SimDevice(
            self._device_id, simdata=(bits, list(bits), self._registers(), self._registers()), action=self._action
        )
        self._server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
        await self._server.serve_forever(background=True)
        blocks = self._server.context.devices[self._device_id].block  # type: ignore[union-attr]
        self._memory = {table: blocks[code][2] for table, code in _TABLES.items()}
        self.port = self._server.transport.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self._ready.set()
        await self._server.serving

    async def _shutdown(self) -> None:
        assert self._server is not None
        await self._server.shutdown()
