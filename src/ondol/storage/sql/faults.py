"""What databases raise, as the errors of this house, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ondol.model.errors import ConflictError, UnavailableError


@contextmanager
def translated(done: str, taken: str = "") -> Iterator[None]:
    """Turn every error of SQLAlchemy into ours.

    Raises ConflictError(taken) where something that is to be there only once is there already and `taken` is given,
    UnavailableError for everything else.

    Parameters
    ----------
    done : what was being done with the database, e.g. "written"
    taken : what to say of a violated uniqueness
    """
    try:
        yield
    except IntegrityError as error:
        if taken:
            raise ConflictError(taken) from error
        raise UnavailableError(
            f"The database could not be {done}: two rows contradict each other ({error.orig}). Nothing was changed; "
            "`ondol ledger check` tells whether the data folder is sound"
        ) from error
    except PoolTimeoutError as error:
        raise UnavailableError(
            "The database could not be reached: all of its connections are busy. Try again in a moment"
        ) from error
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise UnavailableError(
            f"The database could not be {done}: {cause}. Look whether the disk is full, the data folder may be written "
            "and nothing else holds the database; then try again"
        ) from error
