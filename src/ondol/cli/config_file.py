"""The file in which a person keeps the platforms they use: addresses and tokens by name, for their eyes only."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ondol.model.errors import InvalidFieldError, NotFoundError, UnavailableError

VARIABLE = "ONDOL_CONFIG"
DEFAULT_NAME = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One platform.

    Parameters
    ----------
    storage : address of its object store, where it is not the one that the platform names
    ca_certificate : file with the authorities that may have signed its certificate
    """

    url: str = ""
    token: str = ""
    email: str = ""
    storage: str = ""
    unsafe_ssl: bool = False
    ca_certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of a file.

    Parameters
    ----------
    use : name of the platform that counts where none is named
    """

    use: str = ""
    platforms: Mapping[str, Profile] = field(default_factory=dict)

    def named(self, name: str) -> Profile:
        """One by its name; raises NotFoundError."""
        found = self.platforms.get(name)
        if found is None:
            known = ", ".join(self.platforms) or "none"
            raise NotFoundError("platform", f"{name} in {config_path()}; known: {known}. 'ondol config set' adds one")
        return found


def config_path() -> Path:
    """Where it is: $ONDOL_CONFIG, else ondol/config.toml below $XDG_CONFIG_HOME or ~/.config."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".config") / "ondol" / "config.toml"


def read_config() -> Config:
    """Read it; an empty one where there is no file. Raises UnavailableError for one that cannot be understood."""
    path = config_path()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Config()
    except (OSError, ValueError) as error:
        raise UnavailableError(f"{path} cannot be read ({error}): correct it, or remove it") from error
    platforms = data.get("platforms", {})
    if not isinstance(platforms, dict) or not all(isinstance(one, dict) for one in platforms.values()):
        raise UnavailableError(f"{path}: [platforms.NAME] should be tables: 'ondol config set' writes them")
    return Config(use=str(data.get("use", "")), platforms={name: _profile(one) for name, one in platforms.items()})


def write_config(config: Config) -> Path:
    """Write it, whole or not at all, so that only its owner may read it; gives its place."""
    import tomli_w

    from ondol.storage.whole_files import write_private

    path = config_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    data: dict[str, Any] = {"use": config.use} if config.use else {}
    data["platforms"] = {
        name: {key: value for key, value in dataclasses.asdict(one).items() if value}
        for name, one in config.platforms.items()
    }
    write_private(path, tomli_w.dumps(data).encode())
    return path


def check_name(name: str) -> None:
    """Raise InvalidFieldError for what is no name of a platform."""
    if not _NAME.fullmatch(name):
        raise InvalidFieldError("--platform", name, "1 to 64 letters, digits, dots, hyphens and underscores")


def _profile(data: Mapping[str, Any]) -> Profile:
    texts = {key: str(data.get(key, "")) for key in ("token", "email", "storage", "ca_certificate")}
    url = str(data.get("url", "")).rstrip("/")
    return Profile(url=url, unsafe_ssl=data.get("unsafe_ssl") is True, **texts)
