"""How far below or above its set-point a unit may be for each class of work; source in `policy.greco`."""

from __future__ import annotations

import numpy as np

START_K = np.array([-4.0, -1.0, -1.0, 1.0])  # by ServiceClass, landscape.md §2.2
KILL_K = np.array([-10.0, -3.0, -3.0, -1.0])


def off(lack_k: float) -> str:
    """Say how far a unit is off its set-point."""
    if np.isnan(lack_k):
        return "of unknown temperature against"
    return f"{abs(lack_k):.1f} K {'below' if lack_k >= 0 else 'above'}"
