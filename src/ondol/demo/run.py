"""The demonstration: a morning of a small fleet, in two minutes, with real jobs of a real client and a statement."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console

from ondol.accounting.account.statement import Statement
from ondol.cli.screen import Screen
from ondol.cli.up import Serving, log_to
from ondol.control.layout import DataFolder
from ondol.control.platform import Platform
from ondol.control.preconditions import FASTEST_CLOCK
from ondol.control.settings import Settings
from ondol.control.statement import fleet_bundle
from ondol.demo.account import account_line, write_account
from ondol.demo.fleet import demo_fleet
from ondol.demo.results import Results, make_results
from ondol.model.errors import ConflictError, InvalidFieldError, UnavailableError
from ondol.report.bundle import FleetStatementBundle
from ondol.report.export import statement_json
from ondol.report.html import write_statement_html
from ondol.report.terminal import print_statement
from ondol.signals.attribution import attributions
from ondol.signals.carbon import GridCarbon

BEGIN = dt.datetime.fromisoformat("2022-01-26T05:30+01:00")  # a Wednesday; the grid's carbon is that of its real year
USER = "demo@ondol.example"
MORNING_S = 6000.0  # platform time that every run covers, so that policies can be compared [s]
PATIENCE_WALL_S = 162.0  # after which a run ends although work is left [s, wall]
_MARK = ".ondol-demo"


def run_demo(out: Path, policy: str, rate: float, keep: bool, data: Path | None, plain: bool) -> int:
    """Run the demonstration into `out`; 0 where all work succeeded and everything was made."""
    if importlib.util.find_spec("qarnot") is None:
        raise UnavailableError(
            "The demonstration's client is the package qarnot: install it with pip install 'ondol[demo]'"
        )
    if not 1.0 <= rate <= FASTEST_CLOCK:
        raise InvalidFieldError("--rate", rate, f"1 to {FASTEST_CLOCK:g} platform seconds per wall second")
    _clear(out)
    folder = DataFolder(data if data is not None else out / "platform")
    used = folder.database_file.exists()
    fleet = demo_fleet()
    log_to(folder)
    console = Console()
    settings = Settings(data=folder.path, fleet=fleet, policy=policy, clock_rate=rate, begin=BEGIN)
    with Serving(settings) as serving:
        platform = serving.platform
        known = platform.store.account_by_email(USER)
        token = platform.directory.add_account(USER)[1] if known is None else platform.directory.renew_token(USER)
        _say_hello(console, serving, policy)
        begun = platform.clock.now()
        with _client(serving.url, token, out) as client, Screen(serving.screen_source(), plain=plain or None):
            _wait(platform, client, begun)
            late = not client.finished
        ended = client.finished and client.status == 0
        platform.finish_window()
        bundle = make_bundle(platform, policy, begun, used=used)
        results = make_results(out)
        write_outcome(out, bundle)
        whole = write_account(out, platform, bundle.start, bundle.end)
        _say_goodbye(console, out, bundle, whole, results, client, late=late)
        if keep:
            console.print(f"\nStill serving at {serving.url}; token {token}. Ctrl-C ends it.")
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
    return 0 if ended and not bundle.findings else 1


class Client:
    """The client's process and what it says.

    Parameters
    ----------
    process : of `ondol.demo.client`
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, name="client", daemon=True)
        self._reader.start()

    @property
    def finished(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll()

    def end(self) -> None:
        """Let it go, by force where it must be."""
        if not self.finished:
            self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._reader.join(5)

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self.lines.append(line.rstrip())


def client_environment(ours: Mapping[str, str], token: str) -> dict[str, str]:
    """Surroundings of the client: ours, with its token, and without what points the SDK at another installation."""
    kept = {key: value for key, value in ours.items() if not key.startswith("QARNOT_")}
    return {**kept, "QARNOT_CLIENT_TOKEN": token}


@contextlib.contextmanager
def _client(url: str, token: str, out: Path) -> Iterator[Client]:
    arguments = [sys.executable, "-m", "ondol.demo.client", "--url", url, "--out", str(out)]
    surroundings = client_environment(os.environ, token)
    with subprocess.Popen(
        arguments, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        client = Client(process)
        try:
            yield client
        finally:
            client.end()


def _wait(platform: Platform, client: Client, begun: dt.datetime) -> None:
    """Wait until the morning is over and the client has its results, but not for ever."""
    deadline_s = time.monotonic() + max(PATIENCE_WALL_S, MORNING_S / platform.clock.rate + 30.0)
    while time.monotonic() < deadline_s:
        over = (platform.clock.now() - begun).total_seconds() >= MORNING_S
        if client.finished and (over or client.status != 0):
            return
        time.sleep(0.2)


def make_bundle(platform: Platform, policy: str, begun: dt.datetime, *, used: bool = False) -> FleetStatementBundle:
    """The statement of the demonstration's morning, the same span for every policy.

    Parameters
    ----------
    used : whether the data folder held a ledger before; its windows from before `begun` are left out then. In a new
        folder the first window begins a moment before `begun`, with the platform's clock, and belongs to this morning
    """
    return fleet_bundle(
        platform.store,
        platform.settings.fleet,
        clock_rate=platform.clock.rate,
        policy=policy,
        factor=f"grid carbon, {GridCarbon.METHOD} ({GridCarbon.BASIS})",
        start=begun if used else None,
        end=begun + dt.timedelta(seconds=MORNING_S),
        notes=platform.grid_notes,
        attributions=attributions(),
    )


def write_outcome(out: Path, bundle: FleetStatementBundle) -> None:
    """Write the statement for people and for programs, and the figures that policies are compared by."""
    write_statement_html(out / "statement.html", bundle)
    (out / "statement.json").write_bytes(statement_json(bundle))
    (out / "summary.json").write_text(json.dumps(summary(bundle), indent=1) + "\n", encoding="utf-8")


def summary(bundle: FleetStatementBundle) -> dict[str, float | str | None]:
    """The figures by which two runs are compared."""
    figures = bundle.fleet.figures
    return {
        "policy": bundle.policy,
        "clock_rate": bundle.clock_rate,
        "hours": (bundle.end - bundle.start).total_seconds() / 3600.0,
        "discomfort_kh": bundle.fleet.discomfort_kh,
        "useful_heat_kwh": None if figures.heat is None else figures.heat.useful_kwh,
        "delivered_heat_kwh": None if figures.heat is None else figures.heat.delivered_kwh,
        "electricity_kwh": figures.energy.total_kwh,
        "co2e_g": figures.carbon.total_g,
    }


def _clear(out: Path) -> None:
    """Make an empty folder of it; only one that an earlier demonstration made is emptied."""
    if out.exists() and any(out.iterdir()):
        if not (out / _MARK).exists():
            raise ConflictError(
                f"{out} holds other things than a demonstration; choose an empty or new folder with --out"
            )
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARK).write_text("made by `ondol demo`; emptied at its next start\n", encoding="utf-8")


def _say_hello(console: Console, serving: Serving, policy: str) -> None:
    clock, can = serving.platform.clock, serving.platform.capabilities()
    console.print(
        f"[bold]Ondol[/] — compute where its heat is wanted. Policy [bold]{policy}[/]; platform clock {clock.rate:g} × "
        f"wall time, from {clock.now().astimezone(BEGIN.tzinfo):%A %d %B %Y %H:%M} (UTC+1).",
        highlight=False,
    )
    console.print(
        f"API {serving.url}   objects {serving.storage_url}   sandbox {can.sandbox}, CPU share by {can.cpu_limit}",
        highlight=False,
    )
    for warning in can.warnings:
        console.print(f"[bold yellow]WARNING[/] {warning}", highlight=False)


def _say_goodbye(
    console: Console,
    out: Path,
    bundle: FleetStatementBundle,
    whole: Statement,
    results: Results,
    client: Client,
    *,
    late: bool,
) -> None:
    print_statement(bundle, console)
    console.print()
    console.print(account_line(whole), highlight=False)
    console.print()
    for line in client.lines:
        console.print(f"client: {line}", highlight=False, markup=False)
    for line in results.lines:
        console.print(line, highlight=False, markup=False)
    if late:
        console.print(
            "[bold red]Work was left when the demonstration's time was over: other programs took the CPU time that its "
            "jobs need. Try again on an idle machine, or more slowly with --rate 30.[/]"
        )
    elif client.status != 0:
        console.print(f"[bold red]The client did not end well (status {client.status}).[/]")
    console.print(
        f"Statement: {out / 'statement.html'}   by the standards: {out / 'account.html'}   results: {out}",
        highlight=False,
    )
