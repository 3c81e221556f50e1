"""No patient may be on both sides of a split."""

from collections.abc import Sequence
from pathlib import Path

from cxr.benchmark.csv_table import read_csv
from cxr.benchmark.predictions import IMAGE, PATIENT
from cxr.errors import DatasetError

__all__ = ["refuse_shared_patients"]


def refuse_shared_patients(images: Sequence[str], train_list: Path, labels: Path) -> None:
    """Check that no patient of the evaluated images was trained on.

    Args:
        images: the evaluated images.
        train_list: one image of the training split per line.
        labels: table with `Image Index` and `Patient ID`.

    Raises:
        DatasetError: if a patient is on both sides, or the list names an image that the table does not.
    """
    table = read_csv(labels)
    table.require([IMAGE, PATIENT])
    patient_of = dict(zip(table.columns[IMAGE], table.columns[PATIENT], strict=True))
    try:
        trained_on = train_list.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read the training list {train_list}: {error}") from error
    unknown = [image for image in trained_on if image not in patient_of]
    if unknown:
        raise DatasetError(f"{len(unknown)} images of {train_list} are not in {labels}, e.g. '{unknown[0]}'")
    shared = {patient_of[image] for image in trained_on} & {patient_of[image] for image in images}
    if shared:
        example = next(image for image in images if patient_of[image] in shared)
        raise DatasetError(
            f"{len(shared)} patients are on both sides: in {train_list} and among the evaluated images, e.g. that of "
            f"'{example}'; evaluate on patients the model has not seen"
        )
