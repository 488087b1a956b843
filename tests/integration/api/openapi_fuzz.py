"""Every operation of the OpenAPI document, with bodies as described and otherwise: only documented answers.

A program of its own, run by `test_openapi_fuzz`: schemathesis changes hypothesis for its whole process; beside it,
other property tests would show no examples. Arguments: texts, one of which must be in an operation's label; none: all.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from integration.api.conftest import serve
from integration.api.memory_desk import ALICE, MemoryDesk
from ondol.control.heat_signal import HeatSignals
from ondol.server.api.describe import PUBLIC
from ondol.server.app import create_api
from unit.control.test_admission_notes import notes
from unit.policy.views import UnitRow, World

EXAMPLES = 10  # an operation and way; over a hundred operations: about a minute in all
ENDLESS = ("/signal/v1/stream",)  # events, for as long as the client listens
HOME = World([UnitRow("heater", site="home", wanted_w=300.0)])
NOT_OFFERED = ("/tasks/force", "/tasks/{key}/restart")
GOOD = {
    "name": "t",
    "profile": "docker-batch",
    "instanceCount": 1,
    "constants": [{"key": "DOCKER_CMD", "value": "true"}],
}
_DOCUMENT = create_api(None, storage_url=None).openapi()  # type: ignore[arg-type]  # to describe itself it asks nothing
SCHEMA = schemathesis.openapi.from_dict(_DOCUMENT)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@dataclass(frozen=True)
class Served:
    url: str
    ids: tuple[str, ...]


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """The API with a task that runs, one that failed, a pool, a job and a secret."""
    desk = MemoryDesk(folder)
    signals = HeatSignals(desk.fleet(), lambda _site: frozenset(), HOME.view)
    with serve(desk, folder / "answers", signals=signals, admissions=notes(HOME.view())) as url:
        with httpx2.Client(base_url=url, headers={"Authorization": ALICE}) as client:
            tasks = [client.post("/tasks", json=GOOD).json()["uuid"] for _ in range(3)]
            pool = client.post("/pools", json=GOOD).json()["uuid"]
            job = client.post("/jobs", json={"name": "j", "useDependencies": True}).json()["uuid"]
            assert client.put("/secrets-manager/data/secret", json={"value": "v"}).status_code == 200
        for task in tasks[:2]:
            desk.start(task)
        desk.finish(tasks[1], exit_code=1)
        yield Served(url, (*tasks, pool, job, "secret", "heater", "home", "heater-1"))


def check(case: schemathesis.Case, served: Served) -> None:
    case.headers = {**{key: value for key, value in (case.headers or {}).items() if _sendable(value)}}
    case.headers["Authorization"] = ALICE
    answer = case.call(base_url=served.url)
    if answer.status_code >= 500:
        assert (answer.status_code, case.path in NOT_OFFERED) == (501, True), answer.text
    case.validate_response(answer, checks=[status_code_conformance, response_schema_conformance])
    if answer.status_code >= 400 and case.path != "/tasks":
        assert set(answer.json()) & {"message", "detail", "errors"}


def _sendable(value: Any) -> bool:
    with suppress(UnicodeEncodeError):
        str(value).encode("latin-1")
        return "\r" not in str(value) and "\n" not in str(value)
    return False


def fuzz(operation: Any, way: GenerationMode, served: Served) -> None:
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=way), data=st.data())
    def run(case: schemathesis.Case, data: st.DataObject) -> None:
        if "key" in (case.path_parameters or ()) and data.draw(st.booleans()):
            case.path_parameters["key"] = data.draw(st.sampled_from(served.ids))
        if isinstance(case.body, dict) and way is GenerationMode.POSITIVE and data.draw(st.booleans()):
            # A body that is right but for one thing gets further than one that is wrong in all.
            picked = data.draw(st.sets(st.sampled_from(sorted(case.body)), max_size=2)) if case.body else set()
            case.body = GOOD | {name: case.body[name] for name in picked}
        check(case, served)

    run()


def main(wanted: list[str]) -> int:
    """Fuzz the operations; the number of those that answered otherwise than described."""
    failed = tried = 0
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as served:
        for operation in OPERATIONS:
            if operation.path in ENDLESS:
                continue
            if wanted and not any(text in operation.label for text in wanted):
                continue
            for way in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                if way is GenerationMode.NEGATIVE and operation.path in PUBLIC:
                    continue  # it asks for nothing that could be wrong
                tried += 1
                try:
                    fuzz(operation, way, served)
                except Exception:  # noqa: BLE001  # whatever it is, the others are tried too
                    failed += 1
                    print(f"== {operation.label}, {way.value}\n{traceback.format_exc(limit=-3)}", flush=True)
    print(f"{tried} tried, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 99))
