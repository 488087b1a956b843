"""`ondol pool create` and `clone`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.creation import HARDWARE, PLACE, WORK, Hardware, Place, Work, said
from ondol.cli.creation_body import body_of
from ondol.cli.creation_file import merged, read_bodies
from ondol.cli.kinds import POOLS
from ondol.cli.listing import print_json, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import ANY, Which, WrongUsageError, one
from ondol.cli.task_body import CONTAINERS, USUAL_PROFILE

_WHAT, _SCALING = Group("What", sort_key=10), Group("How many slots", sort_key=12)


@Parameter(name="*", group=_SCALING)
@dataclass(frozen=True, kw_only=True)
class Slots:
    """How many slots a pool holds."""

    instances: Annotated[
        int | None,
        Parameter(name=("--instances", "--instance-nodes", "--instanceNodes", "-i"), help="So many. [default: 1]"),
    ] = None
    slots_per_node: Annotated[int | None, Parameter(help="Task instances that run in a slot at once.")] = None
    pool_is_elastic: Annotated[
        bool | None,
        Parameter(name=("--pool-is-elastic", "--elastic", "-e"), negative="", help="As many as there is work for."),
    ] = None
    min_slot: Annotated[int | None, Parameter(help="Elastic: at least so many.")] = None
    max_slot: Annotated[int | None, Parameter(help="Elastic: at most so many.")] = None
    min_idling_slot: Annotated[int | None, Parameter(help="Elastic: so many free ones.")] = None
    resize_period: Annotated[int | None, Parameter(help="Elastic: seconds between two looks.")] = None
    resize_factor: Annotated[float | None, Parameter(help="Elastic: part of the gap closed at once, 0 to 1.")] = None
    min_idling_time: Annotated[int | None, Parameter(help="Elastic: seconds that a free one stays.")] = None
    scaling: Annotated[
        str | None, Parameter(help="Policies by time and queue: JSON, or @FILE that holds it; goes before elastic.")
    ] = None


SLOTS = Slots()


def create(
    *,
    name: Annotated[str | None, Parameter(name=("--name", "-n"), group=_WHAT)] = None,
    work: Work = WORK,
    preparation: Annotated[str | None, Parameter(allow_leading_hyphen=True, group=_WHAT)] = None,
    tasks_wait_for_synchronization: Annotated[bool | None, Parameter(negative="", group=_WHAT)] = None,
    slots: Slots = SLOTS,
    place: Place = PLACE,
    hardware: Hardware = HARDWARE,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Make a pool; prints its id.

    Parameters
    ----------
    name:
        What you call it.
    preparation:
        Command that runs once in every slot before it takes tasks.
    tasks_wait_for_synchronization:
        Tasks start once their slot has the pool's newest files.
    """
    if name is None and work.file is None:
        raise WrongUsageError("Parameter --name is required, or a --file ('ondol pool create --help' shows how)")
    options = said(
        work, slots, place, hardware,
        name=name, preparation=preparation, tasks_wait_for_synchronization=tasks_wait_for_synchronization,
    )  # fmt: skip
    files: list[dict[str, Any]] = [{}] if work.file is None else read_bodies(work.file)
    bodies = [pool_body(options, file) for file in files]
    with open_api(where) as api:
        made = [str(api.create("/pools", body)["uuid"]) for body in bodies]
    if out.json:
        ids = [{"uuid": pool_id} for pool_id in made]
        print_json(ids[0] if len(ids) == 1 else ids)
    else:
        for pool_id in made:
            print_text(pool_id)


def clone(
    *keys: str,
    new_name: str | None = None,
    new_shortname: str | None = None,
    file: Annotated[Path | None, Parameter(name=("--file", "-f"), allow_leading_hyphen=True)] = None,
    slots: Slots = SLOTS,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Make a pool like another; prints its id.

    Parameters
    ----------
    keys:
        Id or first digits of the other, its short name, or its name.
    new_name:
        Its name; that of the other where nothing is said.
    new_shortname:
        Its short name.
    file:
        File with what is different: JSON, YAML or TOML; - is standard input.
    """
    below = _as_pool(body_of(read_bodies(file)[0])) if file is not None else {}
    body = merged(below, _as_pool(body_of(said(slots, name=new_name, shortname=new_shortname))))
    with open_api(where) as api:
        other = str(one(api, POOLS, keys, which)["uuid"])
        pool_id = str(api.create(f"{POOLS.path(other)}/clone", body)["uuid"])
    print_json({"uuid": pool_id}) if out.json else print_text(pool_id)


def pool_body(options: Mapping[str, Any], file: Mapping[str, Any]) -> dict[str, Any]:
    """Give the body of `POST /pools`; raises InvalidFieldError for options that cannot be read."""
    body = merged(_as_pool(body_of(file)), _as_pool(body_of(options)))
    low = {key.lower(): value for key, value in body.items()}
    if "service" in options and "schedulingtype" not in low:
        body["schedulingType"] = "OnDemand" if options["service"] == "on_demand" else "Flex"
    if not low.get("profile"):
        body["profile"] = CONTAINERS if "image" in options else USUAL_PROFILE
    elastic = body.get("elasticProperty")
    if isinstance(elastic, dict) and "maxTotalSlots" in elastic:
        elastic.setdefault("isElastic", True)  # what else would the bounds be for
    if low.get("instancecount") is None:
        body["instanceCount"] = 1
    return body


def _as_pool(body: dict[str, Any]) -> dict[str, Any]:
    """Retries are a default for the tasks of a pool, and called so."""
    return {("defaultRetrySettings" if key == "retrySettings" else key): value for key, value in body.items()}
