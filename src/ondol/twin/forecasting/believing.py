"""Stores as they are believed to be: levels and demand by fitted parameters, temperatures from the true plant."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.view import Floats
from ondol.twin.fleet_twin import Believe
from ondol.twin.layout import Layout
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.series import Series
from ondol.twin.scenario.sinks import RoomSpec, SinkSpec, TankSpec
from ondol.twin.stores import Stores


class BelievedPlant(Plant):
    """A plant with other parameters of rooms and tanks, at the temperatures of a true one, whatever that lives through.

    Only to be read: it is never stepped. Twins that go on from a snapshot cannot use it, since their plant gets new
    arrays then.
    """

    def __init__(self, believed: Layout, true: Plant, series: Series) -> None:
        super().__init__(believed, series)
        self._true = true
        self.rooms.state, self.tanks.state = true.rooms.state, true.tanks.state
        self.pools, self.networks = true.pools, true.networks

    @property
    def heat_w(self) -> Floats:
        """Heat into each sink in the last step [W]."""
        return self._true.heat_w

    @heat_w.setter
    def heat_w(self, _value: Floats) -> None:
        """The true plant's stays."""


def believing(specs: Mapping[str, SinkSpec]) -> Believe:
    """Give what makes a twin tell its policy of these sinks instead of the true ones; see `FleetTwin`.

    Parameters
    ----------
    specs : by the sink's full name; what cannot be believed otherwise, such as limits and targets, has to be the same

    Raises
    ------
    NotFoundError : no such sink, when the twin is made
    InvalidFieldError : neither a room nor a tank, or another than it is
    """

    def make(layout: Layout, plant: Plant, series: Series) -> Stores:
        rows = {str(sink_id): row for row, sink_id in enumerate(layout.sink_ids)}
        sinks = list(layout.sink_specs)
        for name, spec in specs.items():
            if name not in rows:
                raise NotFoundError("sink", name)
            true = sinks[rows[name]]
            if not isinstance(spec, RoomSpec | TankSpec) or type(spec) is not type(true):
                raise InvalidFieldError(f"specs[{name}]", type(spec).__name__, f"a {type(true).__name__}")
            sinks[rows[name]] = spec
        believed = dataclasses.replace(layout, sink_specs=tuple(sinks))
        return Stores(believed, BelievedPlant(believed, plant, series), series)

    return make
