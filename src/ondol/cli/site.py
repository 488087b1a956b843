"""`ondol site`: sites with real instruments, their agents' tokens, and what is known of products."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyclopts import App

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import field, print_rows, print_text
from ondol.cli.operator import Data
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import power

app = App(name="site", help="See sites, give their agents tokens, check and learn what is wired there.")

_SITES = (
    field("SITE", "id"),
    field("NAME", "name"),
    field("AGENT", "agent"),
    field("DRAWS", "measured_w", power, right=True),
)
_PROFILES = (
    field("PROFILE", "name"),
    field("WHAT IT IS", "title"),
    field("TRIED", "tried"),
)


@app.command(name="list")
def list_sites(*, out: Out = SHOWN, where: Where = HERE) -> None:
    """List the sites, who runs their agents, and what they draw."""
    with open_api(where) as api:
        rows: Any = api.get("/heat/v1/sites")
    print_rows([{**row, "measured_w": row["power"]["measured"]["power_w"]} for row in rows], _SITES, out=out)


@app.command
def token(site: str, *, fleet: Path | None = None, data: Data = None) -> None:
    """Make the token of a site's agent, and print it this once; the one before is no longer valid.

    Parameters
    ----------
    site:
        Id of the site.
    fleet:
        The fleet file, where the platform has not been started with it yet.
    """
    from ondol.cli.operator import installation
    from ondol.control.layout import data_folder
    from ondol.control.site_tokens import SiteTokens
    from ondol.model.errors import NotFoundError
    from ondol.storage.fleet_file import read_fleet

    file = fleet or data_folder(data).fleet_file
    if not file.is_file():
        raise NotFoundError("fleet file", f"{file}; name it with --fleet, or start 'ondol up' with it first")
    known = read_fleet(file)
    with installation(data, make=True) as (_, store):
        print_text(SiteTokens(store).renew(known, site))


@app.command
def profiles(*, out: Out = SHOWN) -> None:
    """List the product profiles that a connection can name."""
    from ondol.drivers.profiles.loading import load_profile, profile_names

    rows = [
        {"name": name, "title": known.title, "tried": known.tried}
        for name, known in ((name, load_profile(name)) for name in profile_names())
    ]
    print_rows(rows, _PROFILES, out=out)


app.command("ondol.cli.site_check:check", name="check", help="Find what is wired wrong at a site.")
app.command("ondol.cli.site_identify:identify", name="identify", help="Learn rooms, tanks and lags of a site.")
