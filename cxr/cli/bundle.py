"""``cxr bundle``: look into a bundle, check that nothing was changed, add to it, wrap a foreign model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nlp_labeler.findings import FindingTable

__all__ = ["app"]

app = typer.Typer(
    help="Show or verify a bundle, add certificates or heads to it, or make one of a foreign model.",
    no_args_is_help=True,
)

_BUNDLE = Annotated[
    Path | None, typer.Argument(metavar="[BUNDLE]", help="Bundle folder or zip. Default: the one shipped with cxr.")
]


@app.command()
def show(bundle: _BUNDLE = None) -> None:
    """Print what a bundle says about itself, with every operating point and its guarantee."""
    from rich.console import Console
    from rich.table import Table

    from cxr.screening import Bundle

    loaded = Bundle.load(bundle)
    manifest = loaded.manifest
    console = Console()
    console.print(f"[bold]{manifest.name}[/bold] {manifest.version}  ({loaded.path})", highlight=False)
    for title, value in (
        ("created", f"{manifest.created:%Y-%m-%d %H:%M %Z} by cxr {manifest.cxr_version}"),
        ("input", f"{manifest.preprocessing.size} x {manifest.preprocessing.size} ({manifest.preprocessing.method})"),
        ("model", manifest.model_sha256),
        ("training data", manifest.training_data),
        ("labels", manifest.ontology),
    ):
        console.print(f"{title}: {value}", highlight=False, markup=False, soft_wrap=True)
    table = Table("finding", "threshold", "guarantee")
    for name in manifest.label_space:
        point = loaded.operating_points.point(name)
        refusal = getattr(loaded.operating_points.findings[name], "reason", "")
        table.add_row(name, f"{point.threshold:.4f}" if point else "none", point.guarantee if point else refusal)
    console.print(table)


@app.command()
def verify(bundle: _BUNDLE = None) -> None:
    """Check every file of a bundle against its hash and run the graph once."""
    from cxr.screening import Bundle

    loaded = Bundle.load(bundle)
    provider = loaded.network(threads=1).provider
    count = len(loaded.manifest.files)
    typer.echo(f"ok: {loaded.manifest.name} {loaded.manifest.version}, {count} files verified, runs on {provider}")


@app.command("attach-certificate")
def attach_certificate(
    certificate: Annotated[
        list[Path],
        typer.Argument(help="Files of `cxr operating-points` (with --model) or `cxr site`."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new bundle; must not exist.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle of the same model. Default: the one shipped with cxr.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Of the new bundle. Default: the old one and +local.")] = None,
) -> None:
    """Copy a bundle with other certificates: the same model and scores, other thresholds and promises."""
    from pydantic import ValidationError

    from cxr.errors import ConfigError
    from cxr.screening import Bundle
    from cxr.screening.attachment import attach_certificates
    from nlp_labeler.faults import faults

    try:
        made = attach_certificates(Bundle.load(bundle), certificate, output, version)
    except ValidationError as error:
        raise ConfigError(f"the bundle cannot be described so: {faults(error)}") from error
    typer.echo(f"wrote {made.path}: {made.manifest.name} {made.manifest.version}")


@app.command("fit-heads")
def fit_heads(
    data: Annotated[Path, typer.Option(help="Dataset with age, sex and view; --split val must be new to the model.")],
    out: Annotated[Path, typer.Option(help="Folder of the new bundle; must not exist.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle to add them to. Default: the one shipped with cxr.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Of the new bundle. Default: the old one and +heads.")] = None,
) -> None:
    """Copy a bundle with heads for age, sex, view, same patient and similar cases; scores stay as they are."""
    from cxr.cli.conventions import require

    require("fitting heads", "train", "torch", "pandas")
    from pydantic import ValidationError

    from cxr.datasets.dataset import open_dataset
    from cxr.errors import ConfigError
    from cxr.screening import Bundle
    from cxr.training.film_heads import attach_film_heads
    from nlp_labeler.faults import faults

    if out.exists():
        raise ConfigError(f"--out {out} exists; name a folder that does not")
    loaded = Bundle.load(bundle)
    try:
        made = attach_film_heads(loaded, open_dataset(data), out, version or f"{loaded.manifest.version}+heads")
    except ValidationError as error:
        raise ConfigError(f"the bundle cannot be described so: {faults(error)}") from error
    typer.echo(f"wrote {made.path}: {made.manifest.name} {made.manifest.version}")


@app.command()
def wrap(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="A classifier made elsewhere.")],
    labels: Annotated[
        str,
        typer.Option(help="The finding of each output, in order: NAME,-,NAME... (- leaves one out); or a labels.toml."),
    ],
    preprocessing: Annotated[
        Path,
        typer.Option(
            metavar="FILE.toml",
            help="What it takes and gives: size, channels, mean, std, output, scores (logits or probabilities), "
            "class_maps, embedding.",
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(help="Dataset of patients that it has not learned from: those of --split certify it."),
    ],
    out: Annotated[Path, typer.Option(help="Bundle folder to write; must not exist.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "val",
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the file's.")] = None,
    version: Annotated[str, typer.Option(help="Version of the bundle.")] = "1.0.0",
    alpha: Annotated[float, typer.Option(help="Highest acceptable false-positive rate, e.g. 0.01.")] = 0.01,
    delta: Annotated[float, typer.Option(help="Probability with which the promise may fail.")] = 0.05,
    gate: Annotated[bool, typer.Option("--gate/--no-gate", help="Score whole frontal chests only.")] = True,
) -> None:
    """Make a bundle of a classifier trained elsewhere: certificates, reports, boxes where it has class maps."""
    from cxr.cli.conventions import require

    require("wrapping models", "train", "torch", "onnx", "pandas")
    from tempfile import TemporaryDirectory

    from pydantic import ValidationError

    from cxr.datasets.dataset import open_dataset
    from cxr.errors import ConfigError
    from cxr.export.foreign_model import ForeignPreprocessing, wrap_model
    from cxr.onnx_model import available_cores
    from nlp_labeler.faults import faults

    outputs, findings = _outputs(labels)
    settings, dataset = ForeignPreprocessing.load(preprocessing), open_dataset(data)
    with TemporaryDirectory() as cache:
        try:
            manifest = wrap_model(
                model,
                out,
                outputs,
                settings,
                dataset.subset(split),
                Path(cache),
                findings=findings,
                name=name or model.stem,
                version=version,
                alpha=alpha,
                delta=delta,
                gate=gate,
                workers=available_cores(),
            )
        except ValidationError as error:
            raise ConfigError(f"the bundle cannot be described so: {faults(error)}") from error
    typer.echo(f"bundle {manifest.name} {manifest.version} with {len(manifest.label_space)} findings: {out}")
    if left_out := outputs.count(None):
        typer.echo(f"{left_out} outputs of {model.name} have no label and were left out", err=True)


def _outputs(labels: str) -> "tuple[tuple[str | None, ...], FindingTable | None]":
    """The finding of each output, and the label space they are of where it is the user's own."""
    from cxr.errors import ConfigError
    from nlp_labeler.findings import LABELS, FindingTable

    if labels.endswith(".toml"):
        table = FindingTable.load(Path(labels))
        return table.names, table
    names = [part.strip() for part in labels.split(",")]
    unknown = [part for part in names if part not in LABELS and part != "-"]
    if unknown or not set(names) - {"-"}:
        said = f"names {unknown[0]!r}" if unknown else "leaves all outputs out"
        raise ConfigError(
            f"--labels {said}; known are {', '.join(LABELS)}, - for an output without a label; or a .toml"
        )
    if doubled := [part for part in names if part != "-" and names.count(part) > 1]:
        raise ConfigError(f"--labels names {doubled[0]} twice")
    return tuple(None if part == "-" else part for part in names), None
