"""What can be taught of the reports of a dataset, row by row."""

from cxr.datasets.dataset import Dataset
from cxr.errors import DatasetError
from cxr.training.report_text import teachable

__all__ = ["report_texts", "teachable_rows"]


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
