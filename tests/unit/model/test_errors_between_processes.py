"""Errors go from one process to another as they are."""

from __future__ import annotations

import pickle

import pytest

from ondol.model.errors import BusyError, InvalidFieldError, NotFoundError, OndolError, TooManyRowsError


@pytest.mark.parametrize(
    "error",
    [
        InvalidFieldError("sites", -1, "at least 0"),
        NotFoundError("task", "one"),
        BusyError("later", 10.0),
        TooManyRowsError("less"),
    ],
)
def test_an_error_keeps_its_words_and_fields(error: OndolError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
