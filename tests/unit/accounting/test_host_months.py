"""Given ledger rows of a month, when its host's statement is made, then every day is told as it was, and no more."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.accounting.host_days import HostDay, host_days, local_days
from ondol.accounting.host_promises import Promise
from ondol.accounting.host_statement import HostSink, HostStatement, host_statement, month_span
from ondol.model.errors import InvalidFieldError
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, Share, Tier
from ondol.report.host_statement import CSV_COLUMNS, host_statement_csv, host_statement_html

HOME, ROOM, UNIT = SiteId("home"), SinkId("room"), UnitId("heater")
PARIS = "Europe/Paris"
KWH = 3.6e6
HOUR = dt.timedelta(hours=1)
DAY0, DAY1 = month_span("2026-01", PARIS)[0], month_span("2026-01", PARIS)[0] + dt.timedelta(days=1)


def row(start: dt.datetime, hours: float = 1.0, *, unit: UnitId = UNIT, sink: SinkId = ROOM, **more: float) -> HeatRow:
    values = {
        "electric_j": 1.0 * KWH, "delivered_j": 0.9 * KWH, "demanded_j": 1.0 * KWH, "temp_c": 20.0, "setpoint_c": 20.0,
        "lower_c": 19.5, "upper_c": 20.5, "discomfort_kh": 0.0,
    } | more  # fmt: skip
    return HeatRow(site_id=HOME, unit_id=unit, sink_id=sink, start=start, end=start + hours * HOUR, **values)


def hours(start: dt.datetime, count: int, **more: float) -> list[HeatRow]:
    return [row(start + n * HOUR, **more) for n in range(count)]


def days(rows: list[HeatRow], *, end: dt.datetime = DAY1, **more: object) -> tuple[HostDay, ...]:
    return host_days(ROOM, rows, start=DAY0, end=end, timezone=PARIS, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("month", "hours_long"), [("2026-03", 31 * 24 - 1), ("2026-10", 31 * 24 + 1), ("2026-02", 672)]
)
def test_months_are_the_sites_own_also_where_clocks_change(month: str, hours_long: int) -> None:
    start, end = month_span(month, PARIS)
    assert (end - start) / HOUR == hours_long
    lengths = [(close - begin) / HOUR for _, begin, close in local_days(start, end, PARIS)]
    assert sum(lengths) == hours_long
    assert len([one for one in lengths if one != 24.0]) == (hours_long % 24 != 0)


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-1", "1969-12", "9999-12", "2026-00", "٢٠٢٦-01", ""])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(InvalidFieldError, match="2026-01"):
        month_span(month, PARIS)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"])
def test_a_month_begins_at_local_midnight_anywhere(zone: str) -> None:
    from zoneinfo import ZoneInfo

    start, end = month_span("2026-01", zone)
    local = [when.astimezone(ZoneInfo(zone)) for when in (start, end)]
    assert [(when.month, when.day, when.hour) for when in local] == [(1, 1, 0), (2, 1, 0)]


def test_a_day_sums_heat_and_counts_comfort_once_for_two_units() -> None:
    rows = hours(DAY0, 24, temp_c=19.0, discomfort_kh=0.5)
    rows += [row(one.start, unit=UnitId("second"), temp_c=19.0) for one in rows]
    (day,) = days(rows)
    assert day.heat_kwh == pytest.approx(48 * 0.9)
    assert day.capture_ratio == pytest.approx(0.9)
    assert (day.discomfort_kh, day.felt_s, day.inside_s) == (12.0, 86_400.0, 0.0)
    assert (day.whole, day.observed_s, day.kept) == (True, 86_400.0, None)


def test_a_row_over_midnight_counts_on_both_sides_by_its_time() -> None:
    first, second = days([row(DAY1 - HOUR, 4.0)], end=DAY1 + 24 * HOUR)
    assert (first.heat_kwh, second.heat_kwh) == pytest.approx((0.9 / 4, 0.9 * 3 / 4))
    assert (first.observed_s, second.observed_s) == (3600.0, 3 * 3600.0)


def test_within_an_hour_a_unit_may_catch_up_and_later_it_is_a_shortfall() -> None:
    half = [row(DAY0, 0.5, delivered_j=0.0), row(DAY0 + HOUR / 2, 0.5, delivered_j=2.0 * KWH)]
    assert days(half)[0].shortfall_kwh == 0.0
    late = [row(DAY0, delivered_j=0.0), row(DAY0 + HOUR, delivered_j=2.0 * KWH)]
    assert days(late)[0].shortfall_kwh == pytest.approx(1.0)


WARM = Promise(guaranteed_c=18.0)


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (hours(DAY0, 24), True),
        (hours(DAY0, 24, temp_c=17.6), True),  # within what a sensor may be off
        ([*hours(DAY0, 23), row(DAY1 - HOUR, temp_c=17.0)], False),
        (hours(DAY0, 2, temp_c=17.0), False),  # a miss that is sure does not wait
        (hours(DAY0, 22), None),  # less than 95 % was measured
        (hours(DAY0, 24, temp_c=math.nan), None),
        ([row(DAY0, 0.2, temp_c=10.0), *hours(DAY0 + 0.2 * HOUR, 23)], True),  # 12 minutes: a window was open
    ],
)
def test_a_promised_temperature_is_kept_missed_or_not_to_be_told(rows: list[HeatRow], kept: bool | None) -> None:
    assert days(rows, promises=(WARM,))[0].kept is kept


def test_what_its_host_turned_down_is_no_miss_and_warming_up_takes_its_time() -> None:
    off = hours(DAY0, 6, temp_c=12.0, setpoint_c=math.nan)
    lower = hours(DAY0, 6, temp_c=12.0, setpoint_c=15.0)
    rest = [row(DAY0 + n * HOUR, temp_c=16.0 if n < 9 else 20.0) for n in range(6, 24)]
    for before in (off, lower):
        (day,) = days([*before, *rest], promises=(WARM,))
        assert (day.below_s, day.kept) == (0.0, True)
    slow = [row(DAY0 + n * HOUR, temp_c=16.0 if n < 12 else 20.0) for n in range(6, 24)]
    assert days([*off, *slow], promises=(WARM,))[0].kept is False
    watts = Promise(guaranteed_c=18.0, by_setpoint=False)
    assert days([*off, *rest], promises=(watts,))[0].kept is False, "who asks for watts has no set-point to turn down"


def test_what_was_off_before_midnight_may_warm_up_after_it() -> None:
    off = [row(DAY0 - HOUR, temp_c=12.0, setpoint_c=math.nan)]
    warming = [row(DAY0 + n * HOUR, temp_c=15.0 if n < 2 else 20.0) for n in range(24)]
    assert days([*off, *warming], promises=(WARM,))[0].kept is True
    assert days(warming, promises=(WARM,))[0].kept is False


@pytest.mark.parametrize(
    ("delivered", "demanded", "kept", "missing_kwh"),
    [
        (1.0, 1.0, True, 0.0),
        (0.5, 1.0, False, 8.0),
        (0.5, 0.5, True, 0.0),
        (0.9, 2.0, True, 0.0),
        (0.496, 0.5, True, 0.0),  # 0.1 kWh of 12 lack: no heat meter tells so little
        (0.49, 0.5, False, 0.24),
    ],
)
def test_promised_heat_is_owed_as_far_as_it_was_asked_for(
    delivered: float, demanded: float, kept: bool, missing_kwh: float
) -> None:
    rows = hours(DAY0, 24, delivered_j=delivered * KWH, demanded_j=demanded * KWH)
    (day,) = days(rows, promises=(Promise(guaranteed_kwh_per_day=20.0),))
    assert (day.kept, day.missing_kwh) == (kept, pytest.approx(missing_kwh))


def test_another_heater_keeps_the_promise_and_is_told_apart() -> None:
    rows = hours(DAY0, 24, delivered_j=0.5 * KWH)
    on = [(DAY0, DAY0 + 4 * HOUR), (DAY1 - HOUR, DAY1 + HOUR)]
    (day,) = days(rows, promises=(Promise(guaranteed_kwh_per_day=20.0),), backup_on=on, backup_power_w=2000.0)
    assert (day.heat_kwh, day.backup_kwh, day.backup_s, day.kept) == (12.0, 10.0, 5 * 3600.0, True)
    (day,) = days(rows, backup_on=on)
    assert (day.backup_kwh, day.backup_s) == (None, 5 * 3600.0), "its power is not stated"


def test_a_promise_is_taken_from_a_request() -> None:
    plain = HeatRequest(id=RequestId("r"), site_id=HOME, target_id=ROOM)
    assert Promise.of(plain) is None
    assert Promise.of(None) is None
    one = HeatRequest(id=RequestId("r"), site_id=HOME, target_id=ROOM, guaranteed_kwh_per_day=3.0, if_missed="refund")
    promise = Promise.of(one)
    assert promise is not None
    assert (promise.guaranteed_kwh_per_day, promise.if_missed) == (3.0, "refund")


def energy(
    start: dt.datetime, length_h: float = 1.0, tier: Tier = Tier.T4_CURVE, share: Share = Share.JOB
) -> EnergyRow:
    over = share is Share.OVERHEAD
    return EnergyRow(
        site_id=HOME, unit_id=None if over else UNIT, node_id=None if over else NodeId("n"), share=share, start=start,
        end=start + length_h * HOUR, energy_j=length_h * KWH, grid_g_per_kwh=50.0, tier=tier,
    )  # fmt: skip


def made(
    heat: list[HeatRow], drawn: list[EnergyRow], *, now: dt.datetime | None = None, **more: object
) -> HostStatement:
    end = month_span("2026-01", PARIS)[1]
    sinks = [
        HostSink(sink_id=ROOM, name="Living <room>", promises=(WARM,)),
        HostSink(sink_id=SinkId("attic"), name="Attic"),
    ]
    return host_statement(
        site_id=HOME, site_name="Home", timezone=PARIS, month="2026-01", now=now or end + HOUR, sinks=sinks, heat=heat,
        energy=drawn, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_whole_month_is_whole_and_refunds_all_electricity_of_the_site() -> None:
    count = 31 * 24
    drawn = [energy(DAY0 + n * HOUR) for n in range(count)]
    drawn += [energy(DAY0 + n * HOUR, share=Share.OVERHEAD, tier=Tier.T1_METER) for n in range(count)]
    told = made(hours(DAY0, count), drawn, eur_per_kwh=0.2)
    assert (told.partial, told.observed_share, told.kept_days, told.missed_days) == (False, 1.0, 31, 0)
    assert told.electricity_kwh == pytest.approx(2 * count)
    assert told.refund_eur == pytest.approx(2 * count * 0.2)
    assert math.fsum(kwh for _, kwh in told.electricity_by_tier) == pytest.approx(told.electricity_kwh)
    assert told.heat_kwh == pytest.approx(0.9 * count)
    assert told.backup_kwh is None


def test_a_month_that_goes_on_says_so_and_its_edges_count_by_their_time() -> None:
    now = DAY0 + 30.5 * HOUR
    told = made([row(DAY0 - HOUR, 2.0), *hours(DAY0 + HOUR, 29)], [energy(DAY0 - HOUR, 2.0)], now=now)
    assert told.partial
    assert told.until == now
    assert told.electricity_kwh == pytest.approx(1.0)
    assert told.heat_kwh == pytest.approx(0.45 + 29 * 0.9)
    assert [day.whole for day in told.sinks[1].days] == [True, False]
    assert (told.kept_days, told.unknown_days) == (1, 1)
    with pytest.raises(InvalidFieldError, match="begun"):
        made([], [], now=DAY0)


def test_a_month_with_nothing_in_the_ledger_is_no_month_of_zeros() -> None:
    told = made([], [])
    assert (told.partial, told.observed_share, told.inside_share) == (True, 0.0, None)
    assert (told.kept_days, told.missed_days, told.unknown_days) == (0, 0, 31)


def test_the_page_is_for_phones_and_says_what_it_knows() -> None:
    page = host_statement_html(made(hours(DAY0, 24, temp_c=17.0), [energy(DAY0)], now=DAY1))
    assert 'name="viewport"' in page
    assert "Living &lt;room&gt;" in page
    assert "<room>" not in page
    assert page.count("<svg") == 3, "heat of both places, comfort of the one that was felt"
    for words in ("heat a day, kWh", "not whole", "no tariff is agreed", "0 kept, 1 missed", "never below 18 °C"):
        assert words in page


def test_the_sheet_has_a_line_a_day_and_nothing_where_nothing_is_known() -> None:
    lines = host_statement_csv(made(hours(DAY0, 24), [], now=DAY0 + 26 * HOUR)).splitlines()
    assert lines[0].split(",") == list(CSV_COLUMNS)
    cells = [dict(zip(CSV_COLUMNS, line.split(","), strict=True)) for line in lines[1:]]
    assert [(one["sink"], one["date"]) for one in cells] == [
        ("attic", "2026-01-01"), ("attic", "2026-01-02"), ("room", "2026-01-01"), ("room", "2026-01-02")
    ]  # fmt: skip
    assert (cells[2]["heat_kwh"], cells[2]["guarantee_kept"], cells[2]["whole_day"]) == ("21.6", "yes", "yes")
    assert (cells[0]["backup_kwh"], cells[0]["coldest_c"], cells[3]["guarantee_kept"]) == ("", "", "")
    unmeasured = ("heat_kwh", "demanded_kwh", "compute_kwh", "shortfall_kwh", "discomfort_kh")
    assert [cells[0][name] for name in unmeasured] == [""] * 5, "nothing that was not measured is called zero"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 47), st.integers(1, 300), st.floats(0, 1e7), st.floats(10, 30)), max_size=12),
    st.sampled_from(["UTC", "Europe/Paris", "Asia/Kathmandu"]),
)
def test_days_together_are_the_span(pieces: list[tuple[int, int, float, float]], zone: str) -> None:
    """Given windows anywhere, then heat and time of the days add up to what lies in the span."""
    start = dt.datetime(2026, 3, 28, tzinfo=dt.UTC)
    end = start + 48 * HOUR
    rows: list[HeatRow] = []
    at = start - HOUR
    for gap, minutes, delivered_j, temp_c in pieces:
        at += dt.timedelta(minutes=gap)
        rows.append(row(at, minutes / 60, delivered_j=delivered_j, temp_c=temp_c))
        at = rows[-1].end
    told = host_days(ROOM, rows, start=start, end=end, timezone=zone)
    assert told[0].start == start
    assert told[-1].end == end
    assert all(before.end == after.start for before, after in itertools.pairwise(told))
    spans = [(one, max(0.0, (min(one.end, end) - max(one.start, start)).total_seconds())) for one in rows]
    heat_kwh = math.fsum(one.delivered_j * s / (one.end - one.start).total_seconds() for one, s in spans) / KWH
    assert math.fsum(day.heat_kwh for day in told) == pytest.approx(heat_kwh, abs=1e-9)
    assert math.fsum(day.observed_s for day in told) == pytest.approx(math.fsum(s for _, s in spans))
    assert all(0.0 <= day.inside_s <= day.felt_s <= (day.end - day.start).total_seconds() + 1e-6 for day in told)
