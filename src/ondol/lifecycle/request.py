"""The table of heat requests: what became of what a host asked for (states of `reference/heat.md` §7)."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ondol.model.errors import ConflictError


class RequestState(enum.Enum):
    """States of a heat request."""

    ACCEPTED = "accepted"  # will be served from its start on
    ACTIVE = "active"
    LIMITED = "limited"  # served in part; the reason says by what
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self in (RequestState.DONE, RequestState.REFUSED, RequestState.CANCELLED)


class RequestEvent(enum.Enum):
    """What can happen to a heat request."""

    BEGAN = "began"
    FELL_SHORT = "fell short"
    MET_AGAIN = "met again"
    ENDED = "ended"
    REFUSED = "refused"
    CANCELLED = "cancelled"


_R, _E = RequestState, RequestEvent

REQUEST_TABLE: dict[tuple[RequestState, RequestEvent], RequestState] = {
    (_R.ACCEPTED, _E.BEGAN): _R.ACTIVE,
    (_R.ACCEPTED, _E.REFUSED): _R.REFUSED,
    (_R.ACCEPTED, _E.CANCELLED): _R.CANCELLED,
    (_R.ACTIVE, _E.FELL_SHORT): _R.LIMITED,
    (_R.ACTIVE, _E.MET_AGAIN): _R.ACTIVE,
    (_R.ACTIVE, _E.ENDED): _R.DONE,
    (_R.ACTIVE, _E.CANCELLED): _R.CANCELLED,
    (_R.LIMITED, _E.FELL_SHORT): _R.LIMITED,
    (_R.LIMITED, _E.MET_AGAIN): _R.ACTIVE,
    (_R.LIMITED, _E.ENDED): _R.DONE,
    (_R.LIMITED, _E.CANCELLED): _R.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStatus:
    """Where a request stands.

    Parameters
    ----------
    reason : why it is limited, refused or cancelled; empty else
    """

    state: RequestState = RequestState.ACCEPTED
    since: dt.datetime
    reason: str = ""


def next_request_status(status: RequestStatus, event: RequestEvent, at: dt.datetime, reason: str = "") -> RequestStatus:
    """Look up where an event leads; the same status where nothing changes.

    Parameters
    ----------
    reason : told to the host; needed where a request is limited, refused or cancelled

    Raises
    ------
    ConflictError : the event cannot happen in this state, or its reason is missing
    """
    after = REQUEST_TABLE.get((status.state, event))
    if after is None:
        raise ConflictError(f"A heat request that is {status.state.value} cannot take '{event.value}'.")
    if after in (_R.LIMITED, _R.REFUSED, _R.CANCELLED) and not reason:
        raise ConflictError(f"Say why the heat request is {after.value}: the host reads the reason.")
    if after is status.state and reason in ("", status.reason):
        return status
    return RequestStatus(state=after, since=at if after is not status.state else status.since, reason=reason)
