"""Reads the packaged table of factors, and an operator's own rows that stand in place of them."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from importlib.resources import files
from pathlib import Path

from ondol.accounting.factor_table import read_table
from ondol.accounting.registry import Registry
from ondol.model.errors import InvalidFieldError, NotFoundError, UnavailableError
from ondol.model.factor import Scope
from ondol.signals.carbon import COUNTRIES, GridCarbon


@functools.cache
def packaged_registry() -> Registry:
    """Give the registry that travels with Ondol.

    Raises
    ------
    UnavailableError : the table is not in this installation
    """
    try:
        raw = (files("ondol.signals") / "data" / "factors.csv").read_bytes()
    except FileNotFoundError as error:
        raise UnavailableError("The packaged table of factors is missing; install the package ondol again") from error
    table = read_table(raw.decode(), "factors.csv")
    return Registry.of(table.rows, version=table.version, digest=hashlib.sha256(raw).hexdigest())


def registry_with(own: Path | None) -> Registry:
    """Give the packaged registry with an operator's own rows.

    Parameters
    ----------
    own : CSV with the same columns; None for none

    Raises
    ------
    NotFoundError : no such file
    FactorTableError : with every mistake in it: also data of the future, a row of another unit or basis than the one
        that it replaces
    InvalidFieldError : a file that is not UTF-8 text
    """
    packaged = packaged_registry()
    if own is None:
        return packaged
    try:
        raw = own.read_bytes()
        text = raw.decode("utf-8-sig")  # spreadsheets begin theirs with a mark
    except FileNotFoundError as error:
        raise NotFoundError("table of factors", str(own)) from error
    except UnicodeDecodeError as error:
        raise InvalidFieldError("accounting.factors", str(own), "a CSV file in UTF-8") from error
    except OSError as error:
        raise InvalidFieldError("accounting.factors", str(own), f"a file to read ({error.strerror})") from error
    this_year = dt.datetime.now(dt.UTC).year
    table = read_table(text, str(own), packaged, until=this_year)
    return packaged.merged(table.rows, digest=hashlib.sha256(raw).hexdigest())


def series_means() -> dict[str, float]:
    """Mean of each country's packaged hourly series over its year [gCO2e/kWh], for `basis_for`."""
    return {country: GridCarbon.load(country).mean_g_per_kwh for country in COUNTRIES}


SERIES_YEAR = GridCarbon.YEAR
SERIES_SCOPE = Scope.DIRECT
