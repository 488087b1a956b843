"""Who an image's user is, read from the image's own tree and from nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ondol.model.errors import InvalidFieldError

_LARGEST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class User:
    """A user as numbers.

    Parameters
    ----------
    groups : further groups
    home : its home folder inside of the image
    """

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/"


def resolve(rootfs: Path, text: str) -> User:
    """Give the user that `USER` of an image names: ``name``, ``1000``, either with ``:group``; empty for root.

    Raises InvalidFieldError where the image does not know the name.
    """
    name, colon, group = text.partition(":")
    users = list(_rows(rootfs, "passwd", 7))
    groups = list(_rows(rootfs, "group", 4))
    row = next((row for row in users if row[0] == (name or "root") or row[2] == (name or "0")), None)
    if row is not None:
        uid, gid, home = _number(row[2]), _number(row[3]), row[5] or "/"
        further = tuple(_number(one[2]) for one in groups if row[0] in one[3].split(",")) if not colon else ()
    elif name.isdecimal() or not name:
        uid, gid, home, further = _number(name or "0"), 0, "/root" if not name else "/", ()
    else:
        raise InvalidFieldError("user of the image", text, "a user that its own /etc/passwd has")
    if colon:
        found = next((one for one in groups if group in (one[0], one[2])), None)
        if found is None and not group.isdecimal():
            raise InvalidFieldError("user of the image", text, "a group that its own /etc/group has")
        gid = _number(group if found is None else found[2])
    return User(uid, gid, further, home)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise InvalidFieldError("user of the image", text[:40], "numbers of users and groups below 2147483648")
    return int(text)


def _rows(rootfs: Path, name: str, fields: int) -> Iterator[list[str]]:
    """Lines of a file of /etc; a link on the way could lead to the host's own, so it counts as no file."""
    at = -1
    try:
        etc = os.open(rootfs / "etc", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            at = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=etc)
        finally:
            os.close(etc)
        with os.fdopen(at, "rb") as file:
            text = file.read(_LARGEST_BYTES).decode(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        row = line.split(":")
        if len(row) >= fields and not line.startswith("#"):
            yield row
