"""The API application: routes, errors and the tolerance of paths, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from ondol.control.admission_notes import AdmissionNotes
from ondol.control.heat_signal import HeatSignals
from ondol.control.ports import Desk
from ondol.control.remote_sites import RemoteSites
from ondol.server.api import (
    account_routes,
    admission_routes,
    agent_routes,
    budget_routes,
    carbon_routes,
    claim_routes,
    factor_routes,
    heat_account_routes,
    heat_asking_routes,
    heat_readings_routes,
    heat_routes,
    job_routes,
    kpi_routes,
    ledger_routes,
    mirror_routes,
    money_routes,
    output_routes,
    pool_list_routes,
    pool_output_routes,
    pool_routes,
    quote_routes,
    secret_routes,
    signal_routes,
    snapshot_routes,
    statement_routes,
    task_list_routes,
    task_routes,
)
from ondol.server.api.describe import describe_answers
from ondol.server.api.heads import HeadAsGet
from ondol.server.api.paths import TolerantPaths
from ondol.server.api.request import body_schemas
from ondol.server.errors import install_errors
from ondol.server.once.book import AnswerBook
from ondol.server.once.journal import Journal
from ondol.server.once.watch import AnswerWatch

DESCRIPTION = """Compute, heat and ledger of this installation.

The compute side speaks the wire of Qarnot's public REST API, so that its SDKs and CLI work unchanged; every path is
also served under `/v1`. `/heat/v1` and `/ledger/v1` are our own and answer errors as RFC 9457 problems.
"""
# Fixed paths come before those with a name in the same place: /tasks/summaries is no task.
ROUTERS: tuple[APIRouter, ...] = (
    account_routes.router,
    task_list_routes.router,
    task_routes.router,
    snapshot_routes.router,
    output_routes.router,
    carbon_routes.router,
    quote_routes.router,
    job_routes.router,
    pool_list_routes.router,
    pool_routes.router,
    pool_output_routes.router,
    money_routes.router,
    budget_routes.router,
    secret_routes.router,
    heat_routes.router,
    heat_asking_routes.router,
    heat_readings_routes.router,
    heat_account_routes.router,
    ledger_routes.router,
    statement_routes.router,
    mirror_routes.router,
    kpi_routes.router,
    claim_routes.router,
    factor_routes.router,
    signal_routes.router,
    admission_routes.router,
    agent_routes.router,
)
_DOCS = ("/docs", "/redoc", "/openapi.json")


def create_api(
    desk: Desk,
    *,
    storage_url: str | None,
    storage_anywhere: bool = False,
    answers: Path | None = None,
    remote: RemoteSites | None = None,
    signals: HeatSignals | None = None,
    admissions: AdmissionNotes | None = None,
) -> FastAPI:
    """Make the API application.

    Parameters
    ----------
    desk : where the platform is asked
    storage_url : address of the S3 front as clients reach it, None where there is none: SDKs then leave buckets alone
    storage_anywhere : the S3 front listens on all addresses: each client is told the host by which it reached the API
    remote : where agents of sites come to; None for no such sites
    signals : the heat signal; None for none
    admissions : what is said of work beforehand; None for nothing
    answers : file that remembers, over a kill, which answers to creations were not given yet; None for no such memory
    """
    journal = Journal(answers)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield
        journal.close()

    app = FastAPI(
        title="Ondol",
        version=version("ondol"),
        description=DESCRIPTION,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        lifespan=life,
    )
    app.state.desk, app.state.answers = desk, AnswerBook(journal)
    app.state.storage_url, app.state.storage_anywhere = storage_url, storage_anywhere
    app.state.remote = remote
    app.state.signals, app.state.admissions, app.state.signal_told = signals, admissions, {}
    install_errors(app)
    for router in ROUTERS:
        app.include_router(router)
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    queries = {field.alias for route in routes for field in _queries(route)}
    app.add_middleware(TolerantPaths, routes=[*_DOCS, *(route.path for route in routes)], queries=sorted(queries))
    app.add_middleware(AnswerWatch, book=app.state.answers)
    app.add_middleware(HeadAsGet)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            schema.setdefault("components", {}).setdefault("schemas", {}).update(body_schemas())
            describe_answers(schema, routes)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # how FastAPI documents its extension
    return app


def _queries(route: APIRoute) -> list[Any]:
    return list(route.dependant.query_params)
