"""Pictures that resemble a frontal chest film and are none, or only a part or a bad copy of one: made from real films.

Each function takes gray pictures (H, W) in [0, 1] and a generator, and returns one such picture. The films they are
made of are the caller's: the benchmark makes them of films that training has not seen.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from cxr.phantom.lateral import lateral_film

__all__ = ["LOOKALIKES", "as_it_comes", "child_film", "lookalike"]

Gray = NDArray[np.float32]
Films = Sequence[Gray]


def lookalike(kind: str, films: Films, rng: np.random.Generator) -> Gray:
    """A picture of one of :data:`LOOKALIKES`.

    Args:
        kind: which.
        films: (H, W) each in [0, 1], upright frontal chests.
        rng: which of them, and how.

    Returns:
        (H, W) float32 in [0, 1].
    """
    return np.ascontiguousarray(np.clip(LOOKALIKES[kind](films, rng), 0, 1), dtype=np.float32)


def as_it_comes(film: Gray, rng: np.random.Generator) -> Gray:
    """A good film as another hospital would send it: other exposure, format and margins, a marker, a small tilt."""
    height, width = film.shape
    angle, size, aspect = rng.uniform(-6, 6), rng.uniform(0.94, 1.06), rng.uniform(0.8, 1.25)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, size)
    moved: Gray = np.asarray(cv2.warpAffine(film, matrix, (width, height), borderMode=cv2.BORDER_CONSTANT), np.float32)
    moved = moved[: int(height * rng.uniform(0.95, 1)), int(width * rng.uniform(0, 0.04)) :]
    moved = _resized(moved, moved.shape[0], int(moved.shape[1] * aspect))
    if rng.random() < 0.3:
        moved = np.pad(moved, [tuple(rng.integers(0, 24, 2)), tuple(rng.integers(0, 24, 2))])
    if rng.random() < 0.4:
        moved = _written(moved, str(rng.choice(["R", "L", "PORTABLE", "AP", "SUPINE", "12"])), _corner(rng), rng)
    return _exposure(moved, rng)


def child_film(film: Gray, rng: np.random.Generator) -> Gray:
    """A child's film out of a collection that squashed all to squares: given back a width of its own."""
    return _exposure(_resized(film, film.shape[0], int(film.shape[1] * rng.uniform(0.9, 1.5))), rng)


def _lateral(films: Films, rng: np.random.Generator) -> Gray:
    """From the side: a phantom, one with the texture of a real film, or two half films laid over each other."""
    choice = rng.random()
    if choice < 0.25:
        return lateral_film(rng)
    if choice < 0.75:
        drawn, film = lateral_film(rng), _any(films, rng)
        film = _resized(film, *drawn.shape)[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
        detail = film - ndimage.gaussian_filter(film, rng.uniform(4, 14))
        return _exposure(np.clip(drawn + rng.uniform(0.4, 1.4) * detail * (drawn > 0.03), 0, 1), rng)
    return _exposure(_folded(_any(films, rng), _any(films, rng), rng), rng)


def _folded(first: Gray, second: Gray, rng: np.random.Generator) -> Gray:
    """Half a chest with its spine on one side, over half of another with its heart on the other side."""
    rows, columns = (int(side) for side in (224 * rng.uniform(0.9, 1), 224 * rng.uniform(0.6, 0.85)))
    middle = first.shape[1] // 2 - int(0.06 * first.shape[1])
    behind = _resized(first[:, middle:], rows, columns)  # spine on the left
    before = _resized(second[:, middle:], rows, columns)[:, ::-1]  # heart on the right
    weight = np.linspace(rng.uniform(0.6, 0.9), rng.uniform(0.1, 0.4), columns, dtype=np.float32)
    both = weight * behind + (1 - weight) * before
    return both[:, ::-1] if rng.random() < 0.5 else both


def _cut(films: Films, rng: np.random.Generator) -> Gray:
    """Half a chest, or less: the other side, the top or the bottom is not on the film."""
    film = as_it_comes(_any(films, rng), rng) if rng.random() < 0.5 else _any(films, rng)
    sideways = rng.random() < 0.75
    line = film.T if sideways else film
    rows = int(line.shape[0] * rng.uniform(0.35, 0.57))
    part = line[:rows] if rng.random() < 0.5 else line[-rows:]
    return part.T if sideways else part


def _several(films: Films, rng: np.random.Generator) -> Gray:
    """Two to four films in one picture, frontal or not."""

    def one() -> Gray:
        film = _lateral(films, rng) if rng.random() < 0.35 else as_it_comes(_any(films, rng), rng)
        return _resized(film, 160, 160 if rng.random() < 0.6 else int(160 * rng.uniform(0.7, 1.1)))

    gap = np.full((160, int(rng.integers(0, 12))), rng.choice([0.0, 1.0]), dtype=np.float32)
    rows = [np.hstack([one(), gap, one()]) for _ in range(2 if rng.random() < 0.3 else 1)]
    if rng.random() < 0.3 and len(rows) == 1:
        first, second = one(), one()
        return np.vstack([first, _resized(second, 160, first.shape[1])])
    return np.vstack([_resized(row, 160, rows[0].shape[1]) for row in rows])


def _photographed(films: Films, rng: np.random.Generator) -> Gray:
    """A film on a light box or a screen, taken by hand: slanted, with glare, uneven light and moire."""
    film = as_it_comes(_any(films, rng), rng)
    side = 288
    film = _resized(film, side, int(side * np.clip(film.shape[1] / film.shape[0], 0.7, 1.3)))
    height, width = film.shape
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    wall = rng.uniform(0, 0.9) + rng.uniform(-0.3, 0.3) * x + rng.uniform(-0.3, 0.3) * y
    if rng.random() < 0.4:  # the bezel of a screen
        film = np.pad(film, int(rng.integers(3, 14)), constant_values=float(rng.choice([0.05, 0.2, 0.8])))
        height, width = film.shape
    margin = rng.uniform(-0.05, 0.14)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    target = margin + (1 - 2 * margin) * corners + rng.uniform(-0.09, 0.09, (4, 2)).astype(np.float32)
    source = corners * np.array([width, height], np.float32)
    matrix = cv2.getPerspectiveTransform(source, (target * side).astype(np.float32))
    shown = cv2.warpPerspective(film, matrix, (side, side), flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.ones_like(film), matrix, (side, side))
    picture = inside * (rng.uniform(0.02, 0.2) + rng.uniform(0.6, 0.85) * shown) + (1 - inside) * wall
    for _ in range(rng.integers(0, 4)):
        centre, size = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.3, 2)
        glow = np.exp(-(((x - centre[0]) / size[0]) ** 2) - ((y - centre[1]) / size[1]) ** 2)
        picture = picture + rng.uniform(0.2, 0.9) * glow
    picture = picture * (1 + rng.uniform(-0.5, 0.5) * (x - 0.5) + rng.uniform(-0.5, 0.5) * (y - 0.5))
    if rng.random() < 0.6:
        across, down = rng.uniform(20, 110, 2)
        bent = x + 0.05 * np.sin(3 * y + rng.uniform(0, 6))
        picture = picture + rng.uniform(0.01, 0.08) * np.sin(2 * np.pi * (across * bent + down * y))
    return ndimage.gaussian_filter(picture, rng.uniform(0.2, 1.2)) + rng.normal(0, rng.uniform(0, 0.03), picture.shape)


def _screenshot(films: Films, rng: np.random.Generator) -> Gray:
    """A film in the window of a viewer: bars, lists, thumbnails and buttons around it."""
    film = as_it_comes(_any(films, rng), rng)
    width, height = int(rng.integers(320, 460)), 288
    base = float(rng.choice([0.05, 0.12, 0.25, 0.8, 0.94]))
    window = np.full((height, width), base, np.float32)
    left, right = (int(width * rng.uniform(0, 0.25)) for _ in range(2))
    top, bottom = (int(height * rng.uniform(0.03, 0.14)) for _ in range(2))
    room = window[top : height - bottom, left : width - right]
    scale = min(room.shape[0] / film.shape[0], room.shape[1] / film.shape[1])
    shown = _resized(film, max(8, int(film.shape[0] * scale)), max(8, int(film.shape[1] * scale)))
    room[:] = 0 if rng.random() < 0.7 else base
    dy, dx = (room.shape[0] - shown.shape[0]) // 2, (room.shape[1] - shown.shape[1]) // 2
    room[dy : dy + shown.shape[0], dx : dx + shown.shape[1]] = shown
    picture = Image.fromarray((np.clip(window, 0, 1) * 255).astype(np.uint8))
    pen, ink = ImageDraw.Draw(picture), 235 if base < 0.5 else 30
    for row in (2, height - bottom + 2):
        for column in range(4, width - 30, int(rng.integers(22, 60))):
            if rng.random() < 0.75:
                _control(pen, column, row, rng, ink)
    for edge, span in ((2, left), (width - right + 2, right)):
        for row in range(top, height - bottom - 10, int(rng.integers(11, 48))):
            if span > 24:
                _control(pen, edge, row, rng, ink, span - 6)
    return np.asarray(picture, np.float32) / np.float32(255)


def _control(
    pen: ImageDraw.ImageDraw, left: int, top: int, rng: np.random.Generator, ink: int, width: int = 18
) -> None:
    """A button, a line of text or a thumbnail."""
    if rng.random() < 0.5:
        words = "".join(rng.choice(list("abcdefgimnorstu /:-0123456789"), max(3, width // 4)))
        pen.text((left, top), words, fill=ink, font=ImageFont.load_default(8))
    else:
        pen.rectangle(
            [left, top, left + width, top + int(rng.integers(6, 10))], outline=ink, fill=int(rng.integers(256))
        )


def _annotated(films: Films, rng: np.random.Generator) -> Gray:
    """A figure of a paper: arrows, arrowheads, circles, letters and outlines on the film."""
    film = as_it_comes(_any(films, rng), rng)
    film = _resized(film, 288, max(200, int(288 * film.shape[1] / film.shape[0])))
    height, width = film.shape
    picture = Image.fromarray((np.clip(film, 0, 1) * 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.integers(1, 6)):
        ink = 255 if rng.random() < 0.75 else int(rng.choice([0, 160, 80]))
        x, y = rng.uniform(0.15, 0.85) * width, rng.uniform(0.15, 0.85) * height
        mark, stroke = rng.random(), int(rng.integers(2, 6))
        if mark < 0.6:
            _arrow(pen, (x, y), rng, ink, stroke)
        elif mark < 0.8:
            across, down = rng.uniform(12, 50, 2)
            shape = pen.ellipse if rng.random() < 0.7 else pen.rectangle
            shape([x - across, y - down, x + across, y + down], outline=ink, width=stroke)
        else:
            text = str(rng.choice(["A", "B", "a", "*", "1", "2", "+", "Fig. 1", "9.2 cm"]))
            pen.text((x, y), text, fill=ink, font=ImageFont.load_default(int(rng.integers(16, 34))))
    return np.asarray(picture, np.float32) / np.float32(255)


def _arrow(pen: ImageDraw.ImageDraw, tip: tuple[float, float], rng: np.random.Generator, ink: int, stroke: int) -> None:
    angle, length, head = rng.uniform(0, 2 * np.pi), rng.uniform(0, 45), rng.uniform(8, 17)
    back = np.array([np.cos(angle), np.sin(angle)])
    side = np.array([-back[1], back[0]])
    end = np.array(tip)
    pen.polygon([tuple(end), *(tuple(end + head * back + sign * 0.5 * head * side) for sign in (1, -1))], fill=ink)
    pen.line([tuple(end + head * 0.8 * back), tuple(end + (head + length) * back)], fill=ink, width=stroke)


def _exposure(film: Gray, rng: np.random.Generator) -> Gray:
    """Another gamma, contrast and sharpness."""
    changed = np.clip(film, 0, 1) ** np.exp2(rng.uniform(-0.7, 0.7))
    changed = (changed - 0.5) * rng.uniform(0.7, 1.25) + 0.5 + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.3:
        changed = ndimage.gaussian_filter(changed, rng.uniform(0.3, 1.2))
    elif rng.random() < 0.3:
        changed = changed + rng.uniform(0.3, 1.5) * (changed - ndimage.gaussian_filter(changed, rng.uniform(1, 4)))
    changed = changed + rng.normal(0, rng.uniform(0, 0.02), changed.shape)
    return np.clip(changed, 0, 1).astype(np.float32)


def _written(film: Gray, text: str, place: tuple[float, float], rng: np.random.Generator) -> Gray:
    picture = Image.fromarray((np.clip(film, 0, 1) * 255).astype(np.uint8))
    font = ImageFont.load_default(int(rng.integers(8, 22)))
    at = (place[0] * film.shape[1], place[1] * film.shape[0])
    ImageDraw.Draw(picture).text(at, text, fill=int(rng.integers(180, 256)), font=font)
    return np.asarray(picture, np.float32) / np.float32(255)


def _corner(rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.choice([0.03, 0.82])), float(rng.choice([0.02, 0.1, 0.88]))


def _any(films: Films, rng: np.random.Generator) -> Gray:
    return films[int(rng.integers(len(films)))]


def _resized(film: Gray, rows: int, columns: int) -> Gray:
    shrinks = rows * columns < film.size
    return np.asarray(
        cv2.resize(np.ascontiguousarray(film, np.float32), (columns, rows), None, 0, 0, _FILTER[shrinks]), np.float32
    )


_FILTER = {True: cv2.INTER_AREA, False: cv2.INTER_LINEAR}

LOOKALIKES: dict[str, Callable[[Films, np.random.Generator], Gray]] = {
    "lateral": _lateral,
    "cropped": _cut,
    "several_views": _several,
    "photographed": _photographed,
    "screenshot": _screenshot,
    "annotated": _annotated,
}
"""Kinds of pictures, and what makes one."""
