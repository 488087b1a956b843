"""Telegrams of real meters, and a gateway that serves them over TCP.

The telegrams are read-outs that the makers' meters gave, kept in the test data of libmbus (github.com/rscada/libmbus,
test/test-frames, BSD licence), file names as given.
"""

from __future__ import annotations

import socket
import threading

# kamstrup_multical_601.hex: heat meter, 37,351 kWh, 561.08 m³, 101.69 °C in, 46.16 °C out, 34.7 kW, 543 l/h
KAMSTRUP_601 = bytes.fromhex(
    "68 F7 F7 68 08 11 72 17 58 85 06 2D 2C 08 04 04 00 00 00 0C 78 17 58 85 06 04 06 E7 91 00 "
    "00 04 14 2C DB 00 00 04 22 D9 03 00 00 04 59 B9 27 00 00 04 5D 08 12 00 00 04 61 B1 15 00 "
    "00 04 2D 5B 01 00 00 14 2D C0 01 00 00 04 3B 1F 02 00 00 14 3B 74 02 00 00 84 10 06 00 00 "
    "00 00 84 20 06 00 00 00 00 84 40 14 00 00 00 00 84 80 40 14 00 00 00 00 84 C0 40 06 00 00 "
    "00 00 04 6D 1A 2F 65 11 44 06 51 82 00 00 44 14 B2 C3 00 00 54 2D 26 02 00 00 54 3B 03 04 "
    "00 00 C4 10 06 00 00 00 00 C4 20 06 00 00 00 00 C4 40 14 00 00 00 00 C4 80 40 14 00 00 00 "
    "00 C4 C0 40 06 00 00 00 00 42 6C 5F 1C 0F 00 00 00 00 E7 E4 00 00 63 66 00 00 00 00 00 00 "
    "00 00 00 00 00 00 00 00 5B C9 A5 02 34 53 00 00 E0 B2 03 00 89 9C 68 00 00 00 00 00 01 00 "
    "01 07 07 09 01 03 00 00 00 00 00 98 16 "
)

# sen_pollutherm.hex: heat meter in BCD, 8,640 kWh; VIF 7B is one that pyMeterBus does not know; 1F: more follow
SENSUS_POLLUTHERM = bytes.fromhex(
    "68 42 42 68 08 08 72 76 00 05 21 18 4E 31 04 51 00 00 00 0C 07 64 08 00 00 0C 14 92 98 79 "
    "00 0C 7B 02 03 00 00 0C 2C 58 54 00 00 0A 5A 55 07 0A 5E 94 05 0B 60 76 60 01 0C 78 76 00 "
    "05 21 0C FD 10 76 00 05 21 1F B3 16 "
)

# engelmann_sensostar2c.hex: heat meter, energy in steps of 0.1 MWh (VIF FB 00), 95 °C/43 °C, error flags 0
ENGELMANN_SENSOSTAR = bytes.fromhex(
    "68 A6 A6 68 08 03 72 10 00 38 10 C5 14 01 04 1E 00 00 00 04 78 EA 62 9E 00 04 6D 32 14 86 "
    "16 04 15 81 00 00 00 04 FB 00 08 00 00 00 84 20 FB 00 00 00 00 00 84 30 FB 00 00 00 00 00 "
    "04 3D 00 00 00 00 04 2D 00 00 00 00 02 5B 5F 00 02 5F 2B 00 04 61 8A 14 00 00 02 27 FA 01 "
    "01 FD 17 00 04 90 28 A0 86 01 00 42 6C 7F 1C 44 15 81 00 00 00 44 FB 00 08 00 00 00 C4 20 "
    "FB 00 00 00 00 00 C4 30 FB 00 00 00 00 00 82 01 6C 5F 1C 84 01 15 54 00 00 00 84 01 FB 00 "
    "05 00 00 00 84 21 FB 00 00 00 00 00 84 31 FB 00 00 00 00 00 B7 16 "
)

# manual_frame2.hex: the fixed structure (CI 73h)
FIXED_STRUCTURE = bytes.fromhex("68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16 ")


def with_status(frame: bytes, status: int) -> bytes:
    """The same telegram with another status byte and the checksum that fits."""
    changed = bytearray(frame)
    changed[16] = status
    return fitted(changed)


def with_bytes(frame: bytes, old: str, new: str) -> bytes:
    """The same telegram with some bytes replaced, and the checksum that fits."""
    before, after = bytes.fromhex(old), bytes.fromhex(new)
    assert frame.count(before) == 1
    return fitted(bytearray(frame.replace(before, after)))


def fitted(frame: bytearray) -> bytes:
    frame[-2] = sum(frame[4:-2]) & 0xFF
    return bytes(frame)


class Gateway:
    """A TCP gateway with meters behind it, which keep the frame count as EN 13757-2 has it.

    Parameters
    ----------
    meters : primary address → its telegrams, in order
    echo : it sends back what it was sent, as some level converters do
    """

    def __init__(self, meters: dict[int, list[bytes]], *, echo: bool = False, port: int = 0) -> None:
        self.meters = meters
        self.echo = echo
        self.damage = 0
        self.cut = 0
        self.silent = False
        self.asked: list[bytes] = []
        self._at = dict.fromkeys(meters, 0)
        self._last_bit: dict[int, int | None] = dict.fromkeys(meters)
        self._server = socket.create_server(("127.0.0.1", port))
        self.port: int = self._server.getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(5.0)
        assert not self._thread.is_alive()
        self._server.close()

    def _serve(self) -> None:
        self._server.settimeout(0.02)
        while not self._ended.is_set():
            try:
                peer, _ = self._server.accept()
            except TimeoutError:
                continue
            with peer:
                peer.settimeout(0.02)
                self._talk(peer)

    def _talk(self, peer: socket.socket) -> None:
        data = b""
        while not self._ended.is_set():
            try:
                came = peer.recv(256)
            except TimeoutError:
                continue
            except OSError:
                return
            if not came:
                return
            data += came
            while len(data) >= 5:
                frame, data = data[:5], data[5:]
                self.asked.append(frame)
                answer = self._answer(frame)
                peer.sendall(frame + answer if self.echo else answer)

    def _answer(self, frame: bytes) -> bytes:
        control, device = frame[1], frame[2]
        assert frame[3] == (control + device) & 0xFF
        if device not in self.meters or self.silent:
            return b""
        if control == 0x40:
            self._at[device], self._last_bit[device] = 0, None
            return b"\xe5"
        bit = control & 0x20
        if self._last_bit[device] is not None and self._last_bit[device] != bit:
            self._at[device] = (self._at[device] + 1) % len(self.meters[device])
        self._last_bit[device] = bit
        telegram = self.meters[device][self._at[device]]
        if self.cut:
            self.cut -= 1
            return telegram[:20]
        if self.damage:
            self.damage -= 1
            return telegram[:30] + bytes([telegram[30] ^ 0x04]) + telegram[31:]
        return telegram
