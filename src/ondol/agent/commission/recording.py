"""What was read and what was ordered during a trial of a site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ondol.model.ids import SinkId, UnitId
from ondol.model.points import PointKey
from ondol.thermal.arrays import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One unit at full power for a while.

    Parameters
    ----------
    begin, end, rest_end : samples: power is allowed from `begin` on, until before `end`; then it rests
    low_w, high_w : power cap before and after, and meanwhile [W]
    cut : why it was ended early, "" where it was not
    """

    unit_id: UnitId
    begin: int
    end: int
    rest_end: int
    low_w: float
    high_w: float
    cut: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRun:
    """The other heater of a sink at work for a while.

    Parameters
    ----------
    rest_begin, begin, end, rest_end : samples: it is told to rest, to run from `begin` on until before `end`, to rest
    power_w : heat that it should give [W]
    cut : why it was ended early, "" where it was not
    """

    sink_id: SinkId
    rest_begin: int
    begin: int
    end: int
    rest_end: int
    power_w: float
    cut: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """Series of all points at the same times.

    Parameters
    ----------
    times_s : since the epoch, shape (n,)
    values : of each point, nan while it was silent or stale, shape (n,)
    skipped : units that got no step, and why
    caps_driven : units whose power cap was set to idle before the quiet time
    refused : what devices said to what was written and not obeyed, by point
    backups, untried : other heaters that ran, and those that did not, with the reason
    """

    times_s: Floats
    values: Mapping[PointKey, Floats]
    steps: tuple[Step, ...] = ()
    skipped: Mapping[UnitId, str] = field(default_factory=dict)
    caps_driven: Mapping[UnitId, bool] = field(default_factory=dict)
    refused: Mapping[PointKey, str] = field(default_factory=dict)
    backups: tuple[BackupRun, ...] = ()
    untried: Mapping[SinkId, str] = field(default_factory=dict)

    def of(self, entity_id: str, point: str, index: int = 0) -> Floats | None:
        """Series of a point that was heard at least once, None where there is none."""
        series = self.values.get(PointKey(entity_id, point, index))
        return None if series is None or np.isnan(series).all() else series

    def sensors(self, entity_id: str, point: str = "temperature") -> tuple[PointKey, ...]:
        """Sensors of one kind that spoke, by index: of a tank top to bottom."""
        return tuple(
            key
            for key in sorted(self.values)
            if key.entity_id == entity_id and key.point == point and not np.isnan(self.values[key]).all()
        )

    @property
    def quiet(self) -> slice:
        """Last quarter of the quiet time before the first step, when units have cooled; of all where there was none."""
        end = self.steps[0].begin if self.steps else self.times_s.size
        return slice(3 * end // 4, max(end, 1))
