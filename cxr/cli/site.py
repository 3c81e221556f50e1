"""``cxr site``: does what a model promises hold at this hospital?"""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["site"]


def site(
    worklist: Annotated[
        Path | None, typer.Option(help="Folder of the app's worklist: what readers signed there.")
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="Instead: CSV with `Image Index` and `prob_NAME` columns, films as they were read."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="With it: local labels in the NIH layout, `Image Index`, `Finding Labels`, ...")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Model bundle whose promises are tested. Default: the one shipped with cxr.")
    ] = None,
    promise: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Test the promises of this finding alone; repeat. Default: all."),
    ] = None,
    delta: Annotated[float, typer.Option(help="Probability with which a verdict may be wrong.")] = 0.05,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for site.json and the certificates as they hold here."),
    ] = None,
) -> None:
    """Re-test every promise of a model on local patients: confirmed, open or withdrawn.

    Look as often as you like: the verdicts stay valid. The films must be all that came, or drawn by lot. What is
    withdrawn gets a local threshold with its own certificate, where enough patients were read; attach it by
    `cxr bundle attach-certificate`. Exit status 1 if a promise is withdrawn.
    """
    import json

    from rich.console import Console

    from cxr.benchmark.tables import join
    from cxr.cli.certificate_table import site_table
    from cxr.errors import ConfigError, OperatingPointError
    from cxr.operating_points import local_points, promises_of, retest_promises, without_withdrawn
    from cxr.screening import Bundle
    from cxr.screening.manifest import OPERATING_POINTS_FILE, TWO_SIDED_FILE
    from cxr.worklist.local_readings import LocalReadings, read_local_readings
    from nlp_labeler.storage import write_text

    if (worklist is None) == (predictions is None) or (predictions is None) != (labels is None):
        raise ConfigError("give either --worklist, or --predictions and --labels")
    loaded = Bundle.load(bundle)
    points = loaded.operating_points
    if worklist is not None:
        read = read_local_readings(worklist, points.label_space, loaded.manifest.model_sha256)
    else:
        assert predictions is not None
        assert labels is not None
        data = join(predictions, labels)
        absent = [name for name in points.label_space if name not in data.label_names]
        if absent:
            raise OperatingPointError(f"{predictions} has no 'prob_{absent[0]}', about which the bundle makes promises")
        columns = [data.label_names.index(name) for name in points.label_space]
        views = data.attributes.get("view", ("",) * len(data.images))
        read = LocalReadings(data.probabilities[:, columns], data.labels[:, columns], data.patients, views)
    promises = promises_of(points, loaded.two_sided)
    wanted = set(promise or ())
    unknown = sorted(wanted - {name for p in promises for name in (p.name, *p.findings)})
    if unknown:
        known = ", ".join(dict.fromkeys(p.name for p in promises))
        raise ConfigError(f"--promise '{unknown[0]}': nothing is promised about it; promises are about {known}")
    promises = tuple(p for p in promises if not wanted or p.name in wanted or wanted >= set(p.findings))
    if not promises:
        raise OperatingPointError(f"bundle {loaded.path} promises nothing: all its certificates were refused")
    tests = retest_promises(promises, points.label_space, read.scores, read.labels, read.patients, read.views, delta)
    here = local_points(points, tests, read.scores, read.labels, read.patients)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        write_text(output / "site.json", json.dumps([test.as_dict() for test in tests], indent=1) + "\n")
        here.save(output / OPERATING_POINTS_FILE)
        if loaded.two_sided is not None:
            without_withdrawn(loaded.two_sided, tests).save(output / TWO_SIDED_FILE)
    Console().print(site_table(tests, here))
    typer.echo(f"{len(read.patients)} films of {len(set(read.patients))} patients")
    if read.unlike is not None and loaded.film_check is not None:
        share, ends = read.unlike, f"{100 * read.unlike.low:.1f} to {100 * read.unlike.high:.1f} %"
        typer.echo(f"unlike the calibration's: {share.count} of {share.n} screened films ({ends}; 1 % are expected)")
    withdrawn = [test.promise for test in tests if test.verdict == "withdrawn"]
    if withdrawn:
        names = ", ".join(f"{p.name} ({p.kind})" for p in withdrawn)
        typer.echo(f"cxr: local patients contradict {names}; do not rely on these", err=True)
        raise typer.Exit(1)
