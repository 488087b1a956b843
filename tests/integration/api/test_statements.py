"""Whole statements and the mirror over HTTP: everybody sees their own, in four forms; nobody sees another's."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
import re
from pathlib import Path

import httpx2
import pytest

from integration.api.memory_desk import ALICE, BOSS, T0, MemoryDesk, small_fleet
from ondol.cli.main import run
from ondol.control.asked_claims import AskedClaim
from ondol.control.directory import OPERATOR
from ondol.control.statement_desk import StatementDesk
from ondol.model.account import Project
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.filler import BURN_NAME
from ondol.model.ids import AccountId, NodeId, ProjectId, SiteId, TaskId
from ondol.model.ledger import AttemptFact, Share, WorkFact
from ondol.model.points import PointKey, PointReading
from ondol.storage.heat_ports import SiteTerms
from ondol.storage.ports import Changes

ROOT = "/ledger/v1/statements"
PROJECT = "11111111-1111-4111-8111-111111111111"


def _submit(client: httpx2.Client, name: str) -> str:
    body = {
        "name": name,
        "profile": "docker-batch",
        "instanceCount": 1,
        "constants": [{"key": "DOCKER_CMD", "value": "x"}],
    }
    return str(client.post("/tasks", json=body).raise_for_status().json()["uuid"])


def _fact(task: str, account: str, name: str, **more: str) -> WorkFact:
    return WorkFact(
        task_id=TaskId(task), account_id=AccountId(account), name=name, service="flex", submitted_at=T0, **more
    )


@pytest.fixture
def work(desk: MemoryDesk, alice: httpx2.Client, bob: httpx2.Client) -> dict[str, str]:
    """Alice ran two tasks and Bob one, all in one project, one after the other, an hour in all."""
    desk.store.put_project(
        Project(id=ProjectId(PROJECT), name="Joint", slug="joint", members=(AccountId("alice"), AccountId("bob")))
    )
    made = {name: _submit(client, name) for client, name in ((alice, "one"), (alice, "two"), (bob, "secret"))}
    for name, owner, kwh in (("one", "alice", 0.1), ("two", "alice", 0.2), ("secret", "bob", 0.4)):
        desk.start(made[name])
        desk.burn(made[name], kwh=kwh, heat_kwh=0.8 * kwh, account=owner)
    facts = (
        _fact(made["one"], "alice", "one", project_id=PROJECT),
        _fact(made["two"], "alice", "two", project_id=PROJECT),
        _fact(made["secret"], "bob", "secret", project_id=PROJECT),
    )
    desk.store.commit(Changes(facts=facts))
    return made


def _kwh(client: httpx2.Client, path: str) -> float:
    return float(client.get(f"{ROOT}/{path}").raise_for_status().json()["figures"]["energy"]["total_kwh"]["value"])


def test_tasks_sum_to_their_user_and_users_to_project_site_and_fleet(
    work: dict[str, str], alice: httpx2.Client, bob: httpx2.Client
) -> None:
    one, two, secret = (
        _kwh(client, f"task/{work[name]}") for client, name in ((alice, "one"), (alice, "two"), (bob, "secret"))
    )

    assert one == pytest.approx(0.1 * 1.02, rel=1e-9)
    assert _kwh(alice, "user") == pytest.approx(one + two, rel=1e-9)
    assert _kwh(alice, "project/joint") == pytest.approx(one + two + secret, rel=1e-9)
    assert _kwh(alice, "site/home") == pytest.approx(_kwh(alice, "fleet"), rel=1e-12)
    assert _kwh(alice, "fleet") == pytest.approx(one + two + secret, rel=1e-9)


def test_instances_sum_to_their_task(
    desk: MemoryDesk, work: dict[str, str], alice: httpx2.Client, bob: httpx2.Client
) -> None:
    """Given instance 10 of a task beside 0 and 1, then each has what is its own; it is asked for by a number."""
    for number, kwh in ((1, 0.03), (10, 0.05)):
        desk.burn(work["one"], kwh=kwh, heat_kwh=0.0, number=number)

    kwh = [_kwh(alice, f"instance/{work['one']}.{number}") for number in (0, 1, 10)]

    assert kwh == pytest.approx([0.1 * 1.02, 0.03 * 1.02, 0.05 * 1.02], rel=1e-9)
    assert sum(kwh) == pytest.approx(_kwh(alice, f"task/{work['one']}"), rel=1e-9)
    made = alice.get(f"{ROOT}/instance/{work['one']}.10").json()
    assert made["subject"] == {"kind": "instance", "id": f"{work['one']}.10", "name": "one, instance 10"}
    assert "gCO2e/instance" in alice.get(f"{ROOT}/instance/{work['one']}.1", params={"format": "csv"}).text
    assert bob.get(f"{ROOT}/instance/{work['one']}.1").status_code == 404
    assert alice.get(f"{ROOT}/instance/{work['one']}.2").status_code == 404
    for wrong in (work["one"], f"{work['one']}.x", f"{work['one']}.-1"):
        refused = alice.get(f"{ROOT}/instance/{wrong}")
        assert refused.status_code == 400, wrong
        assert "TASK.NUMBER" in refused.text


def test_tenants_do_not_see_each_other(work: dict[str, str], alice: httpx2.Client, bob: httpx2.Client) -> None:
    """Given Bob's task, then its statement is not there for Alice, and its name is in none that she may see."""
    for path in (f"task/{work['secret']}", "user/bob@example.org", "user/bob", "host/bob@example.org"):
        assert alice.get(f"{ROOT}/{path}").status_code == 404, path

    project = alice.get(f"{ROOT}/project/{PROJECT}").raise_for_status()
    assert "secret" not in project.text
    assert work["secret"] not in project.text
    assert {part["name"] for part in project.json()["parts"]} == {"one", "two", "work of others"}
    for path in ("site/home", "fleet"):
        shown = alice.get(f"{ROOT}/{path}").raise_for_status().text
        assert not [name for name in ("secret", work["secret"], work["one"]) if name in shown]


def test_operator_sees_all_by_name(url: str, work: dict[str, str]) -> None:
    with httpx2.Client(base_url=url, headers={"Authorization": BOSS}) as boss:
        assert boss.get(f"{ROOT}/user/bob@example.org").status_code == 200
        assert boss.get(f"{ROOT}/task/{work['secret']}").status_code == 200
        names = {part["name"] for part in boss.get(f"{ROOT}/project/joint").json()["parts"]}
        assert names == {"one", "two", "secret"}


def test_host_sees_its_site_and_others_do_not(
    url: str, desk: MemoryDesk, work: dict[str, str], alice: httpx2.Client, bob: httpx2.Client
) -> None:
    desk.hosts.rights.agree(SiteTerms(site_id=SiteId("home"), hosts=(AccountId("bob"),)))

    hosted = bob.get(f"{ROOT}/host").raise_for_status().json()
    assert hosted["figures"]["heat"]["useful_kwh"]["value"] == pytest.approx(0.8 * 0.7)
    assert bob.get(f"{ROOT}/site/home").status_code == 200
    for path in ("site/home", "host", "fleet"):
        assert alice.get(f"{ROOT}/{path}").status_code == 404, path
    assert alice.get(f"{ROOT}/user").status_code == 200, "one's own work is there wherever it ran"


def test_one_statement_in_four_forms(work: dict[str, str], alice: httpx2.Client) -> None:
    path = f"{ROOT}/task/{work['one']}"

    made = alice.get(path).json()
    rows = list(csv.DictReader(io.StringIO(alice.get(path, params={"format": "csv"}).text)))
    page = alice.get(path, params={"format": "html"})
    paper = alice.get(path, params={"format": "pdf"})

    total = next(row for row in rows if row["line"] == "total_kwh")
    assert float(total["value"]) == made["figures"]["energy"]["total_kwh"]["value"]
    assert page.headers["content-type"].startswith("text/html")
    assert "Task: one" in page.text
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.content.startswith(b"%PDF-")
    assert alice.get(path, params={"format": "xml"}).status_code == 400


def test_window_is_what_was_asked_for(work: dict[str, str], alice: httpx2.Client) -> None:
    """Given an hour of work, when its second quarter is asked for, then only what ran in it is there."""
    quarter = {"from": "2026-01-12T00:15:00Z", "to": "2026-01-12T00:30:00Z"}

    made = alice.get(f"{ROOT}/user", params=quarter).json()

    assert made["window"] == {
        "start": "2026-01-12T00:15:00Z",
        "end": "2026-01-12T00:30:00Z",
        "whole": False,
        "annual": False,
    }
    assert [part["name"] for part in made["parts"]] == ["two"]
    later = alice.get(f"{ROOT}/user", params={"from": "2026-03-01T00:00:00Z"})
    assert later.status_code == 400
    assert "before now; platform time is 2026-01-12T" in later.json()["detail"]
    assert alice.get(f"{ROOT}/user", params={"from": quarter["to"], "to": quarter["from"]}).status_code == 400


def test_job_and_pool_are_told_of_after_they_were_deleted_and_to_their_owner_alone(
    desk: MemoryDesk, alice: httpx2.Client, bob: httpx2.Client
) -> None:
    """Given facts of a job with two tasks, and of a pool's slot with a task in it, of which no job or pool is left."""
    job, pool = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
    for name, kwh in (("j1", 0.1), ("j2", 0.2), ("slot", 0.3), ("inner", 0.4), ("other", 0.8)):
        desk.burn(name, kwh=kwh, heat_kwh=0.0)
    facts = (
        _fact("j1", "alice", "j1", job_id=job),
        _fact("j2", "alice", "j2", job_id=job),
        _fact("slot", "alice", "slot", holds_pool=pool),
        _fact("inner", "alice", "inner", pool_id=pool),
        _fact("other", "alice", "other"),
    )
    desk.store.commit(Changes(facts=facts))

    assert _kwh(alice, f"job/{job}") == pytest.approx(0.3 * 1.02, rel=1e-9)
    assert _kwh(alice, f"pool/{pool}") == pytest.approx(0.7 * 1.02, rel=1e-9)
    assert alice.get(f"{ROOT}/job/{job}").json()["window"]["whole"] is True
    assert bob.get(f"{ROOT}/job/{job}").status_code == 404
    assert bob.get(f"{ROOT}/pool/{pool}").status_code == 404


def test_unknown_kinds_and_things_are_told_apart(alice: httpx2.Client) -> None:
    assert alice.get(f"{ROOT}/cluster/x").status_code == 400
    for path in ("task/nope", "job/nope", "pool/nope", "project/nope", "site/nope", "task", "fleet/x"):
        assert alice.get(f"{ROOT}/{path}").status_code == 404, path


def test_mirror_gives_own_failures_with_what_they_cost(
    desk: MemoryDesk, work: dict[str, str], alice: httpx2.Client, bob: httpx2.Client
) -> None:
    """Given that both of Alice's tasks failed, when she and Bob look, then each sees the own work alone."""
    attempts = {row.task_id: row.attempt_id for row in desk.energy() if row.task_id and row.attempt_id}
    ends = tuple(
        AttemptFact(
            attempt_id=attempts[TaskId(work[name])], task_id=TaskId(work[name]), node_id=NodeId("heater-1"),
            outcome="failed", cause="", slots=1, cores=1.0, held_s=900.0, cpu_s=900.0,
            ended_at=T0 + dt.timedelta(minutes=15 * rank), exit_code=1,
        )
        for rank, name in enumerate(("one", "two"), start=1)
    )  # fmt: skip
    desk.store.commit(Changes(facts=ends))

    made = alice.get("/ledger/v1/mirror").raise_for_status().json()
    other = bob.get("/ledger/v1/mirror").raise_for_status().json()
    joint = alice.get("/ledger/v1/mirror", params={"kind": "project", "id": "joint"}).raise_for_status()

    assert (made["tasks"], made["gain"]["tasks"], made["budgets"]) == (2, 2, [])
    assert made["energy_kwh"] == pytest.approx(0.3 * 1.02)
    assert made["waste"]["energy_j"] == pytest.approx(0.3 * 3.6e6)
    assert [line["kind"] for line in made["waste"]["lines"]] == ["failed"]
    assert other["waste"]["energy_j"] == 0.0
    assert other["suggestions"] == []
    assert joint.json()["tasks"] == 3
    assert "secret" not in joint.text
    assert alice.get("/ledger/v1/mirror", params={"kind": "user", "id": "bob"}).status_code == 404
    assert alice.get("/ledger/v1/mirror", params={"kind": "site"}).status_code == 400


def test_exergy_view_needs_measured_supply_and_return(tmp_path: Path) -> None:
    """Given readings of both temperatures of the unit that gave the heat, then A2 is there and conserves."""
    home = small_fleet()
    bound = tuple(
        Binding(entity_id="heater", point=point, connection_id="feed")
        for point in ("supply_temperature", "return_temperature")
    )
    desk = MemoryDesk(
        tmp_path,
        fleet=dataclasses.replace(
            home, connections=(Connection(id="feed", site_id=SiteId("home"), driver="push"),), bindings=bound
        ),
    )
    desk.burn("t", kwh=0.1, heat_kwh=0.08)
    caller = desk.store.account(AccountId("alice"))
    assert caller is not None
    before = desk.statements.statement(caller, "site", "home")
    readings = [
        PointReading(key=PointKey("heater", one.point), value=value, measured_at=T0 + dt.timedelta(minutes=5))
        for one, value in zip(bound, (55.0, 45.0), strict=True)
    ]
    desk.store.add_readings(SiteId("home"), readings)

    view = desk.statements.statement(caller, "site", "home").views[2]

    assert before.views[2].unavailable
    assert view.unavailable == ""
    assert view.heat_share is not None
    assert 0.05 < view.heat_share < 0.25, "the Carnot factor of 50 °C against winter is some 0.15"
    assert view.residual < 1e-9


def test_a_mirror_of_filler_alone_is_empty_and_no_error(
    desk: MemoryDesk, alice: httpx2.Client, work: dict[str, str]
) -> None:
    """Given the account that fills, which ran no work of its own, then its mirror says so."""
    since = desk.at
    desk.burn(_submit(alice, "fill"), kwh=0.1, heat_kwh=0.08, share=Share.HEAT_ONLY)

    made = alice.get("/ledger/v1/mirror", params={"from": since.isoformat()}).raise_for_status().json()

    assert (made["tasks"], made["energy_kwh"], made["co2e_g"]) == (0, 0.0, 0.0)
    assert made["suggestions"] == []


def test_cpu_time_is_counted_in_cores_of_the_node_as_reservations_are(desk: MemoryDesk) -> None:
    """Given a virtual node of a fifth of a core on a clock of 60, when its share is full, then its cores were busy."""
    desk.burn("t", kwh=0.1, heat_kwh=0.08)
    (row,) = desk.store.energy(task_id=TaskId("t"))
    node = next(one for one in small_fleet().nodes if one.id == row.node_id)
    full_s = node.host_cores * 900.0 / 60.0  # what this machine gives it in a quarter of an hour of platform time
    busy = dataclasses.replace(row, start=row.end, end=row.end + dt.timedelta(minutes=15), cpu_s=full_s)
    desk.store.commit(Changes(ledger=(busy,)))
    caller = desk.store.account(AccountId("alice"))
    assert caller is not None
    desk_of_statements = StatementDesk(
        small_fleet(), desk.store, desk.hosts, desk.ground, lambda: desk.at, clock_rate=60.0
    )

    made = desk_of_statements.statement(caller, "site", "home")

    assert made.value("energy", "cpu_h") == pytest.approx(0.25 * node.slots * node.cores_per_slot)


def test_claims_on_a_sites_heat_are_named_to_the_operator_and_not_to_everybody(
    url: str, desk: MemoryDesk, work: dict[str, str], alice: httpx2.Client
) -> None:
    """Given that the operator gave half of a site's heat to a company, then the operator's statement says so."""
    boss = desk.store.account_by_email(OPERATOR)
    assert boss is not None
    end = T0 + dt.timedelta(minutes=45)
    desk.claims.add(boss, AskedClaim(site_id=SiteId("home"), start=T0, end=end, holder="Bob Ltd", share=0.5))

    with httpx2.Client(base_url=url, headers={"Authorization": BOSS}) as client:
        shown = client.get(f"{ROOT}/site/home").raise_for_status().json()
    other = alice.get(f"{ROOT}/site/home").raise_for_status()

    assert [(one["holder"], one["share"]) for one in shown["claims"]] == [("Bob Ltd", 0.5)]
    assert shown["claims"][0]["kwh"] == pytest.approx(0.8 * 0.7)
    assert "Bob Ltd" not in other.text
    assert alice.get(f"{ROOT}/user").json()["claims"] is None


def test_burnt_cycles_are_shown_as_what_they_are(desk: MemoryDesk, alice: httpx2.Client) -> None:
    """Given cycles that the operator burnt for heat, then the site's statement names them and who asked for them."""
    desk.burn("burner", kwh=0.3, heat_kwh=0.3, account="operator", share=Share.HEAT_ONLY)
    name = f"{BURN_NAME}, asked for by A. Person, to keep the pool open"
    desk.store.commit(Changes(facts=(dataclasses.replace(_fact("burner", "operator", name), service="filler"),)))

    made = alice.get(f"{ROOT}/site/home").raise_for_status().json()

    burnt = made["figures"]["burnt"]["burnt_1_kwh"]
    assert burnt["value"] == pytest.approx(0.3)
    assert "asked for by A. Person" in burnt["label"]
    assert made["figures"]["sci"]["sci_g_per_unit"]["missing"] == "no task ran"
    assert made["views"]["A0"]["heat_g"] == pytest.approx(made["views"]["A0"]["total_g"])


def test_statement_and_mirror_at_a_terminal(
    url: str, work: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def ondol(*line: str, code: int = 0) -> str:
        capsys.readouterr()
        ended = run([*line, "--url", url, "--token", ALICE])
        said = capsys.readouterr()
        assert ended == code, said.out + said.err
        return said.out + said.err

    shown = ondol("statement", "task", "one")
    page, paper = tmp_path / "deep" / "s.html", tmp_path / "s.pdf"
    ondol("statement", "user", "--html", str(page), "--pdf", str(paper))

    assert "INVENTORY" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "THE SAME WORK AND HEAT ELSEWHERE" in shown
    assert re.search(r"^2026-01-12 \d\d:\d\d:\d\d to .* UTC, platform time$", shown, re.MULTILINE)
    assert "Credit for heat" in shown
    assert "VIEWS" in shown
    assert page.read_text().startswith("<!doctype html>")
    assert paper.read_bytes().startswith(b"%PDF-")
    assert ondol("statement", "fleet", "--csv").startswith("section,line,label,value")
    assert json.loads(ondol("statement", "site", "home", "--json"))["subject"]["kind"] == "site"
    assert "which task" in ondol("statement", "task", code=1)
    assert "'ondol site list' shows those that you see" in ondol("statement", "site", "nowhere", code=1)
    assert "leave the e-mail out for yourself" in ondol("statement", "user", "x@y.z", code=1)
    assert "to 2020-01-02 00:00 UTC: nothing ran then" in ondol(
        "statement", "fleet", "--from", "2020-01-01", "--to", "2020-01-02", code=1
    )
    assert "platform time is 2026-" in ondol("statement", "fleet", "--from", "2030-01-01", code=1)
    assert "a time after from" in ondol("statement", "fleet", "--from", "2020-01-02", "--to", "2020-01-01", code=1)
    mirrored = ondol("mirror")
    assert "gained by waiting" in mirrored
    assert "(lca_levelled; budgets count making the servers, too)" in " ".join(mirrored.split())
    long_ago = ondol("mirror", "--from", "2020-01-01", "--to", "2020-01-02", code=1)
    assert "nothing ran then (from and to say another window)" in long_ago
    assert json.loads(ondol("mirror", "project", "joint", "--json"))["tasks"] == 3
