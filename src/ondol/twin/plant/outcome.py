"""What a step did to the sinks of one kind."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.view import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeatOutcome:
    """Means over a step, one number a sink [W].

    ``heat_w = taken + dumped_w``: what was given less what left unused.

    Parameters
    ----------
    heat_w : compute heat that came to the sink
    dumped_w : of it, what the sink could not take and was let out
    backup_w : heat of the backup
    wanted_w : heat that the sink's users drew or that was lost at its lower limit: what had to come from somewhere
    short_k : kelvin below the lower limit at the end of the step, where the backup could not hold it
    over_k : kelvin above the upper limit, and above what it would be with no compute heat
    """

    heat_w: Floats
    dumped_w: Floats
    backup_w: Floats
    wanted_w: Floats
    short_k: Floats
    over_k: Floats
