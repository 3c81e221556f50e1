import hashlib
import os
import stat
import zipfile
from pathlib import Path

import pytest

from cxr.errors import RefusalCode, RefusedInputError
from cxr.screening import archive as archive_module
from cxr.screening.inputs import find_inputs


def names(*paths, **options):
    return [item.name for item in find_inputs([Path(p) for p in paths], **options)]


def refusals(*paths):
    found = {}
    for item in find_inputs([Path(p) for p in paths]):
        try:
            item.read()
        except RefusedInputError as error:
            found[item.name] = error.code
    return found


@pytest.fixture
def tree(tmp_path):
    for name in ("b/2.png", "b/1.dcm", "a.jpg", "notes.csv", ".hidden.png", ".git/x.png", "DICOMDIR", "b/IM0001"):
        file = tmp_path / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return tmp_path / "tree"


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_folder_is_searched_in_order_and_companions_are_left_out(tree):
    assert names(tree) == [str(tree / n) for n in ("a.jpg", "b/1.dcm", "b/2.png", "b/IM0001")]


def test_what_the_user_names_is_always_an_input(tree):
    assert names(tree / "notes.csv", tree / ".hidden.png") == [str(tree / "notes.csv"), str(tree / ".hidden.png")]


def test_overlapping_paths_give_each_input_once(tree, monkeypatch):
    monkeypatch.chdir(tree.parent)
    found = names("tree/b", tree, "./tree/a.jpg", tree / "b" / "1.dcm")
    assert len(found) == 4
    assert len({Path(n).resolve() for n in found}) == 4


def test_results_folder_and_finished_inputs_are_left_out(tree):
    (tree / "out" / "overlays").mkdir(parents=True)
    (tree / "out" / "overlays" / "a.png").write_bytes(b"x")
    done = {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in (tree / "a.jpg", tree / "b" / "2.png")}
    found = names(tree, exclude=tree / "out", done=done)
    assert found == [str(tree / "b" / "1.dcm"), str(tree / "b" / "IM0001")]


def test_a_finished_input_with_other_content_is_found_again(tree):
    done = dict.fromkeys(names(tree), "0" * 64) | {str(tree / "gone.png"): None}
    assert names(tree, tree / "gone.png", done=done) == names(tree)


def test_what_cannot_be_read_is_refused_with_a_reason(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "readme.txt").write_text("x")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert refusals(tmp_path / "empty", tmp_path / "texts", tmp_path / "gone.png", tmp_path / "pipe") == {
        str(tmp_path / "empty"): RefusalCode.NO_IMAGES,
        str(tmp_path / "texts"): RefusalCode.NO_IMAGES,
        str(tmp_path / "gone.png"): RefusalCode.UNREADABLE_FILE,
        str(tmp_path / "pipe"): RefusalCode.UNREADABLE_FILE,
    }


def test_link_cycles_end(tree):
    (tree / "b" / "again").symlink_to(tree)
    assert len(names(tree)) == 4


def test_file_names_that_are_no_text_become_printable(tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    raw = os.fsencode(folder) + b"/caf\xe9.png"
    Path(os.fsdecode(raw)).write_bytes(b"x")
    (name,) = names(folder)
    assert name == f"{folder}/caf\\xe9.png"
    name.encode()


def test_archive_members_are_inputs(tmp_path):
    path = make_zip(tmp_path / "s.zip", {"a/1.png": b"one", "a/2.dcm": b"two", "__MACOSX/a/._1.png": b"", "r.csv": b""})
    contents = {item.name: item.read() for item in find_inputs([tmp_path])}
    assert contents == {f"{path}!/a/1.png": b"one", f"{path}!/a/2.dcm": b"two"}


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:/evil.png", "..\\evil.png"])
def test_archive_that_leads_outside_is_refused_as_a_whole(tmp_path, name):
    path = make_zip(tmp_path / "bad.zip", {"fine.png": b"x", name: b"x"})
    assert refusals(path) == {str(path): RefusalCode.UNSAFE_ARCHIVE}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.zip"]


def test_archive_with_a_link_is_refused(tmp_path):
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("link.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    assert refusals(path) == {str(path): RefusalCode.UNSAFE_ARCHIVE}


def test_archive_limits(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "big.zip", {"1.png": b"x" * 10, "2.png": b"x"})
    monkeypatch.setattr(archive_module, "MAX_MEMBER_BYTES", 5)
    assert refusals(path) == {f"{path}!/1.png": RefusalCode.TOO_LARGE}
    monkeypatch.setattr(archive_module, "MAX_TOTAL_BYTES", 10)
    assert refusals(path) == {str(path): RefusalCode.UNSAFE_ARCHIVE}
    monkeypatch.setattr(archive_module, "MAX_MEMBERS", 1)
    assert refusals(path) == {str(path): RefusalCode.UNSAFE_ARCHIVE}


def test_archive_whose_header_lies_about_the_size_cannot_exceed_the_limit(tmp_path, monkeypatch):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", b"\0" * 100_000)
    content = path.read_bytes().replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    monkeypatch.setattr(archive_module, "MAX_MEMBER_BYTES", 50)
    assert set(refusals(path).values()) <= {RefusalCode.CORRUPT, RefusalCode.TOO_LARGE}


@pytest.mark.parametrize("content", [b"PK\x03\x04 broken", b"plain text"])
def test_broken_archive_is_corrupt(tmp_path, content):
    path = tmp_path / "broken.zip"
    path.write_bytes(content)
    assert refusals(path) == {str(path): RefusalCode.CORRUPT}


def test_damaged_member_is_corrupt_and_the_others_are_read(tmp_path):
    path = make_zip(tmp_path / "d.zip", {"1.png": b"AAAAAAAA", "2.png": b"B"})
    path.write_bytes(path.read_bytes().replace(b"AAAAAAAA", b"AAAAAAAX"))
    assert refusals(path) == {f"{path}!/1.png": RefusalCode.CORRUPT}


def test_empty_archive_has_no_images(tmp_path):
    path = make_zip(tmp_path / "e.zip", {"notes.txt": b"x"})
    assert refusals(path) == {str(path): RefusalCode.NO_IMAGES}
