"""The table of jobs: a job takes tasks until it is terminated, and is completed once those are over.

A job is not completed by the end of its tasks: more may come. Its time limit, its user or its deletion ends it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum

from ondol.model.job import Job, JobState


class JobSignal(enum.Enum):
    """What happens to a job."""

    TERMINATE_ASKED = "terminate asked, or its time is up"
    TASKS_OVER = "all its tasks are over"
    DELETE_ASKED = "delete asked"


_J, _S = JobState, JobSignal

JOB_TABLE: dict[tuple[JobState, JobSignal], JobState] = {
    (_J.ACTIVE, _S.TERMINATE_ASKED): _J.TERMINATING,
    (_J.TERMINATING, _S.TASKS_OVER): _J.COMPLETED,
    (_J.ACTIVE, _S.DELETE_ASKED): _J.DELETING,
    (_J.TERMINATING, _S.DELETE_ASKED): _J.DELETING,
    (_J.COMPLETED, _S.DELETE_ASKED): _J.DELETING,
}


def after(job: Job, signal: JobSignal, at: dt.datetime) -> Job:
    """Give the job as it is after a signal; the same job where the signal changes nothing."""
    state = JOB_TABLE.get((job.state, signal))
    if state is None:
        return job
    return dataclasses.replace(
        job,
        state=state,
        state_since=at,
        previous_state=job.state,
        previous_state_since=job.state_since,
        modified_at=at,
        ended_at=at if state is JobState.COMPLETED else job.ended_at,
        delete_wanted=job.delete_wanted or state is JobState.DELETING,
        shortname="" if state is JobState.DELETING else job.shortname,  # free again from this moment on
    )
