"""`ondol up`: the platform with its HTTP side, until it is told to end."""

from __future__ import annotations

import datetime as dt
import json
import logging
import logging.handlers
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ondol.cli.connection import write_client_file
from ondol.cli.fleet_choice import choose_fleet
from ondol.cli.screen_source import ScreenSource
from ondol.control.container_house import ImageSettings
from ondol.control.directory import OPERATOR
from ondol.control.layout import DataFolder
from ondol.control.platform import Platform
from ondol.control.readings_in import KEPT_DAYS
from ondol.control.settings import Settings
from ondol.model.checks import check_range
from ondol.model.errors import ConflictError, InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.server.app import create_api
from ondol.server.s3.app import create_s3_app
from ondol.server.s3.ports import Backend
from ondol.server.serve import Servers, bind, is_anywhere, url_of

LARGEST_LOG_BYTES = 10 << 20
OLD_LOGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where the platform listens; port 0 takes a free one.

    Parameters
    ----------
    s3_names : host names of the object store, before which a bucket's name may stand
    """

    host: str = "127.0.0.1"
    api_port: int = 0
    s3_port: int = 0
    s3_names: tuple[str, ...] = ()
    allow_remote: bool = False


class Serving:
    """A platform with its API and S3 front, as a context: up on entry, down on exit."""

    def __init__(self, settings: Settings, doors: Doors | None = None) -> None:
        doors = doors or Doors()
        self._api_socket = bind(doors.host, doors.api_port, allow_remote=doors.allow_remote)
        try:
            self._s3_socket = bind(doors.host, doors.s3_port, allow_remote=doors.allow_remote)
        except BaseException:
            self._api_socket.close()
            raise
        self.url, self.storage_url = url_of(self._api_socket), url_of(self._s3_socket)
        try:
            self.platform = Platform(settings)
        except BaseException:
            self._api_socket.close()
            self._s3_socket.close()
            raise
        weed = self.platform.files.seaweed
        self.platform.addresses = (self.url, self.storage_url)
        self._servers = Servers(
            [
                (
                    create_api(
                        self.platform.desk,
                        storage_url=self.storage_url,
                        storage_anywhere=is_anywhere(doors.host),
                        answers=self.platform.folder.answers_file,
                        remote=self.platform.heat.remote,
                        signals=self.platform.offers.signals,
                        admissions=self.platform.offers.admissions,
                    ),
                    self._api_socket,
                ),
                (
                    create_s3_app(
                        self.platform.directory,
                        Backend(weed.url, weed.access_key, weed.secret_key),
                        base_hosts=(*doors.s3_names, *(() if is_anywhere(doors.host) else (doors.host,))),
                        book=self.platform.files.usage,
                    ),
                    self._s3_socket,
                ),
            ]
        )

    def __enter__(self) -> Serving:
        try:
            self.platform.start()
            self._servers.start()
        except BaseException:
            self.platform.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._servers.stop()
        self.platform.close()

    def owner_token(self) -> str:
        """Token of the person who runs this installation, from their file; made at the first start."""
        token = noted_token(self.platform.folder)
        if token and self.platform.directory.account_of_token(token) is not None:
            self._write_client_file(token)
            return token
        known = self.platform.store.account_by_email(OPERATOR)
        token = (
            self.platform.directory.add_account(OPERATOR)[1]
            if known is None
            else self.platform.directory.renew_token(OPERATOR)
        )
        self._write_client_file(token)
        return token

    def _write_client_file(self, token: str) -> None:
        write_client_file(self.platform.folder, url=self.url, token=token, email=OPERATOR, storage=self.storage_url)

    def screen_source(self) -> ScreenSource:
        """What the live view shows of this platform: all accounts' work, for whoever sits at the machine."""
        platform = self.platform
        return ScreenSource(
            platform.desk,
            lambda: [account.id for account in platform.store.accounts()],
            lambda: [f"API {self.url}   objects {self.storage_url}", *platform.capabilities().warnings],
        )


def noted_token(folder: DataFolder) -> str:
    """Token in the client file; empty where there is no such file, or one that was torn by a crash or an editor."""
    try:
        return str(json.loads(folder.client_file.read_text(encoding="utf-8"))["token"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def run_up(
    fleet: Path | None,
    data: Path,
    clock_rate: float,
    start: str,
    policy: str,
    api_port: int,
    s3_port: int,
    host: str,
    allow_remote: bool,
    sandbox: str,
    containers: bool,
    host_images: bool,
    image_cache_bytes: int,
    lease_s: float,
    quiet: bool,
    database: str,
    s3_names: tuple[str, ...],
    site_cache_bytes: int,
    results_bytes: int,
    keep_readings_days: float = KEPT_DAYS,
) -> int:
    """Serve until SIGINT or SIGTERM; gives the exit status."""
    for option, size_bytes in (("--site-cache", site_cache_bytes), ("--results", results_bytes)):
        check_range(option, size_bytes / 2**30, 0.0, 1e6, "GiB")
    settings = Settings(
        data=data,
        fleet=choose_fleet(fleet, DataFolder(data)),
        policy=policy,
        clock_rate=clock_rate,
        begin=parse_start(start),
        sandbox=sandbox,
        containers=containers,
        images=ImageSettings(host_images=host_images, cache_bytes=image_cache_bytes, forward_host=host),
        lease_s=lease_s,
        database_url=database,
        site_cache_bytes=site_cache_bytes,
        results_bytes=results_bytes,
        keep_readings_days=keep_readings_days,
    )
    log_to(DataFolder(data))
    doors = Doors(host=host, api_port=api_port, s3_port=s3_port, s3_names=s3_names, allow_remote=allow_remote)
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with Serving(settings, doors) as serving:
        rate = serving.platform.clock.rate
        if clock_rate not in (1.0, rate):
            raise ConflictError(
                f"The clock of {data} goes at {rate:g} x wall time since its first start, not at {clock_rate:g}: leave "
                "--clock-rate out, or start with another --data"
            )
        serving.owner_token()
        _greet(serving, settings.fleet)
        if quiet or not sys.stdout.isatty():
            end.wait()
        else:
            from ondol.cli.screen import Screen

            with Screen(serving.screen_source()):
                end.wait()
    print(f"ondol: stopped; running jobs end in {lease_s:g} s unless you start again", flush=True)
    return 0


def parse_start(text: str) -> dt.datetime | None:
    """Read when platform time begins; "now" gives None."""
    if text == "now":
        return None
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidFieldError("--start", text, "now, or a time such as 2022-01-26T05:30+01:00") from error
    if when.tzinfo is None:
        raise InvalidFieldError("--start", text, "a time with its zone, e.g. 2022-01-26T05:30+01:00")
    return when


def log_to(folder: DataFolder, level: int = logging.INFO) -> None:
    """Send the platform's log to its file; a full one becomes `ondol.log.1`, and `OLD_LOGS` of them are kept."""
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        folder.log_file, maxBytes=LARGEST_LOG_BYTES, backupCount=OLD_LOGS, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.raiseExceptions = False  # a log that a full disk does not take is no reason for tracebacks
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def _greet(serving: Serving, fleet: Fleet) -> None:
    clock = serving.platform.clock
    print(f"ondol: {fleet.name}", flush=True)
    print(f"  API      {serving.url}", flush=True)
    print(f"  storage  {serving.storage_url}", flush=True)
    print(f"  token    in {serving.platform.folder.client_file} (also for `ondol task …` with --data)", flush=True)
    print(f"  clock    {clock.rate:g} x wall time, now {clock.now():%Y-%m-%d %H:%M} UTC", flush=True)
    for warning in serving.platform.capabilities().warnings:
        print(f"  WARNING  {warning}", flush=True)
