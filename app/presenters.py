"""Cases -> table rows, HTML and words. Pure: no Gradio, no files, no model."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePath

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.desk import Case
from cxr.outputs import case_view
from cxr.outputs.words import TRIAGE_MEANINGS, TRIAGE_TITLES, finding_title, percent

__all__ = ["COLUMNS", "FILTERS", "case_html", "chosen", "rows", "summary"]

COLUMNS = ("#", "File", "Triage", "Findings above threshold")
REFUSED = "Refused"
FILTERS: tuple[str, ...] = ("All", *TRIAGE_TITLES.values(), REFUSED)


def chosen(cases: Sequence[Case], triage: str, words: str) -> list[Case]:
    """Cases of a triage state whose file or findings hold every one of the words, in their order.

    Args:
        cases: all cases.
        triage: one of :data:`FILTERS`.
        words: separated by spaces; case does not matter.
    """
    wanted = words.lower().split()
    return [
        case
        for case in cases
        if triage in ("All", _triage_title(case))
        and all(w in f"{_file(case)} {_findings(case)}".lower() for w in wanted)
    ]


def rows(cases: Sequence[Case]) -> list[list[str | int]]:
    """Rows of the worklist, as :data:`COLUMNS`; the first column counts from 1."""
    return [[rank, _file(case), _triage_title(case), _findings(case)] for rank, case in enumerate(cases, 1)]


def summary(cases: Sequence[Case]) -> str:
    """How many cases there are of each state, in one line."""
    titles = [_triage_title(case) for case in cases]
    return " · ".join(f"{titles.count(name)} {name.lower()}" for name in FILTERS[1:])


def case_html(case: Case) -> str:
    """Report and probabilities of one case, or why it was refused; everything from outside is escaped."""
    refusal = case.result.refusal
    view = None if refusal else case_view(case.result, "")
    meaning = TRIAGE_MEANINGS.get(case.result.triage or "", "")
    return (
        _templates().get_template("case.html.j2").render(case=view, refusal=refusal, file=_file(case), meaning=meaning)
    )


def _file(case: Case) -> str:
    return PurePath(case.result.path).name


def _triage_title(case: Case) -> str:
    return TRIAGE_TITLES[case.result.triage] if case.result.triage else REFUSED


def _findings(case: Case) -> str:
    if case.result.refusal:
        return case.result.refusal.code
    positive = sorted((f for f in case.result.findings if f.positive), key=lambda f: -f.probability)
    return ", ".join(f"{finding_title(f.name)} {percent(f.probability)}" for f in positive)


@cache
def _templates() -> Environment:
    folder = Path(__file__).parent / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
