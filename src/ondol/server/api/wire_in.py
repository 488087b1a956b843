"""Request bodies as clients send them: keys in any case, unknown keys passed over, nulls like absent keys."""

from __future__ import annotations

from typing import Any, Self, TypeVar

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ondol.model.errors import InvalidFieldError

Body = TypeVar("Body", bound="WireModel")
_SPECIAL = {
    "cache_ttl_sec": "cacheTTLSec",
    "results_cache_ttl_sec": "resultsCacheTTLSec",
    "default_resources_cache_ttl_sec": "defaultResourcesCacheTTLSec",
}


def camel(name: str) -> str:
    """Name of a field on the wire."""
    first, *others = name.split("_")
    return _SPECIAL.get(name, first + "".join(word.capitalize() for word in others))


class WireModel(BaseModel):
    """A JSON object with the tolerance of rule 1: C# sends PascalCase, output-only fields and nulls."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        loc_by_alias=False,
        alias_generator=AliasGenerator(validation_alias=lambda name: name.replace("_", ""), serialization_alias=camel),
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self  # frozen: a default may be shared

    @model_validator(mode="before")
    @classmethod
    def _fold(cls, data: Any) -> Any:
        if isinstance(data, dict):
            # One of the SDKs writes some keys with underscores; no two keys of the contract differ by those alone.
            return {key.lower().replace("_", ""): value for key, value in data.items() if value is not None}
        return data


class KeyValue(WireModel):
    """A constant; its value may be a JSON number or truth value."""

    key: str
    value: str = ""

    @field_validator("value", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return scalar_text(value)


class Prefix(WireModel):
    """`{"prefix": …}`."""

    prefix: str = ""


class Filtering(WireModel):
    """Which objects of a bucket."""

    prefix_filtering: Prefix = Prefix()


class Transformation(WireModel):
    """How keys become file names."""

    strip_prefix: Prefix = Prefix()


class ResourcesBucket(WireModel):
    """A bucket whose objects are put into the job's folder."""

    bucket_name: str
    filtering: Filtering = Filtering()
    resources_transformation: Transformation = Transformation()
    cache_ttl_sec: int | None = None


class RetrySettings(WireModel):
    """Further attempts after a failure."""

    max_total_retries: int = 0
    max_per_instance_retries: int = 0


class Privileges(WireModel):
    """What the job itself may do."""

    export_api_and_storage_credentials_in_environment: bool = False


class AdvancedDependency(WireModel):
    """A task, and how it may end; no state named: in any way."""

    task_uuid: str
    task_final_state_condition: list[str] = []


class Dependencies(WireModel):
    """Tasks that must have ended before."""

    depends_on: list[str] = []
    advanced_depends_on: list[AdvancedDependency] = []


class ForcedConstantIn(WireModel):
    """A constant that is fixed over the profile's."""

    constant_name: str
    forced_value: str = ""
    force_export_in_environment: bool | None = None
    access: str = ""

    @field_validator("forced_value", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return scalar_text(value)


class NetworkRuleIn(WireModel):
    """A port that a job opens or may reach."""

    inbound: bool
    proto: str = "tcp"
    port: str = ""
    to: str = ""
    name: str = ""
    application_type: str = ""
    description: str = ""
    public_host: str = ""
    public_port: str = ""
    forwarder: str = ""
    priority: str = ""
    to_q_box: bool = False
    to_payload: bool = False

    @field_validator("port", "public_port", "priority", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return scalar_text(value)


class SecretKey(WireModel):
    """A secret by its name."""

    key: str


class SecretPrefix(WireModel):
    """Secrets by how their names begin."""

    prefix: str


class SecretsAccessRights(WireModel):
    """Secrets that the job is given."""

    by_secret: list[SecretKey] = []
    by_prefix: list[SecretPrefix] = []


class TaskCreation(WireModel):
    """Body of `POST /tasks`; the limits are checked by `intake`, all at once."""

    name: str = ""
    profile: str = ""
    shortname: str = ""
    instance_count: int = 0
    advanced_ranges: str = ""
    constants: list[KeyValue] = []
    labels: dict[str, str] = {}
    tags: list[str] = []
    resource_buckets: list[str] = []
    advanced_resource_buckets: list[ResourcesBucket] = []
    result_bucket: str = ""
    results_bucket: str = ""
    results_bucket_prefix: str = ""
    results_whitelist: str = ""
    results_blacklist: str = ""
    results_cache_ttl_sec: int | None = None
    default_resources_cache_ttl_sec: int | None = None
    upload_results_on_cancellation: bool = False
    retry_settings: RetrySettings = RetrySettings()
    max_retries_per_instance: int = 0
    scheduling_type: Any = ""
    privileges: Privileges = Privileges()
    auto_delete_on_completion: bool = False
    wait_for_pool_resources_synchronization: bool | None = None
    completion_time_to_live: str = "00:00:00"
    pool_uuid: str = ""
    job_uuid: str = ""
    project_uuid: str = ""
    dependencies: Dependencies = Dependencies()
    forced_constants: list[ForcedConstantIn] = []
    forced_network_rules: list[NetworkRuleIn] = []
    hardware_constraints: list[dict[str, Any]] = []
    secrets_access_rights: SecretsAccessRights = SecretsAccessRights()
    snapshot_whitelist: str = ""
    snapshot_blacklist: str = ""
    snapshot_bucket: str = ""
    snapshot_bucket_prefix: str = ""
    max_time_queue_seconds: float = 0
    targeted_reserved_machine_key: str = ""
    targeted_reservation_name: str = ""
    constraints: list[Any] = []

    @field_validator("resource_buckets", mode="before")
    @classmethod
    def _listed(cls, names: Any) -> Any:
        return ([names] if names else []) if isinstance(names, str) else names  # the Go SDK sends one name

    @field_validator("completion_time_to_live", mode="before")
    @classmethod
    def _span(cls, value: Any) -> Any:
        return scalar_text(value)  # the Go SDK sends seconds

    @field_validator("labels", mode="before")
    @classmethod
    def _texts(cls, labels: Any) -> Any:
        if isinstance(labels, dict):
            return {key: scalar_text(value) for key, value in labels.items()}
        return labels


class TaskUpdate(WireModel):
    """Body of `PUT /tasks/{id}`: clients send the whole task, constants and tags are what can change."""

    constants: list[KeyValue] | None = None
    tags: list[str] | None = None


class Snapshot(WireModel):
    """Body of the snapshot routes."""

    interval: int | None = None
    whitelist: str = ""
    blacklist: str = ""
    bucket: str = ""
    bucket_prefix: str = ""


class PageRequest(WireModel):
    """Body of the paginate routes; `maximumResults` may be left out."""

    filter: dict[str, Any] | None = None
    token: str = ""
    maximum_results: int | None = None
    order_by: str = ""
    order_type: str = ""


class Select(WireModel):
    """Which fields to give."""

    fields_: list[str] = Field(default=[], validation_alias="fields", serialization_alias="fields")


class SearchRequest(WireModel):
    """Body of the search routes; `select` may be a list or `{"fields": […]}`."""

    select: Select = Select()
    filter: dict[str, Any] | None = None
    maximum_results: int | None = None

    @field_validator("select", mode="before")
    @classmethod
    def _list(cls, select: Any) -> Any:
        return {"fields": select} if isinstance(select, list) else select


def scalar_text(value: object) -> object:
    """Text of a JSON scalar as a shell would want it; lists and objects stay, to be refused."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return "" if value is None else value


def read_body(kind: type[Body], data: object) -> Body:
    """Read a body; raises InvalidFieldError naming the first field at fault."""
    faults: list[InvalidFieldError] = []
    body = try_body(kind, data, faults)
    if body is None:
        raise faults[0]
    return body


def try_body(kind: type[Body], data: object, faults: list[InvalidFieldError]) -> Body | None:
    """Read a body, or add every fault of it to `faults` and give None."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        for fault in error.errors():
            field = ".".join(camel(part) if isinstance(part, str) else str(part) for part in fault["loc"]) or "body"
            faults.append(InvalidFieldError(field, _shown(fault["input"]), fault["msg"]))
        return None


def _shown(value: object) -> object:
    return value if len(repr(value)) < 80 else repr(value)[:77] + "…"
