"""Which images a report is about, and whose they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import PurePosixPath

from cxr.datasets.image_index import ImageIndex
from cxr.datasets.report_rows import ReportRow, ReportTable
from cxr.errors import DatasetError

__all__ = ["Link", "Linked", "Linker", "identities"]

_SAMPLE, _ENOUGH = 1000, 0.95
_PLACEHOLDERS = frozenset(
    [
        *("0", "00", "000", "0000", "1234", "123456", "-", ".", "xxxx", "none", "na", "n/a", "null", "nil"),
        *("anon", "anonym", "anonymous", "anonymised", "anonymized", "unknown", "unbekannt", "removed", "deleted"),
        *("test", "patient"),
    ]
)
_COMMON_PATIENTS = 10


class Link(StrEnum):
    """What reports and images have in common."""

    FILE = "file"
    ACCESSION = "accession"
    STUDY = "study"


_MEANINGS = {
    Link.FILE: "names of files",
    Link.ACCESSION: "the accession number in DICOM headers",
    Link.STUDY: "the study or instance UID in DICOM headers or folders",
}


@dataclass(frozen=True, slots=True)
class Linked:
    """What one report found.

    Attributes:
        files: its images.
        faults: (name, code, message) of what was named and cannot be used.
    """

    files: list[PurePosixPath]
    faults: list[tuple[str, str, str]]


class Linker:
    """Finds the images of reports in one way.

    Args:
        index: the images.
        link: the way.
        patient_is_study: call the patient after the report where nothing else names one.
        by_id: find files by the report's id although the table has a column of images.
    """

    def __init__(self, index: ImageIndex, link: Link, *, patient_is_study: bool = False, by_id: bool = False) -> None:
        self.index = index
        self.link = link
        self.by_id = by_id
        self._patient_is_study = patient_is_study

    @classmethod
    def choose(
        cls, index: ImageIndex, table: ReportTable, link: Link | None = None, *, patient_is_study: bool = False
    ) -> "Linker":
        """The way that links most of the first reports, unless one is given; the table's notes say which.

        Raises:
            DatasetError: if no way links any, or no patient can be told.
        """
        sample = list(islice(table.rows(), _SAMPLE))
        if not sample:
            raise DatasetError(f"{table.path}: holds no reports")
        ways = [link] if link else [way for way in Link if _possible(way, index, table)]
        linkers = [cls(index, way, patient_is_study=patient_is_study) for way in ways]
        if Link.FILE in ways and "image" in table.found:  # it may tell what was examined, not the files
            linkers.append(cls(index, Link.FILE, patient_is_study=patient_is_study, by_id=True))
        found = []
        for linker in linkers:
            found.append(sum(bool(linker.files_of(row).files) for row in sample))
            if found[-1] >= _ENOUGH * len(sample):
                break
        best = linkers[found.index(max(found))]
        if not max(found):
            raise DatasetError(
                f"{table.path}: none of the first {len(sample)} reports finds an image in {index.folder} by "
                f"{' or '.join(_MEANINGS[way] for way in ways)}; name the columns, e.g. --columns image=NAME or "
                f"accession=NAME (recognised are {table.found or 'none'})"
            )
        table.notes.append(f"reports find their images by {_MEANINGS[best.link]} (--link {best.link})")
        if best.by_id:
            table.notes.append(f"the column {table.found['image']!r} names no files; the reports' ids do")
        best._require_patients(sample, table)
        return best

    def files_of(self, row: ReportRow) -> Linked:
        """The image files of a report, and what it names that cannot be used."""
        if self.link is Link.FILE:
            return self._by_name(row)
        value = (row.accession if self.link is Link.ACCESSION else row.study) or row.id
        found = self.index.of_header(value, self.link)
        if self.link is Link.STUDY and not found and row.images:
            found = [file for name in row.images for file in self.index.of_header(name, self.link)]
        if not found:
            return Linked([], [(row.id, "image_missing", f"no image has its {self.link}")])
        patients = {self.patient_in(file) for file in found} - {""}
        if row.shared or len(patients) > 1:
            mine = [file for file in found if row.patient and self.patient_in(file) == row.patient]
            if not mine:
                message = f"images or reports of several patients have its {self.link}, and none is surely its own"
                return Linked([], [(row.id, "several_patients", message)])
            found = mine
        return Linked(found, [])

    def patient_in(self, file: PurePosixPath) -> str:
        """The patient that a header names; "" where it names none or a placeholder."""
        ids = self.index.header_of(file)
        return real_patient(ids.patient) if ids else ""

    def patient_of(self, row: ReportRow, file: PurePosixPath) -> str:
        """The patient that the table or the layout names; "" where only the header can tell."""
        named = real_patient(row.patient) or self.index.patient_of(file)
        return named or (f"study {row.id}" if self._patient_is_study else "")

    def _by_name(self, row: ReportRow) -> Linked:
        if self.by_id or not row.images:
            if row.shared:
                message = "reports of several patients have its id; name the images in a column"
                return Linked([], [(row.id, "several_patients", message)])
            files = self.index.of_report(row.id) if row.id else []
            missing = [] if files else [(row.id, "image_missing", "a report names an image that is not there")]
            return Linked(files, missing)
        files, faults = [], []
        for name in row.images:
            found = self.index.named(name)
            if len(found) == 1:
                files.append(found[0])
            elif found:
                message = "several files have this name; name them by path, or link by --link accession or study"
                faults.append((name, "image_ambiguous", message))
            else:
                faults.append((name, "image_missing", "a report names an image that is not there"))
        return Linked(list(dict.fromkeys(files)), faults)

    def _require_patients(self, sample: Sequence[ReportRow], table: ReportTable) -> None:
        linked = [(row, file) for row in sample for file in self.files_of(row).files]
        if any(self.patient_of(row, file) for row, file in linked):
            return
        if any(self.patient_in(file) for _, file in linked):
            table.notes.append("patients are told by the PatientID of DICOM headers")
            return
        raise DatasetError(
            f"{table.path}: no patient can be told: no column, DICOM header or known layout of folders names one, and "
            "films of one patient would stand in several splits. Name the column: --columns patient=NAME, or, if every "
            "report is of another patient, say --patient-is-study"
        )


def real_patient(identifier: str) -> str:
    """A patient identifier; "" for what stands for everybody, such as ANONYMOUS."""
    plain = identifier.strip()
    return "" if plain.casefold() in _PLACEHOLDERS else plain


def identities(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], int]:
    """One patient for each image from two sources that may disagree: who shares either identifier is one patient.

    An identifier of the header that many patients of the table share is a placeholder and joins nobody.

    Args:
        pairs: of each image the patient by the table and by the header, "" where unknown.

    Returns:
        The patient of each image, named as the table does where it does, "" where neither is known; and how many
        patients of the table were found to be somebody that another name stands for.
    """
    pairs = list(pairs)
    tables: dict[str, set[str]] = {}
    for table, header in pairs:
        if table and header:
            tables.setdefault(header, set()).add(table)
    everybody = len({table for table, _ in pairs} - {""})
    shared = {header for header, names in tables.items() if len(names) >= max(_COMMON_PATIENTS, everybody // 10)}
    leader: dict[tuple[str, str], tuple[str, str]] = {}

    def leads(node: tuple[str, str]) -> tuple[str, str]:
        while (above := leader.setdefault(node, node)) != node:
            leader[node] = leader.setdefault(above, above)
            node = leader[node]
        return node

    nodes = []
    for table, header in pairs:
        known = [("table", table)] if table else []
        known += [("header", header)] if header and header not in shared else []
        nodes.append(known[0] if known else None)
        if len(known) == 2:
            leader[leads(known[0])] = leads(known[1])
    members: dict[tuple[str, str], set[str]] = {}
    for table, _ in pairs:
        if table:
            members.setdefault(leads(("table", table)), set()).add(table)
    patients = []
    for node in nodes:
        if node is None:
            patients.append("")
        else:
            head = leads(node)
            patients.append(min(members[head]) if head in members else node[1])
    return patients, sum(len(names) - 1 for names in members.values())


def _possible(way: Link, index: ImageIndex, table: ReportTable) -> bool:
    if way is Link.FILE:
        return True
    return index.has_dicom or (way is Link.STUDY and "study" in table.found)
