"""What a compressed frame says about itself, read before a decoder is trusted with it.

Decoders of the JPEG family fill up what a broken-off frame lacks, and some allocate what its own header asks for. Both
would go unnoticed: the picture has the right size, or the memory is gone.
"""

import struct

from cxr.errors import RefusalCode, RefusedInputError

__all__ = ["check_codestream", "whole_spectrum"]

_SOI, _J2K_START, _END = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\xd9"
_JP2_START, _JP2_CODESTREAM, _BOX_HEADER = b"\x00\x00\x00\x0cjP  ", b"jp2c", 8
_PADDING = b"\x00\xff"
_LONE_MARKERS = {0x01, *range(0xD0, 0xD9)}
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF0-15 but tables, and SOF55 of JPEG-LS
_SCAN = 0xDA
_SEQUENTIAL = {0xC0, 0xC1}  # baseline, and extended of 8 or 12 bits
_ALL_COEFFICIENTS = bytes([0, 63, 0])  # first, last, and no successive approximation


def check_codestream(frame: bytes, rows: int, columns: int) -> None:
    """Refuse a JPEG, JPEG-LS or JPEG 2000 frame that breaks off or has another size than the DICOM header says.

    Args:
        frame: one encoded frame; frames of other codecs pass.
        rows: by the DICOM header.
        columns: by the DICOM header.

    Raises:
        RefusedInputError: truncated, corrupt.
    """
    if frame.startswith(_JP2_START):
        frame = _unwrapped(frame)
    if frame.startswith(_SOI):
        size = _jpeg_size(frame)
    elif frame.startswith(_J2K_START):
        size = _j2k_size(frame)
    else:
        return
    if not frame.rstrip(_PADDING).endswith(_END[1:]) or _END not in frame[-64:]:
        raise RefusedInputError(RefusalCode.TRUNCATED, "the compressed pixel data break off; send the file again")
    # A height of 0 is defined by a marker after the first scan.
    if size is not None and size != (rows, columns) and size[0] != 0:
        raise RefusedInputError(
            RefusalCode.CORRUPT, f"the compressed frame has {size[1]} x {size[0]} pixels, the header {columns} x {rows}"
        )


def whole_spectrum(frame: bytes) -> bytes:
    """A sequential JPEG frame whose scan header says what every sequential scan holds: all coefficients (T.81, B.2.3).

    Some senders write other numbers there. Nothing else could be meant, and decoders of eight bits pass over them; the
    one for twelve does not.

    Args:
        frame: one encoded frame; other codecs and progressive JPEG come back as they are.
    """
    place, sequential = 2, False
    while frame.startswith(_SOI) and place + 4 <= len(frame) and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker == 0xFF or marker in _LONE_MARKERS:
            place += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", frame, place + 2)[0]
        sequential = sequential or marker in _SEQUENTIAL
        if marker == _SCAN and sequential:
            end = place + 2 + length
            return frame[: end - 3] + _ALL_COEFFICIENTS + frame[end:]
        if marker == _SCAN:
            break
        place += 2 + length
    return frame


def _unwrapped(frame: bytes) -> bytes:
    """The codestream inside a JP2 file (ISO/IEC 15444-1 Annex I), which DICOM does not allow and some senders write.

    pydicom 3.0 looks for it too, and never ends at a box of no length.
    """
    place = 0
    while place + _BOX_HEADER <= len(frame):
        length, kind = struct.unpack_from(">I4s", frame, place)
        if kind == _JP2_CODESTREAM:
            return frame[place + _BOX_HEADER : place + length if length else len(frame)]
        if length < _BOX_HEADER:
            break
        place += length
    raise RefusedInputError(RefusalCode.CORRUPT, "the JP2 file in the pixel data holds no codestream")


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    """Height and width from the frame header of a JPEG or JPEG-LS stream; ``None`` where there is none."""
    place = 2
    while place + 9 <= len(frame) and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", frame, place + 5)
            return height, width
        if marker == _SCAN:
            return None
        # Fill bytes and markers without a length are stepped over.
        place += 1 if marker == 0xFF else 2
        if marker != 0xFF and marker not in _LONE_MARKERS:
            place += struct.unpack_from(">H", frame, place)[0]
    return None


def _j2k_size(frame: bytes) -> tuple[int, int] | None:
    """Height and width from the SIZ segment of a JPEG 2000 codestream."""
    if len(frame) < 24:
        return None
    width, height, left, top = struct.unpack_from(">IIII", frame, 8)
    return height - top, width - left
