"""XML text: elements with their values escaped so that every reader gets a document it can parse."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# XML 1.0, production 2 (Char): what no document can hold, not even as a character reference.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, value: str | int) -> str:
    """Write an element with text.

    What XML cannot carry becomes U+FFFD; who has such keys asks for ``encoding-type=url``, as all SDKs do.
    """
    text = escape(_UNPRINTABLE.sub("\ufffd", str(value)))
    return f"<{name}>" + text.replace("\r", "&#13;") + f"</{name}>"


def document(root: str, content: str) -> bytes:
    """Write a document of the S3 namespace."""
    return f'{HEAD}<{root} xmlns="{NAMESPACE}">{content}</{root}>'.encode()


def owner(email: str, name: str = "Owner") -> str:
    """Write who owns something; the access key stands for the person."""
    return f"<{name}>{element('ID', email)}{element('DisplayName', email)}</{name}>"


def url_encoded(text: str) -> str:
    """Encode a key for ``encoding-type=url``; nothing is left that one decoder reads as a space and another as +."""
    return quote(text, safe="/-_.~")
