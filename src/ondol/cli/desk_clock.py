"""The clock that the commands of one desk share: a small file that says how platform time follows the wall's."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ondol.control.clock import ClockSetting, PlatformClock, new_setting
from ondol.model.errors import InvalidFieldError
from ondol.storage.whole_files import create_whole


def desk_clock(file: Path | None, rate: float | None = None) -> PlatformClock:
    """Go on with the clock of a file; where there is none it begins now, at this rate, and is written there.

    Of several commands that begin it at once one does, and the others go on with it.

    Parameters
    ----------
    file : None for the wall's own time, at `rate`
    rate : platform seconds per second; None for 1, or the file's

    Raises
    ------
    InvalidFieldError : the file is none of ours, or goes at another rate
    """
    setting = new_setting(1.0 if rate is None else rate)
    if file is None or (not file.exists() and create_whole(file, msgspec.json.encode(setting) + b"\n")):
        return PlatformClock(setting)
    try:
        setting = msgspec.json.decode(file.read_bytes(), type=ClockSetting)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvalidFieldError("--clock", str(file), f"a file that 'ondol sim-site' wrote ({error})") from error
    if rate not in (None, setting.rate):
        raise InvalidFieldError("--clock-rate", rate, f"{setting.rate:g} as {file} has it, or another --clock")
    return PlatformClock(setting)
