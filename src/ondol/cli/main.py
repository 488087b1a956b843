"""The command `ondol`; every part is imported when it is asked for, so that the prompt comes back fast."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Group, Parameter

from ondol.model.errors import OndolError

WRONG, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141

_RUN = Group("Run a platform", sort_key=0)
_USE = Group("Use it", sort_key=1)
_KNOW = Group("Know more", sort_key=2)


def _version() -> str:
    from importlib.metadata import version

    return version("ondol")


app = App(
    name="ondol",
    help="Ondol runs compute where its heat is wanted.",
    version=_version,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
_PARTS = (
    (_RUN, "fleet", "fleet:app", "Check and show fleet files."),
    (_RUN, "node", "node:app", "See the servers, drain them, let them work again."),
    (_RUN, "site", "site:app", "Sites with real instruments: tokens, checks, profiles."),
    (_RUN, "agent", "agent:agent", "Run the agent of one site, at the site."),
    (_RUN, "sim-site", "sim_site:sim_site", "A site on your desk: the twin behind real Modbus and MQTT."),
    (_RUN, "admin", "admin:app", "Accounts, projects, prices and images, on the platform's own machine."),
    (_USE, "task", "task:app", "Submit tasks, follow them, read what they said."),
    (_USE, "quote", "quote:app", "What a task would take: now, by a deadline, on heat, smaller, slower."),
    (_USE, "pool", "pool:app", "Keep slots ready for tasks."),
    (_USE, "job", "job:app", "Tasks that belong together, and may wait for one another."),
    (_USE, "bucket", "bucket:app", "Move files to and from buckets."),
    (_USE, "secrets", "secret:app", "Keep secrets, and grant them to tasks."),
    (_USE, "project", "account:project_app", "Projects that you may book tasks on, and what is left on them."),
    (_USE, "budget", "budget:app", "What your work may use in carbon and energy, and what is left."),
    (_USE, "account", "account:account", "Who you are, what you use and may use."),
    (_USE, "quota", "account:quota_app", "What you may run at once."),
    (_USE, "hw-constraints", "hardware:app", "What hardware tasks may ask for."),
    (_USE, "all", "everything:everything", "List, end or delete all that your account has."),
    (_USE, "config", "config:app", "Keep the platforms that you use, by name."),
    (_KNOW, "heat", "heat:app", "See who wants heat, and who gets it."),
    (_KNOW, "signal", "signal:app", "Where heat is wanted or wasted, now and for two days."),
    (_KNOW, "statement", "statement:statement", "The account of anything: energy, heat, carbon, how sure it is."),
    (_KNOW, "mirror", "mirror:mirror", "Your use: budget, what waiting gained, what was wasted, what to try."),
    (_KNOW, "ledger", "ledger:app", "Energy, heat and carbon, row by row or summed."),
    (_KNOW, "kpi", "kpi:app", "Key figures of data centres, what authorities want to be told, thresholds."),
    (_KNOW, "claims", "claims:app", "Claims of useful heat and of what it avoids: each kilowatt-hour once."),
    (_KNOW, "factors", "factors:app", "Factors that carbon is counted with: sources, ranges, your own rows."),
    (_KNOW, "worksheet", "worksheet:worksheet", "Key figures, views, splits from numbers that you declare."),
    (_KNOW, "policy", "policy:app", "Which policies are installed."),
    (_KNOW, "twin", "twin:app", "Live through scenarios on a clock that leaps, and set runs side by side."),
    (_KNOW, "bench", "bench:app", "How far from the optimum policies are."),
    (_KNOW, "doctor", "doctor:doctor", "Tell what this machine can do."),
    (_KNOW, "replay", "replay:replay", "Decide recorded ticks again and compare."),
    (_KNOW, "completion", "completion:completion", "Let your shell complete commands and options."),
)
for _group, _name, _place, _help in _PARTS:
    app.command(f"ondol.cli.{_place}", name=_name, help=_help, group=_group)
for _name in ("user", "tariff", "image"):  # where they were before there was `ondol admin`
    app.command(f"ondol.cli.{_name}:app", name=_name, show=False)


@app.command(group=_RUN)
def up(
    *,
    fleet: Path | None = None,
    data: Path | None = None,
    clock_rate: float = 1.0,
    start: str = "now",
    policy: str = "follow",
    api_port: int = 0,
    s3_port: int = 0,
    s3_name: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    host: str = "127.0.0.1",
    allow_remote: Annotated[bool, Parameter(negative="")] = False,
    sandbox: Literal["auto", "none"] = "auto",
    containers: Literal["auto", "none"] = "auto",
    host_images: bool = True,
    image_cache: float = 20.0,
    site_cache: float = 10.0,
    results: float = 64.0,
    keep_readings: float = 400.0,
    lease: float = 60.0,
    database: Annotated[str, Parameter(env_var="ONDOL_DATABASE")] = "",
    quiet: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Start a platform on this machine and serve until Ctrl-C.

    Parameters
    ----------
    fleet:
        The fleet file: sites, units, nodes, what they heat. Without one, that of the last start in this data folder,
        or the demonstration's virtual fleet.
    data:
        Folder of all that must outlive a restart [env: ONDOL_DATA, default: ./var/ondol].
    clock_rate:
        Platform seconds per wall second.
    start:
        Platform time at the first start, ISO 8601, or now.
    policy:
        What decides where work runs; 'ondol policy list' shows all.
    api_port:
        Port of the HTTP API; 0 takes a free one.
    s3_port:
        Port of the object store; 0 takes a free one.
    s3_name:
        Host name under which clients reach the object store, so that BUCKET.NAME means a bucket; may be repeated.
    host:
        Address to listen on.
    allow_remote:
        Permit an address that other machines can reach.
    sandbox:
        auto: bubblewrap where it works; none: jobs are plain processes of your user.
    containers:
        auto: tasks run in the images that they name where this machine can; none: on this machine's own system.
    host_images:
        Let this machine's own system stand in for ubuntu, debian, python, busybox and alpine where the image is not
        here and no registry answers.
    image_cache:
        Most that unpacked images take, in GiB; those in use stay even above it.
    site_cache:
        Most that each site keeps of inputs that were fetched, in GiB.
    results:
        Most that one attempt may upload as results, in GiB.
    keep_readings:
        Days for which readings of sensors and meters are kept; 0 keeps all.
    lease:
        Seconds after which running jobs end by themselves where the platform is gone; started again within them, it
        takes the jobs over.
    database:
        PostgreSQL for tasks, accounts and the ledger: postgresql://USER:PASSWORD@HOST/DATABASE. Remembered in the data
        folder, which keeps everything else. Without one, a SQLite file there.
    quiet:
        Draw no screen.
    """
    from ondol.cli.up import run_up
    from ondol.control.layout import data_folder

    return run_up(
        fleet=fleet,
        data=data_folder(data).path,
        clock_rate=clock_rate,
        start=start,
        policy=policy,
        api_port=api_port,
        s3_port=s3_port,
        s3_names=s3_name,
        host=host,
        allow_remote=allow_remote,
        sandbox=sandbox,
        containers=containers == "auto",
        host_images=host_images,
        image_cache_bytes=round(image_cache * 2**30),
        site_cache_bytes=round(site_cache * 2**30),
        results_bytes=round(results * 2**30),
        keep_readings_days=keep_readings,
        lease_s=lease,
        database=database,
        quiet=quiet,
    )


@app.command(group=_RUN)
def demo(
    *,
    out: Path = Path("out") / "demo",
    policy: str = "follow",
    rate: float = 60.0,
    keep: Annotated[bool, Parameter(negative="")] = False,
    data: Path | None = None,
    plain: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run a small fleet with real jobs on a fast clock, and write what came of it.

    Parameters
    ----------
    out:
        Folder for frames, animation, prices and the statement.
    policy:
        follow, fcfs, greco, or another that is installed.
    rate:
        Platform seconds per wall second.
    keep:
        Go on serving after the end, until Ctrl-C.
    data:
        Keep the platform's data here; in OUT/platform otherwise, which the next run removes.
    plain:
        Lines instead of a screen.
    """
    from ondol.demo.run import run_demo

    return run_demo(out=out, policy=policy, rate=rate, keep=keep, data=data, plain=plain)


@app.command(group=_KNOW)
def version() -> None:
    """Print the version."""
    from ondol.cli.listing import print_text

    print_text(f"ondol {_version()}")


def run(arguments: Sequence[str]) -> int:
    """Run one command line; gives its exit code.

    0 done, 1 an error of ours told in one line, 2 wrong usage, 3 a task failed or a record differs, 4 a task was
    cancelled, 130 Ctrl-C, 141 nobody reads any more.
    """
    from ondol.cli.selection import WrongUsageError

    try:
        result = app(list(arguments), exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except (CycloptsError, WrongUsageError) as error:
        _complain(_usage(error) if isinstance(error, CycloptsError) else str(error))
        return USAGE
    except OndolError as error:
        _complain(str(error))
        return WRONG
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more at its end
        return PIPE_CLOSED
    except OSError as error:
        _complain(f"{error.filename or 'The system'}: {error.strerror or error}")
        return WRONG
    return result if isinstance(result, int) else 0


def main() -> None:
    """Run the command line of this process; signs that the terminal does not have are replaced."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def _complain(message: str) -> None:
    from ondol.cli.harmless import harmless

    words = harmless(" ".join(message.split("\n")) if message.count("\n") < 2 else message, keep="\n")
    encoding = sys.stderr.encoding or "utf-8"
    sys.stderr.write(f"ondol: {words}\n".encode(encoding, "replace").decode(encoding))


def _usage(error: CycloptsError) -> str:
    return f"{str(error).rstrip('.')} ('{_command_of(error)} --help' shows how)"


def _command_of(error: CycloptsError) -> str:
    chain = error.command_chain or ()
    return " ".join(["ondol", *chain])


if __name__ == "__main__":
    main()
