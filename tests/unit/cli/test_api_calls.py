"""The CLI waits out what passes, sends again what may be sent again, and tells no secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest

from ondol.cli.api import Access, Api, RefusedError
from ondol.model.errors import UnavailableError

Answer = httpx2.Response | Exception


@contextmanager
def talking(*answers: Answer, verbose: bool = False) -> Iterator[tuple[Api, list[httpx2.Request], list[float]]]:
    left, asked, waits = list(answers), list[httpx2.Request](), list[float]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        said = left.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    access = Access(url="http://127.0.0.1:1", token="very-secret")
    with Api(access, transport=httpx2.MockTransport(answer), pause=waits.append, verbose=verbose) as api:
        yield api, asked, waits


def ok() -> httpx2.Response:
    return httpx2.Response(200, json={"uuid": "u"})


def test_a_creation_is_sent_again_under_the_same_key() -> None:
    broken = httpx2.RemoteProtocolError("hung up")
    with talking(broken, httpx2.ConnectError("away"), httpx2.Response(503), ok()) as (api, asked, waits):
        assert api.create("/tasks", {"name": "x"}) == {"uuid": "u"}
    keys = {request.headers["Idempotency-Key"] for request in asked}
    assert len(asked) == 4
    assert len(keys) == 1
    assert waits == [0.5, 1.0, 2.0]


def test_every_creation_has_a_key_of_its_own() -> None:
    with talking(ok(), ok()) as (api, asked, _):
        api.create("/tasks", {})
        api.create("/tasks", {})
    assert asked[0].headers["Idempotency-Key"] != asked[1].headers["Idempotency-Key"]


def test_what_must_not_happen_twice_is_not_sent_twice() -> None:
    with talking(httpx2.ReadError("broken")) as (api, asked, _), pytest.raises(UnavailableError):
        api.post("/tasks/x/abort")
    assert len(asked) == 1
    with talking(httpx2.Response(503), httpx2.Response(200)) as (api, asked, _):  # said clearly that nothing was done
        api.post("/tasks/x/abort")
    assert len(asked) == 2


def test_nobody_there_is_told_at_once_and_a_long_outage_in_the_end() -> None:
    with talking(httpx2.ConnectError("refused")) as (api, _, waits), pytest.raises(UnavailableError, match="ondol up"):
        api.get("/tasks")
    assert waits == []
    with talking(*[httpx2.Response(502)] * 6) as (api, asked, waits), pytest.raises(RefusedError, match="502"):
        api.get("/tasks")
    assert (len(asked), sum(waits)) == (6, 15.5)


def test_the_platform_may_say_how_long_to_wait() -> None:
    later = httpx2.Response(429, headers={"Retry-After": "7"})
    with talking(later, ok()) as (api, _, waits):
        api.get("/tasks")
    assert waits == [7.0]


def test_what_is_gone_after_a_lost_answer_was_deleted() -> None:
    with talking(httpx2.ReadError("broken"), httpx2.Response(404)) as (api, asked, _):
        api.delete("/tasks/x")
    assert len(asked) == 2
    with talking(httpx2.Response(404)) as (api, _, _), pytest.raises(RefusedError):
        api.delete("/tasks/x")


@pytest.mark.parametrize(
    "call", [lambda api: api.get("/secrets-manager/data/k"), lambda api: api.create("/t", {"a": "s3cr3t"})]
)
def test_calls_are_told_without_token_and_content(
    call: Callable[[Api], object], capsys: pytest.CaptureFixture[str]
) -> None:
    with talking(httpx2.Response(200, json={"value": "s3cr3t"}), verbose=True) as (api, _, _):
        call(api)
    said = capsys.readouterr().err
    assert "200 (" in said
    assert "secret\n" not in said
    assert "very-secret" not in said
    assert "s3cr3t" not in said
