"""The `status` of a task on the wire: progress, times by hardware and site, and what runs now (§2.4)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from ondol.control.ports import RunningInfo, TaskDetail
from ondol.model.compute import AttemptState, InstanceState
from ondol.server.api.hardware import CORES
from ondol.server.api.ranges import write_ranges
from ondol.server.api.task_times import InstanceRun, exec_s, numbers_in
from ondol.server.api.times import wire_span, wire_time

_MIB = 1 << 20
CLOCK_RATIO = 1.0  # no frequency is measured: clocks shown are nominal, load tells what a power cap does
_PHASES = {
    AttemptState.PLACED: "dispatch",
    AttemptState.STAGING: "download",
    AttemptState.RUNNING: "execution",
    AttemptState.PAUSED: "execution",
    AttemptState.STOPPING: "shutdown",
    AttemptState.UPLOADING: "upload",
}


def status_out(detail: TaskDetail, runs: tuple[InstanceRun, ...], now: dt.datetime) -> dict[str, Any]:
    """Make the status; the lists by CPU model are always there (rule 8).

    Times that nobody measures (environment, upload) are left out rather than called zero.
    """
    final = [run for run in runs if run.instance.state.final]
    started = [run for run in runs if any(a.started_at for a in run.attempts)]
    staging_s, spent_s = sum(run.staging_s for run in runs), sum(run.exec_s for run in runs)
    wall_s = wall_seconds(detail, now)
    count = len(runs) or 1
    failed = numbers_in(runs, InstanceState.FAILED)
    return {
        "timestamp": wire_time(now),
        "lastUpdateTimestamp": wire_time(detail.task.modified_at),
        "downloadProgress": round(100.0 * len(started) / count, 2),
        "executionProgress": progress_percent(runs),
        "uploadProgress": round(100.0 * len(final) / count, 2),
        "instanceCount": len(runs),
        "downloadTime": wire_span(staging_s),
        "downloadTimeSec": staging_s,
        "executionTime": wire_span(spent_s),
        "executionTimeSec": spent_s,
        "wallTime": wire_span(wall_s),
        "wallTimeSec": wall_s,
        "succeededRange": write_ranges(numbers_in(runs, InstanceState.SUCCEEDED)),
        "executedRange": write_ranges(numbers_in(runs, InstanceState.SUCCEEDED, InstanceState.FAILED)),
        "failedRange": write_ranges(failed),
        "failedOnlyRange": write_ranges(failed),
        "cancelledRange": write_ranges(numbers_in(runs, InstanceState.CANCELLED)),
        "startedOnceRange": write_ranges(run.instance.number for run in started),
        **_times(detail, runs, now),
        "runningInstancesInfo": _running(runs, now),
    }


def progress_percent(runs: tuple[InstanceRun, ...]) -> float:
    """Mean progress of the instances, 0 to 100."""
    return round(100.0 * sum(run.progress for run in runs) / len(runs), 2) if runs else 0.0


def wall_seconds(detail: TaskDetail, now: dt.datetime) -> float:
    """Platform seconds since the task was created, until it ended."""
    end = detail.task.ended_at if detail.task.state.final else now
    return max(0.0, (end - detail.task.created_at).total_seconds())


def _times(detail: TaskDetail, runs: tuple[InstanceRun, ...], now: dt.datetime) -> dict[str, Any]:
    models: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    sites: dict[tuple[str, str], float] = defaultdict(float)
    by_instance = []
    for run in runs:
        ghz_s = 0.0
        for attempt in run.attempts:
            spent_s = exec_s(attempt, run.info, now)
            model = detail.cpu_model_of_node.get(attempt.node_id, "")
            clock = detail.clock_ghz_of_node.get(attempt.node_id, 0.0)
            models[model][0] += spent_s
            models[model][1] += spent_s * clock
            sites[detail.site_of_node.get(attempt.node_id, ""), model] += spent_s
            ghz_s += spent_s * clock
        if run.latest is not None:
            by_instance.append(
                {
                    "instanceId": run.instance.number,
                    "specificationKey": detail.cpu_model_of_node.get(run.latest.node_id, ""),
                    "siteUuid": detail.site_of_node.get(run.latest.node_id, ""),
                    "time": run.exec_s,
                    "timeGhz": ghz_s,
                    "clockRatio": CLOCK_RATIO,
                }
            )
    ordered = sorted(models.items())
    return {
        "executionTimeByCpuModel": [{"model": m, "time": time, "core": CORES} for m, (time, _) in ordered],
        "executionTimeGhzByCpuModel": [
            {"model": m, "timeGhz": ghz, "clockRatio": CLOCK_RATIO, "core": CORES} for m, (_, ghz) in ordered
        ],
        "executionTimeByMachineSpecification": [{"specificationKey": m, "time": time} for m, (time, _) in ordered],
        "executionTimeBySiteAndMachine": [
            {"siteUuid": site, "specificationKey": model, "time": time} for (site, model), time in sorted(sites.items())
        ],
        "executionTimeByInstanceId": by_instance,
    }


def _running(runs: tuple[InstanceRun, ...], now: dt.datetime) -> dict[str, Any]:
    infos = [(run, run.info) for run in runs if run.info is not None]
    clocks = [info.clock_ghz for _, info in infos]
    cores: dict[str, int] = defaultdict(int)
    for _, info in infos:
        cores[info.cpu_model] += CORES
    count = len(infos)
    return {
        "timestamp": wire_time(now),
        "averageFrequencyGHz": sum(clocks) / count if count else 0.0,
        "maxFrequencyGHz": max(clocks, default=0.0),
        "minFrequencyGHz": min(clocks, default=0.0),
        "averageMaxFrequencyGHz": sum(clocks) / count if count else 0.0,
        "averageCpuUsage": sum(info.load for _, info in infos) / count if count else 0.0,
        "clusterPowerIndicator": CLOCK_RATIO,
        "averageMemoryUsage": sum(_memory_share(info) for _, info in infos) / count if count else 0.0,
        "snapshotResults": [],
        "runningCoreCountByCpuModel": [
            {"model": model, "core": CORES, "runningCoreCount": number} for model, number in sorted(cores.items())
        ],
        "perRunningInstanceInfo": [_one_running(run, info) for run, info in infos],
    }


def _one_running(run: InstanceRun, info: RunningInfo) -> dict[str, Any]:
    return {
        "phase": _PHASES.get(info.attempt.state, "execution"),
        "instanceId": run.instance.number,
        "maxFrequencyGHz": info.clock_ghz,
        "currentFrequencyGHz": info.clock_ghz,
        "cpuUsage": info.load,
        "maxMemoryMB": info.memory_limit_bytes // _MIB,
        "currentMemoryMB": info.memory_bytes // _MIB,
        "memoryUsage": _memory_share(info),
        "progress": round(100.0 * (info.progress or 0.0), 2),
        "executionTimeSec": info.run_s,
        "executionTimeGHz": info.run_s * info.clock_ghz,
        "specificationKey": info.cpu_model,
        "cpuModel": info.cpu_model,
        "coreCount": CORES,
        "executionAttemptCount": info.attempt.number,
        "clockRatio": CLOCK_RATIO,
        "siteUuid": info.site_id,
        "powerW": info.power_w,
        "activeForwards": [],
        "vpnConnections": [],
    }


def _memory_share(info: RunningInfo) -> float:
    return info.memory_bytes / info.memory_limit_bytes if info.memory_limit_bytes else 0.0
