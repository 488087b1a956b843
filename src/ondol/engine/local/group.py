"""Opens the control group of one attempt from what its order says of it; small, because shims import it."""

from __future__ import annotations

from ondol.engine.local.cgroup_v1 import CgroupV1
from ondol.engine.local.cgroup_v2 import CgroupV2

GroupSpec = dict[str, object]


def open_group(spec: GroupSpec) -> CgroupV1 | CgroupV2:
    """Give the group that `spec` (made by `GroupHome.spec`) names; it need not exist yet."""
    folders, others = spec["folders"], spec.get("others")
    if not isinstance(folders, dict):
        raise TypeError("group.folders must be a table of controller and folder")
    if spec["version"] == 2:
        return CgroupV2(folders["unified"])
    return CgroupV1(folders, others if isinstance(others, list) else [])
