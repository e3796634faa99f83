"""What can be trained: the Workload protocol, three built-ins on real data, a user's own.

Importing this package does not import torch; :func:`load` does.
"""

from core.workloads.loading import load
from core.workloads.params import CommonParams, Param, TuneParams
from core.workloads.registry import WorkloadInfo, catalogue, info, schema, validate

__all__ = [
    "CommonParams",
    "Param",
    "TuneParams",
    "WorkloadInfo",
    "catalogue",
    "info",
    "load",
    "schema",
    "validate",
]
