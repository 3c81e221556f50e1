"""results.csv: one row per input, one probability and one decision column per finding."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from cxr.outputs.journal import RESULTS_FILE, read_results
from cxr.outputs.writers import Writer
from cxr.screening.result import ModelIdentity, ScreeningResult
from nlp_labeler.storage import atomic_writer

__all__ = ["WRITER", "table_columns", "write_table"]


def table_columns(label_space: Sequence[str]) -> list[str]:
    """Column names of results.csv, in order."""
    return [
        "path",
        "sha256",
        "status",
        "triage",
        "doubts",
        "distance",
        "questions",
        "referred_for",
        "ruled_out",
        *(f"prob_{name}" for name in label_space),
        *(f"positive_{name}" for name in label_space),
        "refusal_code",
        "refusal_message",
        "bundle",
        "version",
        "model_sha256",
    ]


def write_table(results: Iterable[ScreeningResult], label_space: Sequence[str], path: Path) -> None:
    """Write results.csv atomically, one result in memory at a time.

    Args:
        results: in the order of the rows.
        label_space: findings of the bundle, in its order.
        path: the file to write.
    """
    with atomic_writer(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
        writer = csv.DictWriter(text, table_columns(label_space), restval="")
        writer.writeheader()
        writer.writerows(_row(result) for result in results)
        text.detach()


def _row(result: ScreeningResult) -> dict[str, str | int]:
    row: dict[str, str | int] = {
        "path": result.path,
        "sha256": result.sha256 or "",
        "status": result.status,
        "triage": result.triage or "",
        "doubts": " ".join(result.doubts),
        "distance": "" if result.distance is None else f"{result.distance:.4f}",
        "questions": " ".join(result.questions),
        "referred_for": _decided(result, "refer"),
        "ruled_out": _decided(result, "below"),
        "refusal_code": result.refusal.code if result.refusal else "",
        "refusal_message": result.refusal.message if result.refusal else "",
        "bundle": result.model.bundle,
        "version": result.model.version,
        "model_sha256": result.model.sha256,
    }
    for finding in result.findings:
        row[f"prob_{finding.name}"] = f"{finding.probability:.6f}"
        row[f"positive_{finding.name}"] = int(finding.positive)
    return row


def _decided(result: ScreeningResult, decision: str) -> str:
    """The findings that two-sided certificates name; empty where they name none, which says nothing about them."""
    named = (name for found in result.certified if found.decision == decision for name in found.findings)
    return " ".join(dict.fromkeys(named))


def _pages(folder: Path, model: ModelIdentity, label_space: Sequence[str]) -> None:  # noqa: ARG001  (as all writers)
    write_table(read_results(folder / RESULTS_FILE), label_space, folder / "results.csv")


WRITER = Writer(pages=_pages)
