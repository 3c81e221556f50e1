"""``cxr phantom``: write a synthetic hospital export."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["phantom"]


def phantom(
    patients: Annotated[int, typer.Option(help="How many patients; each has one to five visits.")],
    out: Annotated[Path, typer.Option(help="Folder to write: new, empty, or holding the same cohort unfinished.")],
    size: Annotated[int, typer.Option(help="Pixels per side of an image, 64 to 2048.")] = 256,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
    dicom: Annotated[bool, typer.Option("--dicom", help="Write every image as a DICOM file too.")] = False,
    workers: Annotated[int, typer.Option(help="Processes; 0 takes one per core.")] = 0,
) -> None:
    """Write synthetic chest radiographs with free-text reports, and the truth about them apart.

    OUT/images and OUT/reports.csv are what a hospital would export. OUT/truth holds labels, boxes, masks and
    severities, for scoring only. Run it again to finish an interrupted cohort.
    """
    import os

    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from cxr.phantom.cohort import generate_cohort

    columns = (*Progress.get_default_columns()[:3], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("patients", total=patients)
        generate_cohort(
            patients,
            size,
            seed,
            out,
            dicom,
            workers=workers or os.cpu_count() or 1,
            progress=lambda done, _: bar.update(task, completed=done),
        )
        bar.update(task, completed=patients)
    typer.echo(f"{patients} patients: {out / 'images'}, {out / 'reports.csv'}; truth in {out / 'truth'}")
