"""What the SDK offers, read from its classes, and what of it a script called, seen by Python's profiler.

The SDK is not touched: a new version's members show up because they are there, and nobody called them.
"""

from __future__ import annotations

import datetime as dt
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from qarnot.exceptions import QarnotException
from qarnot.forced_constant import ForcedConstant, ForcedConstantAccess
from qarnot.hardware_constraint import MinimumCoreHardware
from qarnot.privileges import Privileges
from qarnot.scheduling_type import OnDemandScheduling
from qarnot.secrets import SecretsAccessRights

SPAN = re.compile(r"(\d+\.)?\d\d:\d\d:\d\d")
DATE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
Check = Callable[[Any], Any]


def methods(kind: type) -> dict[str, CodeType]:
    """Public methods of a class, with the code that runs where one is called."""
    found = {}
    for name, value in inspect.getmembers(kind, callable):
        if not name.startswith("_"):
            found[name] = inspect.unwrap(getattr(value, "__func__", value)).__code__
    return found


def properties(kind: type) -> set[str]:
    """Public properties of a class."""
    return {name for name, value in inspect.getmembers(kind) if not name.startswith("_") and not callable(value)}


@contextmanager
def calls_of(kind: type) -> Iterator[set[str]]:
    """Collect the names of a class's public methods that are called inside, by the script or by the SDK itself."""
    names = {code: name for name, code in methods(kind).items()}
    called: set[str] = set()

    def look(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code in names:
            called.add(names[frame.f_code])

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield called
    finally:
        sys.setprofile(before)


def equals(value: Any) -> Check:
    return lambda found: found == value


def is_text(pattern: re.Pattern[str]) -> Check:
    return lambda found: isinstance(found, str) and pattern.fullmatch(found)


def check_properties(thing: Any, expected: dict[str, Check]) -> None:
    """Every public property is expected to be something, and is."""
    offered = properties(type(thing))
    assert set(expected) == offered, f"differs from what the SDK has: {set(expected) ^ offered}"
    found = {name: value_of(thing, name) for name in offered}
    assert not {name: found[name] for name, check in expected.items() if not check(found[name])}


def value_of(thing: Any, name: str) -> Any:
    """What a property gives, which may be an error."""
    try:
        return getattr(thing, name)
    except QarnotException as error:
        return error


COMMON: dict[str, Check] = {
    "auto_delete": equals(True),
    "auto_update": equals(True),
    "completion_ttl": equals("1.02:00:00"),
    "constants": lambda found: found["LEVEL"] == "7",
    "constraints": equals({}),
    "creation_date": lambda found: isinstance(found, dt.datetime),
    "default_resources_cache_ttl_sec": equals(3600),
    "errors": equals([]),
    "execution_time": is_text(SPAN),
    # The SDK reads constants that are forced as it sends them, not as they come back: it keeps what was set.
    "forced_constants": lambda found: found["FORCED"].forced_value == "yes",
    "forced_network_rules": equals([]),
    "hardware_constraints": lambda found: [one.to_json() for one in found] == [MinimumCoreHardware(1).to_json()],
    "labels": equals({"team": "blue"}),
    "last_modified": is_text(DATE),
    "max_time_queue_seconds": equals(3600),
    "previous_state_transition_time": is_text(DATE),
    "privileges": equals(Privileges(True)),
    "profile": equals("process"),
    "project": equals(None),
    "running_core_count": lambda found: found in (0, 1),
    "running_instance_count": lambda found: found in (0, 1),
    "scheduling_type": lambda found: found.schedulingType == "OnDemand",
    "secrets_access_rights": lambda found: found.to_json()["bySecret"] == [],
    "state_transition_time": is_text(DATE),
    "status": lambda found: found.wall_time_sec >= 0 and found.instance_count >= 1,
    "tags": equals(["surface"]),
    "targeted_reservation_name": equals(None),
    "targeted_reserved_machine_key": equals(None),
    "update_cache_time": equals(5),
    "uuid": lambda found: len(found) == 36,
}  # fmt: skip


def with_everything(thing: Any) -> Any:
    """Set what tasks and pools have in common."""
    thing.tags, thing.labels = ["surface"], {"team": "blue"}
    thing.constants["LEVEL"] = 7
    thing.forced_constants = {"FORCED": ForcedConstant("yes", True, ForcedConstantAccess.ReadOnly)}
    thing.scheduling_type = OnDemandScheduling()
    thing.hardware_constraints = [MinimumCoreHardware(1)]
    thing.secrets_access_rights = SecretsAccessRights()
    thing.default_resources_cache_ttl_sec = 3600
    thing.max_time_queue_seconds = 3600
    thing.auto_delete, thing.completion_ttl = True, dt.timedelta(days=1, hours=2)
    return thing
