"""Which image files a report means: by the names its table gives, or by its id."""

import os
from collections import defaultdict
from pathlib import Path, PurePosixPath

from cxr.errors import DatasetError

__all__ = ["ImageIndex"]

# Files that lie beside images in exports and are none.
_COMPANIONS = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".xml", ".md", ".html", ".log", ".parquet"})
_AFTER_ID = "_-. "


class ImageIndex:
    """The image files below a folder, found by relative path, name, stem or report id.

    Args:
        folder: searched recursively; hidden files and companions such as .csv are left out.

    Raises:
        DatasetError: if it is not there or holds no files.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DatasetError(f"{folder}: no such image folder")
        self.folder = folder
        self.files = sorted(_image_files(folder))
        if not self.files:
            raise DatasetError(f"{folder}: holds no image files")
        self._by_key: dict[str, list[PurePosixPath]] = defaultdict(list)
        for file in self.files:
            for key in {str(file), file.name, file.stem, *_possible_ids(file)}:
                self._by_key[key].append(file)

    def named(self, name: str) -> PurePosixPath | None:
        """The file that a table names by path, file name or stem; ``None`` where there is none."""
        path = PurePosixPath(name.replace("\\", "/"))
        for key in (str(path), path.name, path.stem):
            exact = [file for file in self._by_key.get(key, ()) if key in {str(file), file.name, file.stem}]
            if exact:
                return exact[0]
        return None

    def of_report(self, identifier: str) -> list[PurePosixPath]:
        """The files whose name, or a folder above them, is the report's id, or starts with it and a separator.

        Of a picture that lies in one folder in several formats, one file is given.
        """
        return list({file.with_suffix(""): file for file in reversed(self._by_key.get(identifier, []))}.values())[::-1]

    def stem(self, file: PurePosixPath) -> str:
        """A name for the file without suffix that no file of another folder shares."""
        folders = {other.parent for other in self._by_key[file.stem] if other.stem == file.stem}
        return file.stem if len(folders) == 1 else "_".join(file.with_suffix("").parts)


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
