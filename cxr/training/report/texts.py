"""What can be taught of the reports of a dataset to a network that sees one image."""

import re

from cxr.datasets.dataset import Dataset
from cxr.errors import DatasetError
from nlp_labeler.segmentation import segment

__all__ = ["report_texts", "teachable", "teachable_rows"]


def report_texts(dataset: Dataset) -> list[str]:
    """What may be taught of the report of each row of the records; "" where it has none.

    Raises:
        DatasetError: if the dataset has no reports.
    """
    if dataset.reports is None:
        raise DatasetError(f"{dataset.root} has no reports; build it with `cxr dataset build`")
    texts = dict(zip(dataset.reports["image"], dataset.reports["text"], strict=True))
    return [teachable(str(texts.get(image, ""))) for image in dataset.records["image"]]


def teachable_rows(dataset: Dataset) -> tuple[Dataset, list[str]]:
    """The rows whose report says something that can be taught, and what it says.

    Raises:
        DatasetError: if there is none.
    """
    texts = report_texts(dataset)
    if not any(texts):
        raise DatasetError(f"{dataset.root}: no report says anything that can be taught")
    told = dict(zip(dataset.records["image"], map(bool, texts), strict=True))
    return dataset.where(dataset.records["image"].map(told)), [text for text in texts if text]


# Sizes are not read off a network input, earlier images are not seen, and XXXX is what de-identification left behind.
_SIZE = re.compile(
    r"(?:,\s*)?(?:measuring\s+(?:approximately\s+)?)?\b\d+(?:\.\d+)?(?:\s*x\s*\d+(?:\.\d+)?)*\s*[cm]m\b"
    r"(?:\s+in\s+(?:diameter|size))?",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"[^\s.,;:]*x{3,}[^\s.,;:]*", re.IGNORECASE)
_CHANGE = re.compile(
    r"\b(?:prior|previous(?:ly)?|interval(?!s)|unchanged|compared|comparison|since|again|resolved|cleared)\b",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+(?=[.,;:\s])")


def teachable(text: str) -> str:
    """The report without sizes, placeholders and sentences on earlier images.

    Args:
        text: a report with section headings, as :func:`nlp_labeler.document.compose_report` makes them.

    Returns:
        The sections that may be labeled, ``FINDINGS`` and ``IMPRESSION``, one line each; "" if nothing is left.
    """
    sections: dict[str, list[str]] = {"FINDINGS": [], "IMPRESSION": []}
    for sentence in segment(text).sentences:
        if _CHANGE.search(sentence.text):
            continue
        bare = _SPACES.sub("", _PLACEHOLDER.sub("", _SIZE.sub("", sentence.text))).strip()
        if any(character.isalpha() for character in bare):
            sections["IMPRESSION" if sentence.section == "impression" else "FINDINGS"].append(bare)
    return "\n".join(f"{title}: {' '.join(body)}" for title, body in sections.items() if body)
