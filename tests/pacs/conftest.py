"""A real archive (Orthanc) on loopback, a listener as its own process, and radiographs to send."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SR_CLASS, SC_CLASS = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.7"
GSPS_CLASS = "1.2.840.10008.5.1.4.1.1.11.1"
PATIENT = "Zebrafinch^Quillon"


def free_ports(count):
    """Ports that nothing listens on now, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_until(condition, seconds=60.0, what="the condition"):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds} s")


@pytest.fixture(scope="session")
def free_port():
    """``free_port()`` -> a port that nothing listens on."""
    return lambda: free_ports(1)[0]


@pytest.fixture(scope="session", name="wait_until")
def wait_until_fixture():
    """``wait_until(condition, seconds, what)`` -> the condition's first true value."""
    return wait_until


@pytest.fixture(scope="session")
def write_radiographs(chest_pixels):
    """``write_radiographs(folder, count)`` -> SOP Instance UIDs; a few patients, one study each."""

    def write(folder, count, width=96, height=80):
        folder.mkdir(parents=True, exist_ok=True)
        study, uids = generate_uid(), []
        for number in range(count):
            pixels = chest_pixels(width, height, blob=(50, 45, 30, 25) if number % 2 else None, seed=number)
            meta = FileMetaDataset()
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
            meta.MediaStorageSOPInstanceUID = generate_uid()
            data = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
            data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
            data.StudyInstanceUID, data.SeriesInstanceUID = study, generate_uid()
            data.PatientName, data.PatientID = PATIENT, "SECRET-ID-4711"
            data.PatientSex, data.PatientBirthDate, data.PatientAge = "F", "19600101", "066Y"
            data.StudyDate, data.StudyTime, data.StudyID = "20260101", "101010", "S1"
            data.AccessionNumber, data.ReferringPhysicianName = "A1", ""
            data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "PA"
            data.Rows, data.Columns = pixels.shape
            data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
            data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
            data.PixelData = (pixels.astype(np.uint16) * 16).tobytes()
            pydicom.dcmwrite(folder / f"{number:03}.dcm", data, enforce_file_format=True)
            uids.append(str(data.SOPInstanceUID))
        return uids

    return write


@dataclass
class Archive:
    """A running Orthanc."""

    http: int
    port: int

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=100) as answer:
            return answer.read()

    def count(self):
        return json.loads(self.get("/statistics"))["CountInstances"]

    def objects(self):
        """SOP class -> the instances of it, as datasets with their file content kept in ``content``."""
        found = {SR_CLASS: [], SC_CLASS: [], GSPS_CLASS: []}
        for name in json.loads(self.get("/instances")):
            content = self.get(f"/instances/{name}/file")
            dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))
            found[dataset.SOPClassUID].append((dataset, content))
        return found


@pytest.fixture
def archive(tmp_path):
    """A fresh Orthanc with its own configuration and storage."""
    program = shutil.which("Orthanc")
    if program is None:
        pytest.skip("orthanc is not installed (Debian package orthanc)")
    http, port = free_ports(2)
    configuration = {
        "Name": "test archive",
        "StorageDirectory": str(tmp_path / "orthanc"),
        "IndexDirectory": str(tmp_path / "orthanc"),
        "Plugins": [],
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": "ARCHIVE",
        "DicomPort": port,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": True,
        "OverwriteInstances": False,
    }
    file = tmp_path / "orthanc.json"
    file.write_text(json.dumps(configuration))
    with (tmp_path / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(file)], stdout=log, stderr=log)
    archive = Archive(http, port)

    def answers():
        try:
            return archive.get("/system")
        except (urllib.error.URLError, OSError):
            return None

    try:
        wait_until(answers, 200, "Orthanc")
        yield archive
    finally:
        process.terminate()
        process.wait(100)


@dataclass
class Listener:
    """``cxr listen`` in its own process, startable again after it was killed."""

    command: list
    port: int
    health_port: int
    log: object
    process: subprocess.Popen = field(default=None)

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        wait_until(self.health, 300, "the listener")

    def health(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/health", timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())
        except (urllib.error.URLError, OSError):
            return None

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def make_listener(tiny_bundle, tmp_path):
    """``make_listener(archive_port, *options)`` -> :class:`Listener`, not started."""
    made = []

    def make(archive_port, *options, spool="spool"):
        port, health_port = free_ports(2)
        command = [
            *(sys.executable, "-m", "cxr.cli", "listen", "--aet", "CXR", "--port", str(port)),
            *("--bundle", str(tiny_bundle), "--forward-to", f"ARCHIVE@127.0.0.1:{archive_port}"),
            *("--spool", str(tmp_path / spool), "--health-port", str(health_port), *options),
        ]
        made.append(Listener(command, port, health_port, tmp_path / "listener.log"))
        return made[-1]

    yield make
    for listener in made:
        if listener.process is not None and listener.process.poll() is None:
            listener.kill()
