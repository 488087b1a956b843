"""Workloads of the twin: job traces of several formats, and made-up ones, as columns of equal meaning."""

from ondol.twin.workload.attach import attach_data
from ondol.twin.workload.azure import read_azure
from ondol.twin.workload.generate import GeneratorSpec, generate
from ondol.twin.workload.greco import read_greco, read_greco_sizes
from ondol.twin.workload.jobs import DataSets, Jobs, Trace
from ondol.twin.workload.mix import ServiceMix, classify
from ondol.twin.workload.own_csv import read_csv, write_csv
from ondol.twin.workload.scale import replicate, scale_load, window
from ondol.twin.workload.surf import read_surf
from ondol.twin.workload.swf import read_swf

__all__ = [
    "DataSets",
    "GeneratorSpec",
    "Jobs",
    "ServiceMix",
    "Trace",
    "attach_data",
    "classify",
    "generate",
    "read_azure",
    "read_csv",
    "read_greco",
    "read_greco_sizes",
    "read_surf",
    "read_swf",
    "replicate",
    "scale_load",
    "window",
    "write_csv",
]
