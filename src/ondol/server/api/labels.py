"""Labels that carry what the Qarnot API has no field for, so that unchanged SDKs can say it.

`ondol.service` = on_demand | flex | harvest | filler; `ondol.deadline` = ISO time, or from now like `+2h`;
`ondol.expected` = platform seconds at full speed; `ondol.cap` = share of full speed that it takes at most, 0.1 to 1;
`ondol.resumable` = true | false; `ondol.time_limit` = wall seconds after which an attempt is ended; `ondol.quote` =
ID/OPTION of a quote that this task takes.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

from ondol.model.compute import SPEED_CAP_LEAST
from ondol.model.errors import InvalidFieldError
from ondol.model.view import ServiceClass
from ondol.server.api.times import read_deadline

PREFIX = "ondol."
NAMES = ("service", "deadline", "expected", "cap", "resumable", "time_limit", "quote")
_SERVICES = {service.name.lower(): service for service in ServiceClass}
_LONGEST_S = 1e9
CAP_LABEL = f"{PREFIX}cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the labels of a task say. Fields as in `ondol.model.compute.Task`."""

    service: ServiceClass
    deadline: dt.datetime | None
    expected_s: float | None
    speed_cap: float
    resumable: bool
    time_limit_s: float


def read_labels(
    labels: Mapping[str, str], service: ServiceClass, now: dt.datetime, faults: list[InvalidFieldError]
) -> Wishes:
    """Read our labels; faults are added to `faults`, never raised.

    Parameters
    ----------
    service : what the request says without labels; `ondol.service` overrides it
    now : platform time, from which a deadline like `+2h` counts
    """
    own = {key.removeprefix(PREFIX): value for key, value in labels.items() if key.startswith(PREFIX)}
    faults += [
        InvalidFieldError(f"labels.{PREFIX}{name}", own[name], "no such label; " + ", ".join(PREFIX + n for n in NAMES))
        for name in sorted(own.keys() - set(NAMES))
    ]
    word = own.get("service", "").strip().lower()
    if word and word not in _SERVICES:
        faults.append(InvalidFieldError("labels.ondol.service", word, "one of " + ", ".join(_SERVICES)))
    service = _SERVICES.get(word, service)
    deadline = None
    if "deadline" in own:
        try:
            deadline = read_deadline("labels.ondol.deadline", own["deadline"], now)
        except InvalidFieldError as fault:
            faults.append(fault)
    return Wishes(
        service=service,
        deadline=deadline,
        expected_s=_seconds("expected", own, faults),
        speed_cap=_cap(own.get("cap"), faults),
        resumable=_truth(own.get("resumable"), service is ServiceClass.HARVEST, faults),
        time_limit_s=_seconds("time_limit", own, faults) or 0.0,
    )


def _seconds(name: str, own: Mapping[str, str], faults: list[InvalidFieldError]) -> float | None:
    text = own.get(name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if 0 < seconds <= _LONGEST_S:
        return seconds
    faults.append(InvalidFieldError(f"labels.{PREFIX}{name}", text, f"seconds, above 0 and at most {_LONGEST_S:g}"))
    return None


def _cap(text: str | None, faults: list[InvalidFieldError]) -> float:
    if text is None:
        return 1.0
    try:
        cap = float(text)
    except ValueError:
        cap = math.nan
    if SPEED_CAP_LEAST <= cap <= 1.0:
        return cap
    allowed = f"a share of full speed, from {SPEED_CAP_LEAST:g} to 1"
    faults.append(InvalidFieldError(f"labels.{CAP_LABEL}", text, allowed))
    return 1.0


def _truth(text: str | None, otherwise: bool, faults: list[InvalidFieldError]) -> bool:
    if text is None:
        return otherwise
    if text.strip().lower() not in ("true", "false"):
        faults.append(InvalidFieldError("labels.ondol.resumable", text, "true or false"))
    return text.strip().lower() == "true"
