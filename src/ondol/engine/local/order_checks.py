"""What a launch order must fulfil before anything is made on the disk."""

from __future__ import annotations

import re

from ondol.engine.ports import LaunchOrder
from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def check_order(order: LaunchOrder) -> None:
    """Refuse, with InvalidFieldError, what could not be started or could not stand in a folder's name."""
    if not _NAME.fullmatch(order.attempt_id):
        raise InvalidFieldError("attempt_id", order.attempt_id, "letters, digits, dots, - and _, at most 200")
    none = order.hold and not order.argv
    if not none and (not order.argv or not order.argv[0]):
        raise InvalidFieldError("argv", order.argv, "a program and its arguments")
    for text in (*order.argv, *order.environment, *order.environment.values()):
        if "\0" in text:
            raise InvalidFieldError("argv or environment", text, "text without NUL characters")
    if any(not name or "=" in name for name in order.environment):
        raise InvalidFieldError("environment", sorted(order.environment), "names without =")
    check_range("host_cores", order.host_cores, 0.001, 4096.0, "cores")
    for folder in (order.job_dir, order.checkpoint_dir):
        if folder is not None and not folder.is_dir():
            raise InvalidFieldError("job_dir or checkpoint_dir", str(folder), "a folder that exists")
