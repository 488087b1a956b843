"""The twin's machines behind the platform's engine port: nodes that slow down under a cap as the twin's do, and meters.

Nothing happens between calls. Each call first brings all attempts to the clock, with the exact moment of each end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ondol.drivers.power.curve import NodeEnergy
from ondol.engine.ports import AttemptReport, Capabilities, EndCause, LaunchOrder, RunState, check_ended
from ondol.model.errors import NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, NodeId
from ondol.model.ledger import Tier
from ondol.model.site import Node
from ondol.twin.fleet_twin import STOPPING_S
from ondol.twin.speed import speed_at

_DONE_S = 1e-6  # work left below this counts as done, as in `twin.advance` [s]


@dataclass(slots=True)
class _Job:
    """One attempt at work; `left_s` are seconds at full speed, `ends_at_s` is set once it is told to stop."""

    order: LaunchOrder
    left_s: float
    cores: float
    began_s: float
    done_s: float = 0.0
    state: RunState = RunState.RUNNING
    ends_at_s: float = math.inf
    ended_s: float | None = None
    by_itself: bool = False


class MachinesEngine:
    """Attempts on a fleet's nodes; an engine, and the meter of these nodes.

    Work at a share s of the dynamic power of its slot goes at `twin.speed.speed_at` (s); one that is told to stop works
    no more and leaves its slot after `STOPPING_S`.

    Parameters
    ----------
    clock : platform time, never falling [s]
    work_s : seconds at full speed that an order needs, > 0, may be inf
    """

    def __init__(self, fleet: Fleet, clock: Callable[[], float], work_s: Callable[[LaunchOrder], float]) -> None:
        self._clock, self._work_s = clock, work_s
        self._nodes: dict[NodeId, Node] = {node.id: node for node in fleet.nodes}
        self._jobs: dict[AttemptId, _Job] = {}
        self._now_s = self._metered_s = clock()
        self._dynamic_j = dict.fromkeys(self._nodes, 0.0)
        self.news = False
        """Whether something was asked for of which no poll has told yet."""

    @property
    def next_end_s(self) -> float:
        """When the next attempt ends, if nothing is changed before; inf for never [s]."""
        ends = [math.inf]
        speeds = self._speeds()
        for key, job in self._jobs.items():
            if job.state is RunState.STOPPING:
                ends.append(job.ends_at_s)
            elif job.state is RunState.RUNNING and speeds[key][1] > 0.0:
                ends.append(self._now_s + job.left_s / speeds[key][1])
        return min(ends)

    def capabilities(self) -> Capabilities:
        """What it can do: all of it exactly."""
        return Capabilities(engine="machines", sandbox="none", cpu_limit="exact", memory_limit="exact")

    def launch(self, order: LaunchOrder) -> None:
        """Start an attempt; does nothing where that id is known."""
        if order.attempt_id not in self._jobs:
            self._advance()
            self._jobs[order.attempt_id] = _Job(order, self._work_s(order), order.host_cores, self._now_s)
            self.news = True

    def pause(self, attempt_id: AttemptId) -> None:
        """Freeze an attempt that runs."""
        self._turn(attempt_id, RunState.RUNNING, RunState.PAUSED)

    def resume(self, attempt_id: AttemptId) -> None:
        """Let a frozen attempt go on."""
        self._turn(attempt_id, RunState.PAUSED, RunState.RUNNING)

    def stop(self, attempt_id: AttemptId, grace_s: float) -> None:  # noqa: ARG002  # it ends when it ends, see the class
        """Tell an attempt to end; it does after `STOPPING_S`."""
        job = self._job(attempt_id)
        if job.state in (RunState.RUNNING, RunState.PAUSED):
            job.state, job.ends_at_s = RunState.STOPPING, self._now_s + STOPPING_S
            self.news = True

    def limit_cpu(self, attempt_id: AttemptId, host_cores: float) -> None:
        """Change its share of cores."""
        self._job(attempt_id).cores = host_cores

    def poll(self) -> tuple[AttemptReport, ...]:
        """Report every attempt that was launched and not released, by id."""
        self._advance()
        self.news = False
        return tuple(self._report(self._jobs[key]) for key in sorted(self._jobs))

    def output(self, attempt_id: AttemptId, stream: str, offset: int = 0) -> bytes:  # noqa: ARG002
        """Nothing is printed here."""
        self._job(attempt_id)
        return b""

    def release(self, attempt_id: AttemptId) -> None:
        """Forget an ended attempt; raises ConflictError while it runs."""
        if attempt_id not in self._jobs:
            return
        check_ended(attempt_id, self._job(attempt_id).state)
        del self._jobs[attempt_id]

    def keep_alive(self) -> None:
        """Nothing here can outlive its platform."""

    def close(self) -> None:
        """Forget every attempt."""
        self._jobs.clear()

    def sample(self, at_s: float, cpu_s: Mapping[NodeId, float]) -> Iterable[NodeEnergy]:  # noqa: ARG002
        """Give what each node drew since the last time, as a meter in its cable would; CPU seconds are not asked."""
        self._advance()
        span_s, self._metered_s = at_s - self._metered_s, at_s
        if span_s <= 0:
            return ()
        read = []
        for node_id, node in self._nodes.items():
            energy_j = node.curve.idle_w * span_s + self._dynamic_j[node_id]
            power_w = energy_j / span_s
            load = node.curve.load_at(power_w)
            read.append(
                NodeEnergy(
                    node_id=node_id,
                    duration_s=span_s,
                    load=load,
                    power_w=power_w,
                    energy_j=energy_j,
                    tier=Tier.T1_METER,
                )
            )
            self._dynamic_j[node_id] = 0.0
        return tuple(read)

    def _speeds(self) -> dict[AttemptId, tuple[float, float]]:
        """Share of a slot's dynamic power that each running attempt is let have, and its speed."""
        cores: dict[NodeId, float] = {}
        busy: dict[NodeId, int] = {}
        for job in self._jobs.values():
            if job.state is RunState.RUNNING:
                node_id = job.order.node_id
                cores[node_id] = cores.get(node_id, 0.0) + job.cores
                busy[node_id] = busy.get(node_id, 0) + 1
        shares: dict[NodeId, float] = {}
        for node_id, own in cores.items():
            node = self._nodes[node_id]
            power_w = node.curve.power_w(min(own / node.host_cores, 1.0))
            slots_w = (node.curve.max_w - node.curve.idle_w) * busy[node_id] / node.slots
            shares[node_id] = min(max((power_w - node.curve.idle_w) / slots_w, 0.0), 1.0)
        speeds = {}
        for key, job in self._jobs.items():
            if job.state is RunState.RUNNING:
                share = shares[job.order.node_id]
                speeds[key] = (share, float(speed_at(share)))
        return speeds

    def _advance(self) -> None:
        """Bring all to the clock. Who calls leaps no farther than to the next end, so that shares hold meanwhile."""
        then_s = self._clock()
        span_s = then_s - self._now_s
        if span_s > 0:
            speeds = self._speeds()
            for key, job in self._jobs.items():
                if job.state is RunState.RUNNING:
                    self._work(job, *speeds[key], span_s)
        self._now_s = then_s
        for job in self._jobs.values():
            if job.state is RunState.STOPPING and job.ends_at_s <= then_s + _DONE_S:
                job.state, job.ended_s = RunState.ENDED, then_s

    def _work(self, job: _Job, share: float, speed: float, span_s: float) -> None:
        node, active_s = self._nodes[job.order.node_id], span_s
        if speed > 0.0 and job.left_s / speed <= span_s + _DONE_S:
            active_s = min(job.left_s / speed, span_s)
            job.done_s, job.left_s = job.done_s + job.left_s, 0.0
            job.state, job.ended_s, job.by_itself = RunState.ENDED, self._now_s + active_s, True
        else:
            job.done_s, job.left_s = job.done_s + speed * span_s, job.left_s - speed * span_s
        slot_w = (node.curve.max_w - node.curve.idle_w) / node.slots
        self._dynamic_j[job.order.node_id] += active_s * slot_w * share

    def _turn(self, attempt_id: AttemptId, before: RunState, after: RunState) -> None:
        job = self._job(attempt_id)
        if job.state is before:
            job.state, self.news = after, True

    def _job(self, attempt_id: AttemptId) -> _Job:
        self._advance()
        if attempt_id not in self._jobs:
            raise NotFoundError("attempt", attempt_id)
        return self._jobs[attempt_id]

    def _report(self, job: _Job) -> AttemptReport:
        node = self._nodes[job.order.node_id]
        ended = job.state is RunState.ENDED
        cause = EndCause.EXITED if job.by_itself else EndCause.STOPPED
        return AttemptReport(
            attempt_id=job.order.attempt_id,
            node_id=job.order.node_id,
            state=job.state,
            cpu_s=job.done_s * node.host_cores / node.slots,
            exit_code=0 if job.by_itself else None,
            cause=cause if ended else None,
            started_at_s=job.began_s,
            ended_at_s=job.ended_s,
        )
