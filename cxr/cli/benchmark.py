"""``cxr benchmark``: figures of one model on held-out patients, and the comparison of two."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr.cli.conventions import DefaultCommandGroup
from nlp_labeler.cli import Engine, EngineOption, PolicyOption, parse_columns

if TYPE_CHECKING:
    from cxr.evaluation.bootstrap import Estimate

__all__ = ["app"]

app = typer.Typer(
    cls=DefaultCommandGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Figures of a model on held-out patients, with intervals, as JSON, Markdown and one HTML page.

    \b
    cxr benchmark DATASET --bundle BUNDLE --out DIR [--split test]
    cxr benchmark --predictions P.csv --labels L.csv --out DIR
    cxr benchmark compare DIR_A DIR_B
    cxr benchmark reports REFERENCE.csv CANDIDATE.csv --out DIR

    All options: cxr benchmark run --help
    """,
)


@app.command()
def run(
    out: Annotated[Path, typer.Option(help="Folder for benchmark.json, .md, .html and predictions.csv.")],
    dataset: Annotated[
        Path | None, typer.Argument(help="Dataset folder in the ChestX-ray8 layout, with --bundle.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="Model bundle to run on the dataset.")] = None,
    split: Annotated[str, typer.Option(help="Split of the dataset: train, val or test.")] = "test",
    predictions: Annotated[
        Path | None, typer.Option(help="Instead: CSV (also .gz) with `Image Index` and `prob_NAME` columns.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="With --predictions: the official label table (CSV, also .gz).")
    ] = None,
    train_list: Annotated[
        Path | None,
        typer.Option(help="With --predictions: images trained on, one per line; shared patients are refused."),
    ] = None,
    operating_points: Annotated[
        Path | None,
        typer.Option(help="With --predictions: certificate file to evaluate. Default: fit on half, report the other."),
    ] = None,
    alpha: Annotated[float, typer.Option(help="False-positive limit of operating points fitted here.")] = 0.01,
    delta: Annotated[float, typer.Option(help="Probability with which their promise may fail.")] = 0.05,
    prevalence: Annotated[
        list[float] | None, typer.Option(help="State PPV at this prevalence; repeatable. Default: 0.01 and 0.05.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the patients.")] = 1000,
    seed: Annotated[int, typer.Option(help="Makes every figure repeatable.")] = 0,
) -> None:
    """Benchmark a bundle on a dataset's split, or a table of predictions against a table of labels."""
    from rich.console import Console

    from cxr.benchmark.figures import BenchmarkSettings, benchmark_predictions
    from cxr.benchmark.write import write_benchmark
    from cxr.cli.conventions import require
    from cxr.cli.evaluate import classification_table
    from cxr.errors import ConfigError

    require("the benchmark page", "train", "matplotlib")
    for value in prevalence or ():
        if not 0 < value < 1:
            raise ConfigError(f"--prevalence {value}: it must lie between 0 and 1")
    settings = BenchmarkSettings(resamples, seed, alpha, delta, tuple(prevalence or (0.01, 0.05)))
    if predictions is not None and labels is not None and dataset is None and bundle is None:
        benchmark = benchmark_predictions(predictions, labels, settings, train_list, operating_points)
    elif dataset is not None and bundle is not None and predictions is None and labels is None:
        if train_list is not None or operating_points is not None:
            raise ConfigError("--train-list and --operating-points go with --predictions; a bundle brings its own")
        require("reading a dataset", "train", "pandas")
        from cxr.benchmark.from_bundle import benchmark_bundle

        benchmark = benchmark_bundle(dataset, bundle, split, settings)
    else:
        raise ConfigError("give either DATASET with --bundle, or --predictions with --labels")
    write_benchmark(benchmark, out)
    Console().print(classification_table(benchmark.classification))
    typer.echo(f"mean AUC {benchmark.classification.mean_auc.value:.4f}: {out / 'benchmark.html'}")
    if benchmark.refused:
        refused = ", ".join(f"{count} {code}" for code, count in benchmark.refused.items())
        typer.echo(f"cxr: films that were refused, and are left out of every figure: {refused}", err=True)
        raise typer.Exit(1)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="--out folder of a benchmark.")],
    second: Annotated[Path, typer.Argument(help="--out folder of another, on the same images.")],
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the patients, for the mean.")] = 1000,
    seed: Annotated[int, typer.Option(help="Makes the interval of the mean repeatable.")] = 0,
) -> None:
    """Compare two models on the images they share: DeLong's paired test by finding, patients as clusters."""
    from rich.console import Console
    from rich.table import Table

    from cxr.benchmark.compare import compare_benchmarks

    comparison = compare_benchmarks(first, second, resamples, seed)
    title = f"{comparison.n_images} shared images of {comparison.n_patients} patients"
    table = Table("finding", "AUC first", "AUC second", "difference (95 % interval)", "p", "p (Holm)", title=title)
    for row in comparison.findings:
        test = row.test
        difference = f"{test.difference:+.4f} ({test.low:+.4f} to {test.high:+.4f})"
        p_values = (f"{test.p_value:.3g}", f"{row.adjusted_p_value:.3g}")
        table.add_row(row.name, f"{test.auc_a:.4f}", f"{test.auc_b:.4f}", difference, *p_values)
    mean = comparison.mean_difference
    table.add_section()
    table.add_row(
        f"mean of {len(comparison.mean_over)}", "", "", f"{mean.value:+.4f} ({mean.low:+.4f} to {mean.high:+.4f})"
    )
    Console().print(table)


@app.command()
def reports(
    reference: Annotated[
        Path, typer.Argument(help="The reports as they should be: any file or folder that nlp-labeler reads.")
    ],
    candidate: Annotated[Path, typer.Argument(help="The reports that are judged, joined to the others by id.")],
    out: Annotated[Path, typer.Option(help="Folder for errors.csv, left_out.csv and report_errors.json.")],
    policy: PolicyOption = "openi",
    engine: EngineOption = Engine.AUTO,
    columns: Annotated[
        str,
        typer.Option(metavar="id=NAME,text=NAME", help="What the tables call id, text, findings, impression."),
    ] = "",
    encoding: Annotated[str | None, typer.Option(help="Of files that are neither UTF-8 nor UTF-16.")] = None,
    patient: Annotated[
        str | None, typer.Option(help="Column of REFERENCE with the patient, whose reports are resampled together.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples behind the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(help="Makes the intervals repeatable.")] = 0,
) -> None:
    """Count the errors of reports: false and missed findings, wrong places, severities and comparisons."""
    from rich.console import Console
    from rich.table import Table

    from cxr.benchmark.reports import compare_report_files, write_report_comparison
    from nlp_labeler.formats.record import ReadOptions
    from nlp_labeler.labeler import Labeler

    comparison = compare_report_files(
        reference,
        candidate,
        Labeler.load(policy, engine.value),
        reading=ReadOptions(encoding, parse_columns(columns)),
        patient=patient,
        resamples=resamples,
        seed=seed,
    )
    write_report_comparison(comparison, out)
    summary = comparison.summary
    table = Table(
        "errors per report", "all", "significant", title=f"{summary.n_reports} reports of {summary.n_patients} patients"
    )
    for kind, figure in summary.by_kind.items():
        table.add_row(kind, _figure(figure), _figure(summary.significant_by_kind[kind]))
    table.add_section()
    table.add_row("together", _figure(summary.total), _figure(summary.significant))
    table.add_row("share without a significant error", "", _figure(summary.free))
    Console().print(table)
    typer.echo(f"{out / 'errors.csv'}")
    for reason, number in comparison.reasons.most_common():
        typer.echo(f"cxr: left out: {number} {reason}", err=True)
    if comparison.left_out:
        raise typer.Exit(1)


def _figure(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
