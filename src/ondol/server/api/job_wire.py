"""Jobs on the wire: what a creation may hold, and how a job is shown."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import field_validator

from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, JobId, PoolId
from ondol.model.job import Job
from ondol.server.api.names import id_of, name_limits
from ondol.server.api.task_limits import tags_limits
from ondol.server.api.times import read_life, wire_span, wire_time
from ondol.server.api.wire_in import WireModel, try_body
from ondol.server.errors import InvalidRequestError


class JobCreation(WireModel):
    """Body of `POST /jobs`."""

    name: str = ""
    shortname: str = ""
    pool_uuid: str = ""
    tags: tuple[str, ...] = ()
    use_dependencies: bool = False
    max_wall_time: str = ""
    auto_delete_on_completion: bool = False
    completion_time_to_live: str = "00:00:00"

    @field_validator("completion_time_to_live", "max_wall_time", mode="before")
    @classmethod
    def _spans(cls, value: Any) -> Any:
        """Some clients send whole seconds where others send a time span."""
        return wire_span(value) if isinstance(value, int) and not isinstance(value, bool) else value


def read_job(data: object, *, job_id: JobId, account_id: AccountId, now: dt.datetime) -> Job:
    """Make a job of a JSON body; raises InvalidRequestError with every invalid field.

    Parameters
    ----------
    now : platform time
    """
    faults: list[InvalidFieldError] = []
    body = try_body(JobCreation, data, faults)
    if body is None:
        raise invalid_job(faults)
    faults += [*name_limits(body.name, body.shortname), *tags_limits(list(body.tags))]
    spans = {"maxWallTime": body.max_wall_time or "00:00:00", "completionTimeToLive": body.completion_time_to_live}
    seconds: dict[str, int] = {}
    for field, text in spans.items():
        try:
            seconds[field] = read_life(field, text)
        except InvalidFieldError as fault:
            faults.append(fault)
    if faults:
        raise invalid_job(faults)
    return Job(
        id=job_id,
        account_id=account_id,
        name=body.name,
        shortname=body.shortname,
        pool_id=PoolId(id_of(body.pool_uuid)),
        use_dependencies=body.use_dependencies,
        max_wall_s=float(seconds["maxWallTime"]),
        tags=body.tags,
        auto_delete=body.auto_delete_on_completion,
        ttl_s=float(seconds["completionTimeToLive"]),
        created_at=now,
        modified_at=now,
        state_since=now,
    )


def invalid_job(faults: list[InvalidFieldError]) -> InvalidRequestError:
    """Give the error with the contract's text first, then ours with what is allowed."""
    fields = ", ".join(dict.fromkeys(fault.field for fault in faults))
    return InvalidRequestError(
        f"Invalid job file. Invalid fields: {fields}. " + "; ".join(str(fault) for fault in faults[:20])
    )


def job_out(job: Job, _now: dt.datetime) -> dict[str, Any]:
    """Give a job as the wire has it; what it has none of is left out or null, never an empty text."""
    return {
        "uuid": job.id,
        "name": job.name,
        "shortname": job.shortname or job.id,
        "poolUuid": job.pool_id or None,
        "state": job.state.value,
        "previousState": job.previous_state.value if job.previous_state else None,
        "useDependencies": job.use_dependencies,
        "stateTransitionTime": wire_time(job.state_since),
        "previousStateTransitionTime": wire_time(job.previous_state_since),
        "creationDate": wire_time(job.created_at),
        "lastModified": wire_time(job.modified_at),
        "endDate": wire_time(job.ended_at),
        "maxWallTime": wire_span(job.max_wall_s) if job.max_wall_s else None,
        "tags": list(job.tags),
        "autoDeleteOnCompletion": job.auto_delete,
        "completionTimeToLive": wire_span(job.ttl_s),
    }
