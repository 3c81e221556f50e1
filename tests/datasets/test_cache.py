"""The image cache: the pixels of the clinic's preprocessing, never stale, never silently black."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import open_dataset
from cxr.errors import DatasetError
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph


@pytest.fixture
def dataset(write_dataset):
    rng = np.random.default_rng(0)
    pictures = {f"{n}.png": rng.integers(0, 256, (70 + n, 90), dtype=np.uint8) for n in range(6)}
    return open_dataset(write_dataset({name: (f"P{name}", "", "train", pixels) for name, pixels in pictures.items()}))


def test_rows_are_what_the_clinic_feeds_the_network(dataset, tmp_path):
    cache = ImageCache.build(dataset, 64, tmp_path / "cache", workers=3)
    assert len(cache) == 6
    for row, path in enumerate(dataset.records["path"]):
        assert np.array_equal(cache[row], prepare(read_radiograph(Path(path)).pixels, 64)[0])


def test_a_finished_cache_is_opened_not_built(dataset, tmp_path, monkeypatch):
    ImageCache.build(dataset, 64, tmp_path / "cache")
    monkeypatch.setattr("cxr.datasets.cache.read_radiograph", lambda _: pytest.fail("decoded again"))
    assert len(ImageCache.build(dataset, 64, tmp_path / "cache")) == 6


def test_a_changed_file_or_size_makes_it_anew(dataset, tmp_path):
    before = np.array(ImageCache.build(dataset, 64, tmp_path / "cache")[0])
    Image.new("L", (50, 50), 7).save(dataset.records["path"][1])
    with pytest.raises(DatasetError, match="constant_pixels"):
        ImageCache.build(dataset, 64, tmp_path / "cache")
    Image.linear_gradient("L").save(dataset.records["path"][1])
    cache = ImageCache.build(dataset, 64, tmp_path / "cache")
    assert np.array_equal(cache[0], before)
    assert cache[1].max() > 250
    assert ImageCache.build(dataset, 32, tmp_path / "cache")[0].shape == (32, 32)


def test_a_stopped_build_goes_on(dataset, tmp_path, monkeypatch):
    seen = []

    def stop_after_three(path):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(path)
        return read_radiograph(path)

    monkeypatch.setattr("cxr.datasets.cache.read_radiograph", stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        ImageCache.build(dataset, 64, tmp_path / "cache")
    assert not (tmp_path / "cache" / "images.npy").exists()
    read_again = []
    monkeypatch.setattr(
        "cxr.datasets.cache.read_radiograph", lambda path: (read_again.append(path), read_radiograph(path))[1]
    )
    cache = ImageCache.build(dataset, 64, tmp_path / "cache")
    assert set(read_again).isdisjoint(seen)
    assert all(cache[row].max() > 0 for row in range(6))


def test_only_the_caches_own_files_are_cleared_away(dataset, tmp_path):
    folder = tmp_path / "cache"
    ImageCache.build(dataset, 64, folder)
    (folder / "features.npy").write_bytes(b"of somebody else")
    (folder / "0123456789abcdef.partial.npy").write_bytes(b"of an earlier build")
    ImageCache.build(dataset, 32, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["cache.json", "features.npy", "images.npy"]
    assert (folder / "features.npy").read_bytes() == b"of somebody else"


def test_refused_images_are_named(dataset, tmp_path):
    Path(dataset.records["path"][2]).write_bytes(b"broken")
    with pytest.raises(DatasetError, match=r"1 of 6 images cannot be used: 2\.png \(unknown_format\)"):
        ImageCache.build(dataset, 64, tmp_path / "cache")
    assert (tmp_path / "cache" / "refused.csv").read_text() == "image,code\n2.png,unknown_format\n"


def test_refused_images_are_left_out_where_that_is_wanted(dataset, tmp_path, caplog):
    paths = list(map(Path, dataset.records["path"]))
    whole = np.array(ImageCache.build(dataset, 64, tmp_path / "cache").pixels)
    for row in (0, 3):
        paths[row].write_bytes(paths[row].read_bytes()[:40])
    for _ in range(2):  # built, and opened again
        caplog.clear()
        kept, cache = ImageCache.of_readable(dataset, 64, tmp_path / "cache")
        assert list(kept.records["image"]) == ["1.png", "2.png", "4.png", "5.png"]
        assert np.array_equal(cache.pixels, whole[[1, 2, 4, 5]])
        assert "2 of 6 images cannot be used and are left out" in caplog.text
        assert "refused.csv" in caplog.text
    with pytest.raises(DatasetError, match="2 of 6 images cannot be used"):
        ImageCache.build(dataset, 64, tmp_path / "cache")
    for path in paths:
        path.write_bytes(b"")
    with pytest.raises(DatasetError, match="none of 6 images can be used"):
        ImageCache.of_readable(dataset, 64, tmp_path / "cache")


def test_a_cache_of_which_some_is_left_out_can_be_killed_at_any_time(dataset, tmp_path, monkeypatch):
    Path(dataset.records["path"][0]).write_bytes(b"")
    expected = np.array(ImageCache.of_readable(dataset, 64, tmp_path / "expected")[1].pixels)

    def stop(*_):
        raise KeyboardInterrupt

    for name in ("write_rows", "_keep_rows", "write_text"):
        with monkeypatch.context() as patch:
            patch.setattr(f"cxr.datasets.cache.{name}", stop)
            with pytest.raises(KeyboardInterrupt):
                ImageCache.of_readable(dataset, 64, tmp_path / "cache")
    _, cache = ImageCache.of_readable(dataset, 64, tmp_path / "cache")
    assert np.array_equal(cache.pixels, expected)


def test_missing_images_are_named(dataset, tmp_path):
    Path(dataset.records["path"][4]).unlink()
    with pytest.raises(DatasetError, match=r"1 of 6 images are listed but not there, the first 4\.png"):
        ImageCache.build(dataset, 64, tmp_path / "cache")


def test_runs_that_start_at_once_share_one_cache(dataset, tmp_path, monkeypatch):
    decoded = []
    monkeypatch.setattr(
        "cxr.datasets.cache.read_radiograph", lambda path: (decoded.append(path), read_radiograph(path))[1]
    )
    with ThreadPoolExecutor(4) as pool:
        caches = list(pool.map(lambda _: ImageCache.build(dataset, 64, tmp_path / "cache"), range(4)))
    assert len(decoded) == 6
    assert all(np.array_equal(cache.pixels, caches[0].pixels) for cache in caches)
