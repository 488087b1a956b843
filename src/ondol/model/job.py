"""Jobs: a group of tasks with a common fate."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ondol.model.compute import NEVER
from ondol.model.ids import NO_POOL, AccountId, JobId, PoolId


class JobState(enum.Enum):
    """States of a job as the compute API names them."""

    ACTIVE = "Active"  # takes tasks
    TERMINATING = "Terminating"  # its tasks are being cancelled
    COMPLETED = "Completed"
    DELETING = "Deleting"

    @property
    def open(self) -> bool:
        """Whether something will still happen to it."""
        return self is not JobState.COMPLETED


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A group of tasks.

    Parameters
    ----------
    pool_id : slot pool in which all its tasks run, "" for none
    use_dependencies : whether its tasks may depend on each other
    max_wall_s : after so long, its tasks are cancelled; 0 for no limit [s, platform]
    auto_delete : gone once it is completed and the account's quota of jobs is reached
    ttl_s : gone so long after it completed, 0 for never [s, platform]
    delete_wanted : gone as soon as its tasks are over
    """

    id: JobId
    account_id: AccountId
    name: str
    shortname: str = ""
    pool_id: PoolId = NO_POOL
    use_dependencies: bool = False
    max_wall_s: float = 0.0
    tags: tuple[str, ...] = ()
    auto_delete: bool = False
    ttl_s: float = 0.0
    created_at: dt.datetime
    modified_at: dt.datetime
    ended_at: dt.datetime = NEVER
    state: JobState = JobState.ACTIVE
    state_since: dt.datetime
    previous_state: JobState | None = None
    previous_state_since: dt.datetime = NEVER
    delete_wanted: bool = False
