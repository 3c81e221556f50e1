"""``cxr screen``: files, folders and archives -> a worklist."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr.cli.conventions import BundlePath, MaybeInputs, Outputs, Workers, counting_bar, require_paths

if TYPE_CHECKING:
    from cxr.screening import Shard

__all__ = ["schema", "screen"]


def screen(
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Where the results go. Running again with the same folder continues there."
        ),
    ],
    paths: MaybeInputs = None,
    input_list: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Further inputs, a path per line (UTF-8); lines that begin with # are not."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Screen one of N parts of the inputs, into a folder of its own."),
    ] = None,
    overlays: Annotated[
        str, typer.Option(help="Keep a picture of all inputs, of those referred (refer), or of none.")
    ] = "all",
    page: Annotated[bool, typer.Option("--page/--no-page", help="Write worklist.html.")] = True,
    bundle: BundlePath = None,
    workers: Workers = None,
    output: Outputs = None,
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Also write DICOM SR and SC for DICOM inputs to DIR/dicom ('pacs' extra).")
    ] = False,
) -> None:
    """Screen radiographs and write results.jsonl, results.csv, studies.csv, overlays/ and worklist.html.

    Every input ends as exactly one result: screened, or refused with a reason. studies.csv puts the films of one
    examination together: the worst usable one decides, copies and refused ones are named. In folders and archives,
    hidden files, DICOMDIR and text companions (.csv .tsv .txt .json .jsonl .xml .md .html .log) are left
    out. A run that was interrupted continues where it stopped.

    Exit status: 0 all screened; 1 some inputs were refused; 2 wrong use.
    """
    from typing import cast, get_args

    from cxr.errors import ConfigError
    from cxr.outputs.results_folder import Overlays, screen_to_folder
    from cxr.outputs.writers import load_writers
    from cxr.screening import Screener, Shard, default_workers

    if overlays not in get_args(Overlays):
        raise ConfigError(f"--overlays {overlays!r}; allowed are {', '.join(get_args(Overlays))}")
    paths = [*(paths or []), *(_listed(input_list) if input_list else [])]
    if not paths:
        raise ConfigError("no inputs; name files, folders or archives, or a list of them with --input-list")
    part = Shard.parse(shard) if shard else None
    require_paths(paths)
    count = workers or default_workers()
    outputs = [*(output or []), *(["dicom"] if dicom else [])]
    load_writers(outputs)  # says what is missing before the model is loaded
    screener = Screener(bundle, threads=1 if count > 1 else None)
    with counting_bar("Screening", lambda: _waiting(paths, out, part)) as advance:
        summary = screen_to_folder(
            screener,
            paths,
            out,
            workers=count,
            outputs=outputs,
            overlays=cast("Overlays", overlays),
            page=page,
            shard=part,
            on_result=lambda _: advance(),
        )
    earlier = summary.screened + summary.refused - summary.new
    typer.echo(
        f"screened {summary.screened}"
        + (f" ({summary.doubtful} of them doubtful)" if summary.doubtful else "")
        + f", refused {summary.refused}"
        + (f" ({earlier} of them in an earlier run)" if earlier else "")
        + (f"; worklist {summary.page}" if summary.page else f"; results in {out}")
    )
    if summary.refused:
        raise typer.Exit(1)


def _listed(file: Path) -> list[Path]:
    """The paths of a list.

    Raises:
        ConfigError: if it cannot be read.
    """
    from cxr.errors import ConfigError

    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"--input-list {file} cannot be read: {reason}") from error
    return [Path(line) for line in lines if line.strip() and not line.startswith("#")]


def _waiting(paths: list[Path], out: Path, shard: "Shard | None") -> int:
    """How many inputs have no result yet, as far as their number tells."""
    from cxr.screening import find_inputs

    journal = out / "results.jsonl"
    done = 0
    if journal.is_file():
        with journal.open("rb") as stream:
            done = sum(1 for _ in stream)
    return max(0, sum(1 for _ in find_inputs(paths, exclude=out, shard=shard)) - done)


def schema() -> None:
    """Print the JSON schema (2020-12) of a results.jsonl line; its $id ends in the schema's version."""
    import json

    from cxr.screening import result_schema

    typer.echo(json.dumps(result_schema(), indent=2))
