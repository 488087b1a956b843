"""Rooms of the twin: shell of the heaters, air and mass as one exact linear system (heat.md §1.1, TiTeTh)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.thermal.linear import mean_operators_network
from ondol.twin.compiled import compiled
from ondol.twin.plant.outcome import HeatOutcome
from ondol.twin.scenario.sinks import RoomSpec

AIR_SHARE_OF_SUN = 0.3
"""Of the sun through the glazing; furniture gives it to the air at once, as in `drivers.virtual.rooms`."""

_STIFF = (1e3, 1e5)  # shell capacity [J/K] and conductance [W/K] where heat goes into the air at once
WANT_S = 3600.0  # a thermostat looks so far ahead


@dataclass(frozen=True, slots=True, eq=False)
class RoomModel:
    """Transition over one step: ``x⁺ = keep·x + push·q`` with x = (shell, air, mass) and q in W.

    ``after`` and ``gain`` are the same over `WANT_S` with q held.
    """

    keep: Floats  # (n, 3, 3)
    push: Floats  # (n, 3, 3)
    after: Floats
    gain: Floats
    capacity: Floats  # (n, 3)


class Rooms:
    """All rooms of a scenario; `alone` is how they would stand with no compute heat, for what the sun alone overheats.

    Parameters
    ----------
    specs : one a room
    sky : row of `Series` weather for each
    lower_c, upper_c : (profiles, steps) limits at the end of each step; `profile` says which is whose
    """

    def __init__(
        self, specs: tuple[RoomSpec, ...], sky: Ints, *, profile: Ints, lower_c: Floats, upper_c: Floats, step_s: float
    ) -> None:
        self.specs, self.sky, self.profile = specs, sky, profile
        self.lower_c, self.upper_c = lower_c, upper_c
        self.step_s = step_s
        self.model = model_of(specs, step_s)
        self.state = np.repeat(np.array([[spec.initial_temp_c] for spec in specs]).reshape(-1, 1), 3, axis=1)
        self.alone = self.state.copy()
        self.band_k = np.array([spec.band_k for spec in specs])
        self.ua = np.array([spec.ua_w_per_k for spec in specs])
        self.mass_out = np.array([spec.mass_outside_ua_w_per_k for spec in specs])
        self.mass_in = np.array([spec.mass_ua_w_per_k for spec in specs])
        self.aperture = np.array([spec.solar_aperture_m2 for spec in specs])
        self.gains_w = np.array([spec.gains_w for spec in specs])
        self.backup_max_w = np.array([spec.backup_max_w for spec in specs])

    def forcing_w(self, outdoor_c: Floats, solar_w_m2: Floats) -> Floats:
        """Heat into (shell, air, mass) from outside and people, (n, 3); outdoor and sun of each room."""
        sun = self.aperture * solar_w_m2
        air = self.ua * outdoor_c + self.gains_w + AIR_SHARE_OF_SUN * sun
        return np.stack([np.zeros(len(sun)), air, self.mass_out * outdoor_c + (1 - AIR_SHARE_OF_SUN) * sun], axis=1)

    def step(self, step: int, heat_w: Floats, outdoor_c: Floats, solar_w_m2: Floats) -> HeatOutcome:
        """Let a step pass with this compute heat into the shells [W]."""
        lower, upper = self.lower_c[self.profile, step], self.upper_c[self.profile, step]
        backup, vent = np.empty(len(heat_w)), np.empty(len(heat_w))
        forcing = self.forcing_w(outdoor_c, solar_w_m2)
        _advance(
            self.model.keep, self.model.push, self.state, heat_w, forcing, lower, upper, self.backup_max_w, backup, vent
        )
        none, alone = np.zeros(len(heat_w)), np.empty(len(heat_w))
        _advance(
            self.model.keep, self.model.push, self.alone, none, forcing, lower, upper, self.backup_max_w, alone, none
        )
        air = self.state[:, 1]
        follows = self.mass_in / (self.mass_in + self.mass_out)
        reaches = AIR_SHARE_OF_SUN + (1 - AIR_SHARE_OF_SUN) * follows  # of the sun on the mass, some goes outside again
        ua = self.ua + self.mass_out * follows
        needed = ua * (lower - outdoor_c) - self.gains_w - reaches * self.aperture * solar_w_m2
        return HeatOutcome(
            heat_w=heat_w,
            dumped_w=vent,
            backup_w=backup,
            wanted_w=np.maximum(needed, 0.0),
            short_k=np.maximum(lower - air - 1e-9, 0.0),
            over_k=np.maximum(air - np.maximum(upper, self.alone[:, 1]) - 1e-9, 0.0),
        )

    def wanted_w(self, step: int, outdoor_c: Floats, solar_w_m2: Floats) -> Floats:
        """Heat that brings the air to its set-point within `WANT_S`, ≥ 0 [W]."""
        ahead = min(step + max(1, round(WANT_S / self.step_s)) - 1, self.lower_c.shape[1] - 1)
        middle = self.lower_c[self.profile, ahead] + self.band_k
        free = np.einsum("nij,nj->ni", self.model.after, self.state) + np.einsum(
            "nij,nj->ni", self.model.gain, self.forcing_w(outdoor_c, solar_w_m2)
        )
        return np.asarray(np.maximum(0.0, (middle - free[:, 1]) / self.model.gain[:, 1, 0]))

    def temp_c(self) -> Floats:
        """Air temperatures [°C]."""
        return self.state[:, 1]


def model_of(specs: tuple[RoomSpec, ...], step_s: float) -> RoomModel:
    """Discretise rooms exactly for inputs that are held over a step."""
    shell = [
        (s.shell_j_per_k, s.shell_ua_w_per_k) if s.shell_j_per_k * s.shell_ua_w_per_k > 0 else _STIFF for s in specs
    ]
    shell_j, shell_ua = np.array([one[0] for one in shell]), np.array([one[1] for one in shell])
    capacity = np.stack(
        [shell_j, np.array([s.air_j_per_k for s in specs]), np.array([s.mass_j_per_k for s in specs])], axis=1
    )
    links = np.zeros((len(specs), 3, 3))
    mass_in = np.array([s.mass_ua_w_per_k for s in specs])
    links[:, 0, 0] = shell_ua
    links[:, 0, 1] = links[:, 1, 0] = -shell_ua
    links[:, 1, 1] = shell_ua + mass_in + np.array([s.ua_w_per_k for s in specs])
    links[:, 1, 2] = links[:, 2, 1] = -mass_in
    links[:, 2, 2] = mass_in + np.array([s.mass_outside_ua_w_per_k for s in specs])
    keep, push = _transition(links, capacity, step_s)
    after, gain = _transition(links, capacity, WANT_S)
    return RoomModel(keep, push, after, gain, capacity)


def _transition(links: Floats, capacity: Floats, step_s: float) -> tuple[Floats, Floats]:
    mean_start, mean_forced = mean_operators_network(links, capacity, step_s)
    per = step_s / capacity[:, :, None]
    eye = np.eye(3)[None]
    return eye - per * (links @ mean_start), per * (eye - links @ mean_forced)


@compiled
def _advance(
    keep: Floats,
    push: Floats,
    state: Floats,
    heat_w: Floats,
    forcing: Floats,
    lower: Floats,
    upper: Floats,
    backup_max: Floats,
    backup: Floats,
    vent: Floats,
) -> None:
    """Step every room; backup holds the lower limit, venting of compute heat the upper one, both at the step's end."""
    for n in range(state.shape[0]):
        x0, x1, x2 = state[n, 0], state[n, 1], state[n, 2]
        q0 = forcing[n, 0] + heat_w[n]
        q1, q2 = forcing[n, 1], forcing[n, 2]
        for i in range(3):
            state[n, i] = (
                keep[n, i, 0] * x0
                + keep[n, i, 1] * x1
                + keep[n, i, 2] * x2
                + push[n, i, 0] * q0
                + push[n, i, 1] * q1
                + push[n, i, 2] * q2
            )
        extra = 0.0
        if state[n, 1] < lower[n]:
            extra = min((lower[n] - state[n, 1]) / push[n, 1, 1], backup_max[n])
        elif state[n, 1] > upper[n]:
            extra = -min((state[n, 1] - upper[n]) / push[n, 1, 1], heat_w[n])
        backup[n] = max(extra, 0.0)
        vent[n] = max(-extra, 0.0)
        for i in range(3):
            state[n, i] += push[n, i, 1] * extra
