"""An open worklist on the tiny bundle."""

import time

import pytest

from cxr.screening import Screener
from cxr.worklist import Worklist


@pytest.fixture(scope="session")
def tiny_screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.fixture
def worklist(tiny_screener, tmp_path):
    with Worklist(tmp_path / "desk", tiny_screener, threads=2) as opened:
        yield opened


@pytest.fixture
def screen_all():
    """Start the worker, wait until nothing waits, stop it."""

    def run(worklist, viewer=""):
        worklist.worker.start()
        deadline = time.monotonic() + 60
        while any(c.status in ("waiting", "screening") for c in worklist.cases.visible(viewer)):
            assert time.monotonic() < deadline, "screening does not end"
            time.sleep(0.02)
        worklist.worker.stop()

    return run


@pytest.fixture(scope="session")
def phantom_dicom(tmp_path_factory):
    """A phantom's film as a DICOM file."""
    from cxr.phantom import generate_cohort

    out = generate_cohort(1, 128, 5, tmp_path_factory.mktemp("film") / "cohort", dicom=True)
    return next((out / "images").glob("*.dcm"))


@pytest.fixture
def receive():
    """Bring copies of files into a worklist's inbox, as an upload does; gives the ids."""

    def bring(worklist, owner, files):
        ids = []
        for file in files:
            copy = worklist.inbox.new_file()
            copy.write_bytes(file.read_bytes())
            ids += worklist.add(owner, worklist.inbox.unpack(copy, str(file)))
        return ids

    return bring
