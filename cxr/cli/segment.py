"""``cxr segment``: lung and heart masks, and the cardiothoracic ratio."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["segment"]


def segment(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or zip archives.", metavar="PATH...")],
    out: Annotated[Path, typer.Option(help="Folder for the masks and ratios.csv.")],
) -> None:
    """Outline lungs and heart, and measure the cardiothoracic ratio. What is no upright frontal chest is refused.

    Writes NAME_lung.png and NAME_heart.png (0 or 255, at the size of the input) and ratios.csv with one row per input:
    path, status, lung, heart, cardiothoracic_ratio, code, message. Exit status 1 if some inputs were refused, 2
    if all were.
    """
    import csv
    import io

    import numpy as np
    from PIL import Image

    from cxr.cli.conventions import counting_bar, require_paths
    from cxr.errors import CxrError, RefusedInputError
    from cxr.imaging.quality import QualityGate
    from cxr.imaging.reading import read_radiograph
    from cxr.imaging.segmentation import Segmenter
    from cxr.screening.inputs import find_inputs
    from nlp_labeler.storage import write_bytes, write_text

    require_paths(paths)
    segmenter, gate = Segmenter.shipped(), QualityGate.shipped()
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    taken: set[str] = set()
    with counting_bar("images") as advance:
        for item in find_inputs(paths, exclude=out):
            try:
                radiograph = read_radiograph(item.read())
                gate.check(radiograph.pixels)
            except RefusedInputError as error:
                rows.append({"path": item.name, "status": "refused", "code": error.code, "message": error.message})
                advance()
                continue
            found = segmenter.segment(radiograph.pixels, radiograph.metadata.pixel_aspect)
            stem = Path(item.name).stem
            name = next(n for n in (stem, *(f"{stem}_{k}" for k in range(2, len(taken) + 3))) if n not in taken)
            taken.add(name)
            masks = {f"{name}_lung.png": found.lungs, f"{name}_heart.png": found.heart}
            for file, mask in masks.items():
                stream = io.BytesIO()
                Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(stream, "PNG")
                write_bytes(out / file, stream.getvalue())
            ratio = found.cardiothoracic_ratio
            row = dict(zip(("lung", "heart"), masks, strict=True))
            rows.append({"path": item.name, "status": "segmented", **row, "cardiothoracic_ratio": _rounded(ratio)})
            advance()
    columns = ("path", "status", "lung", "heart", "cardiothoracic_ratio", "code", "message")
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(out / "ratios.csv", table.getvalue())
    refused = sum(row["status"] == "refused" for row in rows)
    typer.echo(f"{len(rows) - refused} segmented, {refused} refused: {out / 'ratios.csv'}")
    if refused == len(rows):
        raise CxrError(f"no input could be segmented; the reasons are in {out / 'ratios.csv'}")
    if refused:
        raise typer.Exit(1)


def _rounded(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.4f}"
