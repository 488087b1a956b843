"""What all tests share: the hypothesis profiles, the rule for skips in CI, the end of every process they started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import image_trees
import leaks
from skip_rule import SHARED_DATA, in_ci, pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

LEAK_GRACE_S = 5.0

# No deadline and no check of speed: how fast an example ran says more about the machine than about the property.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", parent=settings.get_profile("here"), derandomize=True, database=None, max_examples=30, print_blob=True
)
settings.load_profile("ci" if in_ci() else "here")


@pytest.fixture(scope="session", autouse=True)
def no_process_left() -> Iterator[None]:
    """Fail the session that leaves a process behind; being the first set up, it is the last torn down."""
    mark = leaks.set_mark()
    yield
    left = leaks.wait_for_end(mark, LEAK_GRACE_S)
    leaks.kill(left)
    if left:
        leaks.tell()
        lines = "\n".join(f"  {process.pid}: {line[:300]}" for process, line in left.items())
        pytest.fail(f"tests left processes running, now killed:\n{lines}", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def image_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store of container images of the tests' own, empty at first: the machine's is neither read nor changed.

    Nor is any registry asked: all lead to a host that RFC 2606 keeps from being.
    """
    store = tmp_path_factory.mktemp("images")
    registries = store / "registries.conf"
    registries.write_text('[[registry]]\nprefix = "docker.io"\nlocation = "registry.invalid"\n')
    named = {"ONDOL_IMAGE_STORE": str(store), "CONTAINERS_REGISTRIES_CONF": str(registries)}
    os.environ.update(named)
    yield store
    for name in named:
        del os.environ[name]
    image_trees.forget_store(store)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the original data that the packaged signals were made from; mark such tests `shared_data`."""
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is not here; the originals cannot be read")
    return SHARED_DATA
