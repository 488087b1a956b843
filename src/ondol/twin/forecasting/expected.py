"""What one forecast says of spans of time ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Floats

LOW, MIDDLE, HIGH = 0, 1, 2
LEVELS = (0.1, 0.5, 0.9)
HIGH_Z = 1.2816
"""The 90 % quantile of a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """Expected of spans; kinds are those of `Stores.kind`.

    Parameters
    ----------
    demand_w : mean heat demand of a sink of each kind, (kinds, spans) [W]
    quantiles_w : 10 %, 50 % and 90 % quantiles of the same, never falling with the level, (3, kinds, spans) [W]
    outdoor_c : (skies, spans)
    grid_g_per_kwh, backup_g_per_kwh, backup_eur_per_kwh : (spans,)
    """

    demand_w: Floats
    quantiles_w: Floats
    outdoor_c: Floats
    grid_g_per_kwh: Floats
    backup_g_per_kwh: Floats
    backup_eur_per_kwh: Floats

    @property
    def high_w(self) -> Floats:
        """The 90 % quantile of the demand, never below its mean [W]."""
        return np.asarray(np.maximum(self.quantiles_w[HIGH], self.demand_w))


def normal_quantiles_w(demand_w: Floats, share: Floats) -> Floats:
    """Quantiles of normal errors of this share of what is expected, (3, …) [W]; of a demand below 0 no spread."""
    half = HIGH_Z * share * np.maximum(demand_w, 0.0)
    return np.stack([demand_w - half, demand_w, demand_w + half])
