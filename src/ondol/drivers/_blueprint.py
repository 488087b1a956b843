"""A whole driver to copy: it reads and writes a text file with one `name value` per line, and works.

Copy it to `drivers/<yours>/driver.py`, replace `_load` and `_store` by your protocol, and go through
docs/howto/add-a-driver.md. Everything else here is what `tests/unit/drivers/contract.py` asks of every driver.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from ondol.drivers.bound import Latest, bound_by_key, check_write, quality_of
from ondol.drivers.polling import Poller
from ondol.drivers.ports import LinkStatus, Written
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.points import Ability, PointKey, PointReading


class BlueprintDriver:
    """One text file, `connection.profile`, as if it were a device.

    Parameters
    ----------
    bindings : the address is the name on a line, e.g. "supply" for the line `supply 61.5`
    fleet : the part of the site, for drivers that need names or limits
    now : platform time. Never call the clock yourself: tests and the twin leap

    Raises
    ------
    InvalidFieldError : whatever can be told from the settings is told here, not at the first poll
    """

    # What the hardware can do, and nothing else: a binding beyond it is refused when the fleet is loaded.
    abilities: ClassVar[frozenset[Ability]] = frozenset(
        {Ability.READS_TEMPERATURE, Ability.READS_HEAT, Ability.READS_FLOW, Ability.READS_STATE, Ability.LIMITS_POWER}
    )

    def __init__(
        self,
        connection: Connection,
        bindings: Sequence[Binding],
        *,
        fleet: Fleet,  # noqa: ARG002 - every driver is made with the same arguments
        now: Callable[[], dt.datetime],
    ) -> None:
        # No input or output in here: all drivers are made before one is opened, and a check of a fleet file opens none.
        self._connection = connection
        self._now = now
        self._bound = bound_by_key(connection, bindings, self.abilities)
        for key, binding in self._bound.items():
            for name in (binding.address, binding.write_address):
                if name.split() != [name] and name:
                    raise InvalidFieldError(f"binding[{key}].address", name, "a name without spaces")
        self._path = Path(connection.profile)
        self._latest = Latest()
        # One request at a time: `write` comes from another thread than the polls.
        self._lock = threading.Lock()
        self._poller = Poller(connection.id, connection.interval_s, self._poll, now=now)

    @property
    def connection_id(self) -> str:
        """Id of the connection that it serves."""
        return self._connection.id

    def open(self) -> None:
        """Begin; returns at once. The poller tries again with growing waits for as long as nobody answers."""
        self._poller.open()

    def close(self) -> None:
        """End within seconds; may be called twice."""
        self._poller.close()

    def status(self) -> LinkStatus:
        """How the link stands: a person reads `detail` and has to know what to do next."""
        return self._poller.status

    def readings(self) -> tuple[PointReading, ...]:
        """Give what is known; no input or output in here. A lost value keeps its old time and so becomes stale."""
        return self._latest.all()

    def write(self, key: PointKey, value: float) -> Written:
        """Write, read back, and tell what the device holds: it may have limited or ignored the value."""
        binding = check_write(self._bound, key, value)  # refuses before anything changes
        name = binding.write_address or binding.address
        try:
            with self._lock:
                self._store(name, (value - binding.offset) / binding.scale)
                held = self._load()
        except UnavailableError as error:
            # No exception: what was asked for and what came of it both go into the record of the site.
            return Written(key=key, requested=value, accepted=None, at=self._now(), reason=str(error))
        told = held.get(binding.address or name)
        accepted = None if told is None else told * binding.scale + binding.offset
        obeyed = accepted is not None and abs(accepted - value) <= 1e-9 * max(1.0, abs(value))
        reason = "" if obeyed else f"{self._path} holds {accepted} {key.kind.unit} after writing {value:g}"
        return Written(key=key, requested=value, accepted=accepted, at=self._now(), reason=reason)

    def _poll(self) -> str:
        """Ask the device once. UnavailableError for "nobody answers"; a text for what is partly wrong."""
        with self._lock:
            held = self._load()
        missing = []
        for key, binding in self._bound.items():
            told = held.get(binding.address)
            if told is None:
                missing.append(binding.address)  # left out, never 0 and never the last value with a new time
                continue
            value = told * binding.scale + binding.offset
            self._latest.put(
                (
                    PointReading(
                        key=key,
                        value=value,
                        # The time at which the DEVICE measured, where it tells one. A page that is served from a cache
                        # repeats an old value; only its own time gives that away.
                        measured_at=self._now(),
                        quality=quality_of(key, value),  # out of range is told as SUSPECT, never clamped
                        source=self._connection.id,
                    ),
                )
            )
        return f"{self._path} has no {', '.join(missing)}" if missing else ""

    def _load(self) -> dict[str, float]:
        """Your protocol: read. Turn every failure into UnavailableError with a cause and a cure."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UnavailableError(f"{self._path} cannot be read: {error}; is the path in profile right?") from None
        held = {}
        for line in lines:
            name, _, text = line.partition(" ")
            try:
                value = float(text)
            except ValueError:
                continue  # half a line, or "supply ---": this value is lost, the others are not
            if abs(value) < float("inf"):
                held[name] = value
        return held

    def _store(self, name: str, value: float) -> None:
        """Your protocol: write."""
        held = self._load() | {name: value}
        try:
            self._path.write_text("".join(f"{key} {held[key]!r}\n" for key in sorted(held)), encoding="utf-8")
        except OSError as error:
            raise UnavailableError(f"{self._path} cannot be written: {error}") from None
