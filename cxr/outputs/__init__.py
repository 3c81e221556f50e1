"""CSV, JSON lines, overlays and the worklist page, each from ScreeningResult alone.

- :func:`screen_to_folder`: inputs -> a folder with all of them, resumable
- :class:`ResultsFolder`: such a folder, for those who feed it themselves; :func:`watch_folder` does
- :class:`Journal`, :func:`read_results`: results.jsonl
- :func:`write_table`: results.csv
- :func:`draw_overlay`, :func:`overlay_png`: the picture (with the pixels, which no result holds)
- :func:`write_worklist`: the page; :func:`case_view`: what it shows of one case
"""

from cxr.outputs.case import CaseView, case_view
from cxr.outputs.journal import Journal, read_results
from cxr.outputs.overlay import draw_overlay, overlay_png
from cxr.outputs.overlay_names import OverlayNames
from cxr.outputs.results_folder import ResultsFolder
from cxr.outputs.run import RunSummary, screen_to_folder
from cxr.outputs.table import write_table
from cxr.outputs.urgency import urgency
from cxr.outputs.watch import watch_folder
from cxr.outputs.worklist import write_worklist

__all__ = [
    "CaseView",
    "Journal",
    "OverlayNames",
    "ResultsFolder",
    "RunSummary",
    "case_view",
    "draw_overlay",
    "overlay_png",
    "read_results",
    "screen_to_folder",
    "urgency",
    "watch_folder",
    "write_table",
    "write_worklist",
]
