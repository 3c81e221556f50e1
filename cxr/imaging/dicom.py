"""DICOM file -> gray pixels in [0, 1] as the sender meant them to be shown, and metadata.

The grayscale pipeline of PS3.3 C.7.6.3, C.11.1, C.11.2 and C.8.11.3: stored value -> modality LUT or rescale -> VOI LUT
or window (the first one; a LUT before a window) -> polarity. Without a VOI transformation the whole range of the stored
bits is shown.

Some MONOCHROME1 headers lie: their pixels were inverted on the way, or never were, under an unchanged tag. The header
is followed, unless that gives a picture that the quality gate takes for the negative of a chest with near certainty
while its inverse passes. Only a bare MONOCHROME1 tag is doubted; one that Presentation LUT Shape INVERSE confirms is
not.
"""

import io
import struct
import warnings
import zlib
from dataclasses import replace

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.errors import InvalidDicomError
from pydicom.pixels import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
)

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.codestream import check_codestream, whole_spectrum
from cxr.imaging.dicom_gray import shown_gray
from cxr.imaging.dicom_header import check_header, read_metadata
from cxr.imaging.lookup_table import palette_colours
from cxr.imaging.radiograph import RadiographMetadata, ReadLimits

__all__ = ["read_dicom", "read_header", "shown_pixels"]

_PREAMBLE = 128
_SURE = 0.99  # of a negative, and that its inverse is none
_META_START = _PREAMBLE + 4
# (implicit VR, little endian) -> transfer syntax
_UNCOMPRESSED = {
    (True, True): ImplicitVRLittleEndian,
    (False, True): ExplicitVRLittleEndian,
    (False, False): ExplicitVRBigEndian,
}
# Luminance of red, green and blue (ITU-R 601), as Pillow weighs the colours of other files.
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def read_dicom(data: bytes, limits: ReadLimits) -> tuple[NDArray[np.float32], RadiographMetadata]:
    """Decode a single-frame DICOM image to gray.

    Args:
        data: the whole file.
        limits: bounds on its size.

    Returns:
        (H, W) float32 in [0, 1], and what the header says; ``sha256`` is left empty.

    Raises:
        RefusedInputError: not_an_image, multi_frame, wrong_modality, wrong_body_part, wrong_view, too_large,
            unsupported_codec, truncated, corrupt, constant_pixels.
    """
    with warnings.catch_warnings():
        # pydicom warns about every deviation from the standard that it could read nevertheless; what it
        # could not read raises.
        warnings.simplefilter("ignore")
        try:
            dataset = _parse(data, limits)
            check_header(dataset, limits)
            metadata = read_metadata(dataset)
            gray, bits = shown_pixels(dataset)
            doubtful = metadata.photometric == "MONOCHROME1" and not dataset.get("PresentationLUTShape")
            if doubtful and _is_surely_negative(gray):
                dataset.PhotometricInterpretation = "MONOCHROME2"
                gray, bits = shown_pixels(dataset)
                metadata = replace(metadata, polarity="pixels")
            return gray, replace(metadata, width=gray.shape[1], height=gray.shape[0], bits_stored=bits)
        except RefusedInputError:
            raise
        except (MemoryError, RecursionError):
            raise RefusedInputError(RefusalCode.CORRUPT, "the DICOM file asks for more memory than it needs") from None
        except Exception as error:
            # Damaged headers and codestreams raise almost anything; each is one bad input.
            raise _refusal(error) from None


def read_header(data: bytes, limits: ReadLimits) -> Dataset | None:
    """The attributes of a DICOM file without its pixels, whatever is wrong with those; ``None`` if they break off.

    Args:
        data: the whole file.
        limits: bounds on its size.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _parse(data, limits, stop_before_pixels=True)
        except Exception:
            return None  # read_dicom says what is wrong with it


def _parse(data: bytes, limits: ReadLimits, *, stop_before_pixels: bool = False) -> Dataset:
    """Parse the header, after a look at how large a deflated dataset becomes."""
    has_preamble = data[_PREAMBLE:_META_START] == b"DICM"
    if has_preamble:
        _check_inflated_size(data, limits)
    try:
        dataset = pydicom.dcmread(io.BytesIO(data), force=not has_preamble, stop_before_pixels=stop_before_pixels)
    except (EOFError, InvalidDicomError):
        raise RefusedInputError(RefusalCode.TRUNCATED, "the DICOM header breaks off; send the file again") from None
    if not dataset.file_meta.get("TransferSyntaxUID"):
        # Files older than the meta group: the elements themselves have shown how they are encoded.
        dataset.file_meta.TransferSyntaxUID = _UNCOMPRESSED[dataset.original_encoding]
    return dataset


def _check_inflated_size(data: bytes, limits: ReadLimits) -> None:
    """Inflate a deflated dataset in pieces and throw them away, so that a small file cannot fill the memory."""
    # The meta group begins with its own length: tag, VR and length in 8 bytes, then the value.
    (length,) = struct.unpack_from("<I", data.ljust(_META_START + 12, b"\0"), _META_START + 8)
    start = _META_START + 12 + length
    if DeflatedExplicitVRLittleEndian.encode() not in data[_META_START:start]:
        return
    inflater, size, piece = zlib.decompressobj(-zlib.MAX_WBITS), 0, data[start:]
    while piece and not inflater.eof:
        size += len(inflater.decompress(piece, 2**20))
        if size > limits.max_bytes:
            raise RefusedInputError(
                RefusalCode.TOO_LARGE, f"the deflated dataset exceeds the limit of {limits.max_bytes:,} bytes"
            )
        piece = inflater.unconsumed_tail


def shown_pixels(dataset: Dataset) -> tuple[NDArray[np.float32], int]:
    """Decode the pixels of a parsed single-frame image and apply everything its header says about showing them.

    Args:
        dataset: header and pixel data, its meta group with the transfer syntax included.

    Returns:
        (H, W) float32 in [0, 1]; significant bits per sample. What damaged pixel data raise is left to the caller.
    """
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        check_codestream(frame, int(dataset.Rows), int(dataset.Columns))
        if dataset.file_meta.TransferSyntaxUID == JPEGExtended12Bit:
            dataset.PixelData = encapsulate([whole_spectrum(frame)])
    samples = _stored_values(dataset)
    photometric = str(dataset.PhotometricInterpretation)
    if photometric == "PALETTE COLOR":
        return _luminance(*palette_colours(samples, dataset)), int(dataset.BitsStored)
    if samples.ndim == 3:
        return _luminance(samples, int(dataset.BitsStored)), int(dataset.BitsStored)
    return shown_gray(samples, dataset)


def _stored_values(dataset: Dataset) -> NDArray[np.integer]:
    """Decoded samples, shifted down where an old file keeps them in the upper bits (High Bit, C.7.6.3.1.1)."""
    unused = int(dataset.get("HighBit", dataset.BitsStored - 1)) + 1 - int(dataset.BitsStored)
    free = int(dataset.BitsAllocated) - int(dataset.BitsStored)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax == JPEGBaseline8Bit:
        # Lossy JPEG leaves the last bit to the decoder; libjpeg's is the one that most viewers show.
        return pixel_array(dataset, decoding_plugin="pillow")
    if syntax == JPEGExtended12Bit and not dataset.get("PixelRepresentation"):
        # Twelve bits are coded whatever is stored: a white that the coding made whiter must not wrap around to black.
        return np.clip(pixel_array(dataset, correct_unused_bits=False), 0, (1 << int(dataset.BitsStored)) - 1)
    if syntax.is_encapsulated or not 0 < unused <= free:
        return pixel_array(dataset)
    # Shifting up first drops what lies above the high bit, and carries the sign along.
    above = int(dataset.BitsAllocated) - 1 - int(dataset.HighBit)
    return (pixel_array(dataset, correct_unused_bits=False) << above) >> (above + unused)


def _is_surely_negative(pixels: NDArray[np.float32]) -> bool:
    """Whether a picture is a chest with bone dark, beyond reasonable doubt.

    Args:
        pixels: (H, W) in [0, 1].
    """
    from cxr.imaging.quality import QualityGate

    gate = QualityGate.shipped()
    as_shown, inverse = gate.assess(pixels), gate.assess(1 - pixels)
    return as_shown.inverted >= _SURE and inverse.inverted <= 1 - _SURE and gate.refusal(inverse) is None


def _luminance(colours: NDArray[np.integer], bits: int) -> NDArray[np.float32]:
    white = np.float32((1 << bits) - 1)
    return np.clip(colours[..., :3].astype(np.float32) @ _LUMINANCE / white, 0, 1)


def _refusal(error: Exception) -> RefusedInputError:
    """The typed refusal for what pydicom and its codecs raise; their messages may quote the header and are dropped."""
    said = str(error).lower()
    if isinstance(error, NotImplementedError) or "missing dependencies" in said:
        return RefusedInputError(RefusalCode.UNSUPPORTED_CODEC, "no decoder for this transfer syntax is installed")
    if isinstance(error, EOFError) or "less than" in said or "unexpected end" in said:
        return RefusedInputError(RefusalCode.TRUNCATED, "the pixel data break off; send the file again")
    return RefusedInputError(RefusalCode.CORRUPT, f"the DICOM file is damaged ({type(error).__name__})")
