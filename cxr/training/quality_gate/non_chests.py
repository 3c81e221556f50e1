"""Pictures that are no chest radiographs: photographs that come with Python packages, and drawn ones.

Half of the photographs and three kinds of drawings are kept from training, so that the gate is measured on kinds of
pictures that it has never seen.
"""

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

__all__ = ["HELD_OUT_DRAWINGS", "HELD_OUT_PHOTOGRAPHS", "draw", "photographs", "random_crop"]

Gray = NDArray[np.float32]
Drawing = NDArray[np.floating]
SIDE = 128

HELD_OUT_PHOTOGRAPHS = frozenset(
    {"brick.png", "camera.png", "cell.png", "coffee.png", "flower.jpg", "hubble_deep_field.jpg", "ihc.png", "moon.png"}
    | {"motorcycle_right.png", "motorcycle_left.png", "phantom.png", "rocket.jpg", "text.png", "cheetah1.jpg"}
)
HELD_OUT_DRAWINGS = frozenset({"rings", "stripes", "slice"})


def photographs(*, held_out: bool) -> Iterator[tuple[str, Gray]]:
    """Name and gray pixels in [0, 1] of the photographs on one side of the division."""
    folders = [files("skimage") / "data", files("sklearn") / "datasets" / "images"]
    for folder in folders:
        for path in sorted(Path(str(folder)).glob("*.[pj][np]g")):
            if (path.name in HELD_OUT_PHOTOGRAPHS) == held_out:
                with Image.open(path) as picture:
                    picture.thumbnail((512, 512))
                    yield path.name, np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)


def random_crop(pixels: Gray, rng: np.random.Generator) -> Gray:
    """A random part of a picture, at least a third of each side, perhaps turned or inverted."""
    height, width = pixels.shape
    rows, columns = (max(16, int(side * rng.uniform(0.34, 1))) for side in (height, width))
    top, left = rng.integers(0, max(1, height - rows)), rng.integers(0, max(1, width - columns))
    part = np.rot90(pixels[top : top + rows, left : left + columns], int(rng.integers(4)))
    return 1 - part if rng.random() < 0.4 else part


def draw(kind: str, rng: np.random.Generator) -> Gray:
    """A drawn picture of one of :data:`DRAWINGS`, (128, 128) in [0, 1]."""
    picture = _DRAWINGS[kind](rng)
    picture = ndimage.gaussian_filter(picture, rng.uniform(0, 1.5)) + rng.normal(0, rng.uniform(0, 0.1), picture.shape)
    return np.clip(picture, 0, 1).astype(np.float32)


def _clouds(rng: np.random.Generator) -> Drawing:
    """Noise of one random coarseness, as of blurred or overexposed films."""
    noise = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), rng.uniform(0, 20))
    return (noise - noise.min()) / (np.ptp(noise) + 1e-6)


def _ramp(rng: np.random.Generator) -> Drawing:
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    angle = rng.uniform(0, 2 * np.pi)
    ramp = x * np.cos(angle) + y * np.sin(angle)
    return (ramp - ramp.min()) / np.ptp(ramp)


def _canvas(rng: np.random.Generator) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("L", (SIDE, SIDE), int(rng.integers(0, 256)))
    return picture, ImageDraw.Draw(picture)


def _shapes(rng: np.random.Generator) -> Drawing:
    picture, pen = _canvas(rng)
    for _ in range(rng.integers(1, 20)):
        corners = np.sort(rng.integers(-20, SIDE + 20, size=(2, 2)), axis=0)
        box = [tuple(corners[0].tolist()), tuple((corners[1] + 1).tolist())]
        shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        shape(box, fill=int(rng.integers(256)))
    return np.asarray(picture, dtype=np.float32) / 255


def _page(rng: np.random.Generator) -> Drawing:
    """Lines of marks like writing."""
    picture, pen = _canvas(rng)
    ink, step = int(rng.integers(256)), int(rng.integers(4, 14))
    for top in range(int(rng.integers(0, 20)), SIDE, step):
        left = int(rng.integers(0, 30))
        while left < SIDE - rng.integers(0, 40):
            width = int(rng.integers(1, 12))
            pen.rectangle([left, top, left + width, top + max(1, step // 2)], fill=ink)
            left += width + int(rng.integers(1, 5))
    return np.asarray(picture, dtype=np.float32) / 255


def _bones(rng: np.random.Generator) -> Drawing:
    """Bright tubes with soft tissue on black, as of limbs and hands."""
    picture = Image.new("L", (SIDE, SIDE), 0)
    pen = ImageDraw.Draw(picture)
    start = rng.uniform(0, SIDE, 2)
    for _ in range(rng.integers(1, 7)):
        end = start + rng.normal(0, 45, 2)
        width = int(rng.integers(6, 26))
        line = [tuple(start.tolist()), tuple(end.tolist())]
        pen.line(line, fill=int(rng.integers(60, 120)), width=2 * width)
        pen.line(line, fill=int(rng.integers(140, 255)), width=width)
        start = end if rng.random() < 0.7 else rng.uniform(0, SIDE, 2)
    return np.asarray(picture, dtype=np.float32) / 255


def _skull(rng: np.random.Generator) -> Drawing:
    """A bright rim around a gray oval with darker hollows, as of heads and pelves."""
    y, x = (np.mgrid[0:SIDE, 0:SIDE] - SIDE / 2) / (SIDE / 2)
    radius = np.hypot((x - rng.uniform(-0.2, 0.2)) / rng.uniform(0.5, 0.9), (y - rng.uniform(-0.2, 0.2)) / 0.85)
    picture = 0.5 * (radius < 1) + 0.4 * (np.abs(radius - 0.95) < rng.uniform(0.03, 0.12))
    for _ in range(rng.integers(0, 5)):
        cx, cy, size = rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), rng.uniform(0.05, 0.3)
        picture -= 0.3 * (np.hypot(x - cx, y - cy) < size)
    return picture


def _rings(rng: np.random.Generator) -> Drawing:
    y, x = np.mgrid[0:SIDE, 0:SIDE] - rng.uniform(0, SIDE, size=(2, 1, 1))
    return 0.5 + 0.5 * np.sin(np.hypot(x, y) / rng.uniform(1.5, 12))


def _stripes(rng: np.random.Generator) -> Drawing:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    wave = np.sin(x / rng.uniform(1, 15)) * (np.sin(y / rng.uniform(1, 15)) if rng.random() < 0.5 else 1)
    return (wave > 0).astype(np.float32) if rng.random() < 0.5 else 0.5 + 0.5 * wave


def _slice(rng: np.random.Generator) -> Drawing:
    """An axial slice: a gray ellipse on black with dark and bright ellipses inside."""
    y, x = (np.mgrid[0:SIDE, 0:SIDE] - SIDE / 2) / (SIDE / 2)
    body = np.hypot(x / rng.uniform(0.7, 0.95), y / rng.uniform(0.45, 0.75)) < 1
    picture = 0.45 * body
    for _ in range(rng.integers(2, 9)):
        cx, cy = rng.uniform(-0.5, 0.5), rng.uniform(-0.35, 0.35)
        inside = np.hypot((x - cx) / rng.uniform(0.05, 0.35), (y - cy) / rng.uniform(0.05, 0.3)) < 1
        picture[inside & body] = rng.choice([0.0, 0.3, 0.6, 0.9])
    return picture


_DRAWINGS: dict[str, Callable[[np.random.Generator], Drawing]] = {
    "clouds": _clouds,
    "ramp": _ramp,
    "shapes": _shapes,
    "page": _page,
    "bones": _bones,
    "skull": _skull,
    "rings": _rings,
    "stripes": _stripes,
    "slice": _slice,
}
DRAWINGS = tuple(_DRAWINGS)
