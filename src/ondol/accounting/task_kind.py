"""Which tasks are of one kind: whose run times tell something of each other's."""

from __future__ import annotations

import hashlib
import re

from ondol.model.compute import Task

_TAIL = re.compile(r"[\s._#:-]*(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\d][\dTZ:._+-]*)+$", re.IGNORECASE)
_COMMANDS = ("DOCKER_CMD", "CMD")


def stem_of(name: str) -> str:
    """Name without a running number, date or UUID at its end: "render-0012" and "render-0013" are one kind."""
    return _TAIL.sub("", name.strip().lower()) or "-"


def kind_of(task: Task) -> str:
    """Key of a task's kind: account, name stem, profile, image, and the program that its command begins with.

    Arguments are left out: they are what differs among like tasks. A digest, so that no command is kept.
    """
    command = next((task.constants[name] for name in _COMMANDS if task.constants.get(name)), "").split()
    image = f"{task.constants.get('DOCKER_REPO', '')}:{task.constants.get('DOCKER_TAG', '')}"
    parts = (task.account_id, stem_of(task.name), task.profile, image, command[0] if command else "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
