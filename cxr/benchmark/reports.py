"""Two files of reports, joined by id: the errors of one against the other.

Whatever cannot be compared (refused, not understood, without a partner) is counted by its reason and named in the
output; it never counts as a report without errors.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cxr.errors import CxrError
from cxr.evaluation.report_errors import ReportError, ReportErrorSummary, report_errors, summarize_errors
from nlp_labeler.document import Status
from nlp_labeler.formats.record import ReadOptions, ReportRecord
from nlp_labeler.formats.source import read_reports
from nlp_labeler.labeler import Labeler
from nlp_labeler.storage import write_rows, write_text

__all__ = ["ReportComparison", "compare_report_files", "write_report_comparison"]

FORMAT_VERSION = 1
_COLUMNS = ("id", "kind", "finding", "significant", "reference", "candidate")


@dataclass(frozen=True)
class ReportComparison:
    """Errors of the candidates.

    Attributes:
        errors: by report id, in the order of the references.
        left_out: report id -> why it was not compared.
        summary: errors per report, with intervals.
        policy: labeling convention that read both.
        engine: engine that read both.
    """

    errors: Mapping[str, tuple[ReportError, ...]]
    left_out: Mapping[str, str]
    summary: ReportErrorSummary
    policy: str
    engine: str

    @property
    def reasons(self) -> Counter[str]:
        """How many reports were left out, by reason."""
        return Counter(self.left_out.values())


def compare_report_files(
    reference: Path,
    candidate: Path,
    labeler: Labeler,
    *,
    reading: ReadOptions | None = None,
    patient: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> ReportComparison:
    """Compare the reports of two sources that have the same id.

    Args:
        reference: the reports as they should be: any source that nlp-labeler reads.
        candidate: those that are judged.
        labeler: reads both.
        reading: encoding and columns of both.
        patient: column of the reference with the patient, whose reports are resampled together.
        resamples: for the intervals.
        seed: of the resampling.

    Raises:
        CxrError: if an id stands twice in one of them, there is no such column, or nothing can be compared.
        LabelerError: if one is no source of reports.
    """
    wanted, given = (_by_id(path, reading) for path in (reference, candidate))
    left_out = {name: "no candidate" for name in wanted if name not in given}
    left_out |= {name: "no reference" for name in given if name not in wanted}
    for side, records in (("reference", wanted), ("candidate", given)):
        refused = {name: record.refusal for name, record in records.items() if record.refusal and name not in left_out}
        left_out |= {name: f"{side} {refusal.code}" for name, refusal in refused.items()}
    paired = [name for name in wanted if name not in left_out]
    expected, found = (labeler.pipe([records[name].text for name in paired]) for records in (wanted, given))
    errors: dict[str, tuple[ReportError, ...]] = {}
    for name, right, judged in zip(paired, expected, found, strict=True):
        unread = [
            f"{side} {x.status}"
            for side, x in (("reference", right), ("candidate", judged))
            if x.status is not Status.OK
        ]
        if unread:
            left_out[name] = unread[0]
        else:
            errors[name] = report_errors(right, judged)
    if not errors:
        reasons = ", ".join(f"{number} {reason}" for reason, number in Counter(left_out.values()).items())
        raise CxrError(
            f"{reference} and {candidate} have no reports that can be compared ({reasons or 'both are empty'})"
        )
    patients = None
    if patient is not None:
        patients = [_cell(wanted[name], patient, reference) for name in errors]
    summary = summarize_errors(list(errors.values()), patients, resamples, seed)
    return ReportComparison(errors, left_out, summary, labeler.policy.name, labeler.engine)


def _by_id(path: Path, reading: ReadOptions | None) -> dict[str, ReportRecord]:
    records: dict[str, ReportRecord] = {}
    for number, record in enumerate(read_reports(path, reading), start=1):
        name = record.id or f"(row {number})"
        if name in records:
            raise CxrError(f"{path}: the id {name!r} stands twice; every report needs its own")
        records[name] = record
    return records


def _cell(record: ReportRecord, column: str, path: Path) -> str:
    if not record.cells.get(column, "").strip():
        there = ", ".join(record.cells) or "none"
        raise CxrError(f"{path}: no {column!r} for the report {record.id!r}; columns beside the text are {there}")
    return record.cells[column]


def write_report_comparison(comparison: ReportComparison, out: Path) -> None:
    """Write errors.csv (a row per error), left_out.csv, and report_errors.json, the JSON last.

    Args:
        comparison: the errors.
        out: folder, made if it is not there.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_rows(out / "errors.csv", _COLUMNS, _error_rows(comparison))
    write_rows(out / "left_out.csv", ("id", "reason"), comparison.left_out.items())
    content = {
        "format_version": FORMAT_VERSION,
        "policy": comparison.policy,
        "engine": comparison.engine,
        "left_out": dict(comparison.reasons),
        "per_report": asdict(comparison.summary),
    }
    write_text(out / "report_errors.json", json.dumps(content, indent=2) + "\n")


def _error_rows(comparison: ReportComparison) -> Iterator[tuple[object, ...]]:
    for name, errors in comparison.errors.items():
        for error in errors:
            yield name, error.kind, error.finding, int(error.significant), error.reference, error.candidate
