"""How object keys are written in the store behind: flat names that keep their byte order and mean nothing to it.

SeaweedFS keeps keys as paths of a file system. Left to itself it takes a backslash for a slash, joins double slashes,
climbs at ``..``, cannot hold both ``a`` and ``a/b``, hides ``.uploads/…`` and lists ``a/1`` before ``a-1``. So each
key becomes one file name without slash, backslash or full stop, by a code that is

* reversible: `decode_key` gives back every key;
* prefix-keeping: names begin with a prefix's code if and only if their keys begin with the prefix;
* order-keeping: names sort, byte by byte, as their keys do, which is the order that S3 lists in.

Characters from ``0`` on stay as they are but ``[`` and the backslash. Those before it move down to make room for the
slash, so that common keys stay as short as they are and readable: ``in/a-b.txt`` is kept as ``in-a+b,txt``.
"""

from __future__ import annotations

import re

from ondol.model.errors import InvalidFieldError

LONGEST_KEY_BYTES = 1024
"""Of a key and of its code, each in UTF-8 [bytes]: what S3 allows, and what SeaweedFS 4.48 allows behind it."""

_CONTROL_MARKS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"  # one for each character before the space, in order
_SINGLE = {" ": '"', "(": "&", ")": "'", "*": "(", "+": ")", ",": "*", "-": "+", ".": ",", "/": "-"}
_DOUBLE = {"!": "#0", '"': "#1", "#": "#2", "$": "$0", "%": "$1", "&": "%0", "'": "%1", "[": "[0", "\\": "[1"}
_CONTROL = {chr(number): f"!{mark}" for number, mark in enumerate(_CONTROL_MARKS)}

_CODES = {**_CONTROL, **_SINGLE, **_DOUBLE}
_TABLE = str.maketrans(_CODES)
_KEYS = {code: character for character, code in _CODES.items()}
_CODE = re.compile(r"""![0-9A-V]|#[0-2]|[$%\[][01]|["&'()*+,-]""")
_NEVER_MADE = re.compile(r"""[\x00-\x20./\\]|![^0-9A-V]|#[^0-2]|[$%\[][^01]|[!#$%\[]$""")


def encode_prefix(prefix: str) -> str:
    """Give the code of a beginning of keys, of any length."""
    return prefix.translate(_TABLE)


def encode_key(key: str) -> str:
    """Give the name that a key has in the store behind.

    Parameters
    ----------
    key : 1 to 1,024 bytes of UTF-8; each control character and each of ``!"#$%&'[`` and backslash counts twice

    Raises InvalidFieldError for an empty key and for one that is too long.
    """
    name = encode_prefix(key)
    if not key or len(name.encode()) > LONGEST_KEY_BYTES:
        raise InvalidFieldError(
            "object key",
            key if len(key) <= 80 else f"{key[:80]}…",
            f"1 to {LONGEST_KEY_BYTES} bytes, where control characters and each of !\"#$%&'[\\ count twice",
        )
    return name


def decode_key(name: str) -> str:
    """Give the key of a name that `encode_key` made; other names (put there by another program) stay as they are."""
    if _NEVER_MADE.search(name):
        return name
    return _CODE.sub(lambda found: _KEYS[found[0]], name)
