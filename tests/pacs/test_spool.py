import threading

import pytest

from cxr.errors import ConfigError, RefusalCode
from cxr.pacs.spool import Spool, SpoolState
from cxr.screening import ModelIdentity

MODEL = ModelIdentity("tiny", "1.0.0", "0" * 64)
RESULTS = {"sr": b"report", "sc": b"capture"}


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool", MODEL)
    yield spool
    spool.close()


def files(folder):
    return sorted(p.suffix for p in folder.rglob("*.dcm"))


def test_an_object_passes_through_the_states_and_leaves_no_file(spool, tmp_path):
    assert spool.put("1.2.3", b"pixels")
    with spool.claimed(SpoolState.RECEIVED) as (key, attempts):
        assert attempts == 0
        assert spool.object_file(key).read_bytes() == b"pixels"
        spool.screened(key, RESULTS)
    with spool.claimed(SpoolState.SCREENED) as (key, attempts):
        assert attempts == 0
        assert [f.read_bytes() for f in spool.result_files(key)] == [b"report", b"capture"]
        spool.sent(key)
    assert spool.counts() == dict.fromkeys(SpoolState, 0) | {SpoolState.SENT: 1}
    assert files(tmp_path) == []
    assert spool.oldest_unfinished() is None


def test_the_same_object_is_known_again_in_every_state_but_not_under_another_model(spool, tmp_path):
    assert [spool.put("1.2.3", b"a"), spool.put("1.2.3", b"a"), spool.put("1.2.4", b"b")] == [True, False, True]
    with spool.claimed(SpoolState.RECEIVED) as (key, _):
        spool.refused(key, RefusalCode.ROTATED)
    assert not spool.put("1.2.3", b"a")
    spool.close()
    other = Spool(tmp_path / "spool", ModelIdentity("tiny", "1.0.1", "0" * 64))
    assert other.put("1.2.3", b"a")
    other.close()


def test_thresholds_are_part_of_the_model(spool, tmp_path):
    assert spool.put("1.2.3", b"a")
    spool.close()
    other = Spool(tmp_path / "spool", ModelIdentity("tiny", "1.0.0", "0" * 64, "1" * 64))
    assert other.put("1.2.3", b"a")
    other.close()


def test_a_refusal_is_sent_and_then_counted_under_its_reason(spool, tmp_path):
    for number, code in enumerate((RefusalCode.ROTATED, RefusalCode.ROTATED, RefusalCode.CORRUPT)):
        spool.put(f"1.2.{number}", b"x")
        with spool.claimed(SpoolState.RECEIVED) as (key, _):
            if code is RefusalCode.ROTATED:
                spool.screened(key, {"sr": b"why"}, code)
            else:
                spool.refused(key, code)
    assert spool.refusals() == {"rotated": 2, "corrupt": 1}
    assert spool.counts() == dict.fromkeys(SpoolState, 0) | {SpoolState.SCREENED: 2, SpoolState.REFUSED: 1}
    for _ in range(2):
        with spool.claimed(SpoolState.SCREENED) as (key, _):
            assert [f.read_bytes() for f in spool.result_files(key)] == [b"why"]
            spool.sent(key)
    assert spool.counts() == dict.fromkeys(SpoolState, 0) | {SpoolState.REFUSED: 3}
    assert spool.refusals() == {"rotated": 2, "corrupt": 1}
    assert files(tmp_path) == []


def test_a_refusal_takes_away_what_an_earlier_attempt_left(spool, tmp_path):
    spool.put("1.2.3", b"x")
    with spool.claimed(SpoolState.RECEIVED) as (key, _):
        (tmp_path / "spool" / "results" / f"{key}_sc.dcm").write_bytes(b"of the first attempt")
        spool.screened(key, {"sr": b"why"}, RefusalCode.ROTATED)
        assert [f.read_bytes() for f in spool.result_files(key)] == [b"why"]


def test_two_workers_never_hold_the_same_object(spool):
    for number in range(40):
        spool.put(f"1.2.{number}", b"x")
    seen = []

    def work():
        while True:
            with spool.claimed(SpoolState.RECEIVED) as found:
                if found is None:
                    return
                seen.append(found[0])
                spool.screened(found[0], RESULTS)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == len(set(seen)) == 40


def test_what_a_killed_process_held_is_free_again_and_counted(spool, tmp_path):
    spool.put("1.2.3", b"x")
    with spool.claimed(SpoolState.RECEIVED) as found, spool.claimed(SpoolState.RECEIVED) as second:
        assert found is not None
        assert second is None
    spool.close()
    again = Spool(tmp_path / "spool", MODEL)
    with again.claimed(SpoolState.RECEIVED) as (_, attempts):
        assert attempts == 1
    again.close()


def test_results_that_a_killed_process_did_not_finish_are_made_again(spool, tmp_path):
    spool.put("1.2.3", b"x")
    with spool.claimed(SpoolState.RECEIVED) as (key, _):
        (tmp_path / "spool" / "results" / f"{key}_sr.dcm").write_bytes(b"half")
    spool.close()
    (tmp_path / "spool" / "objects" / ".tmp123").write_bytes(b"never acknowledged")
    again = Spool(tmp_path / "spool", MODEL)
    assert again.result_files(key) == []
    assert [p.name for p in (tmp_path / "spool" / "objects").iterdir()] == [f"{key}.dcm"]
    again.close()


def test_a_postponed_object_rests(spool):
    spool.put("1.2.3", b"x")
    with spool.claimed(SpoolState.RECEIVED) as (key, _):
        spool.postpone(key, 60, 4)
    with spool.claimed(SpoolState.RECEIVED) as found:
        assert found is None
    assert spool.oldest_unfinished() is not None


def test_two_processes_cannot_share_a_spool(spool, tmp_path):
    with pytest.raises(ConfigError, match="another process"):
        Spool(tmp_path / "spool", MODEL)


def test_a_spool_that_cannot_be_made_is_an_error_of_use(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be used"):
        Spool(tmp_path / "file" / "spool", MODEL)
