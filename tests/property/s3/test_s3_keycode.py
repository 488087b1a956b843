"""The code of keys: reversible, keeping prefixes and byte order, holding nothing that a file system takes for more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.model.errors import InvalidFieldError
from ondol.storage.objects.keycode import decode_key, encode_key, encode_prefix

ODD = st.sampled_from("/\\.. -+,!\"#$%&'()*[]_~az09AZ\x01\x1f\x7f\u0085é\ue000\ufffe\U0010ffff🎉")
KEYS = st.text(st.one_of(ODD, st.characters(exclude_categories=["Cs"])), min_size=1, max_size=60)


@given(KEYS)
def test_every_key_comes_back(key: str) -> None:
    name = encode_key(key)
    assert decode_key(name) == key
    assert not set(name) & set("/\\.")
    assert name[0] != " "
    assert min(name) > " "


@given(KEYS, KEYS)
def test_order_and_prefixes_are_kept(one: str, other: str) -> None:
    assert (encode_key(one).encode() < encode_key(other).encode()) == (one.encode() < other.encode())
    assert encode_key(one + other).startswith(encode_prefix(one))
    assert encode_key(one).startswith(encode_prefix(other)) == one.startswith(other)


def test_what_common_keys_look_like() -> None:
    assert encode_key("in/a-b.txt") == "in-a+b,txt"
    assert decode_key("not/made here.txt") == "not/made here.txt"


@pytest.mark.parametrize("key", ["a" * 1024, "é" * 512, "a/" * 512, "x y" * 341, "/" * 1024, "." * 1024])
def test_the_longest_keys_fit(key: str) -> None:
    assert decode_key(encode_key(key)) == key


@pytest.mark.parametrize("key", ["", "a" * 1025, "é" * 512 + "a", "%" * 513])
def test_keys_that_do_not_fit_are_refused(key: str) -> None:
    with pytest.raises(InvalidFieldError, match="1024 bytes"):
        encode_key(key)
