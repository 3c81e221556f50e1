"""The ``nlp-labeler`` command: thin wrappers, everything heavy imported inside the command.

Exit status: 0 done; 1 done, but some reports were refused; 2 wrong use or nothing could be done, with one line on
standard error.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nlp_labeler.command_line import print_version, run
from nlp_labeler.errors import LabelerError

app = typer.Typer(
    name="nlp-labeler",
    help="Label chest X-ray reports: 14 findings and No Finding, with the evidence. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def program(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version("nlp-labeler"), help="Print the version.")
    ] = False,
) -> None:
    """Label chest X-ray reports: 14 findings and No Finding, with the evidence. Research use only."""


class Engine(StrEnum):
    """How assertions are decided."""

    AUTO = "auto"
    GRAPH = "graph"
    SURFACE = "surface"


PolicyOption = Annotated[
    str, typer.Option(help="Uncertainty conventions: a name that `nlp-labeler policies` lists, or your own TOML file.")
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.toml", help="Your own label space instead of the 14 findings; see the README."),
]
EngineOption = Annotated[
    Engine, typer.Option(help="surface: word rules, needs no spaCy; graph: rules over a dependency parse as well.")
]


@app.command()
def label(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN",
            help="CSV, .xlsx, Parquet or JSON Lines with `id` and either `text` or `findings`, `impression`; BioC or "
            "OpenI XML; a text file; or a folder of .txt or .xml files, such as MIMIC-CXR's.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="File to write: .csv, .parquet, .jsonl or .xml (BioC).")
    ],
    policy: PolicyOption = "openi",
    engine: EngineOption = Engine.AUTO,
    labels: LabelsOption = None,
    processes: Annotated[int, typer.Option(min=1, help="How many processes label at once.")] = 1,
    encoding: Annotated[
        str | None, typer.Option(help="Of a text file that is neither UTF-8 nor UTF-16, e.g. cp1252 or latin-1.")
    ] = None,
    columns: Annotated[
        str,
        typer.Option(metavar="id=NAME,text=NAME", help="What the table calls id, text, findings, impression."),
    ] = "",
    evidence: Annotated[
        Path | None, typer.Option(help="Also write the sentence, span and rule behind every label: a .jsonl file.")
    ] = None,
) -> None:
    """Label every report of a file or folder.

    OUT has one row a report: 1 positive, 0 negated, -1 uncertain, empty not mentioned; `status` is ok, or why the
    report was refused. Run again after an interruption, it goes on where it was.
    """
    from nlp_labeler.batch import label_reports
    from nlp_labeler.findings import FindingTable
    from nlp_labeler.formats.record import ReadOptions

    with counting_bar("labeling") as advance:
        counts = label_reports(
            source,
            out,
            policy=policy,
            engine=engine.value,
            labels=FindingTable.load(labels) if labels else None,
            processes=processes,
            evidence=evidence,
            reading=ReadOptions(encoding, parse_columns(columns)),
            warn=lambda message: typer.echo(f"nlp-labeler: {message}", err=True),
            advance=advance,
        )
    labeled = counts.reports - counts.refused - counts.unlabeled
    typer.echo(
        f"{counts.reports} reports: {labeled} labeled, {counts.normal} of them with No Finding, {counts.partial} with "
        f"passages that were not understood; {counts.refused} refused, {counts.unlabeled} without labels: {out}",
        err=True,
    )
    for reason, number in sorted(counts.reasons.items(), key=lambda item: -item[1]):
        typer.echo(f"  {number} {reason}", err=True)
    if not labeled:
        typer.echo("nlp-labeler: not one report could be labeled", err=True)
        raise typer.Exit(2)
    if counts.refused:
        raise typer.Exit(1)


@app.command()
def explain(
    report: Annotated[
        str, typer.Argument(metavar="REPORT", help="A text file, - for standard input, or the words of a report.")
    ],
    policy: PolicyOption = "openi",
    engine: EngineOption = Engine.AUTO,
    labels: LabelsOption = None,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page instead of the terminal.")] = None,
) -> None:
    """Show one report in colour: every mention, what is said of it, and the rule that decided."""
    from rich.console import Console

    from nlp_labeler.explain.page import render_page
    from nlp_labeler.explain.terminal import show
    from nlp_labeler.labeler import Labeler
    from nlp_labeler.storage import write_bytes

    title, text = read_report(report)
    result = Labeler.load(policy, engine.value, labels).label(text)
    if html is None:
        show(result, Console())
        return
    try:
        write_bytes(html, render_page(result, title).encode("utf-8", "replace"))
    except OSError as error:
        raise LabelerError(f"{html}: {error.strerror}") from None
    typer.echo(f"{html}", err=True)


@app.command()
def evaluate(
    gold: Annotated[
        Path,
        typer.Argument(
            metavar="GOLD.csv", help="CSV like `label` reads, with gold columns for the labels and No Finding."
        ),
    ],
    label: Annotated[
        list[str] | None,
        typer.Option(help="A label that is scored; repeat. Default: the eight of ChestX-ray8, or all of --labels."),
    ] = None,
    policy: PolicyOption = "openi",
    engine: EngineOption = Engine.AUTO,
    labels: LabelsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Score the labeler against gold labels: precision, recall and F1 with 95 % bootstrap intervals.

    Uncertain counts as not positive. Two protocols: all reports; and the reports with one of the labels or normal.
    """
    from dataclasses import asdict

    from rich.console import Console

    from nlp_labeler.errors import ConfigError
    from nlp_labeler.evaluate import evaluate_labels
    from nlp_labeler.findings import CHESTXRAY8
    from nlp_labeler.gold import read_gold
    from nlp_labeler.labeler import Labeler
    from nlp_labeler.score_table import score_tables

    labeler = Labeler.load(policy, engine.value, labels)
    there = labeler.columns[:-1]
    names = tuple(label or (CHESTXRAY8 if labels is None else there))
    unknown = [name for name in names if name not in there]
    if unknown:
        raise ConfigError(f"no label {unknown[0]!r}; there are {', '.join(there)}")
    records, truth = read_gold(gold, names)
    results = labeler.pipe([record.text for record in records])
    evaluation = evaluate_labels(truth, [result.labels for result in results], names)
    if as_json:
        typer.echo(json.dumps(asdict(evaluation)))
    else:
        Console().print(*score_tables(evaluation), sep="\n")


@app.command("train-parser")
def train_parser(
    treebank: Annotated[
        Path, typer.Argument(help="Folder with train.conllu.gz and dev.conllu.gz of a Universal Dependencies treebank.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the trained parser.")],
    minutes: Annotated[float, typer.Option(min=0, help="Stop after the epoch in which these minutes pass.")] = 20.0,
    synthetic: Annotated[int, typer.Option(min=0, help="How many synthetic radiology sentences to add.")] = 4000,
    seed: Annotated[int, typer.Option(help="Of sentences, order and initial weights.")] = 20170705,
) -> None:
    """Train the dependency parser behind the graph engine."""
    from nlp_labeler.parser.training import TrainingPlan
    from nlp_labeler.parser.training import train_parser as train

    plan = TrainingPlan(synthetic=synthetic, minutes=minutes, seed=seed)
    score = train(treebank, out, plan, lambda line: typer.echo(line, err=True))
    typer.echo(f"uas {score.uas:.4f} las {score.las:.4f}: {out}")


@app.command()
def policies() -> None:
    """List the shipped policies and whose conventions they are."""
    from nlp_labeler.policies.schema import POLICIES, load_policy

    for name in POLICIES:
        typer.echo(f"{name:12} {load_policy(name).description}")


def parse_columns(text: str) -> dict[str, str]:
    """``"id=ACCESSION,text=REPORT"`` as a mapping.

    Raises:
        LabelerError: if a part of it is not of the form NAME=COLUMN.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not key.strip() or not column.strip() for key, _, column in pairs):
        raise LabelerError(f"--columns is '{text}'; say --columns id=NAME,text=NAME")
    return {key.strip().lower(): column.strip() for key, _, column in pairs}


def read_report(report: str) -> tuple[str, str]:
    """Title and text of a report that is named, piped in or given word for word.

    Raises:
        LabelerError: if it looks like the name of a file that is not there, or is not UTF-8 text.
    """
    if report == "-":
        return "standard input", sys.stdin.buffer.read().decode("utf-8", "replace")
    path = Path(report)
    try:
        if path.is_file():
            return path.name, path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise LabelerError(f"{path}: is not UTF-8 text") from None
    except OSError:  # words of a report can be too long for the name of a file
        return "report", report
    if path.suffix and " " not in report.strip():
        raise LabelerError(f"{report}: no such file; give a text file, - for standard input, or the words of a report")
    return "report", report


@contextmanager
def counting_bar(title: str) -> Iterator[Callable[[int], None]]:
    """A counter on standard error, where that is a terminal; the function it yields adds to it."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:.0f} reports"), TimeElapsedColumn())
    console = Console(stderr=True)
    hidden = not console.is_terminal
    # No thread of its own to refresh it: worker processes are forked, and a fork does not take threads along.
    with Progress(*columns, console=console, transient=True, disable=hidden, auto_refresh=False) as progress:
        task = progress.add_task(title, total=None)
        yield lambda count: progress.update(task, advance=count, refresh=True)


def main() -> None:
    """Entry point: expected errors and wrong use become one line on standard error and exit status 2."""
    from nlp_labeler.parser.model import keep_torch_out

    keep_torch_out()
    run(app, "nlp-labeler")


if __name__ == "__main__":
    main()
