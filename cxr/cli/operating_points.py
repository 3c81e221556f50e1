"""``cxr operating-points``: fit certified thresholds, show them, re-test them on local patients."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(help="Thresholds with a guaranteed false-positive rate: fit, show, check.", no_args_is_help=True)

_PREDICTIONS = Annotated[
    Path, typer.Option(help="CSV (also .gz) with `Image Index` and one `prob_NAME` column per finding.")
]
_LABELS = Annotated[
    Path,
    typer.Option(help="Label table in the NIH layout: `Image Index`, `Finding Labels` ('|' between), `Patient ID`."),
]
_MODEL = Annotated[
    Path | None, typer.Option(help="Model file the predictions came from (model.onnx); its hash binds the certificate.")
]
_SEED = Annotated[int, typer.Option(help="Draws one image per patient.")]


@app.command()
def fit(
    predictions: _PREDICTIONS,
    labels: _LABELS,
    output: Annotated[Path, typer.Option("--output", "-o", help="Certificate file to write, JSON.")],
    alpha: Annotated[float, typer.Option(help="Highest acceptable false-positive rate.")] = 0.01,
    delta: Annotated[float, typer.Option(help="Probability with which a promise may fail.")] = 0.05,
    miss_limit: Annotated[float, typer.Option(help="Highest acceptable miss rate of the rule-out points.")] = 0.05,
    model: _MODEL = None,
    seed: _SEED = 0,
) -> None:
    """Fit a threshold for each finding and for the patient, with its guarantee, or refuse and say what is missing.

    One image is drawn of each patient. With confidence 1 - DELTA the false-positive rate of each threshold is at most
    ALPHA for new patients. Exit status 1 if a false-positive certificate was refused for lack of patients.
    """
    from rich.console import Console

    from cxr.benchmark.tables import join
    from cxr.cli.certificate_table import certificate_table
    from cxr.operating_points import CertificateRefusal, fit_operating_points

    data = join(predictions, labels)
    points = fit_operating_points(
        data.probabilities,
        data.labels,
        data.patients,
        data.label_names,
        alpha,
        delta,
        _sha256(model),
        seed,
        miss_limit=miss_limit,
        subgroups=data.attributes,
    )
    points.save(output)
    Console().print(certificate_table(points))
    typer.echo(f"wrote {output}")
    of_interest = [*points.findings.values(), points.patient_level]
    refused = [point for point in of_interest if isinstance(point, CertificateRefusal)]
    if refused:
        missing = max(point.missing for point in refused)
        typer.echo(
            f"cxr: {len(refused)} of {len(of_interest)} false-positive certificates refused: up to {missing} patients "
            f"without the finding are missing (alpha {alpha:g}, delta {delta:g} need {refused[0].required})",
            err=True,
        )
        raise typer.Exit(1)


@app.command("two-sided")
def two_sided(
    predictions: _PREDICTIONS,
    labels: _LABELS,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, JSON.")],
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FINDING,...", help="Findings ruled out together; repeat. Default: each by itself."),
    ] = None,
    level: Annotated[list[float], typer.Option(help="Highest error rates to list; repeat.")] = [0.01, 0.02, 0.05, 0.1],  # noqa: B006
    refer_limit: Annotated[float, typer.Option(help="Level used for `refer`: highest false-positive rate.")] = 0.05,
    miss_limit: Annotated[float, typer.Option(help="Level used for `below`: highest miss rate.")] = 0.05,
    prevalence: Annotated[list[float], typer.Option(help="State predictive values there; repeat.")] = [0.02, 0.1, 0.3],  # noqa: B006
    delta: Annotated[float, typer.Option(help="Probability with which any promise of a level may fail.")] = 0.05,
    by_view: Annotated[bool, typer.Option("--by-view", help="Certify PA and AP films apart.")] = False,
    model: _MODEL = None,
    seed: _SEED = 0,
) -> None:
    """Certify what may be referred and which named findings may be ruled out, at several levels.

    One image is drawn of each patient. All promises of one level hold together with confidence 1 - DELTA. Name the
    levels that are used before looking at the table. Exit status 1 if nothing could be certified at the levels used.
    """
    from rich.console import Console

    from cxr.benchmark.tables import join
    from cxr.cli.certificate_table import two_sided_table
    from cxr.errors import ConfigError, OperatingPointError
    from cxr.operating_points import Certificate, fit_two_sided

    named: dict[str, list[str]] = {}
    for text in target or []:
        name, equals, findings = text.partition("=")
        if not (name.strip() and equals and findings.strip()):
            raise ConfigError(f"--target '{text}': write NAME=FINDING,FINDING, as in acute=Effusion,Pneumothorax")
        named[name.strip()] = [part.strip() for part in findings.split(",") if part.strip()]
    data = join(predictions, labels)
    if by_view and "view" not in data.attributes:
        raise OperatingPointError(f"{labels} has no 'View Position', which --by-view needs")
    certificates = fit_two_sided(
        data.probabilities,
        data.labels,
        data.patients,
        data.label_names,
        targets=named or None,
        views=data.attributes["view"] if by_view else None,
        limits=level,
        refer_limit=refer_limit,
        miss_limit=miss_limit,
        delta=delta,
        prevalences=prevalence,
        model_sha256=_sha256(model),
        seed=seed,
    )
    certificates.save(output)
    Console().print(two_sided_table(certificates))
    typer.echo(f"wrote {output}")
    used = {"refer": refer_limit, "below": miss_limit}
    if not any(isinstance(p.point, Certificate) for p in certificates.points if p.point.limit == used[p.rule]):
        typer.echo("cxr: nothing is certified at the levels used: too few patients", err=True)
        raise typer.Exit(1)


@app.command()
def show(
    certificate: Annotated[Path, typer.Argument(help="File written by `cxr operating-points fit` or `two-sided`.")],
    prevalence: Annotated[
        float | None, typer.Option(min=0, max=1, help="Also show what an alarm is worth where so many are ill.")
    ] = None,
) -> None:
    """Show a certificate file: every threshold with its promise, or why there is none."""
    from rich.console import Console

    from cxr.cli.certificate_table import certificate_table, two_sided_table
    from cxr.operating_points import OperatingPointSet, TwoSidedCertificates

    two_sided = certificate.is_file() and b'"targets"' in certificate.read_bytes()
    points = TwoSidedCertificates.load(certificate) if two_sided else OperatingPointSet.load(certificate)
    console = Console()
    for line in (
        f"fitted {points.created:%Y-%m-%d} on {points.n_images} images of {points.n_patients} patients",
        f"model {points.model_sha256 or 'none: fitted on bare predictions'}",
        f"calibration set {points.calibration_sha256}",
    ):
        console.print(line, highlight=False, soft_wrap=True)
    if isinstance(points, TwoSidedCertificates):
        console.print(two_sided_table(points))
    else:
        console.print(certificate_table(points, prevalence))


@app.command()
def check(
    certificate: Annotated[Path, typer.Argument(help="File written by `cxr operating-points fit`.")],
    predictions: _PREDICTIONS,
    labels: _LABELS,
    model: _MODEL = None,
    seed: _SEED = 0,
) -> None:
    """Re-test a certificate on new local patients: confirmed, undecided or broken.

    Exit status 1 if a certificate is broken.
    """
    from rich.console import Console
    from rich.table import Table

    from cxr.benchmark.tables import join
    from cxr.errors import OperatingPointError
    from cxr.operating_points import OperatingPointSet, audit_certificates

    points = OperatingPointSet.load(certificate)
    if model is not None:
        points.require(model_sha256=_sha256(model) or "", label_space=points.label_space)
    data = join(predictions, labels)
    missing = [name for name in points.label_space if name not in data.label_names]
    if missing:
        raise OperatingPointError(f"{predictions} has no 'prob_{missing[0]}', which the certificate covers")
    columns = [data.label_names.index(name) for name in points.label_space]
    checks = audit_certificates(points, data.probabilities[:, columns], data.labels[:, columns], data.patients, seed)
    if not checks:
        raise OperatingPointError(f"{certificate} holds no certificate to check: all were refused")
    table = Table("finding", "verdict", "promise", "false positives here", "rate (exact 95 % interval)")
    for row in checks:
        verdict = f"undecided, {row.missing} more patients needed" if row.verdict == "undecided" else row.verdict
        found, rate = "no patients", ""
        if row.errors:
            found = f"{row.errors.count} of {row.errors.n}"
            rate = f"{row.errors.rate:.2%} ({row.errors.low:.2%}-{row.errors.high:.2%})"
        table.add_row(row.name, verdict, f"FPR <= {row.certificate.limit:.3g}", found, rate)
    Console().print(table)
    broken = [row.name for row in checks if row.verdict == "broken"]
    if broken:
        typer.echo(f"cxr: broken here: {', '.join(broken)}; fit new operating points on local patients", err=True)
        raise typer.Exit(1)


def _sha256(model: Path | None) -> str | None:
    """Hash of the model file, if one was given."""
    from cxr.errors import OperatingPointError
    from nlp_labeler.storage import file_sha256

    if model is None:
        return None
    if not model.is_file():
        raise OperatingPointError(f"no model file at {model}")
    return file_sha256(model)
