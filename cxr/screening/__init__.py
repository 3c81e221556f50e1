"""The clinic's runtime: bundle + file -> ScreeningResult. No torch in the process.

- :class:`Screener`: one file -> :class:`ScreeningResult`
- :func:`find_inputs`, :func:`screen_many`: files, folders and archives, concurrently and in order
- :class:`Bundle`, :class:`BundleManifest`, :func:`seal_bundle`: the model, verified before use
- :func:`result_line`, :func:`parse_result_line`, :func:`result_schema`: the published line format
"""

from cxr.screening.batch import default_workers, screen_many
from cxr.screening.bundle import Bundle
from cxr.screening.exhibit import Examination, Exhibit
from cxr.screening.inputs import ScreeningInput, find_inputs
from cxr.screening.manifest import BundleDescription, BundleManifest, Preprocessing, seal_bundle
from cxr.screening.network import Network, NetworkOutput
from cxr.screening.result import (
    ModelIdentity,
    Refusal,
    ScreeningResult,
    parse_result_line,
    result_line,
    result_schema,
)
from cxr.screening.runtime import Screener

__all__ = [
    "Bundle",
    "BundleDescription",
    "BundleManifest",
    "Examination",
    "Exhibit",
    "ModelIdentity",
    "Network",
    "NetworkOutput",
    "Preprocessing",
    "Refusal",
    "Screener",
    "ScreeningInput",
    "ScreeningResult",
    "default_workers",
    "find_inputs",
    "parse_result_line",
    "result_line",
    "result_schema",
    "screen_many",
    "seal_bundle",
]
