"""Given a guarantee that a host asks for, then it binds nobody before the operator agreed, and ends when it ends."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest

from ondol.agent.orders import BackupOrder, SiteOrders
from ondol.control.directory import OPERATOR
from ondol.control.host_desk import PlatformHosts
from ondol.lifecycle.asking import effective
from ondol.model.account import Account
from ondol.model.errors import ConflictError, ForbiddenError, InvalidFieldError
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import AccountId, RequestId
from ondol.model.schedule import constant
from ondol.storage.heat_ports import MadeRequest, SiteTerms
from unit.control.test_heat_requests import HOME, HOUR, KWH, ROOM, T0, TANK, Life, ask, small_fleet

DAY = 24 * HOUR


def account(email: str) -> Account:
    return Account(id=AccountId(email[:1]), email=email, token_hash="x", token_sealed=b"", created_at=T0)


BOSS, HOST = account(OPERATOR), account("host@example.org")


@pytest.fixture
def life() -> Life:
    return Life()


@pytest.fixture
def hosts(life: Life) -> PlatformHosts:
    made = PlatformHosts(small_fleet(), life.store, lambda: life.now, requests=life.requests)
    made.rights.agree(SiteTerms(site_id=HOME, hosts=(HOST.id,)))
    return made


def counting(life: Life) -> HeatRequest:
    return life.requests.effective(HOME)[TANK]


def promised(hosts: PlatformHosts, month: str) -> list[int]:
    (row,) = [one for one in hosts.statement(BOSS, HOME, month).sinks if one.sink_id == TANK]
    return [day.date.day for day in row.days if day.promise is not None]


def test_a_proposal_reaches_no_agent_and_no_statement(life: Life, hosts: PlatformHosts) -> None:
    made = hosts.add_request(HOST, ask(guaranteed_c=50.0, if_missed="backup", priority=90)).made
    assert made is not None
    assert made.guarantee == "proposed"
    assert counting(life).id == "bath", "the request itself counts"
    assert not counting(life).guaranteed
    life.now += DAY
    assert promised(hosts, "2026-01") == []


def test_what_the_operator_agrees_to_binds_from_then_on_also_after_a_restart(life: Life, hosts: PlatformHosts) -> None:
    hosts.add_request(HOST, ask(guaranteed_c=50.0, if_missed="backup", priority=90))
    life.now += 2 * DAY  # the 16th, 12:00 UTC
    hosts.agree_guarantee(BOSS, RequestId("bath"), agreed=True)
    assert counting(life).guaranteed_c == 50.0
    life.now += 2 * DAY
    assert promised(hosts, "2026-01") == [16, 17, 18]
    life.start()
    assert counting(life).guaranteed_c == 50.0


def test_only_the_operator_agrees_and_only_once(life: Life, hosts: PlatformHosts) -> None:
    hosts.add_request(HOST, ask(guaranteed_c=50.0))
    with pytest.raises(ForbiddenError):
        hosts.agree_guarantee(HOST, RequestId("bath"), agreed=True)
    hosts.agree_guarantee(BOSS, RequestId("bath"), agreed=False)
    with pytest.raises(ConflictError, match="declined"):
        hosts.agree_guarantee(BOSS, RequestId("bath"), agreed=True)
    hosts.add_request(HOST, ask("plain"))
    with pytest.raises(ConflictError, match="promises nothing"):
        hosts.agree_guarantee(BOSS, RequestId("plain"), agreed=True)


def test_the_operators_own_request_is_agreed_at_once(life: Life, hosts: PlatformHosts) -> None:
    made = hosts.add_request(BOSS, ask(guaranteed_kwh_per_day=5.0)).made
    assert made is not None
    assert (made.guarantee, made.guarantee_by) == ("agreed", OPERATOR)


def test_agreement_is_not_undone_by_what_the_loop_tells_meanwhile(life: Life, hosts: PlatformHosts) -> None:
    before = hosts.add_request(HOST, ask(guaranteed_c=50.0)).made
    assert before is not None
    hosts.agree_guarantee(BOSS, RequestId("bath"), agreed=True)
    life.requests.told(dataclasses.replace(before, delivered_j=1.0))
    kept = life.requests.made(RequestId("bath"))
    assert kept is not None
    assert (kept.guarantee, kept.delivered_j) == ("agreed", 1.0)


@pytest.mark.parametrize("agreed", [True, False])
def test_a_new_schedule_keeps_the_guarantee_its_end_and_whether_it_was_agreed(
    life: Life, hosts: PlatformHosts, agreed: bool
) -> None:
    end = T0 + 3 * DAY
    hosts.add_request(HOST, ask(guaranteed_c=50.0, valid_until=end, priority=90))
    if agreed:
        hosts.agree_guarantee(BOSS, RequestId("bath"), agreed=True)
    life.now += HOUR
    made = hosts.set_schedule(HOST, TANK, constant(52.0)).made
    assert made is not None
    assert (made.request.valid_until, made.request.guaranteed_until) == (None, end)
    assert made.guarantee == ("agreed" if agreed else "proposed")
    assert counting(life).guaranteed is agreed
    life.now = end
    assert counting(life).schedule.at(life.now) == 52.0, "the schedule goes on"
    assert not counting(life).guaranteed
    life.now += 2 * DAY
    assert promised(hosts, "2026-01") == ([14, 15, 16, 17] if agreed else [])
    later = hosts.set_schedule(HOST, TANK, constant(53.0)).made
    assert later is not None
    assert not later.request.guaranteed, "what has ended is not promised anew"


def test_a_schedule_after_a_declined_guarantee_proposes_nothing(life: Life, hosts: PlatformHosts) -> None:
    hosts.add_request(HOST, ask(guaranteed_c=50.0, priority=90))
    hosts.agree_guarantee(BOSS, RequestId("bath"), agreed=False)
    made = hosts.set_schedule(HOST, TANK, constant(52.0)).made
    assert made is not None
    assert not made.request.guaranteed


def test_rows_of_before_there_was_a_choice_count_as_agreed(life: Life) -> None:
    old = MadeRequest(
        request=ask(guaranteed_c=50.0, priority=90), status=life.requests.add_request(ask("other"), "a@b.c").status,
        made_by="a@b.c", created_at=T0,
    )  # fmt: skip
    life.store.put_heat_request(old)
    life.start()
    assert counting(life).guaranteed_c == 50.0
    assert old.promised_at == T0


def test_an_end_without_a_guarantee_is_refused() -> None:
    with pytest.raises(InvalidFieldError, match="guaranteed_until"):
        ask(guaranteed_until=T0)


def test_a_guarantee_ends_to_the_minute_and_leaves_the_request() -> None:
    one = ask(guaranteed_c=50.0, guaranteed_until=T0 + HOUR)
    assert effective([one], (), T0)[TANK].guaranteed_c == 50.0
    after = effective([one], (), T0 + HOUR)[TANK]
    assert math.isnan(after.guaranteed_c)
    assert after.schedule == one.schedule


def test_heat_of_the_other_heater_counts_for_an_energy_request_and_is_told(life: Life) -> None:
    """Given 2 kWh asked for and the other heater of 3 kW ordered for half an hour, then 1.5 kWh of it are its."""
    tank = next(sink for sink in small_fleet().sinks if sink.id == TANK)
    life.book._backup_w[TANK] = 3000.0  # the small fleet's tank has none
    asked = HeatRequest(
        id=RequestId("e"), site_id=HOME, target_id=TANK, kind="energy", energy_kwh=2.0, by=T0 + 3 * HOUR, firm=True
    )
    life.requests.add_request(asked, "a@b.c")
    life.step(heat_j=0.0)
    for minute in range(31):
        life.now = T0 + dt.timedelta(minutes=minute)
        order = BackupOrder(sink_id=TANK, on=minute < 30, reason="firm")
        life.book.sample(
            life.now, [SiteOrders(now=life.now, dt_s=60.0, units=(), nodes=(), sinks=(), backups=(order,))]
        )
    life.now += HOUR
    life.step(heat_j=0.0)
    made = life.requests.made(RequestId("e"))
    assert made is not None
    assert made.backup_j == pytest.approx(1.5 * KWH)
    life.step(heat_j=0.5 * KWH)
    ended = life.requests.made(RequestId("e"))
    assert ended is not None
    assert ended.status.state.value == "done"
    assert ended.status.reason.startswith("2.000 of 2 kWh came, 1.500 kWh of it from the other heater")
    assert tank.id != ROOM
