"""A picture of a small fleet, for the tests of the live view."""

from __future__ import annotations

import datetime as dt

from ondol.cli.screen_model import DecisionRow, JobRow, ScreenModel, SinkRow, SiteRow, Totals

AT = dt.datetime(2026, 1, 14, 6, 32, 10, tzinfo=dt.UTC)


def sink(name: str, temp_c: float | None, setpoint_c: float = 20.0, **other: float) -> SinkRow:
    values = {"lower_c": setpoint_c - 0.5, "upper_c": setpoint_c + 0.5, "wanted_w": 400.0, "delivered_w": 380.0}
    return SinkRow(name=name, temp_c=temp_c, setpoint_c=setpoint_c, **{**values, **other})


def sample(flats: int = 6) -> ScreenModel:
    temps = (19.8, 20.1, 19.2, 20.7, 20.0, 20.3)
    rooms = tuple(
        sink(f"Flat {k + 1}", temps[k % 6], wanted_w=220.0 + 90 * k, delivered_w=200.0 + 60 * k) for k in range(flats)
    )
    pool = sink("Teaching pool", 27.4, 28.0, lower_c=27.5, upper_c=28.5, wanted_w=2700.0, delivered_w=2610.0)
    tank = sink("Preheat tank", 45.3, 45.0, lower_c=40.0, upper_c=50.0, wanted_w=0.0, delivered_w=96.0)
    reason = "heat wanted here: 27.4 °C, band from 27.5 °C; 2.7 kW asked for, 2.1 kW there"
    start = [
        DecisionRow(at=AT - dt.timedelta(seconds=60 * k), action=action, subject=subject, reason=reason)
        for k, (action, subject) in enumerate(
            [
                ("Start", "render animation #17 → pool-boiler-3"),
                ("Pause", "harvest #2"),
                ("SetPower", "rack ≥ 180 W"),
                ("Resume", "harvest #1"),
                ("Wait", "12 instances"),
                ("Stop", "filler #0"),
                ("Start", "price #0 → rack-1"),
                ("Start", "render animation #16 → flat-2"),
            ]
        )
    ]
    return ScreenModel(
        at=AT,
        clock_rate=60.0,
        policy="follow",
        notes=("Sandbox: bubblewrap. API http://127.0.0.1:8080, objects http://127.0.0.1:8081",),
        sites=(
            SiteRow(name="Piscine du Parc", power_w=2610.0, sinks=(pool,)),
            SiteRow(name="Résidence Voltaire", power_w=96.0, sinks=(tank,)),
            SiteRow(name="Quai des Brumes", power_w=1980.0, sinks=rooms),
            SiteRow(name="Data centre", power_w=143.0),
        ),
        jobs=(
            JobRow(
                task_id="a",
                name="render animation",
                service="flex",
                state="PartiallyExecuting",
                done=9,
                total=24,
                progress=0.47,
                place="Piscine du Parc ×3, Quai des Brumes ×2",
                reason=reason,
            ),
            JobRow(task_id="b", name="price", service="on-demand", state="Success", done=1, total=1, progress=1.0),
            JobRow(
                task_id="c",
                name="harvest",
                service="harvest",
                state="Paused",
                done=0,
                total=3,
                progress=0.2,
                place="Quai des Brumes ×1",
                reason="no heat wanted at any site with a free slot",
            ),
        ),
        decisions=tuple(start[::-1]),
        totals=Totals(power_w=4829.0, energy_kwh=3.21, useful_heat_kwh=2.71, discomfort_kh=0.37),
        timezone="Europe/Paris",
    )
