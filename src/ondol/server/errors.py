"""The one place where errors become HTTP: status, `{"message"}` for compute, RFC 9457 problems on our own routes."""

from __future__ import annotations

import errno
import http
import logging
import math

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ondol.model.errors import (
    BusyError,
    ConflictError,
    ForbiddenError,
    InvalidFieldError,
    NotEnoughCreditsError,
    NotFoundError,
    OndolError,
    TooManyRowsError,
    UnavailableError,
)

_log = logging.getLogger(__name__)
OWN_ROUTES = ("/quotes/v1", "/heat/v1", "/ledger/v1", "/agent/v1", "/signal/v1", "/admission/v1", "/budgets/v1")


class UnauthenticatedError(OndolError):
    """The request carries no token, or one that nobody here has."""


class InvalidRequestError(OndolError):
    """The request cannot be understood or is not allowed as a whole; its message names every field at fault."""


class KeyReusedError(OndolError):
    """An `Idempotency-Key` that came with another request before."""


class TooSlowError(OndolError):
    """The body did not arrive in time."""


class TooLargeError(OndolError):
    """The body is larger than this server takes."""


class NotOfferedError(OndolError):
    """A route of the contract that this installation does not serve yet.

    Answered with 501, which no SDK retries (500, 502, 503 and 504 are; `reference/qarnot-api.md` §2.1).

    Parameters
    ----------
    what : the thing that is not offered
    instead : what to do meanwhile, as a sentence; "" where there is nothing
    """

    def __init__(self, what: str, instead: str = "") -> None:
        super().__init__(f"{what} not offered yet by this installation. {instead}".rstrip())


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (UnauthenticatedError, 401),
    (NotEnoughCreditsError, 402),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (TooSlowError, 408),
    (TooLargeError, 413),
    (KeyReusedError, 422),
    (TooManyRowsError, 422),
    (InvalidFieldError, 400),
    (InvalidRequestError, 400),
    (NotOfferedError, 501),
    (UnavailableError, 503),
    (OndolError, 400),
)


def status_of(error: Exception) -> int:
    """HTTP status of an error; 507 where the disk is full, 500 for what nobody foresaw."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return 507
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def install_errors(app: FastAPI) -> None:
    """Have every error of an application answered as JSON."""

    def known(request: Request, error: Exception) -> JSONResponse:
        after = {"Retry-After": f"{math.ceil(error.after_s)}"} if isinstance(error, BusyError) else None
        return _answer(request, status_of(error), str(error), field=getattr(error, "field", None), headers=after)

    def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101  # what it is registered for
        words = {
            404: f"No such route: {request.method} {request.url.path}. See /docs for those there are",
            405: f"{request.url.path} does not answer {request.method}. See /docs for what it does",
        }
        return _answer(
            request, error.status_code, words.get(error.status_code, str(error.detail)), headers=error.headers
        )

    def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101  # what it is registered for
        wrong = "; ".join(f"{'.'.join(str(part) for part in e['loc'][1:])}: {e['msg']}" for e in error.errors())
        return _answer(request, 400, f"Invalid parameters: {wrong}")

    def unforeseen(request: Request, error: Exception) -> JSONResponse:
        status = status_of(error)
        if status == 507:
            return _answer(request, status, "The platform's disk is full: free space, then try again")
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        # The server closes the connection after an error that nobody foresaw: a client with a pool of them is told so.
        words = "The platform met an error of its own; its log says more"
        return _answer(request, status, words, headers={"Connection": "close"})

    app.add_exception_handler(OndolError, known)
    app.add_exception_handler(OSError, unforeseen)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)


def _answer(
    request: Request, status: int, message: str, *, field: str | None = None, headers: object = None
) -> JSONResponse:
    extra = dict(headers) if isinstance(headers, dict) else {}
    if status == 503:
        extra.setdefault("Retry-After", "1")
    path = request.scope["path"]
    if not path.startswith(OWN_ROUTES):
        return JSONResponse({"message": message}, status, extra)
    problem = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "instance": path,
    } | ({} if field is None else {"field": field})
    return JSONResponse(problem, status, extra, media_type="application/problem+json")
