"""One message to be published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message for the broker; all go with QoS 1.

    Parameters
    ----------
    retain : the broker keeps it for whoever comes later
    expiry_s : the broker forgets it after so long; 0 for never [s]
    """

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int = 0
