"""Ports of containers that network rules open to others, on ports of this machine that are free."""

from __future__ import annotations

import contextlib
import socket

from ondol.control.ports import OpenPort
from ondol.engine.ports import PortForward
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError

MOST_PORTS = 32  # of one attempt


def forwards_of(task: Task, host: str) -> tuple[PortForward, ...]:
    """Give the forwards that a task's inbound rules ask for, each on a free port of `host`.

    Raises InvalidFieldError where there are more than `MOST_PORTS`, OSError where this machine has no free port.
    """
    wanted = [(rule, port) for rule in task.network_rules if rule.inbound for port in _ports(rule.port)]
    if len(wanted) > MOST_PORTS:
        raise InvalidFieldError("forcedNetworkRules", len(wanted), f"at most {MOST_PORTS} open ports")
    with contextlib.ExitStack() as held:  # all at once, so that no two get the same
        return tuple(
            PortForward(
                protocol=rule.proto,
                port=port,
                host_address=host,
                host_port=_free(held, host, rule.proto),
                name=rule.name,
                application_type=rule.application_type,
            )
            for rule, port in wanted
        )


def open_ports(forwards: tuple[PortForward, ...]) -> tuple[OpenPort, ...]:
    """Say where ports of a running attempt are reached."""
    return tuple(
        OpenPort(
            name=one.name,
            port=one.port,
            host=one.host_address if one.host_address not in ("0.0.0.0", "::", "") else socket.gethostname(),  # noqa: S104
            public_port=one.host_port,
            proto=one.protocol,
            application_type=one.application_type,
        )
        for one in forwards
    )


def _ports(text: str) -> range:
    first, _, last = text.partition("-")
    if not first.strip().isdecimal() or (last and not last.strip().isdecimal()):
        return range(0)
    return range(int(first), int(last or first) + 1)


def _free(held: contextlib.ExitStack, host: str, protocol: str) -> int:
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    holder = held.enter_context(socket.socket(socket.AF_INET, kind))
    holder.bind((host, 0))
    return int(holder.getsockname()[1])
