"""A worklist that version 1 made opens with all that was signed in it, and nothing that nobody stated."""

import json
import sqlite3
from pathlib import Path

import pytest

from cxr.errors import ConfigError
from cxr.worklist import Worklist
from cxr.worklist.audit_log import append_entry
from cxr.worklist.reader_labels import reader_labels


@pytest.fixture
def screened(worklist, image_folder, screen_all, receive):
    """Row of a screened case with an effusion."""
    [case_id] = receive(worklist, "ann", [image_folder / "effusion.png"])
    screen_all(worklist, "ann")
    return dict(worklist._database.connection().execute("SELECT * FROM cases WHERE id = ?", (case_id,)).fetchone())


@pytest.fixture
def version_1(screened, tmp_path):
    """Folder of version 1 in which Ann called an effusion absent and Bea later left everything as the model had it."""
    folder = tmp_path / "earlier"
    folder.mkdir()
    called = {f["name"]: f["positive"] for f in json.loads(screened["result"])["findings"]}
    del screened["issuer"], screened["doubts"]
    connection = sqlite3.connect(folder / "worklist.sqlite", isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.executescript((Path(__file__).parent / "version_1.sql").read_text())
    connection.execute(
        f"INSERT INTO cases ({', '.join(screened)}) VALUES ({', '.join('?' * len(screened))})", [*screened.values()]
    )
    for reader, said in (("Ann", {"Effusion": False}), ("Bea", {})):
        connection.execute(
            """INSERT INTO decisions (case_id, reader, signed, verdicts, comment, model_sha256, certificate_sha256)
            VALUES (?, ?, '2026-01-01T10:00:00.000+00:00', ?, 'look again', 'm', 'c')""",
            (screened["id"], reader, json.dumps(called | said)),
        )
        append_entry(connection, owner="ann", actor=reader, action="signed", case_id=screened["id"])
    connection.close()
    return folder, screened["id"], called


def test_only_what_contradicts_the_model_was_stated(version_1, tiny_screener):
    folder, case_id, called = version_1
    assert called["Effusion"]
    with Worklist(folder, tiny_screener, threads=1) as worklist:
        first, second = worklist.decisions.of_case("ann", case_id)
        assert (first.reader, first.comment, first.model_sha256) == ("Ann", "look again", "m")
        assert first.verdicts == {"Effusion": False}
        assert first.by_default == {name: there for name, there in called.items() if name != "Effusion"}
        assert first.overruled(worklist.cases.result("ann", case_id)) == ("Effusion",)
        assert (second.verdicts, second.by_default) == ({}, called)
        case = worklist.cases.get("ann", case_id)
        assert (case.signed_by, case.subject.issuer) == ("Bea", "")
        assert ",1," not in reader_labels([(case, second)]).splitlines()[1]


def test_the_log_keeps_each_decision_as_it_was_signed_and_its_chain_holds(version_1, tiny_screener):
    folder, _, called = version_1
    with Worklist(folder, tiny_screener, threads=1) as worklist:
        entries = worklist.audit("ann")
        assert [(e.actor, e.action) for e in entries[::-1]] == [
            *(("Ann", "signed"), ("Bea", "signed"), ("cxr", "migrated"), ("cxr", "migrated"))
        ]
        kept = json.loads(entries[1].detail)
        assert (kept["reader"], kept["stated"], kept["verdicts"]) == ("Ann", 1, called | {"Effusion": False})
        assert worklist.verify_audit() == (4, entries[0].hash, None)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            worklist._database.connection().execute("UPDATE decisions SET reader = 'x'")


def test_a_migrated_worklist_goes_on_and_is_migrated_once(version_1, tiny_screener):
    folder, case_id, _ = version_1
    with Worklist(folder, tiny_screener, threads=1) as worklist:
        seen = worklist.decisions.latest("ann", case_id).number
        worklist.sign("ann", case_id, reader="Cyd", verdicts={"Nodule": True}, comment="", seen=seen)
    with Worklist(folder, tiny_screener, threads=1) as again:
        assert again.decisions.latest("ann", case_id).verdicts == {"Nodule": True}
        assert again.decisions.latest("ann", case_id).by_default == {}
        assert len(again.audit("ann")) == 5


def test_a_migration_that_fails_leaves_the_folder_as_it_was(version_1, tiny_screener):
    folder, _, _ = version_1
    with sqlite3.connect(folder / "worklist.sqlite") as connection:
        connection.execute("DROP INDEX cases_by_patient")
        before = list(connection.iterdump())
    connection.close()
    with pytest.raises(sqlite3.OperationalError):
        Worklist(folder, tiny_screener, threads=1)
    connection = sqlite3.connect(folder / "worklist.sqlite")
    assert list(connection.iterdump()) == before
    connection.close()


def test_the_tables_are_those_of_a_new_worklist(version_1, tiny_screener, worklist):
    folder, _, _ = version_1

    def tables(opened):
        connection = opened._database.connection()
        names = [row["name"] for row in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
        return names, {n: {c["name"] for c in connection.execute(f"PRAGMA table_info({n})")} for n in names}

    with Worklist(folder, tiny_screener, threads=1) as migrated:
        assert tables(migrated) == tables(worklist)


def test_version_3_opens_and_knows_doubts_from_then_on(screened, tmp_path, worklist, tiny_screener):
    folder = tmp_path / "third"
    with Worklist(folder, tiny_screener, threads=1):
        pass
    with sqlite3.connect(folder / "worklist.sqlite") as connection:
        connection.execute("ALTER TABLE cases DROP COLUMN doubts")
        names = [name for name in screened if name != "doubts"]
        connection.execute(
            f"INSERT INTO cases ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
            [screened[n] for n in names],
        )
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    with Worklist(folder, tiny_screener, threads=1) as migrated:
        assert migrated.cases.get("ann", screened["id"]).doubts == ()


def test_a_later_version_is_refused(tmp_path, tiny_screener):
    Worklist(tmp_path / "w", tiny_screener, threads=1).close()
    with sqlite3.connect(tmp_path / "w" / "worklist.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigError, match="version 99, this cxr reads 1 to 4"):
        Worklist(tmp_path / "w", tiny_screener, threads=1)
