"""Puts a quote together: every way to run a task, estimated, priced, held against budgets, and explained."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable

from ondol.accounting.budget import lacking
from ondol.accounting.budget_periods import period_at
from ondol.accounting.quote import Offer, as_offered, offers, recommended
from ondol.control.budget_guard import BudgetGuard
from ondol.control.estimates import Estimator
from ondol.control.foretelling import Told, intensity
from ondol.control.queue_ahead import HORIZON_S
from ondol.model.budget import Amount, Overrun
from ondol.model.compute import Task
from ondol.model.conditions import Scheduling
from ondol.model.estimate import Estimate
from ondol.model.instant import said_utc
from ondol.model.quote import BudgetLeft, Option
from ondol.model.view import ServiceClass

Price = Callable[[Scheduling, ServiceClass], float]
"""EUR per core-hour of a kind of work; `Tariff.price` is one."""


class Quoter:
    """Offers what may be offered. Callers hold the works' lock.

    Parameters
    ----------
    price : of a core-hour now
    cores : that an instance has, in the mean over the nodes
    guard : holds work to budgets; None where there are none
    now : platform time
    """

    def __init__(
        self,
        estimator: Estimator,
        *,
        price: Price,
        cores: float,
        guard: BudgetGuard | None,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._estimator, self._price, self._cores, self._guard, self._now = estimator, price, cores, guard, now

    def options(self, task: Task) -> tuple[Option, ...]:
        """Every option of a task, the best one marked."""
        now = self._now()
        if self._guard is not None:
            self._guard.look(now)  # periods that have begun meanwhile, budgets that were set
        speed = self._estimator.gentler(task).speed
        found = [self.option(task, offer) for offer in offers(task, now, gentle_speed=speed)]
        fewer = self._fitting(task, found)
        if fewer is not None:
            offer = next(one for one in offers(task, now, fewer, gentle_speed=speed) if one.name == "smaller")
            found = [self.option(task, offer) if one.name == "smaller" else one for one in found]
        return recommended(found)

    def option(self, task: Task, offer: Offer) -> Option:
        """One option; why not, where it cannot be had."""
        bare = Option(
            name=offer.name,
            service=offer.service,
            instances=offer.instances,
            deadline=offer.deadline,
            speed_cap=offer.speed_cap,
        )
        if offer.why_not:
            return dataclasses.replace(bare, feasible=False, why_not=offer.why_not)
        asked = as_offered(task, offer)
        if not self._estimator.possible(asked):
            words = "no node of this fleet is what its hardware constraints ask for"
            return dataclasses.replace(bare, feasible=False, why_not=words)
        told = self._estimator.told(asked)
        estimate = self._estimator.of_told(told)
        budgets = self._left(asked, estimate)
        why_not = _why_not(offer, told, estimate, budgets) or self._limited(asked, told)
        tariff_eur = self._price(asked.scheduling, asked.service)
        hours = told.run.mean_s / offer.speed_cap * offer.instances / 3600.0
        return dataclasses.replace(
            bare,
            feasible=not why_not,
            why_not=why_not,
            estimate=estimate,
            co2e_low_g=told.co2e_p10_g,
            price_eur=tariff_eur * self._cores * hours,
            tariff_eur=tariff_eur,
            record=self._estimator.record(asked.service),
            budgets=budgets,
            why=self._why(task, offer, told),
        )

    def _limited(self, task: Task, told: Told) -> str:
        """Why a slower run would be ended before it is over; "" where it would not."""
        limit_s = self._estimator.limit_s(task)
        if task.speed_cap >= 1.0 or limit_s is None or told.run.p50_s / task.speed_cap < limit_s * (1.0 - 1e-9):
            return ""
        return f"at {task.speed_cap:g} of full speed it would run into its time limit of {task.time_limit_s:g} s"

    def _left(self, task: Task, estimate: Estimate) -> tuple[BudgetLeft, ...]:
        """What would be left of every budget above a task, were its p90 promised."""
        if self._guard is None or task.service is ServiceClass.FILLER:
            return ()
        now = self._now()
        asked = Amount.of(estimate.co2e_p90_g, estimate.energy_p90_kwh)
        found: list[BudgetLeft] = []
        for budget in self._guard.book.over(task.account_id, task.project_id):
            period = period_at(budget, now)
            if period is None:
                continue
            balance = self._guard.book.balance(budget.id, period.start)
            left = balance.left - asked
            fits = budget.overrun is Overrun.ALERT_ONLY or not lacking(budget, balance, asked)
            found.append(
                BudgetLeft(
                    budget_id=budget.id,
                    name=budget.name,
                    co2e_g=None if budget.co2e_g is None else left.co2e_g,
                    energy_kwh=None if budget.energy_kwh is None else left.energy_kwh,
                    fits=fits,
                    renews_at=None if period_at(budget, period.end) is None else period.end,
                )
            )
        return tuple(found)

    def _fitting(self, task: Task, options: list[Option]) -> int | None:
        """Most instances that all budgets have room for, where the whole task does not fit; None where it does."""
        count = len(task.instance_numbers)
        whole = next((one for one in options if one.estimate is not None and one.name == "deadline"), None)
        if count == 1 or whole is None or whole.estimate is None or all(one.fits for one in whole.budgets):
            return None
        share = 1.0
        for one in whole.budgets:
            if one.fits:  # one that only alerts has room for all, however little it has left
                continue
            for left, asked in (
                (one.co2e_g, whole.estimate.co2e_p90_g),
                (one.energy_kwh, whole.estimate.energy_p90_kwh),
            ):
                if left is not None and asked > 0.0:
                    share = min(share, (left + asked) / asked)
        return max(1, min(count - 1, math.floor(count * max(share, 0.0))))

    def _why(self, task: Task, offer: Offer, told: Told) -> str:
        """One sentence on heat and queue, one clause on the grid."""
        ahead = self._estimator.queue()
        room, free = ahead.room, ahead.free_slots
        before, _ = ahead.before(offer.service)
        if offer.name == "slower":
            words = self._estimator.gentler(task, offer.speed_cap).words
        elif offer.name == "smaller":
            count = len(task.instance_numbers)
            words = f"{offer.instances} of {count} instances: {100 * offer.instances / count:.0f} % of the work is done"
        elif offer.service is ServiceClass.ON_DEMAND:
            words = f"{_count(free, 'slot is', 'slots are')} free or run filler, and {_stand(before)} before it"
        elif told.ahead.state == "now":
            words = f"heat is wanted for the work of {max(room, 0.0):.0f} more slots now, and nobody stands before it"
        else:
            hours = ahead.usable_slot_h
            words = (
                f"it waits for heat: {_stand(before)} before it, and sinks can use {hours:.0f} slot-hours "
                f"in {HORIZON_S / 3600.0:.0f} h"
            )
        terms = self._estimator.terms
        now_g = float(intensity(ahead.view, terms, 0.0, 1.0).mean())
        then_g = float(intensity(ahead.view, terms, told.start_p50_s, max(told.end_p50_s, told.start_p50_s + 1)).mean())
        return f"{words}; the grid is at {now_g:.0f} g/kWh now and {then_g:.0f} g/kWh over its run ({terms.basis})"


def _count(number: float, one: str, many: str) -> str:
    return f"1 {one}" if round(number) == 1 else f"{number:.0f} {many}"


def _stand(before: float) -> str:
    """How many stand in line, with the verb."""
    return "nobody stands" if round(before) == 0 else _count(before, "instance stands", "instances stand")


def _why_not(offer: Offer, told: Told, estimate: Estimate, budgets: tuple[BudgetLeft, ...]) -> str:
    short = next((one for one in budgets if not one.fits), None)
    if short is not None:
        again = "" if short.renews_at is None else f"; it begins anew at {said_utc(short.renews_at)}"
        return f"budget {short.name} has too little left for its p90{again}"
    if not told.promised:
        return _not_foreseen(told)
    if offer.deadline is not None and estimate.end_p50 > offer.deadline:
        return f"it would end at {said_utc(estimate.end_p50)} (p50), after its deadline"
    return ""


def _not_foreseen(told: Told) -> str:
    """Why no start can be promised."""
    hours = HORIZON_S / 3600.0
    line = "sinks want no heat of more work" if told.service is ServiceClass.HARVEST else "the lines are longer"
    within_h = told.not_within_s / 3600.0
    most = f"; nine of ten like it do not start within {within_h:.0f} h" if within_h >= 1.0 else ""
    return f"its start is not foreseen within {hours:.0f} h of when it may wait: {line}{most}"
