"""Frames of the M-Bus link layer (EN 13757-2): short ones to ask, long ones with the answer."""

from __future__ import annotations

from ondol.model.errors import UnavailableError

ACK = 0xE5
_SHORT, _LONG, _STOP = 0x10, 0x68, 0x16
SND_NKE, REQ_UD2 = 0x40, 0x5B
_FCB = 0x20
"""Frame count bit: turned over, it asks for the next telegram; left as it was, for the last one again."""


class DamagedFrameError(UnavailableError):
    """An answer that is incomplete or whose checksum does not fit; asking again may help."""


def reset_frame(device: int) -> bytes:
    """SND_NKE: the meter forgets its frame count."""
    return _short(SND_NKE, device)


def request_frame(device: int, *, count_bit: bool) -> bytes:
    """REQ_UD2: the meter sends its values."""
    return _short(REQ_UD2 | (_FCB if count_bit else 0), device)


def _short(control: int, device: int) -> bytes:
    return bytes((_SHORT, control, device, (control + device) & 0xFF, _STOP))


def missing(data: bytes) -> int:
    """Give how many bytes are missing at least until `data` is a whole frame; 0 if it is one.

    Raises
    ------
    DamagedFrameError : this begins no frame
    """
    if not data:
        return 1
    if data[0] == ACK:
        return 0
    if data[0] == _SHORT:
        return max(0, 5 - len(data))
    if data[0] != _LONG:
        raise DamagedFrameError(
            f"the answer begins with {data[0]:02X}, as no frame does: noise, or a wrong speed or parity"
        )
    if len(data) < 4:
        return 4 - len(data)
    if data[1] != data[2] or data[3] != _LONG:
        raise DamagedFrameError(f"the answer's head {data[:4].hex(' ')} is damaged")
    return max(0, data[1] + 6 - len(data))


def check_frame(data: bytes, device: int) -> None:
    """Check a whole long frame: checksum, end and sender.

    Raises
    ------
    DamagedFrameError : the checksum or the end does not fit
    UnavailableError : a whole frame of another meter, or not one with values
    """
    if data[0] != _LONG:
        raise UnavailableError(f"the meter answered {data.hex(' ')} where its values were asked for")
    if data[-1] != _STOP or sum(data[4:-2]) & 0xFF != data[-2]:
        raise DamagedFrameError(
            "the answer's checksum does not fit: two meters with one address, noise, or a weak line"
        )
    if device != 254 and data[5] != device:
        raise UnavailableError(f"meter {data[5]} answered where meter {device} was asked")
