"""In CI a test that is skipped is a test that failed, unless the machine cannot have what it needs.

What may be skipped is listed here with its reason: tests marked `shared_data` where ../shared/data is absent, and
skips whose words begin with one of MAY_SKIP. Outside CI nothing changes.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# `make test` has tried to install bubblewrap already: where it is still missing, or the kernel forbids user
# namespaces (most containers do), this machine cannot have a sandbox.
# Likewise containers: they need root, podman, runc, control groups and an overlay; and busybox for the images of tests.
# Likewise the compiler and SimGrid, of which the peer of a benchmark is built.
# A volunteer's client is installed for no test: as root its package starts a daemon. Where it is here, it is tried.
# Likewise only root may mount the small disk that one test fills.
MAY_SKIP = (
    "bubblewrap is not installed",
    "bubblewrap does not work here",
    "a disk to fill cannot be mounted here",
    "containers cannot run here",
    "busybox is not installed",
    "libsimgrid-dev is not installed",
    "g++ is not installed",
    "boinc-client is not installed",
)


def in_ci() -> bool:
    """Whether this run is to be strict: CI is set, and not to a word for no."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


def may_skip(reason: str, *, needs_shared_data: bool = False) -> bool:
    """Say whether a test may be skipped in CI.

    Parameters
    ----------
    reason : the words of the skip
    needs_shared_data : the test carries the mark `shared_data`
    """
    if needs_shared_data and not SHARED_DATA.is_dir():
        return True
    return reason.removeprefix("Skipped: ").startswith(MAY_SKIP)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    told = report.longrepr
    return str(told[2]) if isinstance(told, tuple) else str(told)


def _fail(report: pytest.TestReport | pytest.CollectReport, *, needs_shared_data: bool) -> None:
    if not report.skipped or hasattr(report, "wasxfail") or not in_ci():
        return
    reason = _reason(report)
    if not may_skip(reason, needs_shared_data=needs_shared_data):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped and CI wants it run. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail(report, needs_shared_data=item.get_closest_marker("shared_data") is not None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail(report, needs_shared_data=False)
    return report
