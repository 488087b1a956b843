"""`ondol hw-constraints`: what hardware tasks may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cyclopts import App

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import Column, print_rows
from ondol.cli.output import SHOWN, Out

app = App(name="hw-constraints", help="What hardware tasks may ask for.")
_PAGE = 500
_OPTIONS = {
    "MinimumCore": "--min-core-count",
    "MaximumCore": "--max-core-count",
    "MinimumRam": "--min-ram",
    "MaximumRam": "--max-ram",
    "MinimumRamCoreRatio": "--min-ram-core-ratio",
    "MaximumRamCoreRatio": "--max-ram-core-ratio",
    "Specific": "--specific-hardware-constraints",
    "CpuModel": "--cpu-model",
    "Gpu": "--gpu-hardware",
    "NoGpu": "--no-gpu-hardware",
    "SSD": "--ssd-hardware",
    "NoSSD": "--no-ssd-hardware",
}


@app.command(name="list")
def list_(*, cpu: str | None = None, out: Out = SHOWN, where: Where = HERE) -> None:
    """List what can be asked for, with the option of 'ondol task create' that does.

    Parameters
    ----------
    cpu:
        Only CPU models with these words.
    """
    with open_api(where) as api:
        rows: list[dict[str, Any]] = []
        if cpu is not None:
            rows = list(api.get("/hardware-constraints/cpu-model-constraints/search", cpuModel=cpu))
        else:
            while True:
                page = api.get("/hardware-constraints", limit=_PAGE, offset=len(rows))
                rows += page["data"]
                if not page["data"] or len(rows) >= int(page["total"]):
                    break
    columns = (
        Column("KIND", _kind),
        Column("VALUE", _value),
        Column("OPTION", lambda row: _OPTIONS.get(_kind(row), "")),
    )
    print_rows(rows, columns, out=out, key="discriminator")


def _kind(row: Mapping[str, Any]) -> str:
    return str(row.get("discriminator", "")).removesuffix("HardwareConstraint")


def _value(row: Mapping[str, Any]) -> str:
    return ", ".join(str(value) for key, value in row.items() if key != "discriminator" and value is not None)
