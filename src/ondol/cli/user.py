"""`ondol admin user`: accounts, made on the machine that holds the data folder."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.listing import AsJson, field, print_json, print_pairs, print_rows, print_text
from ondol.cli.operator import Data, account_of, installation, read_amount, read_count, read_size
from ondol.cli.wording import clock, size
from ondol.model.errors import NotFoundError

if TYPE_CHECKING:
    from ondol.model.account import AccountLimits

app = App(name="user", help="Make accounts and their tokens, on the platform's own machine.")


@app.command
def add(email: str, /, *, data: Data = None, as_json: AsJson = False) -> None:
    """Make an account and print its token, this once only.

    Parameters
    ----------
    email:
        Who it is; also the access key of the object store.
    """
    with installation(data, make=True) as (directory, _):
        account, token = directory.add_account(email)
    _tell(account.email, token, as_json=as_json)


@app.command(name="list")
def list_(*, data: Data = None, as_json: AsJson = False) -> None:
    """List the accounts."""
    with installation(data) as (_, store):
        rows = [
            {"email": one.email, "id": one.id, "created": one.created_at.isoformat()}
            for one in sorted(store.accounts(), key=lambda account: account.email)
        ]
    columns = (field("E-MAIL", "email"), field("ID", "id"), field("CREATED (UTC)", "created", clock))
    print_rows(rows, columns, as_json=as_json, empty="No accounts yet: 'ondol admin user add' makes one.")


@app.command
def renew_token(email: str, /, *, data: Data = None, as_json: AsJson = False) -> None:
    """Give an account a new token; the old one is refused from then on."""
    with installation(data) as (directory, _):
        token = directory.renew_token(email)
    _tell(email, token, as_json=as_json)


@app.command
def limit(
    email: str,
    /,
    *,
    tasks: str | None = None,
    running_tasks: str | None = None,
    jobs: str | None = None,
    pools: str | None = None,
    running_pools: str | None = None,
    flex_instances: str | None = None,
    flex_cores: str | None = None,
    on_demand_instances: str | None = None,
    on_demand_cores: str | None = None,
    buckets: str | None = None,
    storage: str | None = None,
    bucket_storage: str | None = None,
    credits_eur: Annotated[str | None, Parameter(name="--credits")] = None,
    organization: str | None = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say what an account may have at once, and show it; "none" lifts a limit, what is not named stays.

    Parameters
    ----------
    tasks:
        Stored tasks, whatever their state.
    running_tasks:
        Tasks that are not over.
    flex_instances:
        Instances of flex work under way at once; likewise the other three.
    buckets:
        Buckets.
    storage:
        Bytes over all buckets, e.g. 10GiB.
    bucket_storage:
        Bytes in each bucket.
    credits_eur:
        EUR to spend from now on, what was spent before included; see 'ondol admin tariff'.
    organization:
        Name of the organisation it belongs to; its members see each other's use. "" for none.
    """
    counts = {
        "max_tasks": ("--tasks", tasks),
        "max_running_tasks": ("--running-tasks", running_tasks),
        "max_jobs": ("--jobs", jobs),
        "max_pools": ("--pools", pools),
        "max_running_pools": ("--running-pools", running_pools),
        "flex_instances": ("--flex-instances", flex_instances),
        "flex_cores": ("--flex-cores", flex_cores),
        "on_demand_instances": ("--on-demand-instances", on_demand_instances),
        "on_demand_cores": ("--on-demand-cores", on_demand_cores),
        "max_buckets": ("--buckets", buckets),
    }
    sizes = {"quota_bytes": ("--storage", storage), "quota_bytes_bucket": ("--bucket-storage", bucket_storage)}
    changed: dict[str, Any] = {
        name: read_count(option, text) for name, (option, text) in counts.items() if text is not None
    }
    changed |= {name: read_size(option, text) for name, (option, text) in sizes.items() if text is not None}
    if credits_eur is not None:
        changed["credits_eur"] = read_amount("--credits", credits_eur)
    with installation(data) as (_, store):
        account = account_of(store, email)
        limits = dataclasses.replace(account.limits, **changed)
        group = account.organization if organization is None else organization
        store.set_terms(account.id, organization=group, limits=limits)
    _show_terms(group, limits, as_json=as_json)


@app.command
def reserve(
    email: str,
    name: str,
    /,
    *nodes: str,
    instances: str = "none",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Keep nodes for an account; without nodes the reservation of that name ends.

    On-demand and flex work of others stays off them from the next decision on; work of the account with scheduling
    type Reserved and this name runs on nothing else.

    Parameters
    ----------
    name:
        Of the reservation.
    nodes:
        Ids of nodes; 'ondol node list' shows them.
    instances:
        Reserved instances under way at once.
    """
    from ondol.control.layout import data_folder
    from ondol.model.account import ReservedQuota
    from ondol.model.ids import NodeId
    from ondol.storage.fleet_file import read_fleet

    file = data_folder(data).fleet_file
    if not file.is_file():
        raise NotFoundError("fleet", f"{file}; start the platform once, so that its nodes are known")
    known = {node.id: node for node in read_fleet(file).nodes}
    for node in nodes:
        if node not in known:
            raise NotFoundError("node", node)
    with installation(data) as (_, store):
        account = account_of(store, email)
        kept = tuple(one for one in account.limits.reserved if one.reservation != name)
        if nodes:
            machine = known[NodeId(nodes[0])].cpu_model
            ids = tuple(NodeId(node) for node in sorted(set(nodes)))
            most = read_count("--instances", instances)
            kept += (ReservedQuota(reservation=name, machine_key=machine, nodes=ids, max_instances=most),)
        limits = dataclasses.replace(account.limits, reserved=kept)
        store.set_terms(account.id, organization=account.organization, limits=limits)
    _show_terms(account.organization, limits, as_json=as_json)


def _show_terms(organization: str, limits: AccountLimits, *, as_json: bool) -> None:
    if as_json:
        print_json({"organization": organization, **dataclasses.asdict(limits)})
        return
    given = {
        name: value for name, value in dataclasses.asdict(limits).items() if value is not None and name != "reserved"
    }
    print_pairs(
        [
            ("organization", organization),
            *((name, size(value) if "bytes" in name else value) for name, value in given.items()),
            *((f"reserved {one.reservation}", ", ".join(one.nodes)) for one in limits.reserved),
        ]
    )
    if not given and not limits.reserved:
        print_text("No limits.")


def _tell(email: str, token: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"email": email, "token": token})
    else:
        print_text(f"{email} {token}")
