"""Hardware, forced constants, ports and secrets of a creation: from the wire to the model, with every fault named."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ondol.model.conditions import ForcedConstant, HardwareConstraint, HardwareKind, NetworkRule
from ondol.model.errors import InvalidFieldError
from ondol.server.api.wire_in import ForcedConstantIn, NetworkRuleIn, SecretsAccessRights

Faults = list[InvalidFieldError]
MOST_CONDITIONS = 100  # of each kind; the contract names no limit, a body could hold a million
AMOUNTS = {
    HardwareKind.MINIMUM_CORE: "coreCount",
    HardwareKind.MAXIMUM_CORE: "coreCount",
    HardwareKind.MINIMUM_RAM_CORE_RATIO: "minimumMemoryGBCoreRatio",
    HardwareKind.MAXIMUM_RAM_CORE_RATIO: "maximumMemoryGBCoreRatio",
    HardwareKind.MINIMUM_RAM: "minimumMemoryMB",
    HardwareKind.MAXIMUM_RAM: "maximumMemoryMB",
}
KEYS = {HardwareKind.SPECIFIC: "specificationKey", HardwareKind.CPU_MODEL: "cpuModel"}
_KINDS = {kind.value.lower(): kind for kind in HardwareKind}
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,2048}")
_PORTS = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?")
_ACCESS = {"": False, "readwrite": False, "readonly": True}


def read_hardware(given: list[dict[str, Any]], faults: Faults) -> tuple[HardwareConstraint, ...]:
    """Read hardware constraints; of each only the key that belongs to its discriminator, as Go sends them all."""
    if len(given) > MOST_CONDITIONS:
        faults.append(InvalidFieldError("hardwareConstraints", len(given), f"at most {MOST_CONDITIONS} of them"))
        return ()
    found = []
    for row, one in enumerate(given):
        low = {str(key).lower(): value for key, value in one.items()}
        kind = _KINDS.get(str(low.get("discriminator", "")).lower())
        if kind is None:
            allowed = "one of " + ", ".join(kind.value for kind in HardwareKind)
            faults.append(
                InvalidFieldError(f"hardwareConstraints.{row}.discriminator", low.get("discriminator"), allowed)
            )
            continue
        amount, key = _amount(kind, low), _key(kind, low)
        if amount is None or key is None:
            name = AMOUNTS.get(kind) or KEYS[kind]
            allowed = "a number from 0 to 1e9" if kind in AMOUNTS else "a text of 1 to 2048 characters"
            faults.append(InvalidFieldError(f"hardwareConstraints.{row}.{name}", low.get(name.lower()), allowed))
            continue
        found.append(HardwareConstraint(kind=kind, amount=amount, key=key))
    return tuple(found)


def hardware_out(constraint: HardwareConstraint) -> dict[str, Any]:
    """Write a hardware constraint as it came."""
    shown: dict[str, Any] = {"discriminator": constraint.kind.value}
    if constraint.kind in AMOUNTS:
        amount = constraint.amount
        ratio = constraint.kind in (HardwareKind.MINIMUM_RAM_CORE_RATIO, HardwareKind.MAXIMUM_RAM_CORE_RATIO)
        shown[AMOUNTS[constraint.kind]] = amount if ratio or amount % 1 else int(amount)
    if constraint.kind in KEYS:
        shown[KEYS[constraint.kind]] = constraint.key
    return shown


def read_forced(given: list[ForcedConstantIn], faults: Faults) -> tuple[ForcedConstant, ...]:
    """Read forced constants."""
    if len(given) > MOST_CONDITIONS:
        faults.append(InvalidFieldError("forcedConstants", len(given), f"at most {MOST_CONDITIONS} of them"))
        return ()
    found = []
    for row, one in enumerate(given):
        access = _ACCESS.get(one.access.lower())
        if not _NAME.fullmatch(one.constant_name):
            allowed = "1 to 2048 of A–Z, a–z, 0–9, _, . and -"
            faults.append(InvalidFieldError(f"forcedConstants.{row}.constantName", one.constant_name[:80], allowed))
        elif len(one.forced_value) > 2048 or "\0" in one.forced_value:
            allowed = "a text of at most 2048 characters without NUL"
            faults.append(InvalidFieldError(f"forcedConstants.{row}.forcedValue", one.forced_value[:80], allowed))
        elif access is None:
            faults.append(InvalidFieldError(f"forcedConstants.{row}.access", one.access, "ReadWrite or ReadOnly"))
        else:
            found.append(
                ForcedConstant(
                    name=one.constant_name,
                    value=one.forced_value,
                    export=one.force_export_in_environment,
                    read_only=access,
                )
            )
    return tuple(found)


def forced_out(constant: ForcedConstant) -> dict[str, Any]:
    """Write a forced constant as it came."""
    shown: dict[str, Any] = {
        "constantName": constant.name,
        "forcedValue": constant.value,
        "access": "ReadOnly" if constant.read_only else "ReadWrite",
    }
    return shown if constant.export is None else shown | {"forceExportInEnvironment": constant.export}


def read_rules(given: list[NetworkRuleIn], faults: Faults) -> tuple[NetworkRule, ...]:
    """Read network rules; what would choose the public side of a port is refused, the installation chooses that."""
    if len(given) > MOST_CONDITIONS:
        faults.append(InvalidFieldError("forcedNetworkRules", len(given), f"at most {MOST_CONDITIONS} of them"))
        return ()
    found = []
    for row, one in enumerate(given):
        where = f"forcedNetworkRules.{row}"
        before = len(faults)
        for name, value in (
            ("publicHost", one.public_host),
            ("publicPort", one.public_port),
            ("forwarder", one.forwarder),
        ):
            if value:
                allowed = "left out: the installation chooses where a port is reached from outside"
                faults.append(InvalidFieldError(f"{where}.{name}", value[:80], allowed))
        if one.to_q_box:
            faults.append(InvalidFieldError(f"{where}.toQBox", True, "false: only ports of the job itself are opened"))
        if one.proto.lower() not in ("tcp", "udp"):
            faults.append(InvalidFieldError(f"{where}.proto", one.proto[:80], "tcp or udp"))
        if one.port and not _is_port(one.port):
            faults.append(InvalidFieldError(f"{where}.port", one.port[:80], "1 to 65535, or a range of them"))
        if one.inbound and not one.port:
            faults.append(InvalidFieldError(f"{where}.port", one.port, "the port of the job that is to be opened"))
        texts = (one.to, one.name, one.application_type, one.description)
        if any(len(text) > 2048 or "\0" in text for text in texts):
            faults.append(InvalidFieldError(where, "…", "texts of at most 2048 characters without NUL"))
        if len(faults) == before:
            found.append(
                NetworkRule(
                    inbound=one.inbound,
                    proto=one.proto.lower(),
                    port=one.port,
                    to=one.to,
                    name=one.name,
                    application_type=one.application_type,
                    description=one.description,
                )
            )
    return tuple(found)


def rule_out(rule: NetworkRule) -> dict[str, Any]:
    """Write a network rule as it came."""
    texts = {
        "port": rule.port,
        "to": rule.to,
        "name": rule.name,
        "applicationType": rule.application_type,
        "description": rule.description,
    }
    return {"inbound": rule.inbound, "proto": rule.proto, **{key: text for key, text in texts.items() if text}}


def read_secrets(given: SecretsAccessRights, faults: Faults) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and prefixes of the secrets that a job is given."""
    keys, prefixes = [one.key for one in given.by_secret], [one.prefix for one in given.by_prefix]
    for field, texts in (("bySecret", keys), ("byPrefix", prefixes)):
        if len(texts) > MOST_CONDITIONS or any(not 1 <= len(text) <= 1024 for text in texts):
            allowed = f"at most {MOST_CONDITIONS} names of 1 to 1024 characters"
            faults.append(InvalidFieldError(f"secretsAccessRights.{field}", [t[:40] for t in texts[:5]], allowed))
            return (), ()
    return tuple(dict.fromkeys(keys)), tuple(dict.fromkeys(prefixes))


def _amount(kind: HardwareKind, low: Mapping[str, Any]) -> float | None:
    if kind not in AMOUNTS:
        return 0.0
    given = low.get(AMOUNTS[kind].lower())
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(given) if math.isfinite(given) and 0 <= given <= 1e9 else None


def _key(kind: HardwareKind, low: Mapping[str, Any]) -> str | None:
    if kind not in KEYS:
        return ""
    given = low.get(KEYS[kind].lower())
    return given if isinstance(given, str) and 1 <= len(given.strip()) <= 2048 else None


def _is_port(text: str) -> bool:
    if not _PORTS.fullmatch(text):
        return False
    first, _, last = text.partition("-")
    return 1 <= int(first) <= int(last or first) <= 65_535
