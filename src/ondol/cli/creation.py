"""Options that creating a task and creating a pool have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from ondol.cli.selection import Several, several

Service = Literal["on_demand", "flex", "harvest", "filler"]
_WORK, _HARDWARE, _PLACE = (
    Group("What", sort_key=10),
    Group("Hardware", sort_key=20),
    Group("Where and when", sort_key=15),
)
_FLAG = Parameter(negative="")


def _flag(help: str, *names: str) -> Parameter:  # noqa: A002 - as cyclopts calls it
    return Parameter(name=names or None, negative="", help=help)


def _text(help: str) -> Parameter:  # noqa: A002 - as cyclopts calls it
    return Parameter(help=help, allow_leading_hyphen=True)


@Parameter(name="*", group=_WORK)
@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done, with what."""

    file: Annotated[
        Path | None,
        Parameter(
            name=("--file", "-f"),
            help="File with the body of the creation, or a list of them: JSON, YAML or TOML; - is standard input. "
            "Options go before it; constants and labels are added name by name.",
            allow_leading_hyphen=True,
        ),
    ] = None
    shortname: Annotated[
        str | None, Parameter(name=("--shortname", "-s"), help="A unique handle of letters, digits and hyphens.")
    ] = None
    profile: Annotated[
        str | None, Parameter(name=("--profile", "-p"), help="How it runs: process (the default), docker-batch …")
    ] = None
    image: Annotated[
        str | None, Parameter(help="Container image, e.g. python:3.12: DOCKER_REPO, DOCKER_TAG and docker-batch.")
    ] = None
    constants: Annotated[
        Several,
        several("NAME=VALUE …, environment variables of the job.", "--constants", "--constant", "-c"),
    ] = None
    constraints: Annotated[Several, several("NAME=VALUE …, for administrators.", "--constraints")] = None
    labels: Annotated[Several, several("NAME=VALUE …, notes of yours.", "--labels", "--label")] = None
    tags: Annotated[Several, several("Tags to find it by.", "--tags", "--tag", "-t")] = None
    resources: Annotated[
        Several,
        several("BUCKET or BUCKET/PREFIX … whose files the job finds in its folder.", "--resources", "-r"),
    ] = None
    ttl: Annotated[int | None, Parameter(help="Seconds that a site keeps the inputs at hand.")] = None
    secrets_access_rights_by_key: Annotated[
        Several, several("Secrets that the job is given.", "--secrets-access-rights-by-key")
    ] = None
    secrets_access_rights_by_prefix: Annotated[
        Several, several("Secrets that it is given, by how their names begin.", "--secrets-access-rights-by-prefix")
    ] = None
    export_credentials_to_env: Annotated[
        bool | None, _flag("Give the job the API's and the object store's credentials.", "--export-credentials-to-env")
    ] = None
    auto_delete: Annotated[bool | None, _flag("Delete it once it is over.", "--auto-delete")] = None
    max_total_retries: Annotated[int | None, Parameter(help="Further attempts after failures, over all instances.")] = (
        None
    )
    max_retries_per_instance: Annotated[
        int | None,
        Parameter(name=("--max-retries-per-instance", "--retries"), help="Further attempts of an instance that fails."),
    ] = None


@Parameter(name="*", group=_HARDWARE)
@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What a node must have."""

    min_core_count: Annotated[int | None, Parameter(help="At least so many cores.")] = None
    max_core_count: Annotated[int | None, Parameter(help="At most so many.")] = None
    min_ram_core_ratio: Annotated[float | None, Parameter(help="At least so many GB of memory per core.")] = None
    max_ram_core_ratio: Annotated[float | None, Parameter(help="At most so many.")] = None
    min_ram: Annotated[float | None, Parameter(help="At least so many MB of memory.")] = None
    max_ram: Annotated[float | None, Parameter(help="At most so many.")] = None
    specific_hardware_constraints: Annotated[
        Several, several("Keys of machines; 'ondol hw-constraints list' shows them.", "--specific-hardware-constraints")
    ] = None
    cpu_model: Annotated[str | None, Parameter(help="This CPU.")] = None
    gpu_hardware: Annotated[bool | None, _flag("With a GPU.", "--gpu-hardware")] = None
    no_gpu_hardware: Annotated[bool | None, _flag("Without.", "--no-gpu-hardware")] = None
    ssd_hardware: Annotated[bool | None, _flag("With an SSD.", "--ssd-hardware")] = None
    no_ssd_hardware: Annotated[bool | None, _flag("Without.", "--no-ssd-hardware")] = None


@Parameter(name="*", group=_PLACE)
@dataclass(frozen=True, kw_only=True)
class Place:
    """On whose account and when."""

    service: Annotated[
        Service | None,
        Parameter(
            help="on_demand: now; flex: by its deadline, when heat is wanted; harvest: on wanted heat only, may be "
            "stopped; filler: for heat alone."
        ),
    ] = None
    scheduling_type: Annotated[str | None, Parameter(help="OnDemand, Flex or Reserved.")] = None
    machine_target: Annotated[str | None, Parameter(help="For Reserved: the key of the machine.")] = None
    reservation_target: Annotated[str | None, Parameter(help="For Reserved: the name of the reservation.")] = None
    project: Annotated[
        str | None, Parameter(name=("--project", "--project-uuid"), help="Project that it is booked on.")
    ] = None
    max_time_queue: Annotated[str | None, Parameter(help="Give up where no place was found for so long: 2h.")] = None


WORK, HARDWARE, PLACE = Work(), Hardware(), Place()


def said(*options: Any, **more: Any) -> dict[str, Any]:
    """Give what was said in options, by their names without hyphens; what was not said is left out.

    Parameters
    ----------
    options : of the classes here
    more : further ones by name
    """
    fields: dict[str, Any] = {}
    for one in options:
        fields |= {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
    fields |= more
    return {name.replace("_", ""): value for name, value in fields.items() if value is not None and name != "file"}


def without(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Leave names out."""
    return {name: value for name, value in fields.items() if name not in names}
