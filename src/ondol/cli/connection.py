"""How client commands find the platform: by option, environment, the person's configuration, or a data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Group, Parameter

from ondol.cli.api import TIMEOUT_S, Access, Api
from ondol.cli.config_file import Profile, config_path, read_config
from ondol.control.layout import DATA_VARIABLE, DataFolder, data_folder
from ondol.model.errors import ConflictError, InvalidFieldError, UnavailableError

URL_VARIABLE = "ONDOL_URL"
TOKEN_VARIABLE = "ONDOL_TOKEN"  # noqa: S105 - a name, no secret
PLATFORM_VARIABLE = "ONDOL_PLATFORM"
GROUP = Group("Connection", sort_key=91)


@Parameter(name="*", group=GROUP)
@dataclass(frozen=True, kw_only=True)
class Where:
    """Options of every command that talks to a platform."""

    url: Annotated[str | None, Parameter(help=f"Address of the platform [env: {URL_VARIABLE}].")] = None
    token: Annotated[str | None, Parameter(help=f"Your token [env: {TOKEN_VARIABLE}, which others cannot see].")] = None
    platform: Annotated[
        str | None, Parameter(help=f"One that 'ondol config set' keeps, by name [env: {PLATFORM_VARIABLE}].")
    ] = None
    data: Annotated[
        Path | None,
        Parameter(help="Data folder of a platform on this machine [env: ONDOL_DATA, default: ./var/ondol]."),
    ] = None
    unsafe_ssl: Annotated[bool, Parameter(negative="", help="Trust any certificate.")] = False
    api_ca_certificate: Annotated[
        Path | None, Parameter(help="File with the authorities that may have signed the platform's certificate.")
    ] = None
    verbose: Annotated[
        bool, Parameter(name=("--verbose", "-v"), negative="", help="Tell every call on standard error.")
    ] = False


HERE = Where()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A place that may know an address and a token.

    Parameters
    ----------
    anywhere : its token may go to any address, as the person gave it for this call; else to its own only
    """

    name: str
    profile: Profile
    anywhere: bool = False


def find_access(where: Where) -> Access:
    """Tell where the platform is and who we are.

    An option comes first (among them a platform by name, and a data folder), then the environment, then the platform
    in use of the person's configuration, then the data folder that is looked for when nobody says anything. A token
    from a file is sent to the address beside it only.

    Raises UnavailableError where nothing tells an address, ConflictError where there is no token for it.
    """
    sources = list(_sources(where))
    at = next((one for one in sources if one.profile.url), None)
    if at is None:
        folder = data_folder(where.data).path
        raise UnavailableError(
            f"No platform is known: start one with 'ondol up' (its data folder would be {folder}), "
            f"keep one with 'ondol config set', or give --url and --token, or set {URL_VARIABLE} and {TOKEN_VARIABLE}"
        )
    url = at.profile.url
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise InvalidFieldError("--url", url, "an address such as http://127.0.0.1:8080")
    by = next((one for one in sources if one.profile.token and (one.anywhere or one.profile.url == url)), None)
    if by is None:
        raise ConflictError(
            f"No token for {url}: give --token, set {TOKEN_VARIABLE}, or keep one with 'ondol config set'; "
            "'ondol admin user add' makes one"
        )
    same = [one.profile for one in sources if one.profile.url == url]
    unsafe = where.unsafe_ssl or any(one.unsafe_ssl for one in same)
    authority = str(where.api_ca_certificate or next((one.ca_certificate for one in same if one.ca_certificate), ""))
    return Access(
        url=url,
        token=by.profile.token,
        storage=next((one.storage for one in same if one.storage), ""),
        email=by.profile.email,
        verify=not unsafe if unsafe or not authority else authority,
        source=at.name if at is by else f"{at.name}, token from {by.name}",
    )


def _sources(where: Where) -> Iterator[_Source]:
    env = os.environ
    given = Profile(url=(where.url or "").rstrip("/"), token=where.token or "")
    yield _Source(name="the options", profile=given, anywhere=True)
    if where.platform:
        yield _Source(name=f"platform {where.platform}", profile=read_config().named(where.platform))
    if where.data is not None:
        yield _in_folder(data_folder(where.data))
    said = Profile(url=env.get(URL_VARIABLE, "").rstrip("/"), token=env.get(TOKEN_VARIABLE, ""))
    yield _Source(name="the environment", profile=said, anywhere=True)
    if env.get(PLATFORM_VARIABLE):
        yield _Source(name=f"platform {env[PLATFORM_VARIABLE]}", profile=read_config().named(env[PLATFORM_VARIABLE]))
    if env.get(DATA_VARIABLE) and where.data is None:
        yield _in_folder(data_folder())
    config = read_config()
    if config.use:
        yield _Source(name=f"platform {config.use} in {config_path()}", profile=config.named(config.use))
    if where.data is None and not env.get(DATA_VARIABLE):
        yield _in_folder(data_folder())


def _in_folder(folder: DataFolder) -> _Source:
    noted = _read_client_file(folder)
    profile = Profile(url=noted.get("url", "").rstrip("/"), token=noted.get("token", ""), email=noted.get("email", ""))
    return _Source(name=str(folder.client_file), profile=profile)


def write_client_file(folder: DataFolder, *, url: str, token: str, email: str, storage: str) -> None:
    """Note in the data folder how the operator's own commands reach the platform; only the owner may read it."""
    from ondol.storage.whole_files import write_private

    noted = {"url": url, "token": token, "email": email, "storage": storage}
    write_private(folder.client_file, json.dumps(noted, indent=2).encode() + b"\n")


def _read_client_file(folder: DataFolder) -> dict[str, str]:
    try:
        noted = json.loads(folder.client_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UnavailableError(f"{folder.client_file} cannot be read ({error}): 'ondol up' writes it anew") from error
    return {str(key): str(value) for key, value in noted.items()} if isinstance(noted, dict) else {}


def open_api(where: Where, *, timeout_s: float = TIMEOUT_S) -> Api:
    """Open a connection to the platform that `where` and its surroundings name, for answers within `timeout_s` [s]."""
    return Api(find_access(where), verbose=where.verbose, timeout_s=timeout_s)
