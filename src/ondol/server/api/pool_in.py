"""From the body of a pool's creation, update or clone to the model, with every fault named at once."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from pydantic import Field, field_validator

from ondol.model.compute import CACHE_TTL_S, ResourceBucket
from ondol.model.conditions import Scheduling
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import NO_PROJECT, PoolId
from ondol.model.pool import ComputePool, Scaling
from ondol.model.view import ServiceClass
from ondol.server.api.conditions_in import read_forced, read_hardware, read_rules, read_secrets
from ondol.server.api.labels import read_labels
from ondol.server.api.lookups import Lookups
from ondol.server.api.names import id_of, name_limits
from ondol.server.api.resources_out import values_in
from ondol.server.api.scaling_wire import InvalidScalingError, read_scaling
from ondol.server.api.task_limits import constants_limits, path_limits, resource_paths, tags_limits
from ondol.server.api.times import read_life, wire_span
from ondol.server.api.wire_in import (
    ForcedConstantIn,
    KeyValue,
    NetworkRuleIn,
    Privileges,
    ResourcesBucket,
    RetrySettings,
    SecretsAccessRights,
    WireModel,
    scalar_text,
    try_body,
)
from ondol.server.errors import InvalidRequestError

MOST_SLOTS, MOST_SLOTS_PER_NODE = 100_000, 1024


class Preparation(WireModel):
    """What runs once in every slot."""

    command_line: str = ""


class MultiSlots(WireModel):
    """How many task instances one slot runs at once."""

    slots_per_node: int = 1


class Elastic(WireModel):
    """The older way of scaling, with the defaults of the commercial service (as its answers show them)."""

    is_elastic: bool = False
    min_total_slots: int = 0
    max_total_slots: int = 0
    min_idle_slots: int = 0
    resize_period: int = 90
    ramp_resize_factor: float = 0.4
    min_idle_time_seconds: int = 90


class PoolCreation(WireModel):
    """Body of `POST /pools`."""

    name: str = ""
    profile: str = ""
    shortname: str = ""
    instance_count: int = 0
    constants: list[KeyValue] = Field(default_factory=list)
    forced_constants: list[ForcedConstantIn] = Field(default_factory=list)
    forced_network_rules: list[NetworkRuleIn] = Field(default_factory=list)
    constraints: list[Any] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)
    resource_buckets: list[str] = Field(default_factory=list)
    advanced_resource_buckets: list[ResourcesBucket] = Field(default_factory=list)
    default_resources_cache_ttl_sec: int | None = None
    preparation_task: Preparation = Preparation()
    elastic_property: Elastic = Elastic()
    scaling: dict[str, Any] = Field(default_factory=dict)
    multi_slots_settings: MultiSlots = MultiSlots()
    task_default_wait_for_pool_resources_synchronization: bool | None = None
    default_retry_settings: RetrySettings = RetrySettings()
    hardware_constraints: list[dict[str, Any]] = Field(default_factory=list)
    scheduling_type: Any = ""
    targeted_reserved_machine_key: str = ""
    targeted_reservation_name: str = ""
    secrets_access_rights: SecretsAccessRights = SecretsAccessRights()
    privileges: Privileges = Privileges()
    max_time_queue_seconds: float = 0
    auto_delete_on_completion: bool = False
    completion_time_to_live: str = "00:00:00"
    project_uuid: str = ""

    @field_validator("completion_time_to_live", mode="before")
    @classmethod
    def _span(cls, value: Any) -> Any:
        return wire_span(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("labels", mode="before")
    @classmethod
    def _texts(cls, labels: Any) -> Any:
        return {key: scalar_text(value) for key, value in labels.items()} if isinstance(labels, dict) else labels


class PoolUpdate(WireModel):
    """Body of `PUT /pools/{id}`: what is left out stays; the rest of the body is passed over."""

    constants: list[KeyValue] | None = None
    tags: list[str] | None = None
    instance_count: int | None = None
    elastic_property: Elastic | None = None
    scaling: dict[str, Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoolChange:
    """What an update changes; None for what stays."""

    constants: dict[str, str] | None = None
    tags: tuple[str, ...] | None = None
    slots: int | None = None
    elastic: Scaling | None = None
    scaling: tuple[Scaling, ...] | None = None
    inelastic: bool = False


def read_pool(data: object, *, pool_id: PoolId, around: Lookups) -> ComputePool:
    """Make a pool of a JSON body; raises InvalidRequestError with every invalid field.

    Parameters
    ----------
    around : what it may refer to
    """
    faults: list[InvalidFieldError] = []
    body = try_body(PoolCreation, data, faults)
    if body is None:
        raise invalid_pool(faults)
    faults += [*name_limits(body.name, body.shortname), *tags_limits(body.tags), *constants_limits(body.constants)]
    faults += path_limits(resource_paths(body.advanced_resource_buckets))
    if not 0 <= body.instance_count <= MOST_SLOTS:
        faults.append(InvalidFieldError("instanceCount", body.instance_count, f"0 to {MOST_SLOTS}"))
    if not 1 <= body.multi_slots_settings.slots_per_node <= MOST_SLOTS_PER_NODE:
        allowed = f"1 to {MOST_SLOTS_PER_NODE}"
        faults.append(
            InvalidFieldError("multiSlotsSettings.slotsPerNode", body.multi_slots_settings.slots_per_node, allowed)
        )
    if not 0 <= body.max_time_queue_seconds <= 1e9:
        faults.append(InvalidFieldError("maxTimeQueueSeconds", body.max_time_queue_seconds, "0 to 1e9"))
    if body.constraints:
        faults.append(InvalidFieldError("constraints", "…", "empty: administrators of the commercial service only"))
    scheduling = scheduling_of(body.scheduling_type)
    service = ServiceClass.FLEX if scheduling is Scheduling.FLEX else ServiceClass.ON_DEMAND
    wishes = read_labels(body.labels, service, around.now, faults)
    reservation, machine_key = body.targeted_reservation_name, body.targeted_reserved_machine_key
    project_id, ttl_s = NO_PROJECT, 0
    scaling: tuple[Scaling, ...] = ()
    try:
        project_id = around.project(id_of(body.project_uuid))
    except InvalidFieldError as fault:
        faults.append(fault)
    try:
        if scheduling is Scheduling.RESERVED:
            kept = around.reservation(reservation, machine_key)
            reservation, machine_key = kept.reservation, kept.machine_key
    except InvalidFieldError as fault:
        faults.append(fault)
    try:
        ttl_s = read_life("completionTimeToLive", body.completion_time_to_live)
    except InvalidFieldError as fault:
        faults.append(fault)
    try:
        scaling = read_scaling(body.scaling)
    except InvalidScalingError as fault:
        faults.append(fault)
    elastic = _elastic(body.elastic_property, faults)
    hardware = read_hardware(body.hardware_constraints, faults)
    forced = read_forced(body.forced_constants, faults)
    rules = read_rules(body.forced_network_rules, faults)
    by_key, by_prefix = read_secrets(body.secrets_access_rights, faults)
    if faults:
        raise invalid_pool(faults)
    retries = body.default_retry_settings
    return ComputePool(
        id=pool_id,
        account_id=around.account.id,
        name=body.name,
        shortname=body.shortname,
        profile=body.profile,
        project_id=project_id,
        slots=body.instance_count,
        slots_per_node=body.multi_slots_settings.slots_per_node,
        preparation=body.preparation_task.command_line.strip(),
        constants={constant.key: constant.value for constant in body.constants},
        forced_constants=forced,
        network_rules=rules,
        labels=dict(body.labels),
        tags=tuple(body.tags),
        resources=_resources(body),
        hardware=hardware,
        scheduling=scheduling,
        service=wishes.service,
        machine_key=machine_key,
        reservation=reservation,
        secrets_by_key=by_key,
        secrets_by_prefix=by_prefix,
        export_credentials=body.privileges.export_api_and_storage_credentials_in_environment,
        elastic=elastic,
        elastic_period_s=float(max(1, body.elastic_property.resize_period)),
        scaling=scaling,
        wait_for_resources=body.task_default_wait_for_pool_resources_synchronization,
        max_retries_total=retries.max_total_retries,
        max_retries_per_instance=retries.max_per_instance_retries,
        max_queue_s=body.max_time_queue_seconds,
        auto_delete=body.auto_delete_on_completion,
        ttl_s=float(ttl_s),
        target_slots=body.instance_count,
        created_at=around.now,
        modified_at=around.now,
        state_since=around.now,
        wire=json.dumps(_shown_again(body), sort_keys=True),
    )


def read_pool_update(data: object, before: ComputePool) -> PoolChange:
    """Read an update; raises InvalidRequestError with every invalid field."""
    faults: list[InvalidFieldError] = []
    body = try_body(PoolUpdate, data if data is not None else {}, faults)
    if body is None:
        raise invalid_pool(faults)
    faults += [*constants_limits(body.constants or []), *tags_limits(body.tags or [])]
    if body.instance_count is not None and not 0 <= body.instance_count <= MOST_SLOTS:
        faults.append(InvalidFieldError("instanceCount", body.instance_count, f"0 to {MOST_SLOTS}"))
    scaling = None
    if body.scaling is not None:
        try:
            scaling = read_scaling(body.scaling)
        except InvalidScalingError as fault:
            faults.append(fault)
    elastic = None if body.elastic_property is None else _elastic(body.elastic_property, faults)
    if faults:
        raise invalid_pool(faults)
    return PoolChange(
        constants=None if body.constants is None else values_in(body.constants, before.constants),
        tags=None if body.tags is None else tuple(body.tags),
        slots=None if body.instance_count == before.slots else body.instance_count,
        elastic=elastic,
        scaling=scaling,
        inelastic=body.elastic_property is not None and elastic is None,
    )


def invalid_pool(faults: list[InvalidFieldError]) -> InvalidRequestError:
    """Give the error with the contract's text first, then ours with what is allowed."""
    fields = ", ".join(dict.fromkeys(fault.field for fault in faults))
    return InvalidRequestError(
        f"Invalid pool file. Invalid fields: {fields}. " + "; ".join(str(fault) for fault in faults[:20])
    )


def scheduling_of(word: object) -> Scheduling:
    """Scheduling type by its name in any case; what is not known reads as Flex, as the contract has it."""
    return {"ondemand": Scheduling.ON_DEMAND, "reserved": Scheduling.RESERVED}.get(str(word).lower(), Scheduling.FLEX)


def _elastic(body: Elastic, faults: list[InvalidFieldError]) -> Scaling | None:
    # Policies of other kinds take their steps by this period too, so it counts where the pool is not elastic.
    if not 0 <= body.resize_period <= 10**9:
        faults.append(InvalidFieldError("elasticProperty.resizePeriod", body.resize_period, "seconds, 0 to 1e9"))
    if not body.is_elastic:
        return None  # its other fields are C#'s defaults, and mean nothing
    least, most, idle = body.min_total_slots, body.max_total_slots, body.min_idle_slots
    if not 0 <= least <= most <= MOST_SLOTS:
        faults.append(
            InvalidFieldError("elasticProperty.maxTotalSlots", most, f"minTotalSlots ({least}) to {MOST_SLOTS}")
        )
    if not 0 <= idle <= MOST_SLOTS:
        faults.append(InvalidFieldError("elasticProperty.minIdleSlots", idle, f"0 to {MOST_SLOTS}"))
    if not 0 <= body.ramp_resize_factor <= 1:
        faults.append(InvalidFieldError("elasticProperty.rampResizeFactor", body.ramp_resize_factor, "0 to 1"))
    if not 0 <= body.min_idle_time_seconds <= 10**9:
        seconds = body.min_idle_time_seconds
        faults.append(InvalidFieldError("elasticProperty.minIdleTimeSeconds", seconds, "seconds, 0 to 1e9"))
    return Scaling(
        name="elastic",
        queue_driven=True,
        least=least,
        most=most,
        idle_least=idle,
        idle_least_s=float(body.min_idle_time_seconds),
        factor=body.ramp_resize_factor,
    )


def _resources(body: PoolCreation) -> tuple[ResourceBucket, ...]:
    ttl_s = CACHE_TTL_S if body.default_resources_cache_ttl_sec is None else body.default_resources_cache_ttl_sec
    return (
        *(ResourceBucket(bucket=name, cache_ttl_s=ttl_s) for name in body.resource_buckets),
        *(
            ResourceBucket(
                bucket=one.bucket_name,
                prefix=one.filtering.prefix_filtering.prefix,
                strip_prefix=one.resources_transformation.strip_prefix.prefix,
                cache_ttl_s=ttl_s if one.cache_ttl_sec is None else one.cache_ttl_sec,
            )
            for one in body.advanced_resource_buckets
        ),
    )


def _shown_again(body: PoolCreation) -> dict[str, Any]:
    ttl_s = body.default_resources_cache_ttl_sec
    return {
        "simpleBuckets": bool(body.resource_buckets),
        "defaultResourcesCacheTTLSec": CACHE_TTL_S if ttl_s is None else ttl_s,
    }
