"""Seeded damage to the DICOM files that pydicom ships: each file ends as a picture or a typed refusal."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import compress
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from benchmarks.imaging.damage import mutate, outcome
from benchmarks.imaging.dicom_files import as_chest
from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.codestream import check_codestream
from cxr.imaging.reading import read_radiograph

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
# One file per kind of content and codec; the benchmark takes them all, five thousand times.
NAMES = (
    "693_J2KI.dcm",
    "CT_small.dcm",
    "JPEG2000.dcm",
    "JPGExtended.dcm",
    "JPEG-lossy.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_jp2klossless.dcm",
    "SC_rgb_rle_16bit.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_palette.dcm",
    "image_dfl.dcm",
    "rtdose.dcm",
    "rtplan.dcm",
    "DICOMDIR",
    "no_meta.dcm",
    "nested_priv_SQ.dcm",
    "waveform_ecg.dcm",
)


def chest_file(name: str) -> bytes:
    """The file with its header changed to a chest radiograph, or as it is where that cannot be."""
    content = next(SHIPPED.rglob(name)).read_bytes()
    return as_chest(content) or content


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_end_as_pictures_or_typed_refusals(name):
    content = chest_file(name)
    assert outcome(content) in {"image", "refused"}
    for seed in range(14):
        assert outcome(mutate(content, seed)) in {"image", "refused"}, f"seed {seed}"


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_codestream_that_breaks_off_is_not_filled_up(make_dicom, dicom_bytes, ramp, syntax, kept):
    noisy = ramp ^ np.random.default_rng(0).integers(0, 16, ramp.shape).astype(np.uint16)
    dataset = make_dicom(noisy)
    compress(dataset, syntax)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    dataset.PixelData = encapsulate([frame[: int(len(frame) * kept) // 2 * 2]])
    dataset["PixelData"].is_undefined_length = True
    with pytest.raises(RefusedInputError) as caught:
        read_radiograph(dicom_bytes(dataset))
    assert caught.value.code in {RefusalCode.TRUNCATED, RefusalCode.CORRUPT}


def test_a_frame_of_another_size_than_the_header_says_is_refused(make_dicom, dicom_bytes, ramp):
    dataset = make_dicom(ramp)
    compress(dataset, JPEGLSLossless)
    dataset.Rows, dataset.Columns = dataset.Columns, dataset.Rows
    with pytest.raises(RefusedInputError, match="80 x 64 pixels, the header 64 x 80"):
        read_radiograph(dicom_bytes(dataset))


@pytest.mark.parametrize("place", [12, 64])
def test_a_jp2_box_without_length_does_not_hang(place):
    dataset = pydicom.dcmread(SHIPPED / "GDCMJ2K_TextGBR.dcm")
    frame = bytearray(get_frame(dataset.PixelData, 0, number_of_frames=1))
    assert frame[4:8] == b"jP  "
    frame[place : place + 4] = bytes(4)
    with pytest.raises(RefusedInputError) as caught:
        check_codestream(bytes(frame[: place + 4] + bytes(2000)), 400, 400)
    assert caught.value.code is RefusalCode.CORRUPT


def test_shared_dicom_files_are_read(shared_data):
    for path in sorted((shared_data / "dicom").glob("*.dcm")):
        assert np.ptp(read_radiograph(path).pixels) > 0.5
