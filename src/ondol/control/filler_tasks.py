"""The tasks of the platform's own filler queue: slots of a BOINC client, or cycles burnt for heat where asked for."""

from __future__ import annotations

import datetime as dt
import re
import shlex
import uuid

from ondol.model.compute import Task
from ondol.model.conditions import NetworkRule
from ondol.model.filler import BURN_NAME, FillerTerms
from ondol.model.ids import AccountId, TaskId
from ondol.model.view import ServiceClass

LABEL = "ondol.filler"
"""On tasks of the platform's own queue: the source that they came from."""

_END_S = 30  # a client that was told to end gets so long to write its checkpoints [s]

_IDLE_S = 600  # a project that had no work is asked again after so long [s]


def filler_task(terms: FillerTerms, account_id: AccountId, instances: int, now: dt.datetime) -> Task:
    """Make a task of so many fillers.

    Parameters
    ----------
    terms : with source "boinc" or "burn"
    """
    boinc = terms.source == "boinc"
    constants = {"PROJECT_URL": terms.project_url} if boinc else {}
    profile = "process"
    command = (terms.command or boinc_command(terms)) if boinc else burn_command(terms)
    if terms.image:
        repository, _, tag = terms.image.rpartition(":")
        profile = "docker-network"
        constants |= {"DOCKER_REPO": repository or tag, "DOCKER_TAG": tag if repository else "latest"}
        constants["DOCKER_CMD"] = command
    else:
        constants["CMD"] = command
    return Task(
        id=TaskId(str(uuid.uuid4())),
        account_id=account_id,
        name=f"BOINC for {terms.project_url}"[:200] if boinc else f"{BURN_NAME}, asked for by {terms.burn_asked_by}",
        profile=profile,
        instance_numbers=tuple(range(instances)),
        constants=constants,
        labels={LABEL: terms.source, "ondol.service": "filler"},
        tags=(f"filler-{terms.source}",),
        service=ServiceClass.FILLER,
        expected_s=None,
        resumable=boinc,
        # The client has to reach its project; the job is the operator's own.
        network_rules=(NetworkRule(inbound=False, port="443", description="BOINC project"),) if boinc else (),
        secrets_by_key=(terms.project_key_secret,) if boinc else (),
        auto_delete=True,
        created_at=now,
        modified_at=now,
        state_since=now,
    )


def boinc_command(terms: FillerTerms) -> str:
    """What a BOINC slot runs: the client in a folder that outlives a stop, for one slice, without a port of its own.

    The account is given as a file: on a command line everybody could read its key. SIGTERM is what the client takes as
    "write checkpoints and quit"; a stopped slot (SIGSTOP, frozen cgroup) goes on where it was. A client whose project
    has no work ends; it is started again later, in the same folder and so as the same host, until the slice is over.
    Client and options: BOINC 7.20 `boinc --help`; files: https://github.com/BOINC/boinc/wiki/Client_configuration.
    """
    key = "ONDOL_SECRET__" + re.sub(r"[^A-Za-z0-9_]", "_", terms.project_key_secret.replace("/", "__"))
    script = (
        'set -e; cd "${ONDOL_CHECKPOINT_DIR:-.}"; mkdir -p boinc; cd boinc; umask 077; '
        f'if [ -z "$(printenv {key})" ]; then echo "no secret {terms.project_key_secret}" >&2; exit 1; fi; '
        "printf '<account>\\n<master_url>%s</master_url>\\n<authenticator>%s</authenticator>\\n</account>\\n' "
        f'"$PROJECT_URL" "$(printenv {key})" > {account_file(terms.project_url)}; '
        "printf '<cc_config><options><ncpus>1</ncpus><allow_multiple_clients>1</allow_multiple_clients></options>"
        "</cc_config>\\n' > cc_config.xml; "
        # Its defaults stop it where other programs use the machine: here cgroups share it out.
        "printf '<global_preferences><run_on_batteries>1</run_on_batteries>"
        "<run_if_user_active>1</run_if_user_active>"
        "<suspend_cpu_usage>0</suspend_cpu_usage></global_preferences>\\n' > global_prefs_override.xml; "
        "client=; stop=; code=0; trap 'stop=1; kill -TERM $client 2>/dev/null' TERM INT; "
        'run() { "$@" & client=$!; code=0; wait $client || code=$?; '
        "while kill -0 $client 2>/dev/null; do code=0; wait $client || code=$?; done; }; "
        f"end=$(($(date +%s) + {terms.slice_s:.0f})); "
        'while [ -z "$stop" ]; do left=$((end - $(date +%s))); [ "$left" -gt 0 ] || break; '
        # In the foreground the client stays in the process group of the job, which is what is frozen.
        f'run timeout --foreground --signal=TERM --kill-after={_END_S} "$left" '
        "boinc --dir . --no_gui_rpc --allow_multiple_clients --no_priority_change --no_gpus "
        '--fetch_minimal_work --exit_when_idle; [ "$code" = 0 ] && [ -z "$stop" ] || break; '
        f'run sleep {_IDLE_S}; code=0; done; [ "$code" = 124 ] && code=0; exit "$code"'
    )
    return f"sh -c {shlex.quote(script)}"


def account_file(project_url: str) -> str:
    """Name of the file that attaches a client to a project: `account_` and the address without its scheme, escaped."""
    place = project_url.partition("://")[2].rstrip("/")
    return f"account_{re.sub(r'[^A-Za-z0-9.-]', '_', place)}.xml"


def burn_command(terms: FillerTerms) -> str:
    """What burning runs: an endless loop on one core for one slice. It computes nothing, and is named so."""
    script = f'timeout --foreground {terms.slice_s:.0f} sh -c "while :; do :; done"; exit 0'
    return f"sh -c {shlex.quote(script)}"
