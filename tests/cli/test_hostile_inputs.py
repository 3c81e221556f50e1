"""Inputs made to break a run, and places that cannot be written: one clear line each, and nothing is lost."""

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.reading import read_radiograph
from cxr.outputs.results_folder import ResultsFolder
from cxr.screening import Screener, find_inputs
from cxr.screening.archive import MAX_MEMBERS

SIDE = 30_000  # 900 million pixels


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb():
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def jpeg_bomb():
    stream = io.BytesIO()
    Image.new("L", (64, 64)).save(stream, "JPEG")
    data = bytearray(stream.getvalue())
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, SIDE, SIDE)
    return bytes(data)


def j2k_bomb(make_dicom, dicom_bytes, chest_pixels):
    """A DICOM file of an honest size whose codestream asks for another."""
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    film = make_dicom(chest_pixels())
    siz = struct.pack(">HIIIIIIIIHBBB", 0, SIDE, SIDE, 0, 0, SIDE, SIDE, 0, 0, 1, 7, 1, 1)
    stream = b"\xff\x4f\xff\x51" + struct.pack(">H", len(siz) + 2) + siz + b"\0" * 64 + b"\xff\xd9"
    film.file_meta.TransferSyntaxUID = JPEG2000Lossless
    film.PixelData = encapsulate([stream])
    film["PixelData"].is_undefined_length = True
    return dicom_bytes(film)


@pytest.mark.parametrize("bomb", [png_bomb, jpeg_bomb])
def test_a_picture_of_a_billion_pixels_is_refused_by_its_header(bomb):
    with pytest.raises(RefusedInputError) as refused:
        read_radiograph(bomb())
    assert refused.value.code is RefusalCode.TOO_LARGE


def test_a_codestream_larger_than_its_header_says_is_refused(make_dicom, dicom_bytes, chest_pixels):
    with pytest.raises(RefusedInputError) as refused:
        read_radiograph(j2k_bomb(make_dicom, dicom_bytes, chest_pixels))
    assert refused.value.code is RefusalCode.CORRUPT


def refusals(paths):
    """Name and code of every input that is refused before it is read as a picture."""
    found = {}
    for item in find_inputs(paths):
        try:
            item.read()
        except RefusedInputError as error:
            found[item.name] = error.code
    return found


def test_an_archive_of_too_many_entries_is_refused_as_a_whole(tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(MAX_MEMBERS + 1):
            archive.writestr(f"{number}.png", b"")
    assert refusals([path]) == {str(path): RefusalCode.UNSAFE_ARCHIVE}


def test_an_archive_in_an_archive_is_one_refused_input(tmp_path, tiny_bundle):
    path = tmp_path / "outer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.zip", b"PK\x05\x06" + b"\0" * 18)
    screener = Screener(tiny_bundle, threads=1)
    results = [screener.examine(item.name, item.read()).result for item in find_inputs([path])]
    assert [result.refusal.code for result in results] == [RefusalCode.UNKNOWN_FORMAT]


def screen(out, *paths, bundle, **options):
    return subprocess.run(
        [sys.executable, "-m", "cxr.cli", "screen", "--out", str(out), "--bundle", str(bundle), "--", *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        **options,
    )


def results(out):
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


@pytest.mark.skipif(os.name != "posix", reason="these names are legal on POSIX alone")
def test_any_name_and_a_loop_of_links_end_as_one_result_per_file(tmp_path, image_folder, tiny_bundle):
    chest = (image_folder / "effusion.png").read_bytes()
    folder = tmp_path / "in"
    folder.mkdir()
    names = [b"two\nlines.png", b"-rf.png", "\u202egnp.exe".encode() + b".png", b"caf\xe9.png", b"a{0}{}%s.png"]
    for name in names:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(chest)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "dead.png").symlink_to(folder / "dead.png")
    out = folder / "results"  # inside the input: not screened again
    for _ in range(2):  # again: nothing is screened twice
        done = screen(out, "in", bundle=tiny_bundle, cwd=tmp_path)
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
    found = results(out)
    assert len(found) == len(names) + 1
    assert {row["refusal"]["code"] for row in found if row["refusal"]} == {"unreadable_file"}
    assert sum(row["status"] == "screened" for row in found) == len(names)


def test_a_second_run_on_one_folder_is_told_so_in_one_line(tmp_path, image_folder, tiny_bundle):
    with ResultsFolder(tmp_path / "out", Screener(tiny_bundle, threads=1), workers=1):
        done = screen(tmp_path / "out", image_folder, bundle=tiny_bundle)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "another process writes to" in done.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no folder that nobody can write")
def test_a_folder_that_cannot_be_written_is_named(tmp_path, image_folder, tiny_bundle):
    done = screen("/proc/out", image_folder, bundle=tiny_bundle)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "/proc/out" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="only POSIX bounds what a process may write")
def test_a_disk_that_takes_no_more_is_told_with_the_path(tmp_path, image_folder, tiny_bundle):
    """Bounded to 2,000 bytes a file: an error of the system without a file name, as that of a full disk."""
    import resource

    def bound():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = screen(tmp_path / "out", image_folder, bundle=tiny_bundle, preexec_fn=bound)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"{tmp_path / 'out'}/" in done.stderr
    assert "File too large" in done.stderr
