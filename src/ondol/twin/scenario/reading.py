"""Reads a scenario file: what is wrong is told with its place."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.twin.scenario.nouns import Scenario


def load_scenario(path: Path) -> Scenario:
    """Load a scenario file.

    Raises
    ------
    NotFoundError : there is no such file
    InvalidFieldError : not TOML, a key that is not known, a value out of its range; the message names the place
    """
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError("scenario file", str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidFieldError(str(path), str(error), "text in UTF-8") from error
    return read_scenario(text, where=str(path))


def read_scenario(text: str, *, where: str = "scenario") -> Scenario:
    """Read the text of a scenario file; errors as of `load_scenario`."""
    try:
        return msgspec.toml.decode(text, type=Scenario)
    except msgspec.ValidationError as error:
        cause = error.__cause__
        if isinstance(cause, InvalidFieldError):
            raise cause from None
        raise InvalidFieldError(where, str(error), "see docs/reference/scenario-file.md") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidFieldError(where, str(error), "a TOML file as in docs/reference/scenario-file.md") from error
