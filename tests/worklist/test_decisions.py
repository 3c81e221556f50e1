import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from cxr.errors import CxrError
from cxr.worklist import UNSIGNED
from cxr.worklist.audit_log import GENESIS, append_entry, verify_chain


@pytest.fixture
def signed(worklist, image_folder, screen_all, receive):
    """A worklist with an effusion, screened."""
    [case_id] = receive(worklist, "ann", [image_folder / "effusion.png"])
    screen_all(worklist, "ann")
    return worklist, case_id


def sign(worklist, case_id, seen=UNSIGNED, **changes):
    said = {"reader": "Ann", "verdicts": {}, "comment": ""} | changes
    return worklist.sign("ann", case_id, **said, seen=seen)


def test_only_what_was_stated_is_signed(signed):
    worklist, case_id = signed
    decision = sign(worklist, case_id, reader=" Dr. Ann ", verdicts={"Nodule": True}, comment=" look ")
    assert decision.verdicts == {"Nodule": True}
    assert decision.overruled(worklist.cases.result("ann", case_id)) == ("Nodule",)
    assert (decision.reader, decision.comment) == ("Dr. Ann", "look")
    assert worklist.decisions.latest("ann", case_id) == decision


def test_a_verdict_that_agrees_overrules_nothing(signed):
    worklist, case_id = signed
    decision = sign(worklist, case_id, verdicts={"Effusion": True, "Nodule": False})
    assert decision.overruled(worklist.cases.result("ann", case_id)) == ()


def test_a_second_decision_follows_the_first_and_both_stay(signed):
    worklist, case_id = signed
    first = sign(worklist, case_id, verdicts={"Effusion": False})
    second = sign(worklist, case_id, reader="Bea", comment="agreed after all", seen=first.number)
    assert worklist.cases.get("ann", case_id).signed_by == "Bea"
    assert [(e.actor, e.action) for e in worklist.audit("ann")][:2] == [("Bea", "amended"), ("Ann", "signed")]
    assert worklist.decisions.all_latest("ann")[case_id].reader == "Bea"
    assert worklist.decisions.of_case("ann", case_id) == [first, second]


def test_nobody_signs_over_a_decision_that_they_have_not_seen(signed):
    worklist, case_id = signed
    first = sign(worklist, case_id)
    for seen in (UNSIGNED, first.number - 1, first.number + 1):
        with pytest.raises(CxrError, match="Ann signed this case last"):
            sign(worklist, case_id, reader="Bea", seen=seen)
    assert worklist.decisions.of_case("ann", case_id) == [first]


def test_of_many_who_saw_the_same_one_alone_signs(signed):
    worklist, case_id = signed

    def attempt(number):
        try:
            return sign(worklist, case_id, reader=f"Reader {number}")
        except CxrError:
            return None

    with ThreadPoolExecutor(8) as threads:
        done = [decision for decision in threads.map(attempt, range(8)) if decision]
    assert done == worklist.decisions.of_case("ann", case_id)
    assert len(done) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reader": "  "}, "sign with your name"),
        ({"comment": "x" * 4001}, "4001 characters"),
        ({"verdicts": {"Ghost": True}}, "no finding 'Ghost'"),
        ({"verdicts": {"Nodule": "yes"}}, "verdict on Nodule is 'yes'"),
    ],
)
def test_what_cannot_be_signed_is_said(signed, change, message):
    worklist, case_id = signed
    with pytest.raises(CxrError, match=message):
        sign(worklist, case_id, **change)
    assert worklist.cases.get("ann", case_id).signed_by is None


def test_a_waiting_or_refused_case_has_nothing_to_sign(worklist, tmp_path, receive):
    (tmp_path / "broken.png").write_bytes(b"")
    [case_id] = receive(worklist, "ann", [tmp_path / "broken.png"])
    with pytest.raises(CxrError, match="no findings to sign"):
        sign(worklist, case_id)


def test_entries_name_model_and_certificate_and_the_chain_holds(signed):
    worklist, case_id = signed
    sign(worklist, case_id, comment="private words")
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
    sign(worklist, case_id)
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
