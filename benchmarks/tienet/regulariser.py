"""What the regulariser does: faults of the raw and of the final texts.

They are counted by the labeler's graph engine, where the regulariser reads with the surface engine. Both share their
lexicon: a phrase that it lacks, neither sees. The count tells whether the regulariser does what it says, not whether
the texts are right; clinical F1, against the truth of the images, does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.localization.methods import SEEDS
from benchmarks.record import Row, line
from benchmarks.tienet.audit import audit_report, total
from benchmarks.tienet.screened import Screened
from benchmarks.tienet.texts import f1_gain
from cxr.evaluation.report_metrics import clinical_efficacy, stated_findings
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["regulariser_rows"]

READER = "read by the graph engine; the regulariser reads with the surface engine of the same lexicon"


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
    table_line = partial(line, table, data=data, seeds=SEEDS[:1])
    n = len(screened)
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
        rows += table_line(name, figures, n=n, unit_of_n="reports", note=READER)
    change = {"clinical F1": f1_gain(truth, [stated["regularised"]], [stated["generated"]], patients)}
    rows += table_line("regularised minus generated", change, n=n, unit_of_n="reports")
    kept = [s for one in screened if one.result.report for s in one.result.report.sentences if s.evidence]
    generated = sum(s.evidence is not None and s.evidence.source == "generated" for s in kept)
    share = {"in generated words": generated / len(kept) if kept else 0.0}
    return rows + table_line("regularised", share, n=len(kept), unit_of_n="sentences on findings")
