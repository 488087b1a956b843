"""Given names of images as people write them, when they are read, then each has one full name or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.engine.images.reference import Reference, parse
from ondol.model.errors import InvalidFieldError


@pytest.mark.parametrize(
    ("repository", "tag", "registry", "name"),
    [
        ("ubuntu", "", "", "docker.io/library/ubuntu:latest"),
        ("library/ubuntu", "22.04", "", "docker.io/library/ubuntu:22.04"),
        ("docker.io/ubuntu", "", "", "docker.io/library/ubuntu:latest"),
        ("index.docker.io/library/ubuntu", "", "", "docker.io/library/ubuntu:latest"),
        ("jrottenberg/ffmpeg", "ubuntu", "", "docker.io/jrottenberg/ffmpeg:ubuntu"),
        ("owner/name:1.0", "2.0", "", "docker.io/owner/name:1.0"),
        ("quay.io/a/b/c", "", "", "quay.io/a/b/c:latest"),
        ("host:5000/a", "x", "", "host:5000/a:x"),
        ("a/b", "", "registry.example.org:8443", "registry.example.org:8443/a/b:latest"),
        ("localhost/own", "", "", "localhost/own:latest"),
        (" ubuntu ", " 1 ", " ", "docker.io/library/ubuntu:1"),
        ("ubuntu@sha256:" + "a" * 64, "x", "", "docker.io/library/ubuntu@sha256:" + "a" * 64),
    ],
)
def test_a_name_is_read_as_docker_reads_it(repository: str, tag: str, registry: str, name: str) -> None:
    assert parse(repository, tag, registry).name == name


@pytest.mark.parametrize(
    ("repository", "tag", "registry", "constant"),
    [
        ("", "", "", "DOCKER_REPO"),
        ("Ubuntu", "", "", "DOCKER_REPO"),
        ("-v", "", "", "DOCKER_REPO"),
        ("a b", "", "", "DOCKER_REPO"),
        ("../../etc", "", "", "DOCKER_REGISTRY"),
        ("a/b", "-x", "", "DOCKER_TAG"),
        ("a/b", "x y", "", "DOCKER_TAG"),
        ("a@sha256:12", "", "", "DOCKER_TAG"),
        ("a/b", "", "http://host", "DOCKER_REGISTRY"),
        ("a/b", "", "--tls", "DOCKER_REGISTRY"),
        ("x" * 300, "", "", "DOCKER_REPO"),
    ],
)
def test_what_is_no_name_is_refused_by_the_constant_that_holds_it(
    repository: str, tag: str, registry: str, constant: str
) -> None:
    with pytest.raises(InvalidFieldError, match=constant):
        parse(repository, tag, registry)


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_whatever_is_given_no_name_looks_like_an_option_or_a_path(repository: str, tag: str, registry: str) -> None:
    try:
        found = parse(repository, tag, registry)
    except InvalidFieldError:
        return
    assert not found.name.startswith(("-", "/", "."))
    assert ".." not in found.name.split("/")
    assert parse(found.name.rsplit("@")[0] if "@" in found.name else found.name).repository == found.repository


def test_general_images_are_those_of_docker_alone() -> None:
    assert parse("ubuntu").general
    assert parse("library/python", "3.9").general
    assert not parse("owner/python").general
    assert not parse("quay.io/library/ubuntu").general


@pytest.mark.parametrize(
    ("registry", "may"),
    [
        ("docker.io", True), ("host:5000", True), ("10.0.0.7:5000", True), ("localhost", False),
        ("localhost:5000", False), ("127.0.0.1", False), ("127.8.8.8:5000", False), ("169.254.169.254", False),
        ("0.0.0.0:1", False), ("x.localhost", False),
    ],
)  # fmt: skip
def test_registries_on_this_machine_are_not_asked(registry: str, may: bool) -> None:
    assert Reference(registry, "a", "b").pullable is may
