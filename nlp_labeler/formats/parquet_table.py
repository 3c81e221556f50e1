"""Reports from a Parquet file, batch by batch."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_labeler.errors import LabelerError, MissingExtraError
from nlp_labeler.formats.record import ReadOptions, RefusalCode, ReportRecord, record_from_fields, refused, text_columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SUFFIXES", "load_pyarrow", "read"]

SUFFIXES = frozenset({".parquet"})

BATCH_ROWS = 1024


def load_pyarrow() -> Any:
    """The pyarrow package with its Parquet module.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("reading and writing Parquet", "label") from None
    return pyarrow


def read(path: Path, options: ReadOptions) -> Iterator[ReportRecord]:
    """Stream the reports of a Parquet file with columns ``id`` and either ``text`` or ``findings``, ``impression``.

    Raises:
        LabelerError: if the file is no Parquet file or lacks these columns.
        MissingExtraError: if pyarrow is not installed.
    """
    pyarrow = load_pyarrow()
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            id_column, columns = text_columns(file.schema_arrow.names, str(path), options.columns)
            wanted = {id_column, *columns.values()}
            kept = [cells.name for cells in file.schema_arrow if cells.name in wanted or is_plain(pyarrow, cells.type)]
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=kept):
                for row in range(batch.num_rows):
                    number += 1
                    yield read_row(f"row {number}", batch, row, id_column, columns)
    except (pyarrow.ArrowException, OSError) as error:
        raise LabelerError(f"{path}: cannot be read as Parquet after row {number} ({type(error).__name__})") from None


def is_plain(pyarrow: Any, kind: "pa.DataType") -> bool:
    """Whether the cells of a column can stand in a table of text: no pictures, lists or other bulk."""
    return not (pyarrow.types.is_nested(kind) or pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))


def read_row(where: str, batch: "pa.RecordBatch", row: int, id_column: str, columns: Mapping[str, str]) -> ReportRecord:
    """The record of one row; string columns are not checked by Parquet and may hold any bytes."""
    fields: dict[str, object] = {}
    for name in batch.schema.names:
        try:
            value = batch.column(name)[row].as_py()
            fields[name] = value.decode() if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            identifier = fields.get(id_column, "")
            return refused(RefusalCode.UNDECODABLE, f"'{name}' of {where} is not UTF-8", str(identifier))
    return record_from_fields(where, fields, id_column, columns)
