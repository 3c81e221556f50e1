"""Reading: seeded damage to real DICOM files, agreement with dcmtk, the MONOCHROME1 twin, and the image cache."""

from benchmarks.imaging.cache_speed import cache_rows
from benchmarks.imaging.damage import damage_rows
from benchmarks.imaging.dcmtk import dcmtk_rows
from benchmarks.imaging.dicom_files import source_files
from benchmarks.imaging.twin import twin_rows
from benchmarks.record import Row, shared_data

__all__ = ["run"]


def run() -> list[Row]:
    """All rows of this benchmark."""
    data = shared_data()
    files = list(source_files(data))
    return [*damage_rows(files), *twin_rows(data), *dcmtk_rows(files), *cache_rows(data)]
