"""Given time spans beyond ten years and periods beyond reason, when jobs and pools are read, then they are refused."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, JobId
from ondol.server.api.job_wire import read_job
from ondol.server.api.pool_in import Elastic, PoolUpdate, read_pool_update
from ondol.server.api.times import read_life
from ondol.server.errors import InvalidRequestError
from scenario.control.groups_stage import Stage

NOW = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
TOO_LONG = "99999999.00:00:00"


@pytest.mark.parametrize("field", ["maxWallTime", "completionTimeToLive"])
def test_a_job_of_more_than_ten_years_is_refused(field: str) -> None:
    with pytest.raises(InvalidRequestError, match=field):
        read_job({"name": "x", field: TOO_LONG}, job_id=JobId("j"), account_id=AccountId("a"), now=NOW)


def test_ten_years_are_accepted_and_a_second_more_is_not() -> None:
    assert read_life("completionTimeToLive", "3650.00:00:00") == 3650 * 86_400
    with pytest.raises(InvalidFieldError, match="ten years"):
        read_life("completionTimeToLive", "3650.00:00:01")


@pytest.mark.parametrize("period_s", [10**15, 10**400, -1])
def test_a_resize_period_is_bounded_where_the_pool_is_not_elastic_too(period_s: int) -> None:
    before = Stage().pool()
    body = PoolUpdate(elastic_property=Elastic(resize_period=period_s)).model_dump(by_alias=True)
    with pytest.raises(InvalidRequestError, match="resizePeriod"):
        read_pool_update(body, before)
