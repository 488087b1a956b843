"""`ondol config`: the platforms that you use, kept by name in a file of your own."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from ondol.cli.config_file import DEFAULT_NAME, Config, Profile, check_name, config_path, read_config, write_config
from ondol.cli.connection import HERE, Where, find_access
from ondol.cli.listing import field as column
from ondol.cli.listing import print_json, print_pairs, print_rows, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import WrongUsageError
from ondol.model.errors import InvalidFieldError, OndolError

app = App(name="config", help="Keep the platforms that you use, by name.")


@app.command(name="set")
def set_(
    *,
    platform: str | None = None,
    url: Annotated[str | None, Parameter(name=("--url", "--api-uri", "-u"))] = None,
    token: Annotated[str | None, Parameter(name=("--token", "-t"), allow_leading_hyphen=True)] = None,
    email: Annotated[str | None, Parameter(name=("--account-email", "--email", "-e"))] = None,
    storage: Annotated[str | None, Parameter(name=("--storage-uri", "-s"))] = None,
    unsafe_ssl: bool | None = None,
    ca_certificate: Annotated[Path | None, Parameter(name=("--api-ca-certificate",))] = None,
    use: Annotated[bool, Parameter(negative="")] = False,
    out: Out = SHOWN,
) -> None:
    """Keep how a platform is reached; what is not named stays as it is.

    Parameters
    ----------
    platform:
        Its name; that of the platform in use where nothing is said, or "default".
    url:
        Its address.
    token:
        Your token there; "-" asks for it unseen, or reads it from standard input, so that no history keeps it.
    email:
        Your e-mail there, where it is not to be asked of the platform.
    storage:
        Address of its object store, where it is not the one that it names.
    unsafe_ssl:
        Trust any certificate of it.
    ca_certificate:
        File with the authorities that may have signed its certificate.
    use:
        Use it where no platform is named; the first one kept is used anyway.
    """
    config = read_config()
    name = platform or config.use or DEFAULT_NAME
    check_name(name)
    given: dict[str, Any] = {
        "url": _address("--url", url),
        "token": _token(token),
        "email": email,
        "storage": _address("--storage-uri", storage),
        "unsafe_ssl": unsafe_ssl,
        "ca_certificate": None if ca_certificate is None else str(ca_certificate.absolute()),
    }
    changed = {key: value for key, value in given.items() if value is not None}
    if not changed and not use:
        raise WrongUsageError("What is to be kept? Name --url and --token ('ondol config set --help' shows all)")
    kept = dataclasses.replace(config.platforms.get(name, Profile()), **changed)
    chosen = name if use or not config.use else config.use
    path = write_config(Config(use=chosen, platforms={**config.platforms, name: kept}))
    print_json({"platform": name, **_shown(kept)}) if out.json else say(f"{name} is kept in {path}", out)


@app.command
def show(
    *,
    without_env: Annotated[bool, Parameter(negative="")] = False,
    global_: Annotated[bool, Parameter(name=("--global", "-g"), negative="", show=False)] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show the platforms that are kept, and which one commands would talk to now. Tokens are never shown whole.

    Parameters
    ----------
    without_env:
        Only what the file says.
    """
    config = read_config()
    rows = [
        {"platform": name, "in_use": name == config.use, **_shown(one)}
        for name, one in sorted(config.platforms.items())
    ]
    now: dict[str, Any] = {}
    if not without_env and not global_:
        try:
            access = find_access(where)
            now = {"url": access.url, "token": _masked(access.token), "from": access.source}
        except OndolError as error:
            now = {"none": str(error)}
    if out.json:
        print_json({"file": str(config_path()), "platforms": rows, "now": now})
        return
    columns = (
        column("", "in_use", lambda used: "*" if used else " "),
        column("PLATFORM", "platform"),
        column("ADDRESS", "url"),
        column("TOKEN", "token"),
        column("E-MAIL", "email"),
        column("OBJECTS", "storage"),
    )
    print_rows(rows, columns, out=out, empty=f"Nothing is kept in {config_path()}.", key="platform")
    if now and not out.quiet:
        say("", out)
        print_pairs([("talking to", now.get("url") or now.get("none")), ("as told by", now.get("from"))], out)


@app.command
def use(platform: str, /, *, out: Out = SHOWN) -> None:
    """Use a platform where none is named.

    Parameters
    ----------
    platform:
        Its name.
    """
    config = read_config()
    config.named(platform)
    write_config(dataclasses.replace(config, use=platform))
    print_json({"use": platform}) if out.json else say(f"{platform} is used from now on", out)


@app.command
def remove(platform: str, /, *, out: Out = SHOWN) -> None:
    """Forget a platform, and its token.

    Parameters
    ----------
    platform:
        Its name.
    """
    config = read_config()
    config.named(platform)
    left = {name: one for name, one in config.platforms.items() if name != platform}
    write_config(Config(use="" if config.use == platform else config.use, platforms=left))
    print_json({"removed": platform}) if out.json else say(f"{platform} is forgotten", out)


def _shown(profile: Profile) -> dict[str, Any]:
    return dataclasses.asdict(profile) | {"token": _masked(profile.token)}


def _masked(token: str) -> str:
    """Enough of a token to tell it from another: its first 4 of at least 16 characters."""
    return "" if not token else f"{token[:4]}…" if len(token) >= 16 else "…"


def _address(option: str, text: str | None) -> str | None:
    if text is None or text == "":
        return text
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise InvalidFieldError(option, text, "an address such as https://compute.example.org")
    return text.rstrip("/")


def _token(text: str | None) -> str | None:
    if text != "-":
        return text
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Token (unseen): ").strip()
    return sys.stdin.readline().strip()
