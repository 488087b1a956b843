"""What is offered for a task, which offer is best, and how good offers were."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from ondol.model.compute import Task
from ondol.model.quote import NAMES, Option, Quote
from ondol.model.view import ServiceClass

DEADLINE = dt.timedelta(hours=24)
"""Of the option `deadline` where the task states none."""

FIGURES = ("start", "end", "energy", "co2e")
_LEAST_WAIT_S = 60.0  # waits below it are no reason to call an error large


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An option before it is estimated.

    Parameters
    ----------
    why_not : why it cannot be offered, "" where it can
    """

    name: str
    service: ServiceClass
    instances: int
    deadline: dt.datetime | None = None
    why_not: str = ""


def offers(task: Task, now: dt.datetime, fitting: int | None = None) -> tuple[Offer, ...]:
    """Give the ways to run a task: at once, by a deadline, only on heat, and smaller.

    Parameters
    ----------
    now : platform time
    fitting : most instances that a budget has room for; None where no budget limits it
    """
    count = len(task.instance_numbers)
    stated = task.deadline if task.service is ServiceClass.FLEX else None
    deadline = stated or now + DEADLINE
    held = "it runs in the slots of its pool, whose class decides" if task.pool_id else ""
    kept = "its class is filler: its energy is charged to the heat" if task.service is ServiceClass.FILLER else ""
    late = "" if deadline > now else f"its deadline, {deadline.isoformat()}, has passed"
    fewer = max(1, (count + 1) // 2)
    if fitting is not None and 0 < fitting < count:
        fewer = fitting
    single = "it has one instance, and power caps follow heat, not tasks: nothing can be made smaller"
    return (
        Offer(name="now", service=ServiceClass.ON_DEMAND, instances=count, why_not=held or kept),
        Offer(
            name="deadline", service=ServiceClass.FLEX, instances=count, deadline=deadline, why_not=held or kept or late
        ),
        Offer(name="heat", service=ServiceClass.HARVEST, instances=count, why_not=held or kept),
        Offer(
            name="smaller",
            service=task.service,
            instances=fewer,
            deadline=stated,
            why_not=single if count == 1 else "",
        ),
    )


def as_offered(task: Task, offer: Offer) -> Task:
    """Give the task that an offer would make of a task."""
    return dataclasses.replace(
        task,
        service=offer.service,
        deadline=offer.deadline,
        instance_numbers=task.instance_numbers[: offer.instances],
        resumable=task.resumable or offer.service is ServiceClass.HARVEST,
    )


def recommended(options: Sequence[Option]) -> tuple[Option, ...]:
    """Mark the option of least carbon among those that are feasible and do all of the work, ties by their order.

    Doing less of the work is no saving: `smaller` is recommended only where nothing else is feasible.
    """
    able = [one for one in options if one.feasible and one.estimate is not None]
    whole = [one for one in able if one.name != "smaller"] or able
    if not whole:
        return tuple(options)
    best = min(whole, key=lambda one: (0.0 if one.estimate is None else one.estimate.co2e_p50_g, NAMES.index(one.name)))
    return tuple(dataclasses.replace(one, recommended=one is best) for one in options)


def digest_of(task: Task) -> str:
    """Digest of what a task runs, by which a task that is submitted later is known to be the quoted one."""
    told = (
        task.name,
        task.profile,
        sorted(task.constants.items()),
        list(task.instance_numbers),
        [[one.bucket, one.prefix] for one in task.resources],
        task.result_bucket,
        str(task.hardware),
        task.pool_id,
        task.job_id,
    )
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good one figure of one option was.

    Parameters
    ----------
    tasks : that ended well and are compared
    p50_kept, p90_kept : share that came to no more than quoted, 0 to 1
    median_error : median of |quoted p50 − came| / came; None for no task
    """

    option: str
    figure: str
    tasks: int
    p50_kept: float
    p90_kept: float
    median_error: float | None


def quality(quotes: Iterable[Quote]) -> tuple[Quality, ...]:
    """Hold quotes that were taken, and are over, against what came; by option and figure, "all" options first."""
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for quote in quotes:
        option, outcome = quote.option(quote.accepted), quote.outcome
        if option is None or option.estimate is None or outcome is None or outcome.state != "Success":
            continue
        told = option.estimate
        begun = quote.accepted_at or quote.made_at
        pairs = {
            "end": (_s(told.end_p50, begun), _s(told.end_p90, begun), _s(outcome.end, begun)),
            "energy": (told.energy_p50_kwh, told.energy_p90_kwh, outcome.energy_kwh),
            "co2e": (told.co2e_p50_g, told.co2e_p90_g, outcome.co2e_g),
        }
        if outcome.start is not None:
            pairs["start"] = (_s(told.start_p50, begun), _s(told.start_p90, begun), _s(outcome.start, begun))
        for figure, pair in pairs.items():
            for name in ("all", option.name):
                found.setdefault((name, figure), []).append(pair)
    return tuple(
        _quality(name, figure, found[name, figure])
        for name in ("all", *NAMES)
        for figure in FIGURES
        if (name, figure) in found
    )


def _quality(option: str, figure: str, pairs: list[tuple[float, float, float]]) -> Quality:
    least = _LEAST_WAIT_S if figure in ("start", "end") else 1e-9
    return Quality(
        option=option,
        figure=figure,
        tasks=len(pairs),
        p50_kept=sum(came <= p50 for p50, _, came in pairs) / len(pairs),
        p90_kept=sum(came <= p90 for _, p90, came in pairs) / len(pairs),
        median_error=statistics.median(abs(p50 - came) / max(came, least) for p50, _, came in pairs),
    )


def _s(at: dt.datetime, since: dt.datetime) -> float:
    return max((at - since).total_seconds(), 0.0)


def overtaken(quoted: Option, now: Option) -> str:
    """Say what made a quoted option untrue since; "" where it still stands.

    It is untrue where what is now the median is more than what nine of ten were said to stay below.
    """
    if quoted.estimate is None or now.estimate is None or not now.feasible:
        return now.why_not or "nothing can be said of it any more"
    if now.estimate.end_p50 > quoted.estimate.end_p90:
        return f"it would now end at {now.estimate.end_p50.isoformat()}, after the quoted p90"
    if now.estimate.co2e_p50_g > quoted.estimate.co2e_p90_g:
        return f"it would now emit {now.estimate.co2e_p50_g:.4g} g, more than the quoted p90"
    return ""
