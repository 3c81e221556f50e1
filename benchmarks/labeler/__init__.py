"""The report labeler against gold labels and its peers: accuracy, attributes, speed, memory.

The peers are installed into an environment of their own on first use.
"""

from benchmarks.record import Row

__all__ = ["run"]


def run() -> list[Row]:
    """All figures of the labeler; some fifteen minutes, most of them medspaCy's and the million reports'."""
    from benchmarks.labeler.accuracy import ablation_rows, accuracy_rows, predicted, qualifier_rows
    from benchmarks.labeler.coverage import coverage_rows
    from benchmarks.labeler.gold import load_gold
    from benchmarks.labeler.speed import comparison_rows, memory_rows, scaling_rows
    from nlp_labeler.labeler import Labeler

    gold = load_gold()
    labeler = Labeler.load(policy="openi")
    results = list(labeler.pipe(gold.texts))
    return [
        *accuracy_rows(gold, predicted(labeler, gold.texts)),
        *ablation_rows(gold),
        *qualifier_rows(gold, results),
        *coverage_rows(gold, results),
        *comparison_rows(gold),
        *scaling_rows(gold),
        *memory_rows(gold),
    ]
