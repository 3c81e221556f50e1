"""Do the shipped certificates hold on other patients? ``cxr operating-points check`` on test_dev, over many draws.

A certificate is about patients, one film each; test_dev has several films of most. Each draw takes one film per patient
anew, and tests every certificate as the command does. The draws are of the same patients: their spread is that of the
choice of films, not of the patients.
"""

from benchmarks.record import Row, line, over_seeds
from benchmarks.shipped_model import DATA, shipped_on_test_dev
from cxr.operating_points import audit_certificates
from cxr.screening import Bundle

__all__ = ["run"]

DRAWS = 20


def run() -> list[Row]:
    """Per certificate its promise, the rate of false positives over the draws, and the verdicts."""
    points, predictions = Bundle.load().operating_points, shipped_on_test_dev().predictions
    columns = [predictions.label_names.index(name) for name in points.label_space]
    scores, labels = predictions.probabilities[:, columns], predictions.labels[:, columns]
    draws = [audit_certificates(points, scores, labels, predictions.patients, seed) for seed in range(DRAWS)]
    rows: list[Row] = []
    for checks in zip(*draws, strict=True):
        found = [check.errors for check in checks if check.errors is not None]
        verdicts = [check.verdict for check in checks]
        rates = [errors.rate for errors in found]
        limit = checks[0].certificate.limit
        figures = {
            "promised at most": limit,
            "false positives, mean of the draws": over_seeds(rates),
            "draws above the promise": float(sum(rate > limit for rate in rates)),
            "broken": float(verdicts.count("broken")),
            "undecided": float(verdicts.count("undecided")),
            "confirmed": float(verdicts.count("confirmed")),
        }
        rows += line(
            "shipped certificates",
            checks[0].name,
            figures,
            n=round(sum(errors.n for errors in found) / len(found)),
            unit_of_n="patients without it",
            data=f"{DATA}, {DRAWS} draws of one film per patient",
            interval="range over draws",
        )
    return rows
