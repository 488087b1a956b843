"""What is offered for a task, which offer is best, and how good offers were."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from ondol.model.compute import Task
from ondol.model.instant import said_utc
from ondol.model.quote import NAMES, Option, Quote
from ondol.model.view import ServiceClass

DEADLINE = dt.timedelta(hours=24)
"""Of the option `deadline` where the task states none."""

GENTLE_SPEED = 0.5
"""Of the option `slower` where no speed is thriftier than full speed: half of it, a choice."""

FIGURES = ("start", "end", "energy", "co2e")
_Z95 = 1.959963984540054
_LEAST_WAIT_S = 60.0  # waits below it are no reason to call an error large


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An option before it is estimated.

    Parameters
    ----------
    speed_cap : share of full speed that it takes at most
    why_not : why it cannot be offered, "" where it can
    """

    name: str
    service: ServiceClass
    instances: int
    deadline: dt.datetime | None = None
    why_not: str = ""
    speed_cap: float = 1.0

    @classmethod
    def of(cls, option: Option) -> Offer:
        """The offer that an option was made of."""
        return cls(
            name=option.name,
            service=option.service,
            instances=option.instances,
            deadline=option.deadline,
            speed_cap=option.speed_cap,
        )


def offers(
    task: Task, now: dt.datetime, fitting: int | None = None, *, gentle_speed: float = GENTLE_SPEED
) -> tuple[Offer, ...]:
    """Give the ways to run a task: at once, by a deadline, only on heat, smaller, and slower.

    Parameters
    ----------
    now : platform time
    gentle_speed : share of full speed of the option `slower`
    fitting : most instances that a budget has room for; None where no budget limits it
    """
    count = len(task.instance_numbers)
    stated = task.deadline if task.service is ServiceClass.FLEX else None
    deadline = stated or now + DEADLINE
    held = "it runs in the slots of its pool, whose class decides" if task.pool_id else ""
    kept = "its class is filler: its energy is charged to the heat" if task.service is ServiceClass.FILLER else ""
    late = "" if deadline > now else f"its deadline, {said_utc(deadline)}, has passed"
    fewer = max(1, (count + 1) // 2)
    if fitting is not None and 0 < fitting < count:
        fewer = fitting
    single = "it has one instance: `slower` is what lowers its power"
    own = f"it takes no more than {task.speed_cap:g} of full speed already" if task.speed_cap <= gentle_speed else ""
    ways = (
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
        Offer(name="slower", service=task.service, instances=count, deadline=stated, why_not=held or own),
    )
    gentle = min(task.speed_cap, gentle_speed)
    return tuple(dataclasses.replace(one, speed_cap=gentle if one.name == "slower" else task.speed_cap) for one in ways)


def as_offered(task: Task, offer: Offer) -> Task:
    """Give the task that an offer would make of a task."""
    return dataclasses.replace(
        task,
        service=offer.service,
        deadline=offer.deadline,
        instance_numbers=task.instance_numbers[: offer.instances],
        resumable=task.resumable or offer.service is ServiceClass.HARVEST,
        speed_cap=offer.speed_cap,
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


APART = frozenset(
    {
        # whose it is, and what it is called by; what others read of it
        "id", "account_id", "shortname", "tags", "labels", "wire", "advanced_ranges",
        # what an option decides; `resumable` is looked at by itself
        "service", "deadline", "resumable",
        # what is done with it once it is over
        "auto_delete", "ttl_s",
        # what becomes of it
        "holds_pool", "created_at", "modified_at", "ended_at", "state", "state_since", "previous_state",
        "previous_state_since", "errors", "results_count", "snapshots", "cancel_wanted", "delete_wanted", "held",
        "admission", "dependencies",
    }
)  # fmt: skip
"""Fields of a task that are no part of the quoted body: all others change what runs, where, for how long, or what comes
of it."""


def digest_of(task: Task) -> str:
    """Digest of the quoted body, by which a task that is submitted later is known to be the quoted one."""
    told = {one.name: getattr(task, one.name) for one in dataclasses.fields(Task) if one.name not in APART} | {
        # Heat's work may always be stopped, whatever was said.
        "resumable": task.labels.get("ondol.resumable", "").strip().lower()
        or (task.resumable and task.service is not ServiceClass.HARVEST),
        "dependencies": sorted((one.task_id, sorted(end.value for end in one.accepts)) for one in task.dependencies),
    }
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good one figure of one option was.

    Parameters
    ----------
    tasks : that ended well and are compared
    p50_kept, p90_kept : share that came to no more than quoted, 0 to 1
    p90_low, p90_high : interval of 95 % of the share of p90 (Wilson, J. Am. Stat. Assoc. 22, 1927)
    median_error : median of |quoted p50 − came| / came; None for no task
    """

    option: str
    figure: str
    tasks: int
    p50_kept: float
    p90_kept: float
    p90_low: float
    p90_high: float
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
            "energy": (told.energy_p50_kwh, told.energy_p90_kwh, outcome.energy_kwh),
            "co2e": (told.co2e_p50_g, told.co2e_p90_g, outcome.co2e_g),
        }
        if told.not_before is None:
            pairs["end"] = _s(told.end_p50, begun), _s(told.end_p90, begun), _s(outcome.end, begun)
        if told.not_before is None and outcome.start is not None:
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
    kept = sum(came <= p90 for _, p90, came in pairs)
    low, high = interval(kept, len(pairs))
    return Quality(
        option=option,
        figure=figure,
        tasks=len(pairs),
        p50_kept=sum(came <= p50 for p50, _, came in pairs) / len(pairs),
        p90_kept=kept / len(pairs),
        p90_low=low,
        p90_high=high,
        median_error=statistics.median(abs(p50 - came) / max(came, least) for p50, _, came in pairs),
    )


def interval(kept: int, tasks: int) -> tuple[float, float]:
    """Interval of 95 % of a share of which so many of so many were seen (Wilson's score interval).

    Parameters
    ----------
    tasks : ≥ 1

    ``(p + z²/2n ± z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n)``, z = 1.96
    """
    share, n = kept / tasks, float(tasks)
    middle = share + _Z95**2 / (2.0 * n)
    half = _Z95 * math.sqrt(share * (1.0 - share) / n + _Z95**2 / (4.0 * n * n))
    whole = 1.0 + _Z95**2 / n
    return max((middle - half) / whole, 0.0), min((middle + half) / whole, 1.0)


def _s(at: dt.datetime, since: dt.datetime) -> float:
    return max((at - since).total_seconds(), 0.0)


def overtaken(quoted: Option, now: Option) -> str:
    """Say what made a quoted option untrue since; "" where it still stands.

    It is untrue where what is now the median is more than what nine of ten were said to stay below.
    """
    if quoted.estimate is None or now.estimate is None or not now.feasible:
        return now.why_not or "nothing can be said of it any more"
    if now.estimate.end_p50 > quoted.estimate.end_p90:
        return f"it would now end at {said_utc(now.estimate.end_p50)}, after the quoted p90"
    if now.estimate.co2e_p50_g > quoted.estimate.co2e_p90_g:
        return f"it would now emit {now.estimate.co2e_p50_g:.4g} g, more than the quoted p90"
    return ""
