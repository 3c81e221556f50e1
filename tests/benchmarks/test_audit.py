import pytest

from benchmarks.tienet.audit import ReportAudit, audit_report, total
from cxr.localization import Box
from nlp_labeler import Labeler

LEFT, RIGHT = Box(700, 500, 100, 100, 0.9), Box(200, 500, 100, 100, 0.9)


@pytest.fixture(scope="module")
def read():
    return Labeler.load(policy="openi", engine="surface").label


@pytest.mark.parametrize(
    ("text", "fired", "expected"),
    [
        ("FINDINGS: Small left pleural effusion.", {"Effusion": [LEFT]}, (0, 0, 0, 0)),
        ("FINDINGS: Small right pleural effusion.", {"Effusion": [LEFT]}, (0, 0, 1, 0)),
        ("FINDINGS: Bilateral pleural effusions.", {"Effusion": [LEFT]}, (0, 0, 1, 0)),
        ("FINDINGS: Bilateral pleural effusions.", {"Effusion": [LEFT, RIGHT]}, (0, 0, 0, 0)),
        ("FINDINGS: Left pleural effusion.", {}, (1, 0, 1, 0)),
        ("FINDINGS: Possible pneumonia.", {}, (1, 0, 0, 0)),
        ("FINDINGS: No pneumothorax.", {"Pneumothorax": [LEFT]}, (0, 0, 0, 1)),
        ("FINDINGS: There is pneumonia. No consolidation.", {"Pneumonia": [LEFT]}, (0, 1, 0, 0)),
        ("FINDINGS: No pneumonia. There is consolidation.", {"Consolidation": [LEFT]}, (0, 0, 0, 0)),
        ("FINDINGS: No acute disease.", {}, (0, 0, 0, 0)),
    ],
)
def test_each_fault_is_counted(read, text, fired, expected):
    found = audit_report(read(text), fired, 1000)
    assert (found.unsupported, found.ontology, found.sides, found.missing) == expected


def test_totals_add_up():
    assert total([ReportAudit(1, 0, 2, 0), ReportAudit(0, 1, 1, 3)]) == ReportAudit(1, 1, 3, 3)
    assert total([]) == ReportAudit(0, 0, 0, 0)
