"""The `status` of a task on the wire: progress, times by hardware and site, and what runs now (§2.4)."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from typing import Any

from ondol.control.ports import RunningInfo, TaskDetail, Transfer
from ondol.model.compute import AttemptState, InstanceState
from ondol.server.api.ranges import write_ranges
from ondol.server.api.task_times import InstanceRun, exec_s, numbers_in
from ondol.server.api.times import spent_span, wire_span, wire_time

MIB = 1 << 20
NOMINAL = 1.0  # clock ratio where no clock is measured: what is shown is the nominal clock
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

    Times that nobody measures are left out rather than called zero.
    """
    started = [run for run in runs if any(a.started_at for a in run.attempts)]
    staging_s, spent_s = sum(run.staging_s for run in runs), sum(run.exec_s for run in runs)
    wall_s = wall_seconds(detail, now)
    count = len(runs) or 1
    failed = numbers_in(runs, InstanceState.FAILED)
    status = {
        "timestamp": wire_time(now),
        "lastUpdateTimestamp": wire_time(detail.task.modified_at),
        "downloadProgress": _percent(sum(_fetched(detail, run) for run in runs) / count),
        "executionProgress": progress_percent(runs),
        "uploadProgress": _percent(sum(_uploaded(detail, run) for run in runs) / count),
        "instanceCount": len(runs),
        "downloadTime": wire_span(staging_s),
        "downloadTimeSec": staging_s,
        "executionTime": spent_span(spent_s),
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
        "runningInstancesInfo": _running(detail, runs, now),
    }
    if detail.uploaded:
        upload_s = sum(one.duration_s for one in detail.uploaded.values())
        status |= {"uploadTime": wire_span(upload_s), "uploadTimeSec": upload_s}
    return status


def progress_percent(runs: tuple[InstanceRun, ...]) -> float:
    """Mean progress of the instances, 0 to 100."""
    return _percent(sum(run.progress for run in runs) / len(runs)) if runs else 0.0


def wall_seconds(detail: TaskDetail, now: dt.datetime) -> float:
    """Platform seconds since the task was created, until it ended."""
    end = detail.task.ended_at if detail.task.state.final else now
    return max(0.0, (end - detail.task.created_at).total_seconds())


def cores_of(detail: TaskDetail, node: str) -> int:
    """Cores that one instance has on a node."""
    return detail.cores_of_node.get(node, 1)


def specification_of(detail: TaskDetail, node: str) -> str:
    """Key of a node's kind of machine, as hardware constraints name it."""
    return detail.specification_of_node.get(node) or detail.cpu_model_of_node.get(node, "")


def forwards_out(detail: TaskDetail) -> dict[str, Any]:
    """Open ports by number of instance and name of the rule."""
    shown: dict[str, Any] = {str(number): {} for number in detail.task.instance_numbers}
    number_of = {instance.id: str(instance.number) for instance in detail.instances}
    for info in detail.running:
        for port in info.ports:
            shown[number_of[info.instance_id]][port.name or str(port.port)] = {
                "name": port.name or str(port.port),
                "enabled": True,
                "applicationType": port.application_type,
                "proto": port.proto,
                "port": port.port,
                "allowedIPs": [],
                "access": {"publicHost": port.host, "publicPort": port.public_port},
            }
    return shown


def _percent(share: float) -> float:
    return round(100.0 * share, 2)


def _fetched(detail: TaskDetail, run: InstanceRun) -> float:
    latest = run.latest
    if latest is None:
        return 0.0
    if latest.started_at is not None:
        return 1.0
    return detail.fetched.get(latest.id, Transfer(share=0.0, duration_s=0.0)).share


def _uploaded(detail: TaskDetail, run: InstanceRun) -> float:
    if run.instance.state.final:
        return 1.0
    latest = run.latest
    if latest is None or latest.state is not AttemptState.UPLOADING:
        return 0.0
    return detail.uploaded.get(latest.id, Transfer(share=0.0, duration_s=0.0)).share


def _times(detail: TaskDetail, runs: tuple[InstanceRun, ...], now: dt.datetime) -> dict[str, Any]:
    models: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
    machines: dict[str, float] = defaultdict(float)
    sites: dict[tuple[str, str], float] = defaultdict(float)
    by_instance = []
    for run in runs:
        ghz_s = 0.0
        for attempt in run.attempts:
            spent_s, node = exec_s(attempt, run.info, now), attempt.node_id
            model, clock = detail.cpu_model_of_node.get(node, ""), detail.clock_ghz_of_node.get(node, 0.0)
            machine, cores = specification_of(detail, node), cores_of(detail, node)
            models[model, cores][0] += spent_s
            models[model, cores][1] += spent_s * clock
            machines[machine] += spent_s
            sites[detail.site_of_node.get(node, ""), machine] += spent_s
            ghz_s += spent_s * clock
        if run.latest is not None:
            by_instance.append(
                {
                    "instanceId": run.instance.number,
                    "specificationKey": specification_of(detail, run.latest.node_id),
                    "siteUuid": detail.site_of_node.get(run.latest.node_id, ""),
                    "time": run.exec_s,
                    "timeGhz": ghz_s,
                    "clockRatio": clock_ratio(run.info),
                }
            )
    ordered = sorted(models.items())
    return {
        "executionTimeByCpuModel": [{"model": m, "time": time, "core": cores} for (m, cores), (time, _) in ordered],
        "executionTimeGhzByCpuModel": [
            {"model": m, "timeGhz": ghz, "clockRatio": NOMINAL, "core": cores} for (m, cores), (_, ghz) in ordered
        ],
        "executionTimeByMachineSpecification": [
            {"specificationKey": machine, "time": time} for machine, time in sorted(machines.items())
        ],
        "executionTimeBySiteAndMachine": [
            {"siteUuid": site, "specificationKey": machine, "time": time}
            for (site, machine), time in sorted(sites.items())
        ],
        "executionTimeByInstanceId": by_instance,
    }


def clock_ratio(info: RunningInfo | None) -> float:
    """Clock over nominal clock, 1 where nobody knows."""
    return NOMINAL if info is None or info.clock_ratio is None else info.clock_ratio


def _running(detail: TaskDetail, runs: tuple[InstanceRun, ...], now: dt.datetime) -> dict[str, Any]:
    infos = [(run, run.info) for run in runs if run.info is not None]
    nominal = [info.clock_ghz for _, info in infos]
    clocks = [info.clock_ghz * clock_ratio(info) for _, info in infos]
    cores: dict[tuple[str, int], int] = defaultdict(int)
    for _, info in infos:
        each = cores_of(detail, info.attempt.node_id)
        cores[info.cpu_model, each] += each
    count = len(infos) or 1
    shown = {
        "timestamp": wire_time(now),
        "averageFrequencyGHz": sum(clocks) / count,
        "maxFrequencyGHz": max(clocks, default=0.0),
        "minFrequencyGHz": min(clocks, default=0.0),
        "averageMaxFrequencyGHz": sum(nominal) / count,
        "averageCpuUsage": 100.0 * sum(info.load for _, info in infos) / count,
        # Ratio of maximum to actual clock over the CPUs of the task (`reference/qarnot-api.md` §8).
        "clusterPowerIndicator": sum(nominal) / sum(clocks) if sum(clocks) else NOMINAL,
        "averageMemoryUsage": sum(_memory_share(info) for _, info in infos) / count,
        "snapshotResults": [],
        "runningCoreCountByCpuModel": [
            {"model": model, "core": each, "runningCoreCount": number}
            for (model, each), number in sorted(cores.items())
        ],
        "perRunningInstanceInfo": [_one_running(detail, run, info) for run, info in infos],
    }
    for way in ("in", "out"):
        rates = [rate for _, info in infos if (rate := getattr(info, f"network_{way}_kbps")) is not None]
        if rates:
            shown[f"averageNetwork{way.title()}Kbps"] = sum(rates) / len(rates)
            shown[f"totalNetwork{way.title()}Kbps"] = sum(rates)
    return shown


def _one_running(detail: TaskDetail, run: InstanceRun, info: RunningInfo) -> dict[str, Any]:
    node = info.attempt.node_id
    shown = {
        "phase": _PHASES.get(info.attempt.state, "execution"),
        "instanceId": run.instance.number,
        "maxFrequencyGHz": info.clock_ghz,
        "currentFrequencyGHz": info.clock_ghz * clock_ratio(info),
        "cpuUsage": 100.0 * info.load,
        "maxMemoryMB": info.memory_limit_bytes // MIB,
        "currentMemoryMB": math.ceil(info.memory_bytes / MIB),  # whole in the contract; what is little is not nothing
        "memoryUsage": _memory_share(info),
        "progress": _percent(info.progress or 0.0),
        "executionTimeSec": info.run_s,
        "executionTimeGHz": info.run_s * info.clock_ghz,
        "specificationKey": specification_of(detail, node),
        "cpuModel": info.cpu_model,
        "coreCount": cores_of(detail, node),
        "executionAttemptCount": info.attempt.number,
        "clockRatio": clock_ratio(info),
        "siteUuid": info.site_id,
        "powerW": info.power_w,
        "activeForwards": [
            {
                "applicationPort": port.port,
                "forwarderPort": port.public_port,
                "forwarderHost": port.host,
                "bindAddress": port.host,
            }
            for port in info.ports
        ],
        "vpnConnections": [],
    }
    if info.network_in_kbps is not None:
        shown["networkInKbps"] = info.network_in_kbps
    if info.network_out_kbps is not None:
        shown["networkOutKbps"] = info.network_out_kbps
    return shown


def _memory_share(info: RunningInfo) -> float:
    return info.memory_bytes / info.memory_limit_bytes if info.memory_limit_bytes else 0.0
