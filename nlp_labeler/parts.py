"""The finished parts of a run, kept beside the output until they are joined: what makes a run resumable.

A part is written atomically and then entered in a journal. A run that is killed loses at most the chunks that had no
entry yet; the next run with the same input and options skips the reports of the entered parts and goes on. Parts of any
other input or options are thrown away.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nlp_labeler.errors import ConfigError, LabelerError
from nlp_labeler.storage import FolderLock, naming, write_bytes

__all__ = ["Counts", "Parts"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many reports there were.

    Attributes:
        reports: all of them.
        refused: those that could not be labeled.
        unlabeled: those whose text holds nothing to label, e.g. only an indication, or is not English.
        normal: those with No Finding.
        partial: those that are labeled, though some passages were not understood.
        reasons: why reports were refused or not labeled, with how many.
    """

    reports: int = 0
    refused: int = 0
    unlabeled: int = 0
    normal: int = 0
    partial: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.reports + other.reports,
            self.refused + other.refused,
            self.unlabeled + other.unlabeled,
            self.normal + other.normal,
            self.partial + other.partial,
            dict(Counter(self.reasons) + Counter(other.reasons)),
        )


class Parts:
    """The parts of one output file, open for one run at a time.

    Args:
        out: the output file they will become.
        run: what the parts depend on: input, options, version; JSON-able.

    Attributes:
        counts: the reports in the finished parts.

    Raises:
        LabelerError: if another run is writing the same output.
    """

    def __init__(self, out: Path, run: Mapping[str, Any]) -> None:
        self._folder = out.parent / f".{out.name}.parts"
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock = FolderLock(self._folder)
        except ConfigError:
            raise LabelerError(f"{out}: another run is writing it; wait for it or choose another output") from None
        self._journal_path = self._folder / "journal.jsonl"
        self._journal = self._journal_path.open("a+b")
        entries = self._resumable(dict(run))
        self._finished = len(entries)
        self.counts = sum(entries, Counts())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self.discard()
        self._journal.close()
        self._lock.release()

    def add(self, pieces: Mapping[str, bytes], counts: Counts) -> None:
        """Keep one finished part.

        Args:
            pieces: its content for every file that is written, by the suffix of that file's parts.
            counts: the reports in it.
        """
        for suffix, content in pieces.items():
            write_bytes(self._path(self._finished, suffix), content)
        sizes = {suffix: len(content) for suffix, content in pieces.items()}
        self._append({"counts": asdict(counts), "sizes": sizes})
        self._finished += 1
        self.counts += counts

    def paths(self, suffix: str) -> Iterator[Path]:
        """The part files of one output in order."""
        return (self._path(number, suffix) for number in range(self._finished))

    def discard(self) -> None:
        """Delete all parts, once they are joined."""
        self._journal.close()
        for file in self._folder.iterdir():
            if file != self._lock.file:
                file.unlink()
        self._lock.remove()
        with suppress(OSError):  # another run may have come in
            self._folder.rmdir()

    def _path(self, number: int, suffix: str) -> Path:
        return self._folder / f"{number:08d}{suffix}"

    def _append(self, entry: Mapping[str, Any]) -> None:
        with naming(self._journal_path):
            self._journal.write(json.dumps(entry).encode() + b"\n")
            self._journal.flush()
            os.fsync(self._journal.fileno())

    def _resumable(self, run: dict[str, Any]) -> list[Counts]:
        """Entries of the parts that can be kept; the journal is cut off behind them, or begun anew."""
        self._journal.seek(0)
        header = self._journal.readline()
        if header != json.dumps(run).encode() + b"\n":
            self._journal.truncate(0)
            self._append(run)
            return []
        entries: list[Counts] = []
        kept = len(header)
        for line in self._journal:
            try:
                entry = json.loads(line)
                whole = all(
                    self._path(len(entries), suffix).stat().st_size == size for suffix, size in entry["sizes"].items()
                )
            except (ValueError, OSError):
                break
            if not whole or not line.endswith(b"\n"):
                break
            entries.append(Counts(**entry["counts"]))
            kept += len(line)
        self._journal.truncate(kept)
        return entries
