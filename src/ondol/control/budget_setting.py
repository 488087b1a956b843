"""Setting budgets: whose they are by the names that people use, and what may be changed of one that is there."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.model.budget import ALERTS_PERCENT, Every, Holder, Level, Overrun, UseBudget
from ondol.model.checks import check_choice
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.zones import check_timezone, in_zone
from ondol.storage.ports import Store

_KEPT = ("holder", "every", "timezone", "start")  # periods are counted from these: another one is another budget
_LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def holder_of(store: Store, *, organization: str = "", project: str = "", account: str = "") -> Holder:
    """Whose budget is meant: an organisation's, a project's, a member's in a project, or an account's.

    Parameters
    ----------
    project : short name or UUID
    account : e-mail or id

    Raises
    ------
    InvalidFieldError : no holder, or an organisation beside another
    NotFoundError : there is nobody of that name
    """
    if organization and (project or account):
        raise InvalidFieldError("organization", organization, "alone: a budget is of one holder")
    if organization:
        if not any(one.organization == organization for one in store.accounts()):
            raise NotFoundError(
                "organization",
                f"{organization} ('ondol admin user limit EMAIL --organization NAME' puts accounts into one)",
            )
        return Holder(level=Level.ORGANIZATION, organization=organization)
    if not project and not account:
        raise InvalidFieldError("account", account, "an account, a project, both (a member), or an organization")
    found = next((one for one in store.projects() if project in (one.slug, one.id)), None) if project else None
    if project and found is None:
        raise NotFoundError("project", project)
    who = next((one for one in store.accounts() if account in (one.email, one.id)), None) if account else None
    if account and who is None:
        raise NotFoundError("account", account)
    if found is not None and who is not None:
        if who.id not in found.members:
            raise NotFoundError(
                "member", f"{account} in project {found.slug} ('ondol admin project member' makes an account one)"
            )
        return Holder(level=Level.MEMBER, project_id=found.id, account_id=who.id)
    if found is not None:
        return Holder(level=Level.PROJECT, project_id=found.id)
    assert who is not None  # noqa: S101  # one of both is there
    return Holder(level=Level.ACCOUNT, account_id=who.id)


def holder_names(store: Store, holder: Holder) -> dict[str, str]:
    """Organisation, project (short name) and account (e-mail) of a holder, as people know them; "" for none."""
    project = store.project(holder.project_id) if holder.project_id else None
    account = store.account(holder.account_id) if holder.account_id else None
    return {
        "organization": holder.organization,
        "project": holder.project_id if project is None else project.slug,
        "account": holder.account_id if account is None else account.email,
    }


def budget_of(
    budget_id: str,
    holder: Holder,
    *,
    alias: str = "",
    co2e_g: float | None = None,
    energy_kwh: float | None = None,
    every: str = "month",
    timezone: str = "UTC",
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    carry_over: float = 0.0,
    alerts_percent: tuple[int, ...] = ALERTS_PERCENT,
    overrun: str = Overrun.BLOCK_NEW.value,
) -> UseBudget:
    """Make a budget of what was said of it.

    Parameters
    ----------
    start : where left out, long ago: periods are those of the calendar; a budget that is given once needs one
    start, end : where they name no offset, by the clocks of `timezone`: so does a date its midnight there

    Raises InvalidFieldError.
    """
    check_choice("every", every, tuple(one.value for one in Every))
    check_choice("overrun", overrun, tuple(one.value for one in Overrun))
    if start is None and every == Every.ONCE.value:
        raise InvalidFieldError("start", None, "a time before end: a budget that is given once has both")
    check_timezone("budget.timezone", timezone)
    return UseBudget(
        id=budget_id,
        holder=holder,
        alias=alias or budget_id,
        co2e_g=co2e_g,
        energy_kwh=energy_kwh,
        every=Every(every),
        timezone=timezone,
        start=_LONG_AGO if start is None else in_zone("start", start, timezone),
        end=None if end is None else in_zone("end", end, timezone),
        carry_over=carry_over,
        alerts_percent=alerts_percent,
        overrun=Overrun(overrun),
    )


def set_budget(store: Store, budget: UseBudget) -> None:
    """Keep a budget; a running platform follows within seconds.

    Raises
    ------
    ConflictError : it is there with another holder, rhythm, zone or start, so that its periods could not be told
        apart; or another one of the same holder limits the same in overlapping periods of the same rhythm, with the
        same end, so that the larger of both would never say anything
    """
    others = store.use_budgets()
    known = next((one for one in others if one.id == budget.id), None)
    for name in _KEPT if known is not None else ():
        if getattr(known, name) != getattr(budget, name):
            raise ConflictError(
                f"Budget {budget.id} is there with another {name}, and its history is counted by that: "
                "remove it and set one with another id"
            )
    twin = next((one for one in others if one.id != budget.id and not one.archived and _overlap(one, budget)), None)
    if twin is not None:
        raise ConflictError(
            f"The periods of budget {budget.id} overlap with those of budget {twin.id}, which limits the same of the "
            f"same holder in the same way ({twin.every.value}, {twin.overrun.value}): change or remove that one, or "
            "give this one a start after its end"
        )
    store.put_budget(budget)


def _overlap(one: UseBudget, other: UseBudget) -> bool:
    """Whether two budgets say the same about the same use at some time."""
    same = (one.holder, one.every, one.overrun) == (other.holder, other.every, other.overrun)
    axes = any(getattr(one, axis) is not None and getattr(other, axis) is not None for axis in ("co2e_g", "energy_kwh"))
    starts_in = other.end is None or one.start < other.end
    return same and axes and starts_in and (one.end is None or other.start < one.end)


def remove_budget(store: Store, budget_id: str) -> None:
    """Archive a budget: it limits nothing any more, its history stays; raises NotFoundError."""
    known = next((one for one in store.use_budgets() if one.id == budget_id and not one.archived), None)
    if known is None:
        raise NotFoundError("budget", budget_id)
    store.put_budget(dataclasses.replace(known, archived=True))
