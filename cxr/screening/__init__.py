"""The clinic's runtime: bundle + file -> ScreeningResult. No torch in the process.

- :class:`Screener`: one file -> :class:`ScreeningResult`
- :func:`find_inputs`, :func:`screen_many`: files, folders and archives, concurrently and in order
- :class:`Bundle`, :class:`BundleManifest`, :func:`seal_bundle`: the model, verified before use
- :func:`result_line`, :func:`parse_result_line`, :func:`result_schema`: the published line format
"""

from cxr.screening.artifacts import Examination, ScreeningArtifacts
from cxr.screening.bundle import Bundle, BundleGate
from cxr.screening.inputs import ScreeningInput, Shard, find_inputs
from cxr.screening.manifest import BundleDescription, BundleManifest, Preprocessing, seal_bundle
from cxr.screening.network import Network, NetworkOutput
from cxr.screening.result import (
    InputRefusal,
    ModelIdentity,
    ScreeningResult,
    parse_result_line,
    result_line,
    result_schema,
)
from cxr.screening.screener import Screener, default_workers, screen_many

__all__ = [
    "Bundle",
    "BundleDescription",
    "BundleGate",
    "BundleManifest",
    "Examination",
    "InputRefusal",
    "ModelIdentity",
    "Network",
    "NetworkOutput",
    "Preprocessing",
    "Screener",
    "ScreeningArtifacts",
    "ScreeningInput",
    "ScreeningResult",
    "Shard",
    "default_workers",
    "find_inputs",
    "parse_result_line",
    "result_line",
    "result_schema",
    "screen_many",
    "seal_bundle",
]
