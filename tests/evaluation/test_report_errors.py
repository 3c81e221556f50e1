"""One wrong statement is one error of its kind; the same said otherwise is none."""

import numpy as np
import pytest

from cxr.errors import CxrError
from cxr.evaluation.report_errors import ErrorKind, report_errors, summarize_errors
from nlp_labeler import Labeler

K = ErrorKind
REFERENCE = (
    "FINDINGS: Small left pleural effusion, unchanged. No pneumothorax. Heart size is normal. Right apical scarring."
)


@pytest.fixture(scope="module")
def labeler() -> Labeler:
    return Labeler.load("openi", "surface")


def kinds(labeler: Labeler, reference: str, candidate: str) -> list[tuple[ErrorKind, str, bool]]:
    found = report_errors(labeler.label(reference), labeler.label(candidate))
    return [(error.kind, error.finding, error.significant) for error in found]


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("No pneumothorax.", "Left pneumothorax.", [(K.FALSE_FINDING, "Pneumothorax", True)]),
        ("Small left pleural effusion, unchanged.", "No pleural effusion.", [(K.MISSED_FINDING, "Effusion", True)]),
        ("Small left", "Small right", [(K.WRONG_PLACE, "Effusion", True)]),
        ("Small left", "Large left", [(K.WRONG_SEVERITY, "Effusion", True)]),
        ("Small left", "Moderate left", [(K.WRONG_SEVERITY, "Effusion", False)]),
        ("unchanged", "new", [(K.FALSE_COMPARISON, "Effusion", True)]),
        (", unchanged", "", [(K.OMITTED_COMPARISON, "Effusion", False)]),
        (" Right apical scarring.", "", [(K.MISSED_FINDING, "scar", False)]),
        ("Small left pleural effusion", "Left pleural effusion", []),
        ("No pneumothorax.", "There is no evidence of a pneumothorax.", []),
        ("Heart size is normal.", "The heart is not enlarged.", []),
    ],
)
def test_one_wrong_statement_is_one_error_of_its_kind(labeler, right, wrong, expected):
    assert right in REFERENCE
    assert kinds(labeler, REFERENCE, REFERENCE.replace(right, wrong)) == expected


def test_a_report_has_no_errors_against_itself_in_any_order(labeler):
    body = REFERENCE.removeprefix("FINDINGS: ").split(". ")
    assert not kinds(labeler, REFERENCE, "FINDINGS: " + ". ".join(reversed([part.rstrip(".") for part in body])) + ".")


def test_severities_are_compared_side_by_side(labeler):
    reference = "FINDINGS: Small left pleural effusion. Large right pleural effusion."
    swapped = "FINDINGS: Large left pleural effusion. Small right pleural effusion."
    assert kinds(labeler, reference, swapped) == [(K.WRONG_SEVERITY, "Effusion", True)] * 2


def test_a_sign_beside_the_finding_that_explains_it_is_no_error(labeler):
    reference = "FINDINGS: Left basilar opacity consistent with atelectasis."
    assert not kinds(labeler, reference, "FINDINGS: Left basilar atelectasis.")
    assert not kinds(labeler, "FINDINGS: Left basilar atelectasis.", reference)


def test_a_more_general_finding_is_a_mistake_without_consequence(labeler):
    errors = kinds(labeler, "FINDINGS: Right lower lobe pneumonia.", "FINDINGS: Right lower lobe consolidation.")
    assert errors == [(K.FALSE_FINDING, "Consolidation", False), (K.MISSED_FINDING, "Pneumonia", False)]


def test_the_comparison_that_a_finding_is_gone_counts(labeler):
    gone = "FINDINGS: The left pleural effusion has resolved. Heart size is normal."
    silent = "FINDINGS: No pleural effusion. Heart size is normal."
    assert kinds(labeler, gone, silent) == [(K.OMITTED_COMPARISON, "Effusion", False)]
    assert kinds(labeler, silent, gone) == [(K.FALSE_COMPARISON, "Effusion", False)]


def test_a_report_that_was_not_understood_is_not_free_of_errors(labeler):
    with pytest.raises(CxrError, match="not English"):
        report_errors(
            labeler.label(REFERENCE), labeler.label("Kein Pneumothorax. Kein Pleuraerguss. Das Herz ist normal gross.")
        )


def test_the_summary_counts_per_report_and_resamples_patients(labeler):
    right = labeler.label(REFERENCE)
    wrong = report_errors(right, labeler.label(REFERENCE.replace("No pneumothorax.", "Left pneumothorax.")))
    errors = [wrong if number % 4 == 0 else () for number in range(80)]
    summary = summarize_errors(errors, [str(number // 2) for number in range(80)])
    assert (summary.n_reports, summary.n_patients) == (80, 40)
    assert (
        summary.by_kind[K.FALSE_FINDING].value
        == summary.total.value
        == summary.significant.value
        == pytest.approx(0.25)
    )
    assert summary.free.value == pytest.approx(0.75)
    assert summary.total.low < 0.25 < summary.total.high
    # Half of the patients have exactly one error in two reports: the standard error of that share, by the binomial.
    assert summary.total.high - summary.total.low == pytest.approx(2 * 1.96 * 0.5 * np.sqrt(0.25 / 40), rel=0.25)


def test_a_summary_needs_reports():
    with pytest.raises(CxrError, match="at least one"):
        summarize_errors([])
