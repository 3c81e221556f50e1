"""The finished chunks of a build -> the tables of the dataset folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxr.datasets.card import Origin, dataset_card
from cxr.datasets.chunk import Chunk
from cxr.datasets.folder import BOX_FILE, ENTRY_FILE, IMAGE_FOLDER, REPORT_FILE, split_file
from cxr.datasets.image_index import ImageIndex
from cxr.datasets.schema import BOX_HEADER, ENTRY_COLUMNS
from cxr.datasets.splits import assign_splits
from cxr.errors import DatasetError
from nlp_labeler.findings import LABELS, NO_FINDING
from nlp_labeler.storage import atomic_writer, write_rows, write_text

__all__ = ["REPORT_SCHEMA", "BuildSummary", "Part", "assemble"]

_MENTION_TEXTS = ("concept", "finding", "text", "sentence", "section", "assertion", "rule", "severity", "side", "zone")
_MENTION = pa.struct(
    [
        *(pa.field(name, pa.string()) for name in (*_MENTION_TEXTS, "change", "cui", "radlex")),
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
        pa.field("sentence_start", pa.int32()),
    ]
)
REPORT_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("image", "report_id", "patient", "text", "status")),
        *(pa.field(name, pa.int8()) for name in (*LABELS, NO_FINDING)),
        pa.field("mentions", pa.list_(_MENTION)),
    ]
)
"""reports.parquet: labels are 1 affirmed, 0 negated, -1 uncertain, null not mentioned; mentions carry the evidence."""


@dataclass(frozen=True, slots=True)
class Part:
    """A finished chunk: its file, and the date of each of its reports, which orders visits and is written nowhere."""

    file: Path
    dates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What a build did.

    Attributes:
        images: images in the dataset.
        patients: patients they belong to.
        splits: split -> number of images.
        refused: (what, code, message) of every report or image left out.
    """

    images: int
    patients: int
    splits: dict[str, int]
    refused: tuple[tuple[str, str, str], ...]


def assemble(
    out: Path,
    parts: Sequence[Part],
    index: ImageIndex,
    origin: Origin,
    *,
    fractions: Mapping[str, float],
    called: Callable[[str], str],
) -> BuildSummary:
    """Write the tables, split lists, card and refusals of a dataset folder.

    Args:
        out: the dataset folder.
        parts: the finished chunks, in the order of the reports.
        index: the images there were.
        origin: how the dataset came about.
        fractions: split -> its share of the patients.
        called: what to call an image file of the archive.

    Raises:
        DatasetError: if no report has a usable image.
    """
    refused: list[tuple[str, str, str]] = []
    entries: list[dict[str, Any]] = []
    seen: set[str] = set()
    stems: set[str] = set()
    with atomic_writer(out / REPORT_FILE) as stream, pq.ParquetWriter(stream, REPORT_SCHEMA) as writer:
        for part in parts:
            chunk = Chunk(**json.loads(part.file.read_text(encoding="utf-8")))
            refused.extend((what, code, message) for what, code, message in chunk.refused)
            rows = []
            for row in chunk.rows:
                if row["source"] in seen:
                    refused.append((row["source"], "image_taken", "an earlier report has this image already"))
                else:
                    seen.add(row["source"])
                    rows.append(row)
            writer.write_table(_report_table(rows))
            entries.extend(_entry(row, part.dates[row["report"]]) for row in rows)
            stems.update(row["source_stem"] for row in rows)
    known = stems | {what for what, _, _ in refused}
    for file in index.files:
        name = called(str(file))
        if name not in known and called(str(file.with_suffix(""))) not in known:
            refused.append((name, "no_report", "no report belongs to this image"))
    write_rows(out / "refused.csv", ("input", "code", "message"), refused)
    if not entries:
        raise DatasetError(f"no report has a usable image; the reasons are in {out / 'refused.csv'}")
    table = pd.DataFrame(entries)
    table["follow_up"] = _follow_ups(table)
    table["split"] = assign_splits(list(table["patient"]), table[list(LABELS)].to_numpy(float), fractions, origin.seed)
    _write_folder(out, table, fractions)
    write_text(out / "README.md", dataset_card(table, origin, refused=len(refused)))
    splits = {name: int((table["split"] == name).sum()) for name in fractions}
    return BuildSummary(len(table), table["patient"].nunique(), splits, tuple(refused))


def _report_table(rows: list[dict[str, Any]]) -> pa.Table:
    plain = [{**row, **row["labels"]} for row in rows]
    return pa.Table.from_pylist([{name: row.get(name) for name in REPORT_SCHEMA.names} for row in plain], REPORT_SCHEMA)


def _entry(row: dict[str, Any], date: str) -> dict[str, Any]:
    """A row of Data_Entry.csv before visits are numbered, with one 0/1 column per label for the split."""
    labels = row["labels"]
    present = [name for name in LABELS if labels.get(name) == 1]
    kept = ("image", "patient", "follow_up", "age", "sex", "view", "width", "height", "spacing")
    return {
        **{name: row[name] for name in kept},
        "date": date,
        "findings": "|".join(present) or (NO_FINDING if labels.get(NO_FINDING) == 1 else ""),
        **{name: float(name in present) for name in LABELS},
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
