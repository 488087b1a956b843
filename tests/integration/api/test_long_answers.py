"""Answers that take long: given up when the client goes, refused with words when there is no place."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx2
import pytest
from fastapi import FastAPI, Request

from integration.api.conftest import serve_app
from integration.api.memory_desk import MemoryDesk
from ondol.model.errors import BusyError, TooManyRowsError
from ondol.server.api.patience import while_waited_for


def test_work_for_a_client_that_goes_is_told_so() -> None:
    """Given work that would take ten seconds, when the client hangs up, then the work hears of it long before."""
    app, heard = FastAPI(), threading.Event()

    def work(gone: threading.Event) -> str:
        if gone.wait(10.0):
            heard.set()
        return "made"

    @app.get("/slow")
    async def slow(request: Request) -> str:
        return await while_waited_for(request, work)

    with serve_app(app) as url:
        with pytest.raises(httpx2.TimeoutException):
            httpx2.get(f"{url}/slow", timeout=0.3)
        assert heard.wait(5.0)


@pytest.mark.parametrize(
    ("error", "status", "after"),
    [
        (BusyError("2 large statements are being made already: ask again in 10 s", 10.0), 503, "10"),
        (TooManyRowsError("More than 3,000,000 ledger rows: ask for half of it or less at a time"), 422, None),
    ],
)
def test_statement_that_cannot_be_made_now_says_what_to_do(
    desk: MemoryDesk,
    alice: httpx2.Client,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    after: str | None,
) -> None:
    def refuse(*_: object) -> Callable[..., object]:
        raise error

    monkeypatch.setattr(desk.statements, "paper", refuse)

    answer = alice.get("/ledger/v1/statements/fleet")

    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == after
    assert "ask" in answer.json()["detail"]
