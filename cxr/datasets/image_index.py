"""The image files of an archive and how reports find them: by name, by report id, or by what DICOM headers say."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from cxr.errors import DatasetError, RefusedInputError
from cxr.imaging.reading import FileKind, file_kind
from nlp_labeler.storage import bytes_sha256

__all__ = ["HeaderIds", "ImageIndex", "read_header_ids"]

# Files that lie beside images in exports and are none.
_COMPANIONS = frozenset(
    {".csv", ".tsv", ".txt", ".json", ".jsonl", ".xml", ".md", ".html", ".log", ".parquet", ".xlsx"}
)
_AFTER_ID = "_-. "
_SIGNATURE = 256
_LONGEST_STEM = 180
_FEW = 16  # of more namesakes it is enough to know that there are several
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
# Published layouts whose folders are patients: MIMIC-CXR, CheXpert.
_PATIENT_FOLDER = re.compile(r"(?:^|/)(p\d{8}|patient\d{5})/(?:s\d+|study\d+)(?:/|$)")


@dataclass(frozen=True, slots=True)
class HeaderIds:
    """Identifiers of one DICOM file; "" where it has none."""

    patient: str
    accession: str
    study: str
    instance: str


class ImageIndex:
    """The image files below a folder, found by relative path, name, stem, report id or DICOM identifiers.

    Args:
        folder: searched recursively; hidden files and companions such as .csv are left out.
        workers: headers read at a time.

    Raises:
        DatasetError: if it is not there or holds no files.
    """

    def __init__(self, folder: Path, workers: int = 1) -> None:
        if not folder.is_dir():
            raise DatasetError(f"{folder}: no such image folder")
        self.folder = folder
        self.files = sorted(_image_files(folder))
        if not self.files:
            raise DatasetError(f"{folder}: holds no image files")
        self._workers = workers
        self._paths = {str(file): file for file in self.files}
        names: dict[str, list[PurePosixPath]] = defaultdict(list)
        for file in self.files:
            for key in {file.name, file.stem}:
                names[key].append(file)
        self._names = dict(names)
        # Pictures of one folder that differ in their suffix only are one picture in several formats.
        self._stems = Counter(file.stem for file in {file.with_suffix(""): file for file in self.files}.values())
        self._joined = Counter(_joined(file) for file in self.files)

    def named(self, name: str) -> list[PurePosixPath]:
        """The files that a table means by a path, file name or stem: none, one, or several that share the name."""
        path = PurePosixPath(name.replace("\\", "/"))
        exact = self._paths.get(str(path).lstrip("/"))
        if exact is not None:
            return [exact]
        if len(path.parts) > 1:  # the end of a path tells namesakes apart
            tails = self._by_tail.get((path.parent.name, path.stem)) or self._by_tail.get((path.parent.name, path.name))
            if tails:
                return one_format([file for file in tails if _ends_alike(file, path)] or tails)
        found = self._names.get(path.name) or self._names.get(path.stem) or self._names.get(name.strip()) or []
        return one_format(found) if len(found) <= _FEW else found[:_FEW]

    def of_report(self, identifier: str) -> list[PurePosixPath]:
        """The files whose name, or a folder above them, is the report's id, or starts with it and a separator.

        Of a picture that lies in one folder in several formats, one file is given.
        """
        return one_format(self._by_start.get(identifier, []))

    def of_header(self, value: str, kind: str) -> list[PurePosixPath]:
        """The DICOM files of an ``accession`` number, or of a ``study``, ``instance`` or folder of that UID."""
        kinds = ("accession",) if kind == "accession" else ("study", "instance")
        for name in kinds:
            if found := self._by_header[name].get(value):
                return found
        return one_format(self._by_folder.get(value, [])) if kind == "study" else []

    def header_of(self, file: PurePosixPath) -> HeaderIds | None:
        """Identifiers of a DICOM file; ``None`` of other files."""
        return self._headers.get(file)

    def patient_of(self, file: PurePosixPath) -> str:
        """The patient that a published layout names by a folder; "" elsewhere."""
        match = _PATIENT_FOLDER.search(file.as_posix())
        return match[1] if match else ""

    @property
    def has_dicom(self) -> bool:
        """Whether any of the first files is DICOM."""
        return any(_is_dicom(self.folder / file) for file in self.files[:64])

    def stem(self, file: PurePosixPath) -> str:
        """A name for the file without suffix that no file of another folder shares, fit for a line of a list."""
        if self._stems[file.stem] == 1 and len(file.stem) <= _LONGEST_STEM and not _UNPRINTABLE.search(file.stem):
            return file.stem
        joined = _joined(file)
        plain = _UNPRINTABLE.sub("_", joined)[-_LONGEST_STEM:]
        if joined == plain and self._joined[joined] == 1 and joined not in self._stems:
            return joined
        return f"{plain}_{bytes_sha256(str(file.with_suffix('')).encode('utf-8', 'surrogateescape'))[:8]}"

    @cached_property
    def _by_tail(self) -> dict[tuple[str, str], list[PurePosixPath]]:
        found: dict[tuple[str, str], list[PurePosixPath]] = defaultdict(list)
        for file in self.files:
            for name in {file.name, file.stem}:
                found[file.parent.name, name].append(file)
        return dict(found)

    @cached_property
    def _by_start(self) -> dict[str, list[PurePosixPath]]:
        found: dict[str, list[PurePosixPath]] = defaultdict(list)
        for file in self.files:
            for key in {file.name, file.stem, str(file), *_possible_ids(file)}:
                found[key].append(file)
        return dict(found)

    @cached_property
    def _by_folder(self) -> dict[str, list[PurePosixPath]]:
        found: dict[str, list[PurePosixPath]] = defaultdict(list)
        for file in self.files:
            for part in set(file.parts[:-1]):
                found[part].append(file)
        return dict(found)

    @cached_property
    def _headers(self) -> dict[PurePosixPath, HeaderIds]:
        with ThreadPoolExecutor(self._workers) as pool:
            ids = pool.map(lambda file: read_header_ids(self.folder / file), self.files)
            return {file: found for file, found in zip(self.files, ids, strict=True) if found is not None}

    @cached_property
    def _by_header(self) -> dict[str, dict[str, list[PurePosixPath]]]:
        kinds: dict[str, Callable[[HeaderIds], str]] = {
            "accession": lambda ids: ids.accession,
            "study": lambda ids: ids.study,
            "instance": lambda ids: ids.instance,
        }
        tables: dict[str, dict[str, list[PurePosixPath]]] = {kind: defaultdict(list) for kind in kinds}
        for file, ids in self._headers.items():
            for kind, value_of in kinds.items():
                if value := value_of(ids):
                    tables[kind][value].append(file)
        return {kind: dict(table) for kind, table in tables.items()}


def read_header_ids(path: Path) -> HeaderIds | None:
    """Identifiers of a DICOM file, its pixels unread; ``None`` where it is none or its header cannot be read."""
    if not _is_dicom(path):
        return None
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    tags = ["PatientID", "AccessionNumber", "StudyInstanceUID", "SOPInstanceUID"]
    try:
        header = dcmread(path, stop_before_pixels=True, force=True, specific_tags=tags)
        return HeaderIds(*(str(header.get(tag) or "").strip() for tag in tags))
    except (InvalidDicomError, OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, NotImplementedError):
        return None  # whoever reads the picture refuses it with the reason


def one_format(files: Iterable[PurePosixPath]) -> list[PurePosixPath]:
    """Of each picture that lies in one folder in several formats the first."""
    return list({file.with_suffix(""): file for file in reversed(list(files))}.values())[::-1]


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return file_kind(stream.read(_SIGNATURE)) is FileKind.DICOM
    except (OSError, RefusedInputError):
        return False


def _joined(file: PurePosixPath) -> str:
    return "_".join(file.with_suffix("").parts)


def _ends_alike(file: PurePosixPath, wanted: PurePosixPath) -> bool:
    """Whether a file's path ends with the parts of the wanted one, whatever the suffix."""
    parts = (*wanted.parts[:-1], wanted.name if file.suffix == wanted.suffix else wanted.stem)
    own = (*file.parts[:-1], file.name if file.suffix == wanted.suffix else file.stem)
    return own[-len(parts) :] == parts


def _image_files(folder: Path) -> list[PurePosixPath]:
    found: list[PurePosixPath] = []
    for here, subfolders, names in os.walk(folder):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        place = PurePosixPath(Path(here).relative_to(folder).as_posix())
        found.extend(place / name for name in names if _is_image(name))
    return found


def _is_image(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() not in _COMPANIONS and name != "DICOMDIR"


def _possible_ids(file: PurePosixPath) -> set[str]:
    """Every report id that the file could belong to."""
    stem = file.stem
    starts = {stem[:place] for place, letter in enumerate(stem) if letter in _AFTER_ID and place}
    return starts | set(file.parts[:-1])
