"""Sets the power limits of nodes, verifies by measuring that they are obeyed, and takes the next knob where not."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Sequence
from typing import cast

from ondol.agent.knob_chain import SETTLE_S, Knob, KnobState, NodeChain, is_taken, refusal_of
from ondol.agent.knob_queue import LastWins
from ondol.agent.orders import AlarmNote
from ondol.drivers.host_power.knob_driver import PowerKnob
from ondol.drivers.ports import Driver, WritesPoints, Written
from ondol.model.checks import check_range
from ondol.model.errors import NotFoundError, OndolError
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId
from ondol.model.points import Ability, PointKey

_log = logging.getLogger(__name__)

REPEAT_S = 60.0
"""Time after which an unchanged limit is written again, should someone else have changed it [s]."""

_WORKERS_MAX = 16
_SAME_W = 0.5
_BACK_MARGIN = 0.9
_LEARN = " learn"
_CLOSE_WAIT_S = 5.0


class NodeKnobs:
    """The power limits of a site's nodes.

    Each node has the `power_cap` points that are bound to it, in order of their index: 0 is preferred. Limits are
    written in worker threads. A knob fails that does not take the value, holds another one, or is not followed by the
    measured power; then the next one is used, and the failed one is put back to what it was, so that it cannot hold the
    node down later. After an hour it is tried again. A knob whose lowest limit is too high gives way to the next one
    too, without an alarm. Where all have failed, all are written all the same.

    A node's measured power is judged `SETTLE_S` (or what its driver tells) and two polls of its meter after the write.

    Times come from the `now` of `check`: they have to run as fast as the hardware does. A clock that is set back only
    stands still.

    Parameters
    ----------
    fleet : of the site; its nodes' power curves and the order of their points
    drivers : of the site, opened and closed by the caller; those that limit no power are passed over
    """

    def __init__(self, fleet: Fleet, drivers: Sequence[Driver]) -> None:
        writers = {
            one.connection_id: cast("WritesPoints", one)
            for one in drivers
            if Ability.LIMITS_POWER in one.abilities and hasattr(one, "write")
        }
        self._known = frozenset(node.id for node in fleet.nodes)
        self._chains: dict[NodeId, NodeChain] = {}
        for node in fleet.nodes:
            knobs = tuple(
                _knob(one.key, writers[one.connection_id])
                for one in fleet.bindings  # they are in order of their keys, so of the index
                if one.entity_id == node.id and one.point == "power_cap" and one.connection_id in writers
            )
            if knobs:
                pace_s = _pace_s(fleet, node.id)
                self._chains[node.id] = NodeChain(node.id, node.curve.idle_w, node.curve.max_w, knobs, pace_s=pace_s)
        self._queue = LastWins(self._carry_out, workers=min(len(writers), _WORKERS_MAX))

    @property
    def node_ids(self) -> tuple[NodeId, ...]:
        """Nodes that have a knob, by id; the engine alone can hold the others."""
        return tuple(sorted(self._chains))

    def limit(self, node_id: NodeId, cap_w: float) -> None:
        """Order a limit [W]; returns at once, and the last value wins. A node without a knob is passed over.

        No knob brings a node below its idle power, so a limit under it, e.g. 0 for no work at all, is written as that.

        Raises
        ------
        NotFoundError : the site has no such node
        InvalidFieldError : no number, or outside 0 to 10 MW
        """
        check_range(f"limit[{node_id}]", cap_w, 0.0, 1e7, "W")
        chain = self._chain(node_id)
        if chain is None:
            return
        with chain.lock:
            chain.requested_w = cap_w
            wanted_w = max(cap_w, chain.idle_w)
            same = chain.ordered_w is not None and abs(chain.ordered_w - wanted_w) < _SAME_W
            if not same or chain.clock_s - chain.ordered_at_s >= REPEAT_S:
                self._order(chain, wanted_w)

    def check(self, node_id: NodeId, measured_w: float | None, now: dt.datetime) -> tuple[AlarmNote, ...]:
        """Verify the limit of a node, once per step of the loop; gives what is wrong with it, as long as it lasts.

        Parameters
        ----------
        measured_w : by an instrument, idle power included; None or nan where there is none [W]
        now : time of the step

        Raises
        ------
        NotFoundError : the site has no such node
        """
        chain = self._chain(node_id)
        if chain is None:
            return ()
        with chain.lock:
            chain.advance(now)
            chain.measured_w = measured_w if measured_w is not None and math.isfinite(measured_w) else None
            if chain.requested_w is None or chain.ordered_w is None:
                return ()
            if chain.judge():
                self._order(chain, chain.ordered_w)
            elif chain.learnable() and chain.measured_w is not None:
                self._queue.put(node_id + _LEARN, chain.measured_w)
            if chain.forgive():
                self._order(chain, chain.ordered_w)
            return chain.notes()

    def states(self) -> tuple[KnobState, ...]:
        """Requested, accepted and measured power of every node that has a knob, by id."""
        return tuple(self._chains[node_id].state() for node_id in sorted(self._chains))

    def release(self) -> None:
        """Put back every limit that was there before us, in the background; the next `limit` begins anew."""
        for node_id in sorted(self._chains):
            chain = self._chains[node_id]
            with chain.lock:
                chain.requested_w = None
                chain.ordered_w = None
                chain.forget()
            self._queue.put(node_id, math.nan)

    def settle(self, timeout_s: float) -> bool:
        """Wait until all orders are carried out; False where that took longer [s]."""
        return self._queue.wait_idle(timeout_s)

    def close(self, *, put_back: bool = True) -> None:
        """End; before that put back every limit that was there before us, and wait some seconds for it.

        Parameters
        ----------
        put_back : False leaves the limits as they are, as far as drivers do not put back their own
        """
        if put_back:
            self.release()
        if not self.settle(_CLOSE_WAIT_S):
            _log.warning("some power limits could not be put back within %g s", _CLOSE_WAIT_S)
        self._queue.close()

    def _chain(self, node_id: NodeId) -> NodeChain | None:
        if node_id not in self._known:
            raise NotFoundError("node of this site", node_id)
        return self._chains.get(node_id)

    def _order(self, chain: NodeChain, cap_w: float) -> None:
        chain.ordered_w = cap_w
        chain.ordered_at_s = chain.clock_s
        self._queue.put(chain.node_id, cap_w)

    def _carry_out(self, order: str, value: float) -> None:
        """Work of the threads: `order` is a node to limit to `value` (nan to put back), or one whose power to learn."""
        chain = self._chains[NodeId(order.removesuffix(_LEARN))]
        if order.endswith(_LEARN):
            self._learn(chain, value)
        elif math.isnan(value):
            self._put_back(chain, keep=None)
        else:
            self._write(chain, value)

    def _write(self, chain: NodeChain, cap_w: float) -> None:
        while (found := _choose(chain, cap_w)) is not None:
            knob, held_w = found
            written = _try(knob, held_w)
            with chain.lock:
                if is_taken(written):
                    chain.take(knob, written)
                else:
                    chain.fail(knob, written.requested, refusal_of(written), written.accepted)
                    chain.touched.append(knob)
            if is_taken(written):
                self._put_back(chain, keep=knob)
                return
        last = [_try(knob, cap_w) for knob in chain.knobs]  # perhaps one has an effect all the same
        with chain.lock:
            chain.give_up(last[0])

    def _learn(self, chain: NodeChain, power_w: float) -> None:
        with chain.lock:
            knob = chain.in_use
        if knob is None or not isinstance(knob.driver, PowerKnob) or not knob.driver.learn(knob.key, power_w):
            return
        with chain.lock:
            if chain.in_use is knob and chain.ordered_w is not None:
                chain.note_learnt()
                self._order(chain, chain.ordered_w)

    @staticmethod
    def _put_back(chain: NodeChain, *, keep: Knob | None) -> None:
        """Open every knob that was touched but the one in use; its driver tries again at its end where that fails."""
        for knob in [one for one in chain.touched if one is not keep]:
            try:
                if isinstance(knob.driver, PowerKnob):
                    knob.driver.restore(knob.key)
                else:  # what stood there before is not known: as much as the node can draw
                    knob.driver.write(knob.key, chain.max_w)
            except (OndolError, OSError) as error:
                _log.warning("%s: the limit could not be put back: %s", knob.key, error)
            with chain.lock:
                chain.touched = [one for one in chain.touched if one is not knob]


def _choose(chain: NodeChain, cap_w: float) -> tuple[Knob, float] | None:
    """Give the first knob that has not failed and reaches down to the limit, and what to write to it [W].

    Where none reaches so far, the one that comes nearest. A better knob than the one in use has to reach below it with
    a margin, so that a limit at its end does not throw the chain to and fro.
    """
    with chain.lock:
        usable = [knob for knob in chain.knobs if knob.failed_at_s is None]
        in_use = chain.in_use
    spans = {knob.key: _span(knob) for knob in usable}
    better = in_use in usable
    for knob in usable:
        if knob is in_use:
            better = False
        low_w, high_w = spans[knob.key]
        if low_w <= (_BACK_MARGIN * cap_w if better else cap_w):
            return knob, min(cap_w, high_w)
    nearest = min(usable, key=lambda knob: spans[knob.key][0], default=None)
    return None if nearest is None else (nearest, spans[nearest.key][0])


def _knob(key: PointKey, driver: WritesPoints) -> Knob:
    settle_s = driver.settle_s if isinstance(driver, PowerKnob) else SETTLE_S
    return Knob(key=key, driver=driver, settle_s=settle_s)


def _pace_s(fleet: Fleet, node_id: NodeId) -> float:
    """Longest time between two readings of a node's power [s]; 0 where no connection reads it."""
    interval_s = {one.id: one.interval_s for one in fleet.connections}
    bound = (one for one in fleet.bindings if one.entity_id == node_id and one.point == "electric_power")
    return max((interval_s.get(one.connection_id, 0.0) for one in bound), default=0.0)


def _span(knob: Knob) -> tuple[float, float]:
    if isinstance(knob.driver, PowerKnob):
        try:
            span = knob.driver.span_w(knob.key)
        except Exception:  # noqa: BLE001 - the write will tell why
            span = None
        if span is not None:
            return span
    return 0.0, PointKey(knob.key.entity_id, "power_cap").kind.high


def _try(knob: Knob, cap_w: float) -> Written:
    try:
        return knob.driver.write(knob.key, cap_w)
    except Exception as error:  # noqa: BLE001 - whatever it is, the limit is not held: the next knob is tried
        if not isinstance(error, (OndolError, OSError)):
            _log.exception("%s: a fault in the driver", knob.key)
        at = dt.datetime.now(dt.UTC)  # the driver, which has the platform's clock, did not get so far
        return Written(key=knob.key, requested=cap_w, accepted=None, at=at, reason=str(error) or repr(error))
