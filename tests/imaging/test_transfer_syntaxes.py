"""Every transfer syntax that an archive may send is decoded, or refused by its type."""

import io
import warnings

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.codestream import whole_spectrum
from cxr.imaging.dicom import shown_pixels
from cxr.imaging.reading import read_radiograph


def shown(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        return dataset, shown_pixels(dataset)[0]


def test_every_shared_file_is_decoded(shared_data):
    files = sorted((shared_data / "dicom_outside").glob("*.dcm"))
    assert len(files) == 14
    for file in files:
        dataset, pixels = shown(file)
        assert pixels.shape == (dataset.Rows, dataset.Columns), file.name
        assert pixels.std() > 0.05, file.name


def test_jpeg_extended_of_twelve_bits_shows_what_the_lossless_twin_shows(shared_data):
    """Its scan header names no coefficients, and its coding makes white whiter: neither must show."""
    _, lossy = shown(shared_data / "dicom_outside" / "nema_RG3_JPLY.dcm")
    _, lossless = shown(shared_data / "dicom_outside" / "nema_RG3_JPLL.dcm")
    assert np.abs(lossy - lossless).max() < 0.05


@pytest.fixture
def jpeg():
    """Encodes noise; gives the stream and where its scan header ends."""

    def encode(**options):
        gray = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(gray).save(stream, "JPEG", **options)
        data = stream.getvalue()
        scan = data.index(b"\xff\xda")
        return data, scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")

    return encode


def test_the_scan_of_a_sequential_frame_gets_its_only_meaning(jpeg):
    data, end = jpeg()
    assert data[end - 3 : end] == bytes([0, 63, 0])
    assert whole_spectrum(data[: end - 3] + bytes([0, 0, 0]) + data[end:]) == data
    assert whole_spectrum(data) == data


def test_other_frames_are_left_alone(jpeg):
    progressive, _ = jpeg(progressive=True)
    for frame in (progressive, b"\xff\x4f\xff\x51rest", b"\xff\xd8", b"\xff\xd8\xff", b""):
        assert whole_spectrum(frame) == frame


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.102"])
def test_a_syntax_without_a_decoder_is_refused_by_its_type(syntax, make_dicom, dicom_bytes):
    film = make_dicom(np.tile(np.arange(256, dtype=np.uint16) * 16, (256, 1)))
    film.file_meta.TransferSyntaxUID = syntax
    film.PixelData = encapsulate([b"\0" * 1000])
    film["PixelData"].VR = "OB"
    film["PixelData"].is_undefined_length = True
    with pytest.raises(RefusedInputError) as refused:
        read_radiograph(dicom_bytes(film))
    assert refused.value.code is RefusalCode.UNSUPPORTED_CODEC
