"""The heat signal: whether more work would warm somebody now, and in the hours ahead."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ondol.model.checks import check_text, check_whole
from ondol.model.errors import InvalidFieldError

LEAST_SITES = 3
"""Sites of different hosts that a published area has at least: of fewer, one could learn when a home is heated."""


class HeatState(enum.Enum):
    """What more work would do."""

    WANTED = "heat_wanted"  # replace a backup heater's heat
    NEUTRAL = "neutral"  # neither: its heat would be stored, or is not missed
    WASTED = "heat_wasted"  # add to heat that nobody can use


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A figure with its 10 % and 90 % quantiles, low ≤ central ≤ high."""

    low: float
    central: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.central <= self.high:
            raise InvalidFieldError("range.central", self.central, f"from low {self.low} to high {self.high}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalStep:
    """One step of a signal.

    Parameters
    ----------
    start, end : platform time, UTC
    confidence : probability of this state under the forecast's quantiles, 0.01 to 0.99; None where it has none
    wanted_w : heat that a backup would give because no own work on hand does, and that own units could give [W]
    wasted_w : heat of own work on hand that neither demand nor stores can take [W]
    work_w : electric power of own work on hand, under way or queued where it is wanted [W]
    grid_g_per_kwh : carbon intensity of the grid, by heat power over sites; None where unknown [gCO2e/kWh]
    price_eur_per_kwh : of electricity; None where unknown, which is the rule: no packaged signal has it [€/kWh]
    """

    start: dt.datetime
    end: dt.datetime
    state: HeatState
    confidence: float | None
    wanted_w: Range
    wasted_w: Range
    work_w: float
    grid_g_per_kwh: float | None = None
    price_eur_per_kwh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaSignal:
    """The signal of one area: regions that are published together, or one site for those who may see it.

    Parameters
    ----------
    area : name under which it is published
    regions : whose sites it sums up
    sites : how many
    heat_power_w : heat that their units give at full load [W]
    issued_at, valid_until : platform time
    carbon_basis : on which the grid's intensity is counted, "" for as it was recorded
    steps : from now on, one after the other
    since : when the state of now began; None where that is not known
    """

    area: str
    regions: tuple[str, ...]
    sites: int
    heat_power_w: float
    issued_at: dt.datetime
    valid_until: dt.datetime
    steps: tuple[SignalStep, ...]
    carbon_basis: str = ""
    since: dt.datetime | None = None

    @property
    def now(self) -> SignalStep:
        """The step that has begun."""
        return self.steps[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalTerms:
    """How an installation publishes its signal: `[signal]` of the fleet file.

    Parameters
    ----------
    public : whether anybody may read it without a token
    least_sites : sites of different hosts that an area has at least, `LEAST_SITES` or more
    mqtt_host, mqtt_port : broker that it is published to, "" for none; port 0 for the usual one
    mqtt_tls, mqtt_ca_file : encrypted; certificate of the authority where the system does not know it
    mqtt_user, mqtt_password_file : the password stands alone in a file, never in the fleet file
    mqtt_root : first part of the topics
    """

    public: bool = False
    least_sites: int = LEAST_SITES
    mqtt_host: str = ""
    mqtt_port: int = 0
    mqtt_tls: bool = False
    mqtt_ca_file: str = ""
    mqtt_user: str = ""
    mqtt_password_file: str = ""
    mqtt_root: str = "ondol"

    def __post_init__(self) -> None:
        check_whole("signal.least_sites", self.least_sites, LEAST_SITES, 1_000_000)
        check_whole("signal.mqtt_port", self.mqtt_port, 0, 65_535)
        check_text("signal.mqtt_root", self.mqtt_root, 100)
        if any(sign in self.mqtt_root for sign in "+# ") or self.mqtt_root[0] == "/" or self.mqtt_root[-1] == "/":
            raise InvalidFieldError("signal.mqtt_root", self.mqtt_root, "a part of a topic, without + # / at its ends")
        if self.mqtt_password_file and not self.mqtt_user:
            raise InvalidFieldError("signal.mqtt_user", "", "whose password stands in mqtt_password_file")
