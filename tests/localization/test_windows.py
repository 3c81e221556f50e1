"""Windows: of the told extent, at the place that heat and anatomy agree on, the same whatever the film's mirror."""

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from cxr.imaging.preprocessing import prepare
from cxr.localization import BoxSettings, WindowSettings, boxes_from_heatmap, default_box_settings, iou
from cxr.localization.heatmaps import Heatmaps
from cxr.localization.windows import LEVELS, boxes_from_windows
from nlp_labeler.findings import LABELS

CHEST = (40, 30, 200, 190)
ANYWHERE = ("100 100", "100 100")


def bump(x: float, y: float, spread: float = 12, height: float = 1.0) -> NDArray[np.float32]:
    rows, columns = np.mgrid[:224, :224]
    return (height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))).astype(np.float32)


def settings(**changes: object) -> WindowSettings:
    return WindowSettings.model_validate({"width": 0.25, "height": 0.3, "location": ANYWHERE} | changes)


def test_a_window_has_the_told_extent_and_lies_on_the_heat():
    (box,) = boxes_from_windows(bump(80, 120), CHEST, settings(max_boxes=1))
    assert (box.width, box.height) == (40, 48)
    assert abs(box.x + 20 - 80) <= 2
    assert abs(box.y + 24 - 120) <= 2
    assert box.score == pytest.approx(bump(80, 120)[int(box.y) : int(box.y) + 48, int(box.x) : int(box.x) + 40].mean())


def test_a_second_window_needs_its_share_of_the_heat():
    two = bump(80, 120) + bump(160, 120, height=0.7)
    assert len(boxes_from_windows(two, CHEST, settings(share=0.6))) == 2
    assert len(boxes_from_windows(two, CHEST, settings(share=0.8))) == 1
    first, second = boxes_from_windows(two, CHEST, settings())
    assert first.x < second.x
    assert iou([[first.x, first.y, 40, 48]], [[second.x, second.y, 40, 48]]).item() < 0.15


def test_the_usual_place_decides_between_equals():
    equal = bump(80, 60) + bump(80, 160)
    top = settings(location=("100 100", "20 20"), max_boxes=1)
    base = settings(location=("20 20", "100 100"), max_boxes=1)
    assert boxes_from_windows(equal, CHEST, top)[0].y < boxes_from_windows(equal, CHEST, base)[0].y


def test_a_mirrored_film_has_mirrored_windows():
    finding = default_box_settings(["Effusion"])["Effusion"]
    assert isinstance(finding, WindowSettings)
    chest = (40, 30, 184, 190)  # symmetric on 224 columns
    heat = bump(70, 170, 20)
    boxes = boxes_from_windows(heat, chest, finding)
    mirrored = boxes_from_windows(heat[:, ::-1], chest, finding)
    assert [224 - box.x - box.width for box in boxes] == pytest.approx([box.x for box in mirrored], abs=3)


def test_no_heat_no_box():
    assert boxes_from_windows(np.zeros((224, 224), np.float32), CHEST, settings()) == ()


def test_windows_stay_on_the_film_even_where_the_lungs_fill_it():
    for box in boxes_from_windows(bump(5, 220), (0, 0, 224, 224), settings(width=1, height=1.5, max_boxes=3)):
        assert 0 <= box.x <= box.x + box.width <= 224
        assert 0 <= box.y <= box.y + box.height <= 224


def test_without_outlined_lungs_the_regions_of_the_heat_are_the_boxes():
    square, placement = prepare(np.full((224, 224), 0.5, dtype=np.float32), 224)
    maps = bump(112, 112, 20)[None, ::4, ::4].copy()
    nothing = np.full((3, 112, 112), -9, dtype=np.float32)
    heatmaps = Heatmaps(maps, ["Mass"], square, placement, nothing)
    (box,) = heatmaps.boxes("Mass", settings(), probability=1.0)
    (region,) = boxes_from_heatmap(heatmaps["Mass"], BoxSettings())
    assert (box.width, box.height) == (region.width, region.height)


@pytest.mark.parametrize(
    ("location", "message"),
    [(("1 2", "3"), "equal length"), (("",), "equal length"), (("0 5",), "1 to 100"), (("a b",), "1 to 100")],
)
def test_a_location_that_is_no_grid_is_refused(location, message):
    with pytest.raises(ValidationError, match=message):
        settings(location=location)


def test_every_finding_has_settings_and_the_heart_keeps_its_outline():
    chosen = default_box_settings(LABELS)
    assert list(chosen) == list(LABELS)
    assert isinstance(chosen["Cardiomegaly"], BoxSettings)
    nodule, mass = chosen["Nodule"], chosen["Mass"]
    assert isinstance(nodule, WindowSettings)
    assert isinstance(mass, WindowSettings)
    assert nodule.width * nodule.height < 0.5 * mass.width * mass.height


def test_between_two_rows_of_the_location_a_place_is_as_usual_as_between_them():
    """With even heat the best window lies where the interpolated location is highest, not on a plateau's first row."""
    even = np.ones((224, 224), np.float32)
    peaked = settings(location=("10 10", "100 100", "10 10"), max_boxes=1)
    (box,) = boxes_from_windows(even, CHEST, peaked)
    level = (box.y + box.height / 2 - CHEST[1]) / (CHEST[3] - CHEST[1])
    assert level == pytest.approx(np.mean(LEVELS), abs=0.02)
