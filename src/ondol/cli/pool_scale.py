"""`ondol pool set-elastic-settings` and `set-scaling`: how many slots pools hold from now on."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.creation import said
from ondol.cli.creation_body import body_of, read_scaling
from ondol.cli.kinds import POOLS
from ondol.cli.listing import print_json, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import ANY, Which, WrongUsageError, chosen, do_to_each


def set_elastic_settings(
    *keys: str,
    pool_is_elastic: Annotated[
        bool | None, Parameter(name=("--pool-is-elastic", "--elastic", "-e"), negative="--no-elastic")
    ] = None,
    min_slot: int | None = None,
    max_slot: int | None = None,
    min_idling_slot: int | None = None,
    resize_period: int | None = None,
    resize_factor: float | None = None,
    min_idling_time: int | None = None,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> int:
    """Let pools hold as many slots as there is work for; what is not named stays as it is.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    pool_is_elastic:
        Be elastic; --no-elastic holds the number it was made with.
    min_slot:
        At least so many.
    max_slot:
        At most so many.
    min_idling_slot:
        So many free ones.
    resize_period:
        Seconds between two looks.
    resize_factor:
        Part of the gap closed at once, 0 to 1.
    min_idling_time:
        Seconds that a free one stays.
    """
    options = said(
        elastic=pool_is_elastic, min_slot=min_slot, max_slot=max_slot, min_idling_slot=min_idling_slot,
        resize_period=resize_period, resize_factor=resize_factor, min_idling_time=min_idling_time,
    )  # fmt: skip
    if not options:
        raise WrongUsageError("Name at least one setting ('ondol pool set-elastic-settings --help' shows them)")
    changed: dict[str, Any] = body_of(options)["elasticProperty"]
    with open_api(where) as api:
        pools = chosen(api, POOLS, keys, which, whole=True)

        def change(pool: dict[str, Any]) -> None:
            path = POOLS.path(pool["uuid"])
            before = (pool if "elasticProperty" in pool else api.get(path)).get("elasticProperty") or {}
            api.put(path, {"elasticProperty": {**before, **changed}})

        done, code = do_to_each(pools, change, out)
    _tell(done, out)
    return code


def set_scaling(*keys: str, scaling: str, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Let pools follow policies by time and queue.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    scaling:
        JSON {"policies": […]}, or @FILE that holds it; no policies end the scaling.
    """
    policies = read_scaling(scaling)
    with open_api(where) as api:
        pools = chosen(api, POOLS, keys, which)
        done, code = do_to_each(pools, lambda pool: api.put(f"{POOLS.path(pool['uuid'])}/scaling", policies), out)
    _tell(done, out)
    return code


def _tell(done: list[dict[str, Any]], out: Out) -> None:
    if out.json:
        print_json([{"uuid": pool["uuid"]} for pool in done])
    for pool in done:
        say(f"{pool['uuid']} is changed", out)
