"""What brings results to the archive: whom it takes for a peer, and what it does with each answer."""

import gc
import io
import threading
import time
import warnings

import pytest

pytest.importorskip("pynetdicom", reason="the image network needs the 'pacs' extra")

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from pynetdicom import AE, evt

from cxr.errors import ConfigError
from cxr.pacs.spool import Spool, SpoolState
from cxr.pacs.storage_scu import Peer, StorageSCU, check_ae_title, rest_seconds
from cxr.screening import ModelIdentity


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("ORTHANC@127.0.0.1:4242", Peer("ORTHANC", "127.0.0.1", 4242)),
        ("A B-1@pacs.example:104", Peer("A B-1", "pacs.example", 104)),
        ("PACS@[::1]:11112", Peer("PACS", "::1", 11112)),
    ],
)
def test_a_peer_is_read(text, peer):
    assert Peer.parse(text) == peer


@pytest.mark.parametrize(
    "text",
    ["", "ORTHANC", "ORTHANC@host", "@host:1", "A@host:0", "A@host:65536", "A@b@c:1", "A\\B@host:1", "X" * 17 + "@h:1"],
)
def test_another_form_is_refused(text):
    with pytest.raises(ConfigError):
        Peer.parse(text)


def test_an_ae_title_loses_its_padding_only():
    assert check_ae_title("  CXR ") == "CXR"
    with pytest.raises(ConfigError, match="1 to 16"):
        check_ae_title("   ")


def capture(uid):
    """The smallest secondary capture that an archive may be sent."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("x", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, uid
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


class Archive:
    """A storage provider in this process, which answers with the statuses that it is given and then with success."""

    def __init__(self, *statuses):
        self.statuses, self.received = list(statuses), []
        node = AE("ARCHIVE")
        node.require_called_aet = True
        node.add_supported_context(SecondaryCaptureImageStorage)
        handlers = [(evt.EVT_C_STORE, self.store)]
        self.server = node.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.peer = Peer("ARCHIVE", "127.0.0.1", self.server.server_address[1])

    def store(self, event):
        status = self.statuses.pop(0) if self.statuses else 0x0000
        self.received.append((str(event.request.AffectedSOPInstanceUID), status))
        return status


@pytest.fixture
def archive_answering():
    made = []

    def answer(*statuses):
        made.append(Archive(*statuses))
        return made[-1]

    yield answer
    for archive in made:
        archive.server.shutdown()


@pytest.fixture
def spool(tmp_path):
    """One object, screened, whose only result is a capture."""
    spool = Spool(tmp_path / "spool", ModelIdentity("tiny", "1.0.0", "0" * 64))
    spool.put("1.2.3", b"pixels")
    with spool.claimed(SpoolState.RECEIVED) as (key, _):
        spool.screened(key, {"sc": capture("1.2.3.4")})
    yield spool
    spool.close()


@pytest.fixture
def running():
    """Start senders, and end them."""
    stop, wake, started = threading.Event(), threading.Event(), []

    def run(spool, peer):
        started.append(StorageSCU(spool, "CXR", peer, wake, stop))
        assert not started[-1].failing
        started[-1].start()
        return started[-1]

    yield run
    stop.set()
    wake.set()
    for sender in started:
        sender.join()


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xBFFF])
def test_success_and_warnings_are_acknowledgements(spool, running, archive_answering, status):
    archive = archive_answering(status)
    sender = running(spool, archive.peer)
    wait_for(lambda: spool.counts()[SpoolState.SENT] == 1)
    assert archive.received == [("1.2.3.4", status)]
    assert not sender.failing


def test_a_failure_is_told_kept_and_tried_again_until_it_is_taken(spool, running, archive_answering):
    archive = archive_answering(0xA700, 0xC000)
    sender = running(spool, archive.peer)
    wait_for(lambda: sender.failing)
    assert spool.counts()[SpoolState.SCREENED] == 1
    wait_for(lambda: spool.counts()[SpoolState.SENT] == 1)
    assert [status for _, status in archive.received] == [0xA700, 0xC000, 0x0000]
    assert not sender.failing


def test_an_archive_that_calls_itself_otherwise_is_a_failure(spool, running, archive_answering):
    archive = archive_answering()
    sender = running(spool, Peer("SOMEBODY", archive.peer.host, archive.peer.port))
    wait_for(lambda: sender.failing)
    assert archive.received == []
    assert spool.counts()[SpoolState.SCREENED] == 1


def test_an_archive_that_is_away_costs_no_open_socket(spool, running, free_port):
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sender = running(spool, Peer("ARCHIVE", "127.0.0.1", free_port()))
        wait_for(lambda: sender.failing)
        gc.collect()
    assert [str(w.message) for w in caught if issubclass(w.category, ResourceWarning)] == []


def test_rests_double_to_five_minutes_and_are_spread_by_a_quarter():
    for attempts, longest in ((0, 1), (1, 2), (5, 32), (8, 256), (9, 300), (10_000, 300)):
        rests = [rest_seconds(attempts) for _ in range(200)]
        assert 0.75 * longest <= min(rests) < 0.85 * longest
        assert 0.9 * longest < max(rests) <= longest
