"""What making the hardware cost, and which part of it a piece of work or of heat carries.

`EmbodiedBook.of(fleet, registry)` knows every node; `embodied_rate` is the cost of an hour of one machine; `share_of`
is the part of reserved resources over a time.
"""

from ondol.accounting.embodied.book import EmbodiedBook
from ondol.accounting.embodied.equipment import equipment_rate
from ondol.accounting.embodied.impact import CRITERIA, NOTHING, UNITS, Band, Impacts
from ondol.accounting.embodied.machine import Embodied, PartImpact, embodied_of, embodied_rate, share_of_life
from ondol.accounting.embodied.shares import Resources, share_of, unreserved_of

__all__ = [
    "CRITERIA",
    "NOTHING",
    "UNITS",
    "Band",
    "Embodied",
    "EmbodiedBook",
    "Impacts",
    "PartImpact",
    "Resources",
    "embodied_of",
    "embodied_rate",
    "equipment_rate",
    "share_of",
    "share_of_life",
    "unreserved_of",
]
