"""CSV, JSON lines, overlays, DICOM and the worklist page, each from ScreeningResult alone.

- :func:`screen_to_folder`: inputs -> a folder with all of them, resumable
- :class:`ResultsFolder`: such a folder, for those who feed it themselves; :func:`watch_folder` does
- :class:`Journal`, :func:`read_results`: results.jsonl
- :mod:`cxr.outputs.writers`: everything else in the folder, one module per output
"""

from cxr.outputs.journal import Journal, OverlayNames, read_results
from cxr.outputs.results_folder import ResultsFolder, RunSummary, screen_to_folder
from cxr.outputs.watch import watch_folder

__all__ = [
    "Journal",
    "OverlayNames",
    "ResultsFolder",
    "RunSummary",
    "read_results",
    "screen_to_folder",
    "watch_folder",
]
