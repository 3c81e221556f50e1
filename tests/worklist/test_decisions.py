import sqlite3

import pytest

from cxr.errors import CxrError
from cxr.worklist.audit_log import GENESIS, append_entry, verify_chain


@pytest.fixture
def signed(worklist, image_folder, screen_all, receive):
    """A worklist with an effusion, screened."""
    [case_id] = receive(worklist, "ann", [image_folder / "effusion.png"])
    screen_all(worklist, "ann")
    return worklist, case_id


def test_what_is_not_overruled_is_accepted(signed):
    worklist, case_id = signed
    decision = worklist.sign("ann", case_id, reader=" Dr. Ann ", overruled={"Nodule": True}, comment=" look ")
    assert decision.verdicts == {"Cardiomegaly": False, "Effusion": True, "Nodule": True}
    assert decision.overruled(worklist.cases.result("ann", case_id)) == ("Nodule",)
    assert (decision.reader, decision.comment) == ("Dr. Ann", "look")
    assert worklist.decisions.latest("ann", case_id) == decision


def test_a_second_decision_follows_the_first_and_both_stay(signed):
    worklist, case_id = signed
    worklist.sign("ann", case_id, reader="Ann", overruled={"Effusion": False}, comment="")
    worklist.sign("ann", case_id, reader="Bea", overruled={}, comment="agreed after all")
    assert worklist.cases.get("ann", case_id).signed_by == "Bea"
    assert [e.actor for e in worklist.audit("ann") if e.action == "signed"] == ["Bea", "Ann"]
    assert worklist.decisions.all_latest("ann")[case_id].reader == "Bea"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reader": "  "}, "sign with your name"),
        ({"comment": "x" * 4001}, "4001 characters"),
        ({"overruled": {"Ghost": True}}, "no finding 'Ghost'"),
    ],
)
def test_what_cannot_be_signed_is_said(signed, change, message):
    worklist, case_id = signed
    with pytest.raises(CxrError, match=message):
        worklist.sign("ann", case_id, **({"reader": "Ann", "overruled": {}, "comment": ""} | change))
    assert worklist.cases.get("ann", case_id).signed_by is None


def test_a_waiting_or_refused_case_has_nothing_to_sign(worklist, tmp_path, receive):
    (tmp_path / "broken.png").write_bytes(b"")
    [case_id] = receive(worklist, "ann", [tmp_path / "broken.png"])
    with pytest.raises(CxrError, match="no findings to sign"):
        worklist.sign("ann", case_id, reader="Ann", overruled={}, comment="")


def test_entries_name_model_and_certificate_and_the_chain_holds(signed):
    worklist, case_id = signed
    worklist.sign("ann", case_id, reader="Ann", overruled={}, comment="private words")
    worklist.note("ann", "Ann", "exported", case_id, kind="sr")
    entries = worklist.audit("ann")
    assert [e.action for e in entries] == ["exported", "signed", "screened"]
    assert {e.model_sha256 for e in entries} == {worklist.model.sha256}
    assert {e.certificate_sha256 for e in entries} == {worklist.certificate_sha256}
    assert entries[-1].previous == GENESIS
    assert "private words" not in str(entries)
    assert worklist.verify_audit() == (3, entries[0].hash, None)


def test_the_database_refuses_to_change_the_log_and_decisions(signed):
    worklist, case_id = signed
    worklist.sign("ann", case_id, reader="Ann", overruled={}, comment="")
    connection = worklist._database.connection()
    for table in ("audit", "decisions"):
        for statement in (f"UPDATE {table} SET number = number + 10", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


@pytest.mark.parametrize(
    "tamper", ["UPDATE audit SET actor = 'x' WHERE number = 2", "DELETE FROM audit WHERE number = 2"]
)
def test_who_gets_around_the_database_breaks_the_chain(signed, tamper):
    worklist, _ = signed
    with worklist._database.transaction() as connection:
        for action in ("one", "two", "three"):
            append_entry(connection, owner="ann", actor="Ann", action=action)
        connection.execute("DROP TRIGGER audit_is_never_changed")
        connection.execute("DROP TRIGGER audit_is_never_deleted")
        connection.execute(tamper)
    assert verify_chain(worklist._database.connection())[2] in (2, 3)
