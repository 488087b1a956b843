"""Given a site's useful heat, when somebody claims of it, then no kilowatt-hour is anybody's twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.avoided import Counterfactual, ReferenceHeater, UsefulHeat, avoided
from ondol.accounting.claims import active, heat_axis
from ondol.accounting.wording import check_words
from ondol.control.asked_claims import AskedClaim
from ondol.control.claim_book import ClaimBook
from ondol.control.directory import OPERATOR
from ondol.control.host_rights import HostRights
from ondol.model.account import Account
from ondol.model.claim import CHAIN_BEGIN, Claim, ClaimedAvoided, ClaimRow, Withdrawal
from ondol.model.errors import ConflictError, ForbiddenError, InvalidFieldError, NotFoundError
from ondol.model.factor import Factor, Heating, Mix, Scope
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, SinkId, SiteId, UnitId
from ondol.model.ledger import HeatRow, Tier
from ondol.model.site import Site
from ondol.report.claim_clause import claim_clause
from ondol.storage.heat_ports import SiteTerms
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes
from ondol.storage.rows import decode, encode

HOME, OTHER = SiteId("home"), SiteId("other")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
KWH = 3.6e6
DAYS = 14


def account(name: str, email: str = "") -> Account:
    return Account(
        id=AccountId(name), email=email or f"{name}@example.org", token_hash=name, token_sealed=b"", created_at=START
    )


BOSS, HOST, STRANGER = account("boss", OPERATOR), account("host"), account("stranger")


def heat(
    hour: float, delivered: float = 1.0, demanded: float = 1.0, *, tier: Tier = Tier.T1_METER, virtual: bool = False
) -> HeatRow:
    return HeatRow(
        site_id=HOME, unit_id=UnitId("unit"), sink_id=SinkId("tank"), start=START + hour * HOUR,
        end=START + (hour + 1) * HOUR, electric_j=KWH, delivered_j=delivered * KWH, demanded_j=demanded * KWH,
        temp_c=50.0, setpoint_c=55.0, lower_c=50.0, upper_c=60.0, discomfort_kh=0.0, tier=tier, virtual=virtual,
    )  # fmt: skip


class House:
    """A site with two weeks of heat, its host, and its register."""

    def __init__(self, rows: tuple[HeatRow, ...] | None = None) -> None:
        self.store = MemoryStore()
        self.store.commit(Changes(ledger=rows or tuple(heat(n) for n in range(DAYS * 24))))
        sites = (Site(id=HOME, name="Home"), Site(id=OTHER, name="Other"))
        rights = HostRights(Fleet(name="f", sites=sites, units=(), nodes=()), self.store)
        rights.agree(SiteTerms(site_id=HOME, hosts=(HOST.id,)))
        self.at = START + 30 * DAY
        self.book = ClaimBook(self.store, rights, lambda: self.at)

    def ask(self, start: int, end: int, **more: object) -> AskedClaim:
        """A claim of days."""
        values = {"holder": "Ann", **more}
        return AskedClaim(site_id=HOME, start=START + start * DAY, end=START + end * DAY, **values)  # type: ignore[arg-type]


def test_a_month_and_its_week_collide_where_they_mean_the_same_heat() -> None:
    house = House()
    # given the second week is claimed
    week = house.book.add(BOSS, house.ask(7, 14))
    assert week.kwh == pytest.approx(168.0)
    # then the fortnight cannot be claimed, nor the part of it that reaches into that week
    with pytest.raises(ConflictError, match=week.id):
        house.book.add(BOSS, house.ask(0, 14))
    with pytest.raises(ConflictError, match="of Ann"):
        house.book.add(BOSS, house.ask(0, 14, to_kwh=168.1))
    # but its first 168 kWh can: they came before
    first = house.book.add(BOSS, house.ask(0, 14, to_kwh=168.0, holder="Bob"))
    assert first.last <= week.first
    register = house.book.register(BOSS, HOME, START, START + 14 * DAY)
    assert register.whole
    assert register.claimed_kwh == pytest.approx(register.useful_kwh)


def test_pieces_of_one_period_lie_side_by_side_and_the_refusal_says_what_is_free() -> None:
    house = House()
    for begin in (0.0, 20.0, 40.0):
        house.book.add(BOSS, house.ask(0, 7, from_kwh=begin, to_kwh=begin + 10.3))
    with pytest.raises(ConflictError) as refused:
        house.book.add(BOSS, house.ask(0, 7, from_kwh=9.0, to_kwh=11.0))
    room = house.book.register(BOSS, HOME, START, START + 7 * DAY).rooms[1]
    begin, end = round(room.from_kwh, 9), round(room.to_kwh, 9)
    assert f"{begin} to {end} kWh" in str(refused.value)
    # what is said to be free can be claimed as it was said
    house.book.add(BOSS, house.ask(0, 7, from_kwh=begin, to_kwh=end))


def test_shares_of_a_kilowatt_hour_sum_to_one_at_most() -> None:
    house = House()
    house.book.add(BOSS, house.ask(0, 7, share=0.5))
    house.book.add(BOSS, house.ask(3, 4, share=0.5))
    with pytest.raises(ConflictError):
        house.book.add(BOSS, house.ask(0, 7, share=0.5))
    house.book.add(BOSS, house.ask(4, 7, share=0.5))
    with pytest.raises(ConflictError):
        house.book.add(BOSS, house.ask(0, 1, share=0.51))


def test_not_more_than_the_ledger_holds_and_not_before_it_holds_it() -> None:
    house = House()
    with pytest.raises(InvalidFieldError, match=r"at most 168\.0"):
        house.book.add(BOSS, house.ask(0, 7, to_kwh=168.1))
    with pytest.raises(InvalidFieldError, match="so far reaches"):
        house.book.add(BOSS, house.ask(0, 20))
    with pytest.raises(InvalidFieldError, match="quarter of an hour"):
        house.book.add(BOSS, dataclasses.replace(house.ask(0, 7), start=START + dt.timedelta(minutes=7)))
    with pytest.raises(InvalidFieldError, match="share"):
        house.book.add(BOSS, house.ask(0, 7, share=1.5))
    with pytest.raises(InvalidFieldError, match="after from"):
        house.book.add(BOSS, house.ask(7, 7))
    assert house.store.claim_rows() == ()


def test_only_metered_and_demanded_heat_can_be_claimed() -> None:
    rows = (
        *(heat(n, delivered=2.0, demanded=0.5) for n in range(24)),
        *(heat(n, tier=Tier.T4_CURVE) for n in (24, 47)),
    )
    house = House(rows)
    assert house.book.add(BOSS, house.ask(0, 1)).kwh == pytest.approx(12.0)
    with pytest.raises(InvalidFieldError, match="metered useful heat"):
        house.book.add(BOSS, house.ask(1, 2))


def test_heat_that_reaches_the_ledger_late_moves_no_claim_onto_another() -> None:
    # given two claims on what the ledger knew
    house = House(tuple(heat(n) for n in range(48) if n % 2))
    first = house.book.add(BOSS, house.ask(0, 2, to_kwh=12.0))
    house.book.add(BOSS, house.ask(0, 2, from_kwh=12.0, to_kwh=24.0, holder="Bob"))
    # when a lost link brings more heat of that time
    house.store.commit(Changes(ledger=tuple(heat(n) for n in range(0, 48, 2))))
    # then what was claimed stays whose it was, and the time is taken
    with pytest.raises(ConflictError):
        house.book.add(BOSS, house.ask(0, 2, from_kwh=0.5, to_kwh=2.0))
    assert active(house.store.claim_rows(HOME))[0] == first


def test_withdrawn_heat_can_be_claimed_anew_and_its_row_stays() -> None:
    house = House()
    first = house.book.add(BOSS, house.ask(0, 7))
    house.book.withdraw(BOSS, first.id, "the contract ended")
    house.book.withdraw(BOSS, first.id, "again")
    assert len(house.store.claim_rows(HOME)) == 2
    house.book.add(BOSS, house.ask(0, 7, holder="Bob"))
    made, gone = house.book.claim(BOSS, first.id)
    assert made == first
    assert gone is not None
    assert gone.reason == "the contract ended"


def test_the_same_request_sent_again_is_the_same_claim() -> None:
    house = House()
    first = house.book.add(BOSS, house.ask(0, 7, id="march-1"))
    house.at += HOUR
    assert house.book.add(BOSS, house.ask(0, 7, id="march-1")) == first
    with pytest.raises(ConflictError, match="another claim with the id"):
        house.book.add(BOSS, house.ask(7, 8, id="march-1"))
    assert len(house.store.claim_rows()) == 1


def test_an_id_whose_claim_was_withdrawn_is_used_up_and_its_heat_is_free() -> None:
    """Given a withdrawn claim, when its request is sent again, then it is not answered as if the claim stood."""
    house = House()
    first = house.book.add(BOSS, house.ask(0, 7, id="march-1"))
    house.book.withdraw(BOSS, first.id, "the contract ended")
    with pytest.raises(ConflictError, match="was withdrawn"):
        house.book.add(BOSS, house.ask(0, 7, id="march-1"))
    assert house.book.add(BOSS, house.ask(0, 7, id="march-2")).kwh == pytest.approx(168.0)


def test_a_request_for_all_there_is_stays_the_same_when_more_has_come() -> None:
    """Given a claim of all heat whose answer was lost, and late rows since, then sent again it is that claim."""
    house = House(tuple(heat(n) for n in range(48) if n % 2))
    first = house.book.add(BOSS, house.ask(0, 2, id="all"))
    house.store.commit(Changes(ledger=tuple(heat(n) for n in range(0, 48, 2))))
    assert house.book.add(BOSS, house.ask(0, 2, id="all")) == first


def test_thirds_sum_to_one_and_a_second_that_two_share_is_one_too_many() -> None:
    """Given shares of a third as people type them, then three fit; a claim that reaches one second into another is
    refused, also where that second is 3e-4 kWh."""
    house = House()
    for day, shares in ((0, (1 / 3, 1 / 3, 1 / 3)), (2, (0.333333, 0.333333, 0.333334))):
        for share in shares:
            house.book.add(BOSS, house.ask(day, day + 1, share=share))
        with pytest.raises(ConflictError):
            house.book.add(BOSS, house.ask(day, day + 1, share=1e-6))
    house.book.add(BOSS, house.ask(3, 4, share=2 / 3))
    with pytest.raises(ConflictError, match=r"\(0\.333333333 of it\)") as refused:
        house.book.add(BOSS, house.ask(3, 4, share=0.333334))
    assert "free" in str(refused.value)
    house.book.add(BOSS, house.ask(3, 4, share=0.333333333))
    house.book.add(BOSS, house.ask(1, 2, to_kwh=12.0))
    with pytest.raises(ConflictError):
        house.book.add(BOSS, house.ask(1, 2, from_kwh=12.0 - 1 / 3600))
    house.book.add(BOSS, house.ask(1, 2, from_kwh=12.0))


def test_a_claim_over_new_year_and_over_a_change_of_clocks_counts_true_time() -> None:
    start = dt.datetime(2025, 12, 31, tzinfo=dt.UTC)
    hours = round((start - START) / HOUR)
    house = House(tuple(heat(n) for n in range(hours, hours + 48)))
    paris = ZoneInfo("Europe/Paris")
    local = AskedClaim(
        site_id=HOME,
        start=dt.datetime(2025, 12, 31, 12, tzinfo=paris),
        end=dt.datetime(2026, 1, 1, 12, tzinfo=paris),
        holder="Ann",
    )
    assert house.book.add(BOSS, local).kwh == pytest.approx(24.0)
    for first, last, free in (("2025-12-31T10", "2025-12-31T11", True), ("2026-01-01T10", "2026-01-01T11", False)):
        begin, end = (dt.datetime.fromisoformat(f"{text}:00:00+00:00") for text in (first, last))
        asked = AskedClaim(site_id=HOME, start=begin, end=end, holder="Bob")
        if free:
            house.book.add(BOSS, asked)
        else:
            with pytest.raises(ConflictError):
                house.book.add(BOSS, asked)
    change = dt.datetime(2026, 3, 29, tzinfo=paris)
    spring = House(tuple(heat(n) for n in range(24 * 86, 24 * 90)))
    spring.at = START + 120 * DAY
    day = AskedClaim(site_id=HOME, start=change, end=change + DAY, holder="Ann")
    assert spring.book.add(BOSS, day).kwh == pytest.approx(23.0)


def test_bad_intervals_name_the_field_at_fault() -> None:
    house = House()
    for wrong, field in (
        ({"from_kwh": -1.0}, "from_kwh"),
        ({"from_kwh": float("nan")}, "from_kwh"),
        ({"from_kwh": 5.0, "to_kwh": 5.0}, "to_kwh"),
        ({"to_kwh": float("inf")}, "to_kwh"),
        ({"to_kwh": float("nan")}, "to_kwh"),
        ({"share": 0.0}, "share"),
        ({"share": float("nan")}, "share"),
    ):
        with pytest.raises(InvalidFieldError) as refused:
            house.book.add(BOSS, house.ask(0, 7, **wrong))
        assert field in refused.value.field
    assert house.store.claim_rows() == ()


def test_heat_of_a_month_that_was_delivered_before_the_heater_went_still_avoids() -> None:
    """Given a boiler that goes on the 10th, then a claim of the kWh that came before names what they avoid, and one of
    the kWh around that day says why there is no figure."""
    house = House()
    asked: list[tuple[dt.datetime, dt.datetime]] = []

    def avoided_of(_site: SiteId, first: dt.datetime, last: dt.datetime, _kwh: float) -> str:
        asked.append((first, last))
        return "asked"

    house.book._avoided_of = avoided_of
    house.book.add(BOSS, house.ask(0, 14, to_kwh=48.0))
    house.book.add(BOSS, house.ask(0, 14, from_kwh=48.0, to_kwh=96.0))
    assert asked == [(START, START + 2 * DAY), (START + 2 * DAY, START + 4 * DAY)]


def test_who_may_see_claim_and_withdraw() -> None:
    house = House()
    theirs = house.book.add(HOST, house.ask(0, 7, holder="The host", holder_email=HOST.email))
    held = house.book.add(BOSS, house.ask(7, 8, holder="A customer", holder_email=STRANGER.email))
    # a host sees its site, a holder what it holds, the operator all, others nothing
    assert {row.claim.id for row in house.book.claims(HOST) if row.claim} == {theirs.id, held.id}
    assert [row.claim for row in house.book.claims(STRANGER)] == [held]
    assert house.book.claims(account("nobody")) == ()
    with pytest.raises(NotFoundError):
        house.book.claim(STRANGER, theirs.id)
    with pytest.raises(NotFoundError):
        house.book.add(STRANGER, house.ask(8, 9))
    with pytest.raises(ForbiddenError, match="claims for itself"):
        house.book.add(HOST, house.ask(8, 9, holder="Somebody else"))
    with pytest.raises(ForbiddenError, match="Only who made"):
        house.book.withdraw(HOST, held.id, "no")
    with pytest.raises(NotFoundError):
        house.book.register(STRANGER, HOME, START, START + DAY)
    # a site without hosts may be seen by all, and claimed by the operator alone
    with pytest.raises(ForbiddenError, match="may claim its heat"):
        house.book.add(HOST, dataclasses.replace(house.ask(0, 1), site_id=OTHER))


def _row(value: float, unit: str, heating: Heating = Heating.LHV) -> Factor:
    return Factor(
        id="a-row", value=value, low=value, high=value, unit=unit, scope=Scope.LCA, mix=Mix.AVERAGE, heating=heating,
        year=2024, geography="FR", source="test", licence="test",
    )  # fmt: skip


def test_v13_what_is_avoided_goes_with_the_share_and_the_clause_says_it() -> None:
    house = House()
    gas = ReferenceHeater(name="a gas boiler", carrier=_row(0.3, "kgCO2e/kWh"), efficiency=_row(0.56, "kWh/kWh"))
    grid = ReferenceHeater(
        name="a heat pump",
        carrier=_row(0.0519, "kgCO2e/kWh", Heating.NONE),
        efficiency=_row(2.78, "kWh/kWh", Heating.NONE),
        electric=True,
    )
    until = START + 1000 * DAY
    house.book._avoided_of = lambda _site, _first, end, kwh: avoided(
        UsefulHeat(kwh=kwh), Counterfactual(heater=gas, evidence="audit 7", valid_until=until), grid, end=end
    )
    halves = [house.book.add(BOSS, house.ask(0, 7, share=0.5, holder=name)) for name in ("heat side", "compute side")]
    assert [round(one.avoided.g / 1000, 9) for one in halves if one.avoided] == [45.0, 45.0]  # 168 kWh · 0.3/0.56 = 90
    text = claim_clause(halves[0], "Home", withdrawal=None, seal="abc")
    assert "compared with a heat pump" in " ".join(text.split())
    assert "heat side (the holder) claims a share of 0.5" in " ".join(text.split())
    assert "WITHDRAWN" not in text
    assert "SIMULATION" not in text
    check_words(text)


def test_a_row_read_back_has_the_hash_that_it_was_written_with() -> None:
    # given whole numbers and times in local zones, which come back as floats and in UTC
    paris = ZoneInfo("Europe/Paris")
    local = START.astimezone(paris)
    claim = Claim(
        id="a", site_id=HOME, start=local, end=local + DAY, from_kwh=0, to_kwh=1, first=local, last=local + HOUR,
        share=1, holder="Ann", holder_email="", contract="", no_avoided="", virtual=False, made_by="x", made_at=local,
        avoided=ClaimedAvoided(
            g=1, low_g=0, high_g=2, heat_pump_g=1, reference="gas", evidence="e", registry="v",
            valid_until=dt.datetime(2030, 7, 1, tzinfo=paris),
        ),
    )  # fmt: skip
    gone = Withdrawal(claim_id="a", reason="r", made_by="x", made_at=local)
    for row in (
        ClaimRow(site_id=HOME, number=1, claim=claim, withdrawal=None, before=CHAIN_BEGIN),
        ClaimRow(site_id=HOME, number=2, claim=None, withdrawal=gone, before=CHAIN_BEGIN),
    ):
        again = decode(encode(row), ClaimRow)
        assert again == row
        assert again.hash == row.hash


def test_a_long_period_is_read_in_weeks_and_is_the_heat_that_it_was_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of a site's minutes at once is gigabytes: a host's one question must not take the platform down."""
    rows = tuple(heat(n + 0.1, delivered=1.0 + n / 7.0, demanded=50.0, virtual=n == 600) for n in range(40 * 24))
    house = House(rows)
    read: list[dt.timedelta] = []
    whole = house.store.heat

    def watched(**what: Any) -> Iterator[HeatRow]:
        read.append(what["end"] - what["start"])
        return whole(**what)

    monkeypatch.setattr(house.store, "heat", watched)
    axis, reaches = house.book._axis(HOME, START, START + 40 * DAY)
    assert axis == heat_axis(HOME, rows, START, START + 40 * DAY)
    assert reaches == rows[-1].end
    assert len(read) == 6
    assert max(read) < 8 * DAY


def test_a_claim_on_equations_in_place_of_a_meter_says_that_it_proves_nothing() -> None:
    house = House(tuple(heat(n, virtual=True) for n in range(24)))
    made = house.book.add(BOSS, house.ask(0, 1))
    assert made.virtual
    assert made.avoided is None
    assert "SIMULATION" in claim_clause(made, "Home", withdrawal=None)


@given(
    amounts=st.lists(st.floats(min_value=0.0, max_value=50.0), min_size=4, max_size=40),
    cuts=st.lists(st.floats(min_value=0.0, max_value=1.0), min_size=1, max_size=6),
    shift=st.integers(min_value=0, max_value=3),
)
def test_cuts_of_a_period_never_overlap_in_time_and_a_later_begin_agrees(
    amounts: list[float], cuts: list[float], shift: int
) -> None:
    rows = [heat(n, delivered=kwh, demanded=kwh) for n, kwh in enumerate(amounts)]
    end = START + len(amounts) * HOUR
    axis, later = heat_axis(HOME, rows, START, end), heat_axis(HOME, rows, START + shift * HOUR, end)
    total = axis.total_kwh
    assert total == pytest.approx(sum(amounts))
    edges = [0.0, *sorted(cuts), 1.0]
    last = START
    for low, high in itertools.pairwise(edges):
        if (high - low) * total < 1e-3:
            continue
        begin, stop = axis.time_of(low * total, high * total)
        assert last - dt.timedelta(microseconds=2) <= begin < stop
        last = stop
        from_kwh, to_kwh = axis.kwh_between(begin, stop)
        assert to_kwh - from_kwh == pytest.approx((high - low) * total, rel=1e-6, abs=1e-6)
        # seen from a later begin it is the same heat
        gone = total - later.total_kwh
        if low * total > gone + 1e-3:
            assert later.kwh_between(begin, stop)[0] == pytest.approx(from_kwh - gone, rel=1e-6, abs=1e-6)
