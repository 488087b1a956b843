"""Rooms of the twin: shell of the heaters, air and mass as one exact linear system (heat.md §1.1, TiTeTh)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.drivers.virtual.rooms import AIR_SHARE_OF_SUN
from ondol.model.view import Floats, Ints
from ondol.thermal.linear import mean_operators_network
from ondol.twin.compiled import compiled
from ondol.twin.plant.outcome import HeatOutcome
from ondol.twin.scenario.sinks import RoomSpec

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
        self._want_steps = max(1, round(WANT_S / step_s)) - 1
        self.model = model_of(specs, step_s)
        self.state = np.repeat(np.array([[spec.initial_temp_c] for spec in specs]).reshape(-1, 1), 3, axis=1)
        self.band_k = np.array([spec.band_k for spec in specs])
        self.ua = np.array([spec.ua_w_per_k for spec in specs])
        self.mass_out = np.array([spec.mass_outside_ua_w_per_k for spec in specs])
        self.mass_in = np.array([spec.mass_ua_w_per_k for spec in specs])
        self.aperture = np.array([spec.solar_aperture_m2 for spec in specs])
        self.gains_w = np.array([spec.gains_w for spec in specs])
        self.backup_max_w = np.array([spec.backup_max_w for spec in specs])
        # Alike rooms under one sky have one forcing, and would stand alike with no compute heat.
        self.kind, self.first = _alike(specs, profile, sky)
        first, model = self.first, self.model
        self._alone = self.state[first]
        self._keep, self._push = model.keep[first], model.push[first]
        self._after, self._gain = model.after[first, 1].copy(), model.gain[first, 1].copy()
        follows = self.mass_in / (self.mass_in + self.mass_out)
        reaches = AIR_SHARE_OF_SUN + (1 - AIR_SHARE_OF_SUN) * follows  # of the sun on the mass, some goes outside again
        self._need = np.stack([self.ua + self.mass_out * follows, self.gains_w, reaches * self.aperture], axis=1)[first]
        self._weather = np.stack([self.aperture, self.ua, self.gains_w, self.mass_out], axis=1)
        self._weather_of_kind = self._weather[first]
        self._profile_of_kind, self._most_of_kind = profile[first], self.backup_max_w[first]
        self._band_of_kind = self.band_k[first]

    def settle(self, outdoor_c: Floats) -> None:
        """Begin as after days at this outdoor temperature of each room: masses lie between air and outside."""
        reach = self.mass_in / np.maximum(self.mass_in + self.mass_out, 1e-9)
        self.state[:, 2] = reach * self.state[:, 1] + (1.0 - reach) * outdoor_c
        self._alone = self.state[self.first]

    @property
    def alone(self) -> Floats:
        """How each room would stand with no compute heat, (n, 3) [°C]."""
        return np.asarray(self._alone[self.kind])

    @alone.setter
    def alone(self, state: Floats) -> None:
        self._alone = state[self.first]

    def forcing_w(self, outdoor_c: Floats, solar_w_m2: Floats) -> Floats:
        """Heat into (shell, air, mass) from outside and people, (n, 3); outdoor and sun of each room."""
        return np.asarray(_forcing(self._weather, outdoor_c, solar_w_m2))

    def step(self, step: int, heat_w: Floats, outdoor_c: Floats, solar_w_m2: Floats) -> HeatOutcome:
        """Let a step pass with this compute heat into the shells [W]."""
        found = np.empty((5, len(self.state)))
        _advance(
            self._keep,
            self._push,
            self.kind,
            self.first,
            self.state,
            self._alone,
            heat_w,
            self._weather_of_kind,
            outdoor_c,
            solar_w_m2,
            self.lower_c,
            self.upper_c,
            self._profile_of_kind,
            step,
            self._most_of_kind,
            self._need,
            found,
        )
        dumped, backup, wanted, short, over = found
        return HeatOutcome(heat_w=heat_w, dumped_w=dumped, backup_w=backup, wanted_w=wanted, short_k=short, over_k=over)

    def wanted_w(self, step: int, outdoor_c: Floats, solar_w_m2: Floats) -> Floats:
        """Heat that brings the air to its set-point within `WANT_S`, ≥ 0 [W]."""
        ahead = min(step + self._want_steps, self.lower_c.shape[1] - 1)
        wanted_w = np.empty(len(self.state))
        _wanted(
            self._after,
            self._gain,
            self.kind,
            self.first,
            self.state,
            self._weather_of_kind,
            outdoor_c,
            solar_w_m2,
            self.lower_c,
            self._profile_of_kind,
            ahead,
            self._band_of_kind,
            wanted_w,
        )
        return wanted_w

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


def _alike(specs: tuple[RoomSpec, ...], profile: Ints, sky: Ints) -> tuple[Ints, Ints]:
    """Number of each room's kind, and the first room of each kind."""
    known: dict[tuple[object, ...], int] = {}
    kind, first = np.zeros(len(specs), dtype=np.int64), list[int]()
    for row, spec in enumerate(specs):
        values = tuple(getattr(spec, name) for name in spec.__struct_fields__ if name not in ("id", "unit"))
        key = (*values, int(profile[row]), int(sky[row]))
        if key not in known:
            known[key] = len(first)
            first.append(row)
        kind[row] = known[key]
    return kind, np.array(first, dtype=np.int64)


@compiled
def _forcing(weather: Floats, outdoor: Floats, solar: Floats) -> Floats:
    """Heat into (shell, air, mass), from rows of (aperture, ua, gains, mass_outside_ua) and their weather."""
    result = np.zeros((len(weather), 3))
    for k in range(len(weather)):
        sun = weather[k, 0] * solar[k]
        result[k, 1] = weather[k, 1] * outdoor[k] + weather[k, 2] + AIR_SHARE_OF_SUN * sun
        result[k, 2] = weather[k, 3] * outdoor[k] + (1 - AIR_SHARE_OF_SUN) * sun
    return result


@compiled
def _needed(need: Floats, lower: Floats, outdoor: Floats, solar: Floats) -> Floats:
    """Heat that holds the lower limit at rest, from rows of (ua to outside, gains, aperture that reaches the air)."""
    result = np.empty(len(need))
    for k in range(len(need)):
        result[k] = max(need[k, 0] * (lower[k] - outdoor[k]) - need[k, 1] - need[k, 2] * solar[k], 0.0)
    return result


@compiled
def _wanted(
    after: Floats,
    gain: Floats,
    kind: Ints,
    first: Ints,
    state: Floats,
    weather: Floats,
    outdoor: Floats,
    solar: Floats,
    lower_c: Floats,
    profile: Ints,
    step: int,
    band_k: Floats,
    result: Floats,
) -> None:
    """Fill `result`; `first` is a room of each kind, `step` that at whose end the set-point is to be reached."""
    forcing = _forcing(weather, outdoor[first], solar[first])
    middle = np.empty(len(first))
    for k in range(len(first)):
        middle[k] = lower_c[profile[k], step] + band_k[k]
    for n in range(len(state)):
        k = kind[n]
        free = after[k, 0] * state[n, 0] + after[k, 1] * state[n, 1] + after[k, 2] * state[n, 2]
        free += gain[k, 0] * forcing[k, 0] + gain[k, 1] * forcing[k, 1] + gain[k, 2] * forcing[k, 2]
        result[n] = max(0.0, (middle[k] - free) / gain[k, 0])


@compiled
def _pass_step(
    keep: Floats,
    push: Floats,
    forcing: Floats,
    k: int,
    state: Floats,
    n: int,
    heat_w: float,
    lower: float,
    upper: float,
    most_w: float,
) -> float:
    """Step room `n` of kind `k`; gives what its air gets besides [W].

    Backup holds the lower limit, venting of compute heat (below 0) the upper one, both at the step's end.
    """
    x0, x1, x2 = state[n, 0], state[n, 1], state[n, 2]
    q0, q1, q2 = forcing[k, 0] + heat_w, forcing[k, 1], forcing[k, 2]
    for i in range(3):
        state[n, i] = (
            keep[k, i, 0] * x0
            + keep[k, i, 1] * x1
            + keep[k, i, 2] * x2
            + push[k, i, 0] * q0
            + push[k, i, 1] * q1
            + push[k, i, 2] * q2
        )
    extra = 0.0
    if state[n, 1] < lower:
        extra = min((lower - state[n, 1]) / push[k, 1, 1], most_w)
    elif state[n, 1] > upper:
        extra = -min((state[n, 1] - upper) / push[k, 1, 1], heat_w)
    for i in range(3):
        state[n, i] += push[k, i, 1] * extra
    return extra


@compiled
def _advance(
    keep: Floats,
    push: Floats,
    kind: Ints,
    first: Ints,
    state: Floats,
    alone: Floats,
    heat_w: Floats,
    weather: Floats,
    outdoor_c: Floats,
    solar_w_m2: Floats,
    lower_c: Floats,
    upper_c: Floats,
    profile: Ints,
    step: int,
    most_w: Floats,
    need: Floats,
    result: Floats,
) -> None:
    """Step every room, and each kind without heat; fills in what was vented, backup, wanted, short and over."""
    kinds = len(first)
    outdoor, solar = outdoor_c[first], solar_w_m2[first]
    lower, upper = np.empty(kinds), np.empty(kinds)
    for k in range(kinds):
        lower[k], upper[k] = lower_c[profile[k], step], upper_c[profile[k], step]
    forcing, needed = _forcing(weather, outdoor, solar), _needed(need, lower, outdoor, solar)
    for k in range(kinds):
        _pass_step(keep, push, forcing, k, alone, k, 0.0, lower[k], upper[k], most_w[k])
    vent, backup, wanted, short, over = result[0], result[1], result[2], result[3], result[4]
    for n in range(len(state)):
        k = kind[n]
        extra = _pass_step(keep, push, forcing, k, state, n, heat_w[n], lower[k], upper[k], most_w[k])
        backup[n], vent[n] = max(extra, 0.0), max(-extra, 0.0)
        wanted[n] = needed[k]
        air = state[n, 1]
        if not np.isfinite(air):
            backup[n] = np.nan  # told by whoever looks at the outcome
        short[n] = max(lower[k] - air - 1e-9, 0.0)
        over[n] = max(air - max(upper[k], alone[k, 1]) - 1e-9, 0.0)
