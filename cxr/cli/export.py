"""``cxr export``: a run folder -> a bundle."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="The --out folder of a finished `cxr train`.")],
    out: Annotated[Path, typer.Option(help="Bundle folder to write, or archive if it ends in .zip.")],
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the recipe's.")] = None,
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1.0.0",
    alpha: Annotated[float, typer.Option(help="Highest acceptable false-positive rate, e.g. 0.01.")] = 0.01,
    delta: Annotated[float, typer.Option(help="Probability with which the promise may fail.")] = 0.05,
    notes: Annotated[Path | None, typer.Option(help="Markdown file added to the model card.")] = None,
    report_run: Annotated[
        Path | None, typer.Option(help="The --out folder of a finished `cxr train-report`: adds its generator.")
    ] = None,
    backbone_out: Annotated[
        Path | None, typer.Option(help="Also write the backbone's weights, for `cxr train --init-weights`.")
    ] = None,
) -> None:
    """Write a model as one offline ONNX bundle with calibration and certified operating points."""
    from cxr.cli.conventions import require

    require("exporting", "train", "torch", "onnx", "pandas")
    from cxr.errors import ConfigError
    from cxr.export.bundle import export_bundle
    from cxr.models.backbone import write_backbone
    from cxr.models.checkpoint import load_checkpoint

    model, card = load_checkpoint(run)
    if notes is not None and not notes.is_file():
        raise ConfigError(f"--notes {notes}: no such file")
    manifest = export_bundle(
        run,
        out,
        name=name or card.recipe,
        version=version,
        alpha=alpha,
        delta=delta,
        notes=notes.read_text() if notes else "",
        report_run=report_run,
    )
    if backbone_out is not None:
        write_backbone(model.unified.backbone, backbone_out)
    typer.echo(f"bundle {manifest.name} {manifest.version} with {len(manifest.label_space)} findings: {out}")
