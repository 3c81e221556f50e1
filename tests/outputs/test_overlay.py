import io

import numpy as np
import pytest
from PIL import Image

from cxr.errors import RefusalCode, RefusedInputError
from cxr.outputs.journal import OverlayNames
from cxr.outputs.writers.overlays import _opacity, draw_overlay, overlay_png
from cxr.screening import Screener
from nlp_labeler.findings import finding_entry


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.mark.parametrize(
    ("size", "found", "shown"),
    [
        ((256, 256), True, (768, 768)),
        ((256, 256), False, (256, 256)),
        ((1000, 800), True, (1000, 800)),
        ((3000, 2000), True, (1024, 683)),
        ((3000, 2000), False, (1024, 683)),
        ((320, 640), True, (384, 768)),
    ],
)
def test_overlay_keeps_the_aspect_at_a_readable_size(screener, tmp_path, chest_pixels, size, found, shown):
    width, height = size
    blob = (width // 4, height // 4, width // 2, height // 2) if found else None
    Image.fromarray(chest_pixels(width, height, blob=blob)).save(tmp_path / "x.png")
    picture = draw_overlay(screener.examine("x", tmp_path / "x.png"))
    assert (picture.size, picture.mode) == (shown, "RGB" if found else "L")


def test_picture_without_finding_is_the_radiograph_alone(screener, image_folder):
    picture = np.asarray(draw_overlay(screener.examine("x", image_folder / "healthy.png")), dtype=int)
    original = np.asarray(Image.open(image_folder / "healthy.png"), dtype=int)
    assert np.abs(picture - original).max() <= 1


def test_box_is_drawn_where_the_finding_is(screener, image_folder):
    examination = screener.examine("x", image_folder / "effusion.png")
    picture = draw_overlay(examination)
    effusion = next(f for f in examination.result.findings if f.name == "Effusion")
    scale = picture.width / 400
    box = effusion.boxes[0]
    middle_of_lower_edge = round((box.x + box.width / 2) * scale), round((box.y + box.height) * scale) - 1
    assert picture.getpixel(middle_of_lower_edge) == finding_entry("Effusion").rgb
    far = np.asarray(picture)[:50, :50]
    assert (far == far[..., :1]).all(), "no tint away from the finding"


def test_png_bytes_open_as_a_picture(screener, image_folder):
    with Image.open(io.BytesIO(overlay_png(screener.examine("x", image_folder / "effusion.png")))) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")


def test_refused_input_has_no_picture(screener):
    refused = screener.refuse("x", RefusedInputError(RefusalCode.EMPTY_FILE, "empty"))
    with pytest.raises(ValueError, match="refused"):
        draw_overlay(refused)


def test_overlay_names_are_safe_readable_and_never_collide():
    names = OverlayNames()
    paths = [
        "a/00000147_001.jpg", "b/00000147_001.png", "c/00000147_001.PNG", "1.2.840.113.dcm", "IM0001", "x.zip!/../..",
        "ä ö/ü?.png", "con<script>.png", "a" * 300 + ".png", ".png", "A.png", "a.png",
    ]  # fmt: skip
    given = [names.assign(path) for path in paths]
    assert given[0] == "00000147_001.png"
    assert given[3] == "1.2.840.113.png"
    assert given[4] == "IM0001.png"
    assert len({n.lower() for n in given}) == len(paths)
    assert all(n.endswith(".png") and "/" not in n and "<" not in n and len(n) < 130 for n in given)
    again = OverlayNames()
    assert [again.assign(path) for path in paths] == given


def test_a_map_that_is_warm_everywhere_tints_a_small_part_and_a_flat_one_nothing():
    rng = np.random.default_rng(0)
    warm = rng.uniform(0.7, 1, (64, 64)).astype(np.float32)
    warm[0, 0] = 0
    assert 0 < (_opacity(warm, 0.9) > 0).mean() <= 0.15
    assert not _opacity(np.full((64, 64), 0.8, np.float32), 0.9).any()
    assert not _opacity(np.zeros((64, 64), np.float32), 0.9).any()


def test_an_unlikely_finding_is_tinted_fainter_in_the_same_place():
    heat = np.zeros((64, 64), np.float32)
    heat[20:26, 30:36] = np.linspace(0.5, 1, 36).reshape(6, 6)
    likely, unlikely = _opacity(heat, 0.95).astype(int), _opacity(heat, 0.05).astype(int)
    assert likely[25, 35] > 1.5 * unlikely[25, 35] > 0
    outside = np.ones_like(heat, dtype=bool)
    outside[20:26, 30:36] = False
    assert not likely[outside].any()


def test_the_tint_keeps_to_where_the_finding_can_be(screener, image_folder):
    examination = screener.examine("x", image_folder / "effusion.png")
    heatmaps = examination.artifacts.heatmaps
    confined, heat = heatmaps.confined("Effusion"), heatmaps["Effusion"]
    assert confined.shape == heat.shape
    assert (confined <= heat).all()
