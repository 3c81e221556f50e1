"""Signed cases as labeled predictions, read while the worklist is open."""

import dataclasses

import numpy as np
import pytest

from cxr.errors import ConfigError, OperatingPointError
from cxr.worklist import UNSIGNED, Case, Decision, Subject
from cxr.worklist.local_readings import _refuse_selection, local_readings, read_local_readings


def _case(number, triage="read"):
    subject = Subject(f"p{number // 2}", None, None, None, "PA")
    named = (f"c{number}", "", "x.png", "screened", "2026-01-01T00:00:00")
    return Case(*named, subject, 9, 9, triage, None, {"Mass": 0.1 * number}, "model", False, None)


def _decision(case, **verdicts):
    return Decision(1, case.id, "Ann", "2026-01-02", verdicts, "", "model", "seal")


def test_what_was_not_stated_is_unknown():
    cases = [_case(n) for n in range(4)]
    signed = [(cases[0], _decision(cases[0], Mass=True)), (cases[1], _decision(cases[1]))]
    read = local_readings(signed, ("Mass",))
    assert read.labels[0, 0] == 1
    assert np.isnan(read.labels[1, 0])
    assert len(set(read.patients)) == 1
    alone = dataclasses.replace(cases[3], subject=Subject(None, None, None, None, None))
    assert local_readings([(alone, _decision(alone))], ("Mass",)).patients == ("c3",)
    assert local_readings([], ("Mass",)).scores.shape == (0, 1)


def test_reading_referred_films_alone_is_no_fair_sample():
    cases = {c.id: c for c in (_case(n, "refer" if n < 20 else "read") for n in range(60))}
    chosen = {c.id: _decision(c) for c in list(cases.values())[:20]}
    with pytest.raises(OperatingPointError, match="20 of 20 referred films, but 0 of 40 others"):
        _refuse_selection(cases, chosen)
    _refuse_selection(cases, {c.id: _decision(c) for c in list(cases.values())[::3]})


def test_an_open_worklist_is_read_in_the_order_of_signing(worklist, screen_all, receive, phantom_dicom):
    ids = receive(worklist, "", [phantom_dicom, phantom_dicom])
    screen_all(worklist)
    space = list(worklist.cases.get("", ids[0]).probabilities)
    folder, model = worklist._database.folder, worklist.model.sha256
    with pytest.raises(OperatingPointError, match="no case of this model is signed"):
        read_local_readings(folder, space, model)
    for case_id, there in ((ids[1], True), (ids[0], False)):
        worklist.sign("", case_id, reader="Ann", verdicts={space[0]: there}, comment="", seen=UNSIGNED)
    with worklist._database.transaction() as connection:
        connection.execute("UPDATE cases SET doubts = 'annotated out_of_distribution' WHERE id = ?", (ids[0],))
        connection.execute("UPDATE cases SET doubts = 'annotated' WHERE id = ?", (ids[1],))
    read = read_local_readings(folder, space, model)
    assert (read.unlike.count, read.unlike.n) == (1, len(ids))
    assert read.labels[:, 0].tolist() == [1, 0]
    assert read.scores[0] == pytest.approx([worklist.cases.get("", ids[1]).probabilities[name] for name in space])
    with pytest.raises(OperatingPointError, match="0 are screened"):
        read_local_readings(folder, space, "0" * 64)


def test_a_folder_without_a_worklist_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no worklist"):
        read_local_readings(tmp_path, ("Mass",), "0" * 64)
