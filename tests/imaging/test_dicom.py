"""The grayscale pipeline against answers worked out by hand from the equations of PS3.3."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import compress
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.reading import FileKind, ReadLimits, read_radiograph

STEP = 1 / 4095


@pytest.fixture
def read(make_dicom, dicom_bytes):
    """Write the dataset that the arguments describe, and read it back."""

    def write_and_read(pixels, **elements):
        return read_radiograph(dicom_bytes(make_dicom(pixels, **elements)))

    return write_and_read


def refusal_of(data: bytes, **limits) -> RefusalCode:
    with pytest.raises(RefusedInputError) as caught:
        read_radiograph(data, limits=ReadLimits(**limits))
    return caught.value.code


def lut(values: np.ndarray, first: int, bits: int) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(values), first, bits]
    item.LUTData = values.astype(np.uint16).tobytes()
    item["LUTData"].VR = "OW"
    return item


def test_without_windows_the_stored_range_is_shown(read, ramp):
    assert read(ramp).pixels == pytest.approx(ramp / 4095, abs=1e-6)


def test_metadata_is_kept(read, ramp):
    metadata = read(ramp, PixelSpacing=[0.2, 0.1]).metadata
    assert (metadata.kind, metadata.view_position) == (FileKind.DICOM, "PA")
    assert (metadata.width, metadata.height, metadata.bits_stored) == (80, 64, 12)
    assert (metadata.patient_id, metadata.patient_sex, metadata.patient_age) == ("P-17", "F", 63)
    assert metadata.pixel_spacing_mm == (0.2, 0.1)
    assert metadata.pixel_aspect == 2.0


@pytest.mark.parametrize(
    ("text", "years"), [("007Y", 7), ("006M", 0.5), ("014D", 14 / 365.25), ("", None), ("999Y", None)]
)
def test_ages_are_in_years(read, ramp, text, years):
    assert read(ramp, PatientAge=text).metadata.patient_age == (years if years is None else pytest.approx(years))


def test_linear_window_follows_the_equation_of_the_standard(read, ramp):
    center, width = 1000, 400
    expected = np.clip((ramp - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
    assert read(ramp, WindowCenter=center, WindowWidth=width).pixels == pytest.approx(expected, abs=1e-6)


def test_linear_exact_window(read, ramp):
    expected = np.clip((ramp - 1000.0) / 400 + 0.5, 0, 1)
    shown = read(ramp, WindowCenter=1000, WindowWidth=400, VOILUTFunction="LINEAR_EXACT").pixels
    assert shown == pytest.approx(expected, abs=1e-6)


def test_sigmoid_window(read, ramp):
    expected = 1 / (1 + np.exp(-4 * (ramp - 2000.0) / 900))
    shown = read(ramp, WindowCenter=2000, WindowWidth=900, VOILUTFunction="SIGMOID").pixels
    assert shown == pytest.approx(expected, abs=1e-6)


def test_the_first_of_several_windows_counts(read, ramp):
    several = read(ramp, WindowCenter=[1000, 3000], WindowWidth=[400, 50])
    assert np.array_equal(several.pixels, read(ramp, WindowCenter=1000, WindowWidth=400).pixels)


@pytest.mark.parametrize("width", [0, -5])
def test_a_window_that_shows_nothing_is_passed_over(read, ramp, width):
    assert np.array_equal(read(ramp, WindowCenter=1000, WindowWidth=width).pixels, read(ramp).pixels)


def test_the_window_applies_to_rescaled_values(read, ramp):
    rescaled = read(ramp, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=1000, WindowWidth=800)
    expected = np.clip((2.0 * ramp - 1000 - 999.5) / 799 + 0.5, 0, 1)
    assert rescaled.pixels == pytest.approx(expected, abs=1e-6)


def test_rescale_alone_changes_nothing_but_a_negative_slope_turns_the_picture_over(read, ramp):
    plain = read(ramp).pixels
    assert read(ramp, RescaleSlope=3, RescaleIntercept=7).pixels == pytest.approx(plain, abs=1e-6)
    assert read(ramp, RescaleSlope=-1, RescaleIntercept=4095).pixels == pytest.approx(1 - plain, abs=1e-6)


def test_modality_lut(read, ramp):
    squares = (np.arange(4096) ** 2 // 4096).astype(np.uint16)
    shown = read(ramp, ModalityLUTSequence=Sequence([lut(squares, 0, 12)])).pixels
    assert shown == pytest.approx(squares[ramp] / 4095, abs=1e-6)


def test_voi_lut_goes_before_the_window(read, ramp):
    roots = np.sqrt(np.arange(4096) * 4095).astype(np.uint16)
    shown = read(ramp, VOILUTSequence=Sequence([lut(roots, 0, 12)]), WindowCenter=9, WindowWidth=2).pixels
    assert shown == pytest.approx(roots[ramp] / 4095, abs=1e-6)


def test_monochrome1_twin_is_the_same_picture(read, ramp):
    twin = read(4095 - ramp, PhotometricInterpretation="MONOCHROME1")
    assert twin.pixels == pytest.approx(read(ramp).pixels, abs=1e-6)


def test_windowed_monochrome1_twin_is_the_same_picture(read, ramp):
    original = read(ramp, WindowCenter=1000, WindowWidth=400)
    twin = read(4095 - ramp, PhotometricInterpretation="MONOCHROME1", WindowCenter=4096 - 1000, WindowWidth=400)
    assert twin.pixels == pytest.approx(original.pixels, abs=1e-6)


def test_monochrome1_with_shape_inverse_is_inverted_once(read, ramp):
    once = read(ramp, PhotometricInterpretation="MONOCHROME1")
    both = read(ramp, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    assert np.array_equal(once.pixels, both.pixels)
    assert np.array_equal(read(ramp, PresentationLUTShape="INVERSE").pixels, once.pixels)
    assert np.array_equal(read(ramp, PresentationLUTShape="IDENTITY").pixels, read(ramp).pixels)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_count_for_the_range(read, ramp, photometric):
    padded = ramp // 16
    padded[:, :10] = 4000
    shown = read(padded, PhotometricInterpretation=photometric, PixelPaddingValue=3990, PixelPaddingRangeLimit=4095)
    assert (shown.pixels[:, :10] == 0).all()
    assert np.ptp(shown.pixels[:, 10:]) > 0.85
    assert shown.metadata.bits_stored == 8


def test_signed_values(read, ramp):
    signed = (ramp.astype(np.int32) - 2048).astype(np.int16)
    assert read(signed).pixels == pytest.approx(ramp / 4095, abs=1e-6)


def test_twelve_bits_in_a_sixteen_bit_claim_are_not_nearly_black(read, ramp):
    assert read(ramp, bits=16).pixels == pytest.approx(ramp / 4095, abs=1e-6)


def test_full_sixteen_bits(read, ramp):
    wide = ramp.astype(np.uint16) * 16
    assert read(wide, bits=16).pixels == pytest.approx(wide / 65535, abs=1e-6)


def test_values_in_the_upper_bits(read, ramp):
    assert read(ramp << 4, BitsStored=12, HighBit=15).pixels == pytest.approx(ramp / 4095, abs=1e-6)


def test_old_overlays_in_unused_bits_do_not_show(read, ramp):
    marked = ramp.copy()
    marked[5:9, 5:9] |= 0x8000
    assert np.array_equal(read(marked).pixels, read(ramp).pixels)


@pytest.mark.parametrize("planar", [0, 1])
def test_colour_becomes_luminance(read, planar):
    colours = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    stored = colours if planar == 0 else np.ascontiguousarray(colours.transpose(2, 0, 1)).reshape(40, 50, 3)
    shown = read(stored, bits=8, PlanarConfiguration=planar, Modality="OT").pixels
    assert shown == pytest.approx(colours @ [0.299, 0.587, 0.114] / 255, abs=1e-5)


@pytest.fixture(params=["<u2", ">u2"], ids=["little endian", "big endian"])
def palette_file(request, make_dicom, dicom_bytes):
    """A function that makes a palette image of 64 entries: index and entries -> content."""

    def make(index: np.ndarray, entries: np.ndarray) -> bytes:
        elements = {"PhotometricInterpretation": "PALETTE COLOR", "Modality": "OT"}
        for colour in ("Red", "Green", "Blue"):
            elements[f"{colour}PaletteColorLookupTableDescriptor"] = [64, 0, 16]
            elements[f"{colour}PaletteColorLookupTableData"] = entries.astype(request.param).tobytes()
        dataset = make_dicom(index, bits=8, **elements)
        if request.param == ">u2":
            dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        return dicom_bytes(dataset)

    return make


def test_palette(palette_file):
    index = np.tile(np.arange(64, dtype=np.uint8), (40, 1))
    entries = (np.arange(64) * 4 * 257).astype(np.uint16)
    assert read_radiograph(palette_file(index, entries)).pixels == pytest.approx(entries[index] / 65535, abs=1e-4)


def test_a_palette_of_bytes_in_words_is_not_black(palette_file):
    index = np.tile(np.arange(64, dtype=np.uint8), (40, 1))
    entries = (np.arange(64) * 4).astype(np.uint16)
    assert read_radiograph(palette_file(index, entries)).pixels == pytest.approx(entries[index] / 255, abs=1e-4)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_files_older_than_the_meta_group(make_dicom, ramp, syntax):
    values = ramp.astype(">u2") if syntax == ExplicitVRBigEndian else ramp
    stream = io.BytesIO()
    dataset = make_dicom(values)
    del dataset.file_meta
    implicit, little = syntax.is_implicit_VR, syntax.is_little_endian
    pydicom.dcmwrite(stream, dataset, implicit_vr=implicit, little_endian=little)
    assert read_radiograph(stream.getvalue()).pixels == pytest.approx(ramp / 4095, abs=1e-6)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_lossless_codecs_give_the_same_picture(make_dicom, dicom_bytes, ramp, syntax):
    plain, packed = make_dicom(ramp), make_dicom(ramp)
    compress(packed, syntax)
    assert np.array_equal(read_radiograph(dicom_bytes(packed)).pixels, read_radiograph(dicom_bytes(plain)).pixels)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_uncompressed_syntaxes(make_dicom, dicom_bytes, ramp, syntax):
    dataset = make_dicom(ramp)
    dataset.file_meta.TransferSyntaxUID = syntax
    assert read_radiograph(dicom_bytes(dataset)).pixels == pytest.approx(ramp / 4095, abs=1e-6)


def test_big_endian(make_dicom, dicom_bytes, ramp):
    dataset = make_dicom(ramp, PixelData=ramp.astype(">u2").tobytes())
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert read_radiograph(dicom_bytes(dataset)).pixels == pytest.approx(ramp / 4095, abs=1e-6)


def test_deflated_bombs_are_refused(make_dicom, dicom_bytes):
    dataset = make_dicom(np.zeros((1200, 1200), np.uint16))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = dicom_bytes(dataset)
    assert len(data) < 100_000
    assert refusal_of(data, max_bytes=1_000_000) is RefusalCode.TOO_LARGE


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"Modality": "CT"}, RefusalCode.WRONG_MODALITY),
        ({"Modality": "MG"}, RefusalCode.WRONG_MODALITY),
        ({"BodyPartExamined": "HAND"}, RefusalCode.WRONG_BODY_PART),
        ({"ViewPosition": "LL"}, RefusalCode.WRONG_VIEW),
        ({"ViewPosition": "", "PatientOrientation": ["A", "F"]}, RefusalCode.WRONG_VIEW),
        ({"ViewPosition": "", "PatientOrientation": ["P", "F"]}, RefusalCode.WRONG_VIEW),
        ({"ViewPosition": "", "SeriesDescription": "Thorax seitl."}, RefusalCode.WRONG_VIEW),
        ({"ViewPosition": "", "SeriesDescription": "Thorax de profil"}, RefusalCode.WRONG_VIEW),
        ({"ViewPosition": "", "ProtocolName": "W033 Chest LAT_L"}, RefusalCode.WRONG_VIEW),
        ({"ViewPosition": "", "AcquisitionDeviceProcessingDescription": "CHEST,LAT"}, RefusalCode.WRONG_VIEW),
        ({"NumberOfFrames": 2}, RefusalCode.MULTI_FRAME),
        ({"PixelData": None}, RefusalCode.TRUNCATED),
        ({"PixelData": None, "Rows": None}, RefusalCode.NOT_AN_IMAGE),
        ({"Rows": None}, RefusalCode.CORRUPT),
        ({"Rows": 640}, RefusalCode.TRUNCATED),
        ({"Rows": 60000, "Columns": 60000}, RefusalCode.TOO_LARGE),
        ({"BitsStored": 40}, RefusalCode.CORRUPT),
        ({"PhotometricInterpretation": "RGB"}, RefusalCode.CORRUPT),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, RefusalCode.CONSTANT_PIXELS),
        ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095}, RefusalCode.CONSTANT_PIXELS),
    ],
)
def test_refusals(make_dicom, dicom_bytes, ramp, elements, code):
    assert refusal_of(dicom_bytes(make_dicom(ramp, **elements))) is code


@pytest.mark.parametrize("part", ["", "CHEST", "THORAX", "CHEST PA", "LUNGS", "RIBS"])
def test_chest_by_any_name_is_read(read, ramp, part):
    assert read(ramp, BodyPartExamined=part).pixels.shape == ramp.shape


@pytest.mark.parametrize(
    "elements",
    [
        {"SeriesDescription": "CHEST PA/LAT"},
        {"SeriesDescription": "Bilateral ribs"},
        {"PatientOrientation": ["L", "F"]},
        {"PatientOrientation": ""},
        {"ProtocolName": "Laterality check"},
    ],
)
def test_what_does_not_say_lateral_is_read_without_doubt(read, ramp, elements):
    assert not read(ramp, ViewPosition="", **elements).metadata.contradicted_view


@pytest.mark.parametrize(
    "elements",
    [
        {"ViewPosition": "PA", "SeriesDescription": "Chest lateral"},
        {"ViewPosition": "", "PatientOrientation": ["R", "F"], "ProtocolName": "LAT CHEST"},
    ],
)
def test_a_header_that_contradicts_itself_about_the_view_is_told(read, ramp, elements):
    assert read(ramp, **elements).metadata.contradicted_view


def test_a_view_code_says_lateral(make_dicom, dicom_bytes, ramp):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "399173006", "SCT", "left lateral"
    data = dicom_bytes(make_dicom(ramp, ViewPosition="", ViewCodeSequence=[code]))
    assert refusal_of(data) is RefusalCode.WRONG_VIEW


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "OT", ""])
def test_projection_modalities_are_read(read, ramp, modality):
    assert read(ramp, Modality=modality).pixels.shape == ramp.shape


def test_codecs_that_are_no_pictures_are_named_as_such(make_dicom, dicom_bytes, ramp):
    dataset = make_dicom(ramp)
    compress(dataset, RLELossless)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"  # MPEG2
    assert refusal_of(dicom_bytes(dataset)) is RefusalCode.UNSUPPORTED_CODEC


def test_every_truncation_is_refused(make_dicom, dicom_bytes, ramp):
    data = dicom_bytes(make_dicom(ramp))
    for length in range(0, len(data) - 2, 97):
        assert refusal_of(data[:length]) in {
            RefusalCode.EMPTY_FILE,
            RefusalCode.TRUNCATED,
            RefusalCode.CORRUPT,
            RefusalCode.NOT_AN_IMAGE,
            RefusalCode.UNKNOWN_FORMAT,
        }


def test_messages_do_not_quote_the_patient(make_dicom, dicom_bytes, ramp):
    data = dicom_bytes(make_dicom(ramp, PatientName="Secret^Name", PatientID="SECRET", Rows=640))
    with pytest.raises(RefusedInputError) as caught:
        read_radiograph(data)
    assert "secret" not in caught.value.message.casefold()


def test_a_tiff_preamble_does_not_hide_a_dicom_file(make_dicom, dicom_bytes, ramp):
    data = b"II*\x00" + dicom_bytes(make_dicom(ramp))[4:]
    assert read_radiograph(data).metadata.kind is FileKind.DICOM
