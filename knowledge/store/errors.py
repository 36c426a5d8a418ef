"""The one place that turns PostgreSQL's errors into those of the knowledge package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from knowledge.errors import Conflict, InvalidInput, KnowledgeError, StoreContended, StoreUnavailable

GONE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,  # a standby that was not promoted (yet)
    PoolTimeout,
    PoolClosed,
    TooManyRequests,
)
#: Nothing was written, and trying again may do.
CONTENDED = (errors.DeadlockDetected, errors.SerializationFailure)


@contextmanager
def translated() -> Iterator[None]:
    """Raise `StoreUnavailable`, `InvalidInput` or `Conflict` for what PostgreSQL refuses; let the rest pass.

    A refusal's own text may quote what was given, which may be a secret: it is not carried on.
    """
    try:
        yield
    except UnicodeEncodeError:
        raise InvalidInput("PostgreSQL cannot store a text of this request: it is no valid Unicode.") from None
    except psycopg.Error as error:
        known = _translate(error)
        if known is None:
            raise
        raise known from (error if isinstance(known, StoreUnavailable) else None)


def _translate(error: psycopg.Error) -> KnowledgeError | None:
    state = error.sqlstate or ""
    # 54: a limit of the program, such as an index row that is too long; psycopg files it under operational trouble.
    if isinstance(error, psycopg.DataError) or state.startswith("54"):
        return InvalidInput(f"PostgreSQL cannot store a value of this request (SQLSTATE {state or 'unknown'}).")
    if isinstance(error, psycopg.IntegrityError):
        return Conflict(f"The change contradicts what is stored (SQLSTATE {state}).")
    if isinstance(error, CONTENDED):
        return StoreContended(f"PostgreSQL could not let all of it happen at once ({type(error).__name__}).")
    if isinstance(error, GONE):
        return StoreUnavailable(f"PostgreSQL cannot be reached ({type(error).__name__}).")
    return None
