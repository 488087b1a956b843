"""What all drivers of server power share: points by address, polling, writing with read-back, restoring at the end."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from ondol.drivers.host_power.kept_limits import KeepsLimit, before_of, recall_all
from ondol.drivers.polling import Poller
from ondol.drivers.ports import LinkStatus, Written
from ondol.model.binding import Binding
from ondol.model.checks import check_range
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, NotFoundError, OndolError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId
from ondol.model.points import Ability, PointKey, PointReading, Quality
from ondol.model.power import PowerCurve

_log = logging.getLogger(__name__)

_CLOSE_WAIT_S = 4.0

SAME_W = 0.5
"""Values that differ by less are one: limits are kept in whole watts, or in 1/8 W by RAPL [W]."""


class PowerDevice(Protocol):
    """One thing behind an address, in its own watts and joules. Errors are UnavailableError with what to do."""

    def read(self, point: str) -> float | None:
        """Value of `electric_power`, `electric_meter` or `power_cap` now; None where it is not known, or no cap is."""
        ...

    def span_w(self) -> tuple[float, float] | None:
        """Lowest and highest limit that it takes [W], None where it does not tell."""
        ...

    def limit(self, cap_w: float) -> str:
        """Set the limit [W]; gives what a person should know about it, "" for nothing."""
        ...

    def restore(self) -> None:
        """Put back the limit that was there before the first `limit`; nothing where there was no such call."""
        ...


@runtime_checkable
class PowerKnob(Protocol):
    """What a driver of power limits can do beyond `WritesPoints`; the agent asks for it."""

    settle_s: ClassVar[float]
    """Time that the hardware takes to come below a lower limit [s]."""

    def span_w(self, key: PointKey) -> tuple[float, float] | None:
        """Lowest and highest value that the point takes [W], None where the device does not tell; may do I/O."""
        ...

    def restore(self, key: PointKey) -> None:
        """Put back the limit that stood before we came; raises UnavailableError."""
        ...

    def learn(self, key: PointKey, power_w: float) -> bool:
        """Take a measured power under the limit in force [W]; True where the limit should be written again."""
        ...


@runtime_checkable
class Learns(Protocol):
    """A device that knows watts only by a map, and betters it by what was measured."""

    def learn(self, power_w: float) -> bool:
        """Take a measured power [W]; True where the limit should be written again."""
        ...


class KnobDriver:
    """A connection whose points are the power and the power limits of nodes or units.

    A subclass names the points that its devices have and makes a device of an address. Devices are independent: one
    that fails leaves the others alone, and its reason stands in `status().detail`.

    Parameters
    ----------
    connection, bindings : what is reached, and as which points; a value in our unit is scale × device + offset
    fleet : for the power curves of nodes
    now : platform time, stamps readings

    Raises
    ------
    InvalidFieldError : another connection's binding, a point that the driver does not serve, an entity that is neither
        node nor unit, or a wrong address
    """

    abilities: ClassVar[frozenset[Ability]] = frozenset({Ability.READS_POWER, Ability.LIMITS_POWER})
    points: ClassVar[tuple[str, ...]] = ("electric_power", "electric_meter", "power_cap")
    estimated: ClassVar[tuple[str, ...]] = ()
    settle_s: ClassVar[float] = 5.0

    def __init__(
        self, connection: Connection, bindings: Sequence[Binding], *, fleet: Fleet, now: Callable[[], dt.datetime]
    ) -> None:
        self._connection = connection
        self._fleet = fleet
        self._now = now
        self._bindings = {binding.key: binding for binding in sorted(bindings, key=lambda one: one.key)}
        entities = {node.id for node in fleet.nodes} | {unit.id for unit in fleet.units}
        for binding in self._bindings.values():
            where = f"binding[{binding.key}]"
            if binding.connection_id != connection.id:
                raise InvalidFieldError(f"{where}.connection", binding.connection_id, connection.id)
            if binding.point not in self.points:
                raise InvalidFieldError(
                    f"{where}.point", binding.point, f"of {connection.driver}: {', '.join(self.points)}"
                )
            if binding.entity_id not in entities:
                raise InvalidFieldError(f"{where}.entity", binding.entity_id, "a node or a unit: what draws the power")
        self._devices: dict[PointKey, PowerDevice] = {}
        self._locks: dict[int, threading.Lock] = {}
        self._share_devices()
        self._latest: dict[PointKey, PointReading] = {}
        self._guard = threading.Lock()
        self._closed = False
        self._leaves = False
        self._poller = Poller(f"{connection.driver} {connection.id}", connection.interval_s, self.poll, now=now)

    def _share_devices(self) -> None:
        """One device per address and entity, so that a counter is read once and a limit has one memory."""
        made: dict[tuple[str, str], PowerDevice] = {}
        for key, binding in self._bindings.items():
            place = (binding.entity_id, binding.address)
            if place not in made:
                made[place] = self.make_device(binding)
                self._locks[id(made[place])] = threading.Lock()
            self._devices[key] = made[place]

    def make_device(self, binding: Binding) -> PowerDevice:
        """Make the device of an address, without I/O; raises InvalidFieldError for an address that cannot be."""
        raise NotImplementedError

    def curve_of(self, binding: Binding) -> PowerCurve:
        """Power curve of the node that is bound; raises InvalidFieldError for a unit, which has none."""
        for node in self._fleet.nodes:
            if node.id == binding.entity_id:
                return node.curve
        raise InvalidFieldError(
            f"binding[{binding.key}].entity", binding.entity_id, "a node: its power curve is needed"
        )

    def host_cores_of(self, binding: Binding) -> float:
        """Cores of this host that the node's full load uses."""
        return self._fleet.node(NodeId(binding.entity_id)).host_cores

    @property
    def connection_id(self) -> str:
        """Id of the connection that it serves."""
        return self._connection.id

    def open(self) -> None:
        """Begin to poll; returns at once."""
        self._poller.open()

    def leave_limits(self) -> None:
        """Have `close` leave the limits of devices that hold them by themselves, where nobody watches the heat."""
        self._leaves = True

    def limits_before(self) -> dict[str, Any]:
        """What stood before our limits in devices that hold them by themselves, as JSON; for the next life."""
        return before_of(self._devices.items())

    def recall_limits(self, kept: Mapping[str, Any]) -> None:
        """Take what an earlier life's `limits_before` gave; before `open`."""
        recall_all(self._devices.items(), kept)

    def close(self) -> None:
        """End, and put back every limit that was changed; see `leave_limits`."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
        self._poller.close()
        until_s = time.monotonic() + _CLOSE_WAIT_S
        for device in self._distinct():
            if self._leaves and isinstance(device, KeepsLimit):
                continue
            if time.monotonic() > until_s:
                _log.warning("connection %s: no time was left to put back every limit", self.connection_id)
                break
            try:
                with self._held(device):
                    device.restore()
            except (UnavailableError, OSError) as error:
                _log.warning("connection %s: the limit could not be put back: %s", self.connection_id, error)
        self.hang_up()

    def hang_up(self) -> None:
        """Let go of what was opened; for subclasses."""

    def status(self) -> LinkStatus:
        """How the connection stands; one device that fails among others is told in the detail."""
        return self._poller.status

    def readings(self) -> tuple[PointReading, ...]:
        """Latest value of every point that ever spoke, by key."""
        with self._guard:
            return tuple(self._latest[key] for key in sorted(self._latest))

    def poll(self) -> str:
        """Read every point once; gives what is partly wrong, "" for nothing.

        Raises
        ------
        UnavailableError : none could be read
        """
        faults: list[str] = []
        for key, device in self._devices.items():
            try:
                with self._held(device):
                    value = device.read(key.point)
            except (UnavailableError, OSError) as error:
                faults.append(f"{key}: {error}")
            else:
                self._keep(key, value)
        text = "; ".join(faults)
        if faults and len(faults) == len(self._devices):
            raise UnavailableError(text)
        return text

    def write(self, key: PointKey, value: float) -> Written:
        """Set a limit [W] and read it back.

        Raises
        ------
        NotFoundError : the point is not bound
        InvalidFieldError : it is no limit, or the value cannot be one
        """
        binding, device = self._bound(key)
        if not key.kind.writable:
            raise InvalidFieldError(str(key), value, "read only: of power, only power_cap is written")
        check_range(str(key), value, key.kind.low, key.kind.high, key.kind.unit)
        note = ""
        accepted: float | None = None
        try:
            note, held = self._limit(device, max((value - binding.offset) / binding.scale, 0.0))
            accepted = self._keep(key, held)
        except (UnavailableError, OSError) as error:
            note = str(error)
        if accepted is None:
            note = note or "no limit is in force after writing it"
        elif abs(accepted - value) >= SAME_W:
            note = note or f"the device holds {accepted:g} W"
        return Written(key=key, requested=value, accepted=accepted, at=self._now(), reason=note)

    def span_w(self, key: PointKey) -> tuple[float, float] | None:
        """Lowest and highest limit of a point [W]; raises NotFoundError, UnavailableError."""
        binding, device = self._bound(key)
        with self._held(device):
            span = device.span_w()
        if span is None:
            return None
        low, high = sorted(binding.scale * bound + binding.offset for bound in span)
        return max(low, 0.0), high

    def restore(self, key: PointKey) -> None:
        """Put back the limit that stood before the first write; raises NotFoundError, UnavailableError."""
        _, device = self._bound(key)
        with self._held(device):
            device.restore()

    def learn(self, key: PointKey, power_w: float) -> bool:
        """Take a measured power [W]; True where the limit should be written again. Raises NotFoundError."""
        binding, device = self._bound(key)
        if not isinstance(device, Learns):
            return False
        try:
            with self._held(device):
                return device.learn(max((power_w - binding.offset) / binding.scale, 0.0))
        except UnavailableError:  # it is busy or gone: there will be other measurements
            return False

    def _bound(self, key: PointKey) -> tuple[Binding, PowerDevice]:
        if key not in self._bindings:
            raise NotFoundError(f"point of connection {self.connection_id}", str(key))
        return self._bindings[key], self._devices[key]

    def _limit(self, device: PowerDevice, cap_w: float) -> tuple[str, float | None]:
        with self._held(device):
            if self._closed:  # what was put back stays so
                raise UnavailableError("the connection is closed")
            return device.limit(cap_w), device.read("power_cap")

    def _distinct(self) -> list[PowerDevice]:
        return list({id(device): device for device in self._devices.values()}.values())

    @contextlib.contextmanager
    def _held(self, device: PowerDevice) -> Iterator[None]:
        lock = self._locks[id(device)]
        if not lock.acquire(timeout=self._connection.timeout_s):
            raise UnavailableError(f"the device is busy for more than {self._connection.timeout_s:g} s")
        try:
            yield
        except OndolError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise UnavailableError(f"the device said what the driver does not understand: {error!r}") from error
        finally:
            lock.release()

    def _keep(self, key: PointKey, value: float | None) -> float | None:
        """Take a value of the device as ours; None forgets the one before: there is no such limit any more."""
        with self._guard:
            if value is None:
                self._latest.pop(key, None)
                return None
            binding = self._bindings[key]
            ours = binding.scale * value + binding.offset
            self._latest[key] = PointReading(
                key=key,
                value=ours,
                measured_at=self._now(),
                quality=Quality.ESTIMATED if key.point in self.estimated else Quality.GOOD,
                source=self.connection_id,
            )
            return ours
