import pytest

from cxr.screening.atomic import atomic_writer, write_bytes_atomically, write_text_atomically


@pytest.mark.parametrize("durable", [True, False])
def test_content_takes_the_old_file_s_place(tmp_path, durable):
    file = tmp_path / "x.json"
    file.write_text("old")
    write_bytes_atomically(file, b"new", durable=durable)
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_after_an_error_the_old_file_is_untouched_and_nothing_is_left_behind(tmp_path):
    file = tmp_path / "x.json"
    write_text_atomically(file, "old")

    def half():
        with atomic_writer(file) as stream:
            stream.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
