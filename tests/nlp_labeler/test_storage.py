import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nlp_labeler.errors import ConfigError
from nlp_labeler.storage import (
    FolderLock,
    atomic_folder,
    atomic_path,
    atomic_writer,
    bytes_sha256,
    file_sha256,
    write_bytes,
    write_rows,
    write_text,
)

# A process that holds the lock of a folder, with a forked child that outlives it.
HOLDER = """
import os, sys, time
from pathlib import Path
from nlp_labeler.storage import FolderLock
lock = FolderLock(Path(sys.argv[1]))
child = None
if sys.argv[2] == "forks":
    begun, begins = os.pipe()
    child = os.fork()
    os.write(begins, b"x") if child == 0 else os.read(begun, 1)  # what a worker does first is done
if child != 0:
    print(child or "", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("durable", [True, False])
def test_content_takes_the_old_file_s_place(tmp_path, durable):
    file = tmp_path / "x.json"
    file.write_text("old")
    write_bytes(file, b"new", durable=durable)
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("open_new", [atomic_writer, atomic_path, atomic_folder])
def test_after_an_error_what_was_there_is_untouched_and_nothing_is_left_behind(tmp_path, open_new):
    place = tmp_path / "x"
    if open_new is atomic_folder:
        place.mkdir()
        (place / "file").write_text("old")
    else:
        place.write_text("old")

    def half():
        with open_new(place) as new:
            if open_new is atomic_writer:
                new.write(b"half")
            else:
                (new / "file" if new.is_dir() else new).write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert (place / "file" if place.is_dir() else place).read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]


def test_many_threads_write_one_file_without_getting_in_each_other_s_way(tmp_path):
    file = tmp_path / "x"
    contents = [bytes([k]) * 100_000 for k in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_bytes(file, content, durable=False), contents))
    assert file.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [file]


def test_a_name_of_the_longest_length_is_written(tmp_path):
    file = tmp_path / ("é" * 127)  # 254 bytes of the 255 that a name may have
    write_text(file, "x")
    assert file.read_text() == "x"


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_private_file_is_private_from_its_first_byte_on(tmp_path):
    with atomic_writer(tmp_path / "x", mode=0o600) as stream:
        stream.write(b"x")
        (temporary,) = tmp_path.iterdir()
        assert temporary.stat().st_mode & 0o077 == 0
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_told_with_the_file_s_name(tmp_path):
    def fill():
        with atomic_writer(tmp_path / "x"), Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(OSError, match=r"No space left on device: '.*/x'") as raised:
        fill()
    assert raised.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_an_earlier_one(tmp_path):
    for content in ("first", "second"):
        with atomic_folder(tmp_path / "deep" / "x") as new:
            assert list(new.iterdir()) == []
            (new / content).write_text(content)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x"]
    assert [p.name for p in (tmp_path / "deep" / "x").iterdir()] == ["second"]


def test_a_folder_is_written_by_one_process_at_a_time(tmp_path):
    def second():
        with atomic_folder(tmp_path / "x"):
            pass

    with atomic_folder(tmp_path / "x") as new:
        with pytest.raises(ConfigError, match="another process writes"):
            second()
        (new / "file").write_text("x")
    assert (tmp_path / "x" / "file").read_text() == "x"


def test_what_a_killed_process_left_of_a_folder_is_mended(tmp_path):
    """Killed between the two moves: the earlier folder stands aside, the new one is not yet there."""
    (tmp_path / ".x.partial").mkdir()
    (tmp_path / ".x.partial" / "half").write_text("half")
    (tmp_path / ".x.earlier").mkdir()
    (tmp_path / ".x.earlier" / "file").write_text("old")

    def fail():
        with atomic_folder(tmp_path / "x") as new:
            assert list(new.iterdir()) == []
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x" / "file").read_text() == "old"


def test_rows_are_read_back(tmp_path):
    write_rows(tmp_path / "x.csv", ("a", "b"), [("1", 'say "é",\n'), (2, "")])
    assert (tmp_path / "x.csv").read_bytes() == 'a,b\n1,"say ""é"",\n"\n2,\n'.encode()


def test_hashes_are_those_of_the_content(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 100_000)
    assert file_sha256(tmp_path / "x") == bytes_sha256(b"abc" * 100_000) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def hold(folder, how):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder), how], stdout=subprocess.PIPE, text=True)
    return holder, holder.stdout.readline().strip()


def test_another_process_is_kept_out_until_the_holder_is_killed(tmp_path):
    holder, _ = hold(tmp_path, "alone")
    try:
        with pytest.raises(ConfigError, match="another process writes to"):
            FolderLock(tmp_path)
    finally:
        holder.kill()
        holder.communicate()
    FolderLock(tmp_path).release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_worker_does_not_keep_a_killed_holder_s_lock(tmp_path):
    holder, child = hold(tmp_path, "forks")
    try:
        holder.kill()
        holder.wait()
        os.kill(int(child), 0)  # it lives
        FolderLock(tmp_path).release()
    finally:
        os.kill(int(child), signal.SIGKILL)
        holder.communicate()


def test_who_waits_comes_in_after_the_holder(tmp_path):
    first = FolderLock(tmp_path / "x", beside=True)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(lambda: FolderLock(tmp_path / "x", beside=True, wait=True))
        time.sleep(0.2)
        assert not second.done()
        first.release()
        second.result(timeout=10).release()


def test_a_removed_lock_leaves_no_file(tmp_path):
    lock = FolderLock(tmp_path)
    lock.remove()
    assert list(tmp_path.iterdir()) == []
    FolderLock(tmp_path).release()
