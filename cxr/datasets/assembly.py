"""The finished chunks of a build -> the tables of the dataset folder."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxr.datasets.card import Origin, dataset_card
from cxr.datasets.chunk import Chunk
from cxr.datasets.folder import BOX_FILE, ENTRY_FILE, IMAGE_FOLDER, REFUSED_FILE, REPORT_FILE, split_file
from cxr.datasets.image_index import ImageIndex
from cxr.datasets.linking import identities
from cxr.datasets.schema import BOX_HEADER, ENTRY_COLUMNS
from cxr.datasets.splits import assign_splits
from cxr.errors import DatasetError
from nlp_labeler.findings import NO_FINDING
from nlp_labeler.storage import atomic_writer, write_rows, write_text

__all__ = ["BuildSummary", "assemble"]

_MENTION_TEXTS = ("concept", "finding", "text", "sentence", "section", "assertion", "rule", "severity", "side", "zone")
_MENTION = pa.struct(
    [
        *(pa.field(name, pa.string()) for name in (*_MENTION_TEXTS, "change", "cui", "radlex")),
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
        pa.field("sentence_start", pa.int32()),
    ]
)


def report_schema(label_space: Sequence[str]) -> pa.Schema:
    """Of reports.parquet.

    Labels are 1 affirmed, 0 negated, -1 uncertain, null not mentioned; mentions carry the evidence.
    """
    texts, labels = ("image", "report_id", "patient", "text", "status"), (*label_space, NO_FINDING)
    fields = [*(pa.field(name, pa.string()) for name in texts), *(pa.field(name, pa.int8()) for name in labels)]
    return pa.schema([*fields, pa.field("mentions", pa.list_(_MENTION))])


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What a build did.

    Attributes:
        images: images in the dataset.
        patients: patients they belong to.
        splits: split -> number of images.
        refused: code -> number of reports and images left out for it; refused.csv lists them.
        notes: what was decided or not understood, in sentences for the user.
    """

    images: int
    patients: int
    splits: dict[str, int]
    refused: dict[str, int]
    notes: tuple[str, ...]


def assemble(
    out: Path,
    parts: Sequence[Path],
    index: ImageIndex,
    origin: Origin,
    *,
    fractions: Mapping[str, float],
    called: Callable[[str], str],
) -> BuildSummary:
    """Write the tables, split lists, card and refusals of a dataset folder.

    Args:
        out: the dataset folder.
        parts: the files of the finished chunks, in the order of the reports.
        index: the images there were.
        origin: how the dataset came about.
        fractions: split -> its share of the patients.
        called: what to call an image file of the archive.

    Raises:
        DatasetError: if no report has a usable image, or none of them could be labeled.
    """
    entries: list[dict[str, Any]] = []
    refused: Counter[str] = Counter()
    with atomic_writer(out / REFUSED_FILE) as stream:
        text = io.TextIOWrapper(stream, "utf-8", newline="", write_through=True)
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(("input", "code", "message"))
        for what, code, message in _refusals(out, parts, index, called, origin.label_space, entries):
            lines.writerow((what, code, message))
            refused[code] += 1
        text.detach()  # the stream outlives it
    reasons = ", ".join(f"{number} {code}" for code, number in sorted(refused.items()))
    if not entries:
        raise DatasetError(f"no report has a usable image ({reasons}); see {out / REFUSED_FILE}")
    table = pd.DataFrame(entries)
    if not (table["status"] == "ok").any():
        told = ", ".join(f"{number} {status}" for status, number in table["status"].value_counts().items())
        raise DatasetError(f"not one report of {len(table)} images could be labeled ({told}); see {out / REFUSED_FILE}")
    patients, joined = identities(zip(table["patient"], table["header_patient"], strict=True))
    table["patient"] = patients
    notes = _contradictions(table)
    if joined:
        notes.insert(0, f"{joined} patients of the table share a DICOM PatientID with another and are one with it")
        _rename_patients(out / REPORT_FILE, dict(zip(table["image"], patients, strict=True)))
    table["follow_up"] = _follow_ups(table)
    table["split"] = assign_splits(
        list(table["patient"]), table[list(origin.label_space)].to_numpy(float), fractions, origin.seed
    )
    _write_folder(out, table, fractions)
    write_text(out / "README.md", dataset_card(table, origin, refused=refused.total()))
    splits = {name: int((table["split"] == name).sum()) for name in fractions}
    return BuildSummary(len(table), table["patient"].nunique(), splits, dict(refused), tuple(notes))


def _refusals(
    out: Path,
    parts: Sequence[Path],
    index: ImageIndex,
    called: Callable[[str], str],
    label_space: Sequence[str],
    entries: list[dict[str, Any]],
) -> Iterator[tuple[str, str, str]]:
    """Write the table of reports, chunk by chunk, and collect the images; yields what is left out."""
    seen: set[str] = set()
    known: set[str] = set()
    schema = report_schema(label_space)
    with atomic_writer(out / REPORT_FILE) as stream, pq.ParquetWriter(stream, schema) as writer:
        for part in parts:
            chunk = Chunk(**json.loads(part.read_text(encoding="utf-8")))
            yield from ((what, code, message) for what, code, message in chunk.refused)
            rows = []
            for row in chunk.rows:
                if row["source"] in seen:
                    yield row["source"], "image_taken", "an earlier report has this image already"
                else:
                    seen.add(row["source"])
                    row["patient"] = row["patient"] or row["header_patient"]
                    rows.append(row)
            writer.write_table(_report_table(rows, schema))
            entries.extend(_entry(row, label_space) for row in rows)
            known.update(chunk.files)
    for file in index.files:
        if called(str(file.with_suffix(""))) not in known:
            yield called(str(file)), "no_report", "no report belongs to this image"


def _rename_patients(path: Path, patients: Mapping[str, str]) -> None:
    """Give the table of reports the names under which patients were found to be one."""
    with (
        pq.ParquetFile(path) as written,
        atomic_writer(path) as stream,
        pq.ParquetWriter(stream, written.schema_arrow) as writer,
    ):
        place = written.schema_arrow.get_field_index("patient")
        for batch in written.iter_batches():
            names = pa.array([patients[image] for image in batch.column("image").to_pylist()], pa.string())
            writer.write_batch(batch.set_column(place, "patient", names))


def _contradictions(table: pd.DataFrame) -> list[str]:
    """What the table and the headers say differently, or in an order that cannot be."""
    notes = []
    dated = table[(table["date"] != "") & (table["follow_up"].astype(str) != "")]
    if len(dated):
        numbers = pd.to_numeric(dated["follow_up"], errors="coerce")
        by_day = dated.groupby("patient")["date"].rank(method="dense")
        by_number = numbers.groupby(dated["patient"]).rank(method="dense")
        disordered = dated.loc[(by_day != by_number) & by_number.notna(), "patient"].nunique()
        if disordered:
            notes.append(
                f"{disordered} patients have visit numbers that contradict their dates; the numbers were taken"
            )
    return notes


def _report_table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    plain = [{**row, **row["labels"]} for row in rows]
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in plain], schema)


def _entry(row: dict[str, Any], label_space: Sequence[str]) -> dict[str, Any]:
    """A row of Data_Entry.csv before visits are numbered, with one 0/1 column per label for the split."""
    labels = row["labels"]
    present = [name for name in label_space if labels.get(name) == 1]
    kept = ("image", "patient", "header_patient", "follow_up", "age", "sex", "view", "width", "height", "spacing")
    return {
        **{name: row[name] for name in (*kept, "status")},
        "date": row["date"][:10],
        "findings": "|".join(present) or (NO_FINDING if labels.get(NO_FINDING) == 1 else ""),
        **{name: float(name in present) for name in label_space},
    }


def _follow_ups(table: pd.DataFrame) -> pd.Series:
    """Visit numbers: as the source counts them, else by date within each patient, else in the order of the source."""
    given = pd.to_numeric(table["follow_up"], errors="coerce")
    if given.notna().all():
        return given.astype(int)
    dates = table.groupby("patient")["date"].rank(method="dense")
    counted = table.groupby("patient").cumcount()
    has_dates = table.groupby("patient")["date"].transform(lambda dates: (dates != "").all())
    return (dates - 1).where(has_dates, counted).astype(int)


def _write_folder(out: Path, table: pd.DataFrame, fractions: Mapping[str, float]) -> None:
    columns = ["image", "findings", "follow_up", "patient", "age", "sex", "view", "width", "height"]
    published = table[columns].copy()
    # The published columns give the distance between columns (x) before the one between rows (y).
    published["spacing_x"] = [pair[1] if pair else "" for pair in table["spacing"]]
    published["spacing_y"] = [pair[0] if pair else "" for pair in table["spacing"]]
    published.columns = pd.Index(ENTRY_COLUMNS)
    for split in fractions:
        names = table.loc[table["split"] == split, "image"]
        write_text(out / split_file(split), "".join(f"{name}\n" for name in names))
    write_rows(out / BOX_FILE, BOX_HEADER, [])
    # The label table comes last: where it is, the folder is complete.
    write_text(out / ENTRY_FILE, published.to_csv(index=False, lineterminator="\n"))
    listed = set(table["image"])
    for stray in (out / IMAGE_FOLDER).iterdir():
        if stray.name not in listed:
            stray.unlink()
