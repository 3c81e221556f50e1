"""Every DICOM file there is to read offline, each image once more under a chest radiograph's header."""

import io
import warnings
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pydicom

__all__ = ["as_chest", "source_files"]


def source_files(data: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files that pydicom ships, those of its test-data packages, and the shared DICOM files.

    Args:
        data: the shared data.
    """
    folders = [Path(pydicom.__file__).parent / "data", *_external_folders(), data / "dicom"]
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and path.suffix not in {".py", ".pyc", ".csv"}:
            content = path.read_bytes()
            yield path.name, content
            if (chest := as_chest(content)) is not None:
                yield f"{path.name} as a chest", chest


def as_chest(content: bytes) -> bytes | None:
    """The file with a chest radiograph's modality and body part, so that its pixels are reached; ``None`` if none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of what is odd in its own test files
        try:
            dataset = pydicom.dcmread(io.BytesIO(content))
            if "PixelData" not in dataset:
                return None
            dataset.Modality, dataset.BodyPartExamined = "DX", "CHEST"
            stream = io.BytesIO()
            dataset.save_as(stream)
        except Exception:
            return None  # already too damaged to be written again; it is used as it is
    return stream.getvalue()


def _external_folders() -> Iterator[Path]:
    """Folders of installed packages, such as pydicom-data, that pydicom's test-data index looks in."""
    for point in entry_points(group="pydicom.data.external_sources"):
        spec = find_spec(point.module)
        if spec is not None and spec.origin:
            yield Path(spec.origin).parent / "data"
