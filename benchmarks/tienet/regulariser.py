"""What the regulariser does, counted by an independent reader: another engine, another code."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import Row
from benchmarks.tienet.f1_gain import f1_gain
from benchmarks.tienet.screened import Screened
from cxr.evaluation.clinical_efficacy import clinical_efficacy, stated_findings
from cxr.evaluation.report_audit import audit_report, total
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["regulariser_rows"]


def regulariser_rows(
    table: str,
    data: str,
    screened: Sequence[Screened],
    truth: NDArray[np.bool_],
    patients: Sequence[str],
    baselines: Mapping[str, Sequence[str]],
) -> list[Row]:
    """Faulty sentences and clinical F1 of the raw and of the final texts.

    Args:
        table: name of the table.
        data: what the images are.
        screened: every image.
        truth: (N, 8).
        patients: of each image.
        baselines: name -> other texts of the same images.
    """
    reader = Labeler.load(policy="openi", engine="graph")
    rows: list[Row] = []
    texts: dict[str, Sequence[str]] = {
        "generated": [one.raw for one in screened],
        "regularised": [one.final for one in screened],
        "template": [one.template for one in screened],
        **baselines,
    }
    stated: dict[str, NDArray[np.bool_]] = {}
    for name, written in texts.items():
        labels = reader.label_batch(written)
        faults = total(
            audit_report(read, {f.name: f.boxes for f in one.result.findings if f.positive}, one.width)
            for read, one in zip(labels, screened, strict=True)
        )
        stated[name] = np.asarray(stated_findings(labels, CHESTXRAY8))
        found = clinical_efficacy(truth, stated[name])
        figures = {f"{kind} faults": float(count) for kind, count in asdict(faults).items()}
        figures |= {"clinical F1": found.f1, "precision": found.precision, "recall": found.recall}
        rows += [
            Row(
                table=table,
                row=name,
                metric=metric,
                value=value,
                n=len(screened),
                unit_of_n="reports",
                data=data,
                note="read by the graph engine; the regulariser reads with the surface engine",
            )
            for metric, value in figures.items()
        ]
    change = f1_gain(truth, [stated["regularised"]], [stated["generated"]], patients)
    rows.append(
        Row(
            table=table,
            row="regularised minus generated",
            metric="clinical F1",
            value=change.value,
            low=change.low,
            high=change.high,
            n=len(screened),
            unit_of_n="reports",
            data=data,
        )
    )
    kept = [s for one in screened if one.result.report for s in one.result.report.sentences if s.evidence]
    generated = sum(s.evidence is not None and s.evidence.source == "generated" for s in kept)
    share = generated / len(kept) if kept else 0.0
    rows.append(
        Row(
            table=table,
            row="regularised",
            metric="in generated words",
            value=share,
            n=len(kept),
            unit_of_n="sentences on findings",
            data=data,
        )
    )
    return rows
