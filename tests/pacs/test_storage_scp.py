"""The storage provider against a peer that asks for too much."""

import pydicom
import pytest

pynetdicom = pytest.importorskip("pynetdicom", reason="the image network needs the 'pacs' extra")

from cxr.errors import ConfigError  # noqa: E402
from cxr.pacs import Peer, ServiceSettings, Spool, SpoolState, StorageLimits  # noqa: E402
from cxr.pacs.storage_scp import StorageSCP  # noqa: E402
from cxr.screening import ModelIdentity  # noqa: E402

DX = "1.2.840.10008.5.1.4.1.1.1.1"


@pytest.fixture
def receive(tmp_path, free_port):
    """``receive(limits, allowed)`` -> (spool, port) of a running provider called CXR."""
    running = []

    def start(limits=StorageLimits(), allowed=()):  # noqa: B008
        spool, port = Spool(tmp_path / "spool", ModelIdentity("tiny", "1.0.0", "0" * 64)), free_port()
        running.append((StorageSCP(spool, "CXR", ("127.0.0.1", port), allowed, limits, lambda: None), spool))
        return spool, port

    yield start
    for provider, spool in running:
        provider.stop()
        spool.close()


@pytest.fixture
def images(write_radiographs, tmp_path):
    write_radiographs(tmp_path / "images", 3)
    return [pydicom.dcmread(p) for p in sorted((tmp_path / "images").iterdir())]


def send(port, images, title="MODALITY"):
    """Status of each image; ``None`` where there was no answer."""
    node = pynetdicom.AE(title)
    node.add_requested_context(DX, pydicom.uid.ExplicitVRLittleEndian)
    association = node.associate("127.0.0.1", port, ae_title="CXR")
    assert association.is_established
    statuses = []
    for image in images:
        try:
            statuses.append(association.send_c_store(image).get("Status"))
        except RuntimeError:
            statuses.append(None)
    if association.is_established:
        association.release()
    return statuses


def test_what_is_acknowledged_is_a_readable_file(receive, images):
    spool, port = receive()
    assert send(port, images) == [0, 0, 0]
    with spool.claimed(SpoolState.RECEIVED) as (key, _):
        kept = pydicom.dcmread(spool.object_file(key))
    assert kept.SOPInstanceUID in {image.SOPInstanceUID for image in images}
    assert kept.pixel_array.shape == images[0].pixel_array.shape


def test_an_object_sent_twice_is_acknowledged_and_kept_once(receive, images):
    spool, port = receive()
    assert send(port, [images[0], images[0]]) == [0, 0]
    assert spool.counts()[SpoolState.RECEIVED] == 1


def test_a_sender_beyond_its_rate_is_told_to_wait_and_others_are_not(receive, images):
    spool, port = receive(StorageLimits(max_objects_per_minute=2))
    assert send(port, images) == [0, 0, 0xA700]
    assert send(port, images[2:], title="OTHER") == [0]
    assert spool.counts()[SpoolState.RECEIVED] == 3


def test_a_full_spool_takes_no_more(receive, images):
    spool, port = receive(StorageLimits(max_waiting=1))
    assert send(port, images) == [0, 0xA700, 0xA700]
    assert spool.counts()[SpoolState.RECEIVED] == 1


def test_an_object_that_is_too_large_ends_its_association(receive, images):
    spool, port = receive(StorageLimits(max_object_bytes=100_000))
    big = images[0]
    big.Rows, big.Columns, big.PixelData = 500, 500, bytes(2 * 500 * 500)
    assert send(port, [images[1], big]) == [0, None]
    assert spool.counts()[SpoolState.RECEIVED] == 1


def test_a_port_that_is_taken_is_an_error_of_use(receive, tmp_path):
    _, port = receive()
    spool = Spool(tmp_path / "second", ModelIdentity("tiny", "1.0.0", "0" * 64))
    with pytest.raises(ConfigError, match="cannot listen"):
        StorageSCP(spool, "CXR", ("127.0.0.1", port), (), StorageLimits(), lambda: None)
    spool.close()


def test_an_open_door_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="--allow"):
        ServiceSettings("CXR", "0.0.0.0", 104, Peer("A", "h", 1), tmp_path, (), 8080, 1)
