"""How client commands find the platform: address and token from options, the environment or the data folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from cyclopts import Parameter

from ondol.control.layout import DataFolder, data_folder
from ondol.model.errors import ConflictError, InvalidFieldError, OndolError, UnavailableError

if TYPE_CHECKING:
    import httpx2

URL_VARIABLE = "ONDOL_URL"
TOKEN_VARIABLE = "ONDOL_TOKEN"  # noqa: S105 - a name, no secret
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT_S = 30.0


class RefusedError(OndolError):
    """The platform said no.

    Parameters
    ----------
    status : HTTP status code
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@Parameter(name="*", group="Connection")
@dataclass(frozen=True, kw_only=True)
class Where:
    """Options of every command that talks to a platform."""

    url: Annotated[str | None, Parameter(help=f"Address of the platform [env: {URL_VARIABLE}].")] = None
    token: Annotated[str | None, Parameter(help=f"Your token [env: {TOKEN_VARIABLE}, which others cannot see].")] = None
    data: Annotated[
        Path | None,
        Parameter(help="Data folder of a platform on this machine [env: ONDOL_DATA, default: ./var/ondol]."),
    ] = None


HERE = Where()


@dataclass(frozen=True, slots=True)
class Access:
    """An address with the token for it."""

    url: str
    token: str


def find_access(where: Where) -> Access:
    """Tell where the platform is and who we are.

    An option comes first, then a folder named by an option, then the environment, then the default folder. A token
    from a folder is sent to the address in that folder only.

    Raises UnavailableError where nothing tells an address, ConflictError where there is no token for it.
    """
    folder = data_folder(where.data)
    noted = _read_client_file(folder)
    named = where.data is not None and bool(noted)  # a folder that was asked for stands before the environment
    noted_url, env_url = noted.get("url", "").rstrip("/"), os.environ.get(URL_VARIABLE, "").rstrip("/")
    url = (where.url or "").rstrip("/") or (noted_url if named else env_url or noted_url)
    if not url:
        raise UnavailableError(
            f"No platform is known: start one with 'ondol up' (its data folder would be {folder.path}), "
            f"or give --url and --token, or set {URL_VARIABLE} and {TOKEN_VARIABLE}"
        )
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise InvalidFieldError("--url", url, "an address such as http://127.0.0.1:8080")
    own = noted.get("token", "") if noted_url == url else ""
    env_token = os.environ.get(TOKEN_VARIABLE, "")
    token = where.token or (own or env_token if named else env_token or own)
    if not token:
        raise ConflictError(f"No token for {url}: give --token or set {TOKEN_VARIABLE}; 'ondol user add' makes one")
    return Access(url, token)


def write_client_file(folder: DataFolder, *, url: str, token: str, email: str, storage: str) -> None:
    """Note in the data folder how the operator's own commands reach the platform; only the owner may read it."""
    from ondol.storage.tokens import write_private

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


class Api:
    """Talks HTTP with one platform; used as a context manager.

    Every method raises UnavailableError where nothing answers, RefusedError with the platform's own words where it
    says no.

    Parameters
    ----------
    transport : of httpx2, for tests that need no socket
    """

    def __init__(self, access: Access, *, transport: httpx2.BaseTransport | None = None) -> None:
        from importlib.metadata import version

        import httpx2

        self.access = access
        self._client = httpx2.Client(
            base_url=access.url,
            headers={"Authorization": access.token, "User-Agent": f"ondol-cli/{version('ondol')}"},
            timeout=_TIMEOUT_S,
            transport=transport,
            trust_env=urlsplit(access.url).hostname not in LOOPBACK,  # a proxy does not know our loopback
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: object) -> Any:
        """Get JSON; query values of None are left out."""
        return self._json(self._call("GET", path, query=query))

    def post(self, path: str, body: object = None) -> Any:
        """Post JSON and give the JSON answer, None where it is empty."""
        return self._json(self._call("POST", path, body=body))

    def put(self, path: str, body: object) -> Any:
        """Put JSON and give the JSON answer, None where it is empty."""
        return self._json(self._call("PUT", path, body=body))

    def delete(self, path: str) -> None:
        """Delete something."""
        self._call("DELETE", path)

    def text(self, path: str, *, method: str = "GET", accept: str = "text/plain", **query: object) -> str:
        """Give an answer as it is."""
        return str(self._call(method, path, query=query, accept=accept).text)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, object] | None = None,
        body: object = None,
        accept: str = "application/json",
    ) -> httpx2.Response:
        import httpx2

        params = {key: str(value) for key, value in (query or {}).items() if value is not None}
        try:
            response = self._client.request(method, path, params=params or None, json=body, headers={"Accept": accept})
        except httpx2.TimeoutException as error:
            raise UnavailableError(f"{self.access.url} did not answer within {_TIMEOUT_S:.0f} s") from error
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise UnavailableError(f"Nothing answers at {self.access.url} ({error}): is 'ondol up' running?") from error
        if response.is_success:
            return response
        raise RefusedError(response.status_code, self._complaint(response))

    def _complaint(self, response: httpx2.Response) -> str:
        """Find the sentence in an error: the compute API's `message`, or a problem of RFC 9457."""
        try:
            said = response.json()
        except ValueError:
            said = None
        words = ""
        if isinstance(said, dict):
            inner = said.get("error")
            words = said.get("message") or said.get("detail") or said.get("title") or ""
            words = words or (inner.get("message", "") if isinstance(inner, dict) else inner or "")
        if response.status_code == 401:
            return f"The token is not valid at {self.access.url}" + (f": {words}" if words else "")
        return str(words) or f"{self.access.url} answered {response.status_code} {response.reason_phrase}"

    def _json(self, response: httpx2.Response) -> Any:
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise UnavailableError(f"{self.access.url} does not speak JSON: is it an Ondol platform?") from error


def open_api(where: Where) -> Api:
    """Open a connection to the platform that `where` and its surroundings name."""
    return Api(find_access(where))
