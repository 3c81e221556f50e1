"""Picture files of every kind, and everything that must be refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.reading import FileKind, ReadLimits, read_radiograph


@pytest.fixture
def gray() -> np.ndarray:
    """(60, 90) uint8 with every level."""
    return (np.add.outer(np.arange(60) * 3, np.arange(90) * 7) % 256).astype(np.uint8)


def encode(picture: Image.Image, format: str = "PNG", **options) -> bytes:  # noqa: A002  (Pillow's name)
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def png_file(header: bytes, compressed: bytes) -> bytes:
    """A PNG written chunk by chunk, for kinds that Pillow does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", compressed) + chunk(b"IEND", b"")


def refusal_of(source, **limits) -> RefusalCode:
    with pytest.raises(RefusedInputError) as caught:
        read_radiograph(source, limits=ReadLimits(**limits))
    assert caught.value.message
    return caught.value.code


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_lossless_kinds_give_the_levels_over_255(gray, kind):
    radiograph = read_radiograph(encode(Image.fromarray(gray), kind))
    assert radiograph.metadata.kind == FileKind(kind.lower())
    assert radiograph.pixels.dtype == np.float32
    assert radiograph.pixels == pytest.approx(gray / 255, abs=1e-6)


def test_jpeg(gray):
    smooth = np.tile(np.arange(0, 180, 2, dtype=np.uint8), (60, 1))
    radiograph = read_radiograph(encode(Image.fromarray(smooth), "JPEG", quality=95))
    assert radiograph.metadata.kind is FileKind.JPEG
    assert radiograph.pixels == pytest.approx(smooth / 255, abs=3 / 255)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_printers_colours(kind):
    smooth = np.tile(np.arange(0, 180, 2, dtype=np.uint8), (60, 1))
    options = {"quality": 95} if kind == "JPEG" else {}
    inks = Image.fromarray(smooth).convert("RGB").convert("CMYK")
    assert read_radiograph(encode(inks, kind, **options)).pixels == pytest.approx(smooth / 255, abs=4 / 255)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_colour_modes_of_a_gray_picture_read_alike(gray, mode):
    plain = Image.fromarray(gray)
    assert read_radiograph(encode(plain.convert(mode))).pixels == pytest.approx(gray / 255, abs=1e-6)


def test_palette_is_looked_up(gray):
    picture = Image.fromarray(gray).convert("P")
    picture.putpalette([value for level in range(256) for value in (255 - level,) * 3])
    index = np.asarray(picture)
    assert read_radiograph(encode(picture)).pixels == pytest.approx((255.0 - index) / 255, abs=1e-6)


def test_transparent_parts_are_black(gray):
    picture = Image.fromarray(gray).convert("RGBA")
    alpha = np.full(gray.shape, 255, np.uint8)
    alpha[:, :20] = 0
    picture.putalpha(Image.fromarray(alpha))
    shown = read_radiograph(encode(picture)).pixels
    assert (shown[:, :20] == 0).all()
    assert shown[:, 20:] == pytest.approx(gray[:, 20:] / 255, abs=1e-6)


def test_one_bit_pictures(gray):
    shown = read_radiograph(encode(Image.fromarray(gray > 127))).pixels
    assert np.array_equal(shown, (gray > 127).astype(np.float32))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_over_their_full_range(gray, kind):
    deep = gray.astype(np.uint16) * 257
    shown = read_radiograph(encode(Image.fromarray(deep), kind))
    assert shown.pixels == pytest.approx(gray / 255, abs=1e-5)
    assert shown.metadata.bits_stored == 16


def test_wider_samples_are_read_up_to_sixteen_bits_and_not_beyond():
    wide = np.linspace(0, 65535, 90 * 60).reshape(60, 90).astype(np.int32)
    assert read_radiograph(encode(Image.fromarray(wide), "TIFF")).pixels == pytest.approx(wide / 65535, abs=1e-5)
    wide[-1, -1] = 65536
    with pytest.raises(RefusedInputError, match="samples from 0 to 65536 have no defined white") as refused:
        read_radiograph(encode(Image.fromarray(wide), "TIFF"))
    assert refused.value.code == RefusalCode.UNKNOWN_FORMAT


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_in_a_sixteen_bit_file(bits):
    deep = np.linspace(0, 2**bits - 1, 90 * 60).reshape(60, 90).astype(np.uint16)
    shown = read_radiograph(encode(Image.fromarray(deep)))
    assert shown.metadata.bits_stored == bits
    assert shown.pixels == pytest.approx(deep / (2**bits - 1), abs=1e-6)


def test_sixteen_bit_colour(gray):
    deep = np.repeat(gray.astype(np.uint16)[..., None] * 257, 3, axis=2)
    header = struct.pack(">IIBBBBB", 90, 60, 16, 2, 0, 0, 0)
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    assert read_radiograph(png_file(header, zlib.compress(lines))).pixels == pytest.approx(gray / 255, abs=2 / 255)


@pytest.mark.parametrize("depth", [8, 16])
def test_white_is_zero_tiff_is_turned_over(gray, depth):
    stored = gray if depth == 8 else gray.astype(np.uint16) * 257
    # Written as it stands, with the tag that says that 0 is white.
    data = bytearray(encode(Image.fromarray(stored), "TIFF"))
    entry = data.index(struct.pack("<HHI", 262, 3, 1))
    data[entry + 8 : entry + 10] = struct.pack("<H", 0)
    assert read_radiograph(bytes(data)).pixels == pytest.approx(1 - gray / 255, abs=1e-5)


def test_exif_orientation_is_applied(gray):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    shown = read_radiograph(encode(Image.fromarray(gray), "JPEG", exif=exif, quality=95)).pixels
    assert shown.shape == (90, 60)


def test_the_kind_goes_by_content_not_by_name(gray, tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(Image.fromarray(gray)))
    assert read_radiograph(path).metadata.kind is FileKind.PNG


def test_bytes_and_file_give_the_same(gray, tmp_path):
    data = encode(Image.fromarray(gray))
    (tmp_path / "image.png").write_bytes(data)
    from_file, from_bytes = read_radiograph(tmp_path / "image.png"), read_radiograph(data)
    assert from_file.metadata == from_bytes.metadata
    assert np.array_equal(from_file.pixels, from_bytes.pixels)


def test_things_that_are_no_pictures(tmp_path):
    assert refusal_of(b"") is RefusalCode.EMPTY_FILE
    assert refusal_of(b"these are words\n" * 50) is RefusalCode.UNKNOWN_FORMAT
    assert refusal_of(b"\x00" * 5000) is RefusalCode.UNKNOWN_FORMAT
    assert refusal_of(tmp_path / "absent.png") is RefusalCode.UNREADABLE_FILE
    assert refusal_of(tmp_path) is RefusalCode.UNREADABLE_FILE
    assert refusal_of(encode(Image.new("L", (64, 64), 3), "GIF")) is RefusalCode.UNKNOWN_FORMAT


@pytest.mark.parametrize("side", [1, 2, 31])
def test_too_small(side):
    samples = np.arange(side * side, dtype=np.uint8).reshape(side, side)
    assert refusal_of(encode(Image.fromarray(samples))) is RefusalCode.TOO_SMALL


@pytest.mark.parametrize("level", [0, 100, 255])
def test_constant_pictures(level):
    assert refusal_of(encode(Image.new("L", (64, 64), level))) is RefusalCode.CONSTANT_PIXELS


def test_limits(gray):
    data = encode(Image.fromarray(gray))
    assert refusal_of(data, max_pixels=60 * 90 - 1) is RefusalCode.TOO_LARGE
    assert refusal_of(data, max_bytes=len(data) - 1) is RefusalCode.TOO_LARGE
    assert read_radiograph(data, limits=ReadLimits(max_pixels=60 * 90, max_bytes=len(data))).pixels.shape == (60, 90)


@pytest.mark.parametrize("side", [9_000, 60_000])
def test_decompression_bombs_are_refused_before_they_are_decoded(side):
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    assert refusal_of(png_file(header, zlib.compress(b"\0" * 1000))) is RefusalCode.TOO_LARGE


def test_several_pages_are_refused(gray):
    page = Image.fromarray(gray)
    assert refusal_of(encode(page, "TIFF", save_all=True, append_images=[page])) is RefusalCode.MULTI_FRAME


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_every_truncation_is_refused(gray, kind):
    data = encode(Image.fromarray(gray), kind)
    allowed = {RefusalCode.TRUNCATED, RefusalCode.CORRUPT, RefusalCode.UNKNOWN_FORMAT}
    for length in range(1, len(data) - 12, max(1, len(data) // 60)):
        assert refusal_of(data[:length]) in allowed


def test_damaged_png_data_are_noticed(gray):
    data = bytearray(encode(Image.fromarray(gray)))
    data[len(data) // 2] ^= 0xFF
    assert refusal_of(bytes(data)) in {RefusalCode.CORRUPT, RefusalCode.TRUNCATED}


def test_floating_point_tiff_has_no_white(gray):
    assert refusal_of(encode(Image.fromarray(gray.astype(np.float32)), "TIFF")) is RefusalCode.UNKNOWN_FORMAT


def test_real_radiographs_are_read(shared_data):
    for path in sorted((shared_data / "nih" / "images").iterdir())[:20]:
        radiograph = read_radiograph(path)
        with Image.open(path) as picture:
            assert np.abs(radiograph.pixels - np.asarray(picture) / 255).max() < 1e-6
