"""Leaks between splits that the tables alone show: one person, examination or number on two sides."""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from cxr.datasets.linking import real_patient
from cxr.datasets.schema import Dataset
from cxr.datasets.splits import leaking_patients
from cxr.errors import DatasetError

__all__ = ["Fault", "FaultKind", "require_no_leaks", "shared_identifiers", "table_leaks"]

_LOG = logging.getLogger(__name__)
_MOST_SHARERS = 10  # a number that more patients share is the department's telephone, not a person's
_ONE_FILM, _FEW_PATIENTS = 0.95, 20
_GROWN_YOUNGER = 1.5  # years; ages are rounded, and birthdays lie between visits
_LABELED_NUMBER = re.compile(
    r"\b(?:MRN|medical record|patient id|pat\.?-?nr|patientennummer|fallnummer|accession|(?:hospital|unit) n[or]|chart)"
    r"\W{0,4}(?:n[or]\.?|number|#)?\W{0,3}([A-Z]{0,4}[-/]?\d[\w/-]{3,})",
    re.IGNORECASE,
)
_LONG_NUMBER = re.compile(r"(?<![\w.])[A-Za-z]{0,4}-?\d{6,}(?![\w.]*\d)")
_DAY = re.compile(r"^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$")
_NAME_NUMBER = re.compile(r"^[A-Za-z]{0,4}\d{6,}$")
_HEXADECIMAL = re.compile(r"^[0-9a-f]{8,}$")


class FaultKind(StrEnum):
    """What is wrong."""

    PATIENT_LEAK = "patient_leak"
    PATIENT_ALIAS = "patient_alias"
    REPORT_LEAK = "report_leak"
    NUMBER_LEAK = "number_leak"
    PATIENT_IS_FILM = "patient_is_film"
    VISIT_ORDER = "visit_order"
    IMAGE_LEAK = "image_leak"
    NOT_FRONTAL = "not_frontal"
    UNREADABLE_IMAGE = "unreadable_image"
    MISSING_IMAGE = "missing_image"
    NO_SPLIT = "no_split"
    UNLABELED = "unlabeled"
    UNKNOWN_BOX_LABEL = "unknown_box_label"
    BOX_WITHOUT_IMAGE = "box_without_image"
    BOX_WITHOUT_LABEL = "box_without_label"
    BOX_OUTSIDE = "box_outside"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        kind: what is wrong.
        subject: the patient or image concerned.
        detail: one sentence.
    """

    kind: FaultKind
    subject: str
    detail: str


def require_no_leaks(dataset: Dataset) -> None:
    """Refuse to learn from a dataset whose tables show that one person is on two sides of the split.

    Numbers in common are told with their count: they may be a station's or a form's.

    Raises:
        DatasetError: with the number of leaks and the first of them.
    """
    certain = {FaultKind.PATIENT_LEAK, FaultKind.PATIENT_ALIAS, FaultKind.REPORT_LEAK}
    faults = list(table_leaks(dataset))
    leaks = [fault for fault in faults if fault.kind in certain]
    if leaks:
        raise DatasetError(
            f"{dataset.root}: {len(leaks)} leaks between splits, the first: {leaks[0].subject} {leaks[0].detail}; "
            "`cxr dataset check` lists them all; split by patient"
        )
    if faults:
        kinds = Counter(str(fault.kind) for fault in faults)
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        _LOG.warning("%s: %s; `cxr dataset check` lists them", dataset.root, told)


def table_leaks(dataset: Dataset) -> Iterator[Fault]:
    """The leaks, and signs of a wrong patient column, that the tables show."""
    records = dataset.records
    for patient in leaking_patients(records["patient"], records["split"]):
        splits = sorted(set(records.loc[records["patient"] == patient, "split"]) - {""})
        yield Fault(FaultKind.PATIENT_LEAK, patient, f"has images in {' and '.join(splits)}")
    plain = records["patient"].astype(str).map(_plain_patient)
    for _, names in _on_two_sides(records, plain):
        patients = sorted(set(records.loc[records["image"].isin(names), "patient"]))
        yield Fault(FaultKind.PATIENT_ALIAS, patients[0], f"in another split is spelled {patients[1]}")
    shared = 0
    if dataset.reports is not None:
        of_image = dataset.reports.set_index("image")
        reports = records["image"].map(of_image["report_id"].astype(str).to_dict()).fillna("")
        owners = records.assign(report=reports)[reports != ""].groupby("report")["patient"].nunique()
        shared = int((owners > 1).sum())
        for report, _ in _on_two_sides(records, reports):
            yield Fault(FaultKind.REPORT_LEAK, report, "is the report of images of several patients in several splits")
        texts = records["image"].map(of_image["text"].to_dict()).fillna("")
        yield from shared_identifiers(records, texts.map(_numbers_in), "in its report")
    yield from shared_identifiers(records, records["image"].map(_numbers_of_name), "in its name")
    counts = records["patient"].value_counts()
    if shared and len(counts) >= _FEW_PATIENTS and (counts == 1).mean() > _ONE_FILM:
        share = (
            f"{(counts == 1).mean():.0%} of {len(counts)} patients have one film, yet {shared} reports are of several"
        )
        yield Fault(FaultKind.PATIENT_IS_FILM, "the patient column", f"seems to number films or studies: {share}")
    yield from _disordered(records)


def shared_identifiers(records: pd.DataFrame, found: Iterable[Iterable[str]], where: str) -> Iterator[Fault]:
    """Images of several patients on two sides that have one identifying number in common.

    Args:
        records: of the dataset.
        found: of each row the numbers.
        where: they were found, for the message.
    """
    owners: dict[str, list[int]] = defaultdict(list)
    for row, numbers in enumerate(found):
        for number in set(numbers):
            owners[number].append(row)
    patients, splits, images = (records[name].to_numpy() for name in ("patient", "split", "image"))
    for rows in owners.values():
        people = {patients[row] for row in rows}
        sides = {splits[row] for row in rows} - {""}
        if 1 < len(people) <= _MOST_SHARERS and len(sides) > 1:
            other = next(row for row in rows if patients[row] != patients[rows[0]])
            detail = f"of another patient and split has the same number {where} as {images[other]}"
            yield Fault(FaultKind.NUMBER_LEAK, images[rows[0]], detail)


def _on_two_sides(records: pd.DataFrame, keys: pd.Series) -> Iterator[tuple[str, list[str]]]:
    """Keys that several patients in several splits share, with their images."""
    table = records.assign(key=keys)[(records["split"] != "") & (keys != "")]
    grouped = table.groupby("key").agg(people=("patient", "nunique"), sides=("split", "nunique"))
    for key in grouped.index[(grouped["people"] > 1) & (grouped["sides"] > 1)]:
        yield str(key), list(table.loc[table["key"] == key, "image"])


def _plain_patient(identifier: str) -> str:
    """A patient's identifier without what spellings differ in: case, marks, leading zeros, issuer after ^."""
    marked = re.sub(r"(?<=\d)[\W_]+(?=\d)", "-", identifier.split("^")[0])  # 1-23 is not 12-3
    plain = re.sub(r"[^\w-]+|_+|(?<!\d)-|-(?!\d)", "", marked).casefold()
    return re.sub(r"(?<!\d)0+(?=\d)", "", plain) if real_patient(identifier) else ""


def _numbers_in(text: str) -> set[str]:
    labeled = {match.upper() for match in _LABELED_NUMBER.findall(text)}
    return {number for number in labeled | set(_LONG_NUMBER.findall(text)) if not _DAY.match(number)}


def _numbers_of_name(image: str) -> set[str]:
    """Numbers between the marks of a file name; groups of random hexadecimal digits are none."""
    tokens = re.split(r"[^A-Za-z0-9]+", image.rsplit(".", 1)[0])
    if all(_HEXADECIMAL.match(token) for token in tokens) and len(tokens) > 1:
        return set()
    return {token for token in tokens if _NAME_NUMBER.match(token) and not _DAY.match(token)}


def _disordered(records: pd.DataFrame) -> Iterator[Fault]:
    """Patients who grow younger from visit to visit."""
    known = records[records["age"].notna()].sort_values(["patient", "follow_up"], kind="stable")
    younger = known.groupby("patient")["age"].diff() < -_GROWN_YOUNGER
    for patient in dict.fromkeys(known.loc[younger, "patient"]):
        yield Fault(FaultKind.VISIT_ORDER, str(patient), "grows younger from one visit to the next")
