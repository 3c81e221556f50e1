"""dcmtk as an independent second opinion: on how pixels are shown, and on files that its encoders wrote."""

import shutil
import subprocess

import numpy as np
import pytest
from pydicom.dataset import Dataset

from benchmarks.imaging.dcmtk import compare_with_dcmtk
from benchmarks.imaging.dicom_files import source_files
from cxr.imaging.reading import read_radiograph

pytestmark = pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="dcmtk's dcm2pnm is not installed")

ENCODERS = {
    "lossless JPEG": ("dcmcjpeg", "+e1"),
    "lossless JPEG, another predictor": ("dcmcjpeg", "+el", "+sv", "5"),
    "JPEG-LS": ("dcmcjpls",),
    "RLE": ("dcmcrle",),
    "implicit": ("dcmconv", "+ti"),
    "big endian": ("dcmconv", "+tb"),
}
WINDOW = {"WindowCenter": "1900", "WindowWidth": "1500"}


def table(bits: int) -> Dataset:
    """A lookup table that squares 12-bit values."""
    item = Dataset()
    item.LUTDescriptor = [4096, 0, bits]
    item.LUTData = (np.linspace(0, 1, 4096) ** 2 * (2**bits - 1)).astype(np.uint16).tobytes()
    item["LUTData"].VR = "OW"
    return item


@pytest.fixture
def noisy(ramp):
    """The 12-bit ramp with noise, so that no two rows are equal."""
    noise = np.random.default_rng(0).integers(-60, 60, ramp.shape)
    return np.clip(ramp.astype(int) + noise, 0, 4095).astype(np.uint16)


@pytest.mark.parametrize(
    ("elements", "kind"),
    [
        ({}, "stored"),
        (WINDOW, "shown"),
        ({**WINDOW, "VOILUTFunction": "SIGMOID"}, "shown"),
        ({**WINDOW, "RescaleSlope": "2", "RescaleIntercept": "-1024"}, "shown"),
        ({**WINDOW, "RescaleSlope": "0.3772", "RescaleIntercept": "100"}, "shown"),
        ({"VOILUTSequence": [table(16)]}, "shown"),
        ({"ModalityLUTSequence": [table(16)]}, "shown"),
        ({"PixelPaddingValue": 0}, "stored"),
    ],
)
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_every_way_of_showing_agrees(make_dicom, dicom_bytes, noisy, elements, kind, photometric):
    content = dicom_bytes(make_dicom(noisy, PhotometricInterpretation=photometric, **elements))
    found = compare_with_dcmtk(content)
    assert (found.kind, found.differing) == (kind, 0)


@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_every_depth_agrees_exactly(make_dicom, dicom_bytes, bits, signed):
    kind = ("i" if signed else "u") + ("1" if bits == 8 and not signed else "2")
    low = -(2 ** (bits - 1)) if signed else 0
    values = np.random.default_rng(bits).integers(low, low + 2**bits, (64, 80)).astype(kind)
    found = compare_with_dcmtk(dicom_bytes(make_dicom(values, bits=bits)))
    assert (found.kind, found.differing) == ("stored", 0)


@pytest.mark.parametrize("name", ENCODERS)
def test_what_its_encoders_wrote_is_the_same_picture(make_dicom, dicom_bytes, noisy, tmp_path, name):
    program, *options = ENCODERS[name]
    source, target = tmp_path / "source.dcm", tmp_path / "target.dcm"
    source.write_bytes(dicom_bytes(make_dicom(noisy, StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4")))
    subprocess.run([program, *options, str(source), str(target)], check=True, capture_output=True)
    np.testing.assert_array_equal(read_radiograph(target).pixels, read_radiograph(source).pixels)


@pytest.mark.filterwarnings("ignore")
def test_real_files_agree(shared_data):
    """The smallest files of every kind; the benchmark compares them all."""
    files = {name: content for name, content in source_files(shared_data) if len(content) < 2**16}
    found = {name: compare_with_dcmtk(content) for name, content in files.items() if name.endswith("as a chest")}
    compared = {name: agreement for name, agreement in found.items() if agreement is not None}
    assert {name: agreement for name, agreement in compared.items() if agreement.differing} == {}
    assert {agreement.kind for agreement in compared.values()} == {"stored", "shown", "colour"}
    assert len(compared) > 15
