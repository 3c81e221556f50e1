"""Two films of one chest, laid over each other by the outlines of lungs and heart.

Breath, posture and distance change where an organ lies on the film; an affine map undoes most of that. It is found by
least squares on softened outlines, from the position and size of the lungs, on a small grid: outlines are no finer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, binary_erosion, distance_transform_edt, gaussian_filter
from scipy.optimize import least_squares

from cxr.localization import Box
from cxr.localization.anatomy import Anatomy

__all__ = ["Registration", "register"]

_GRID = 64
_SOFT = 1.5
_LARGEST_SCALE = 1.6  # no posture makes a chest that much larger; an outline has failed
_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Registration:
    """An affine map from the earlier film to the later one, in shares of each film's height and width.

    Attributes:
        matrix: (2, 2) and
        offset: (2,): (y, x) on the later film = matrix @ (y, x on the earlier one) + offset.
        error: mean distance between the lungs' outlines laid over each other, in widths of the chest; 0 is perfect.
        before: the same before anything was moved.
    """

    matrix: _Floats
    offset: _Floats
    error: float
    before: float

    def box(self, box: Box, earlier: tuple[int, int], later: tuple[int, int]) -> Box:
        """A box of the earlier film where it would lie on the later one.

        Args:
            box: in pixels of the earlier film.
            earlier: its height and width in pixels.
            later: those of the later film.
        """
        corners = np.array([[y, x] for y in (box.y, box.y + box.height) for x in (box.x, box.x + box.width)])
        moved = ((corners / earlier) @ self.matrix.T + self.offset) * later
        (top, left), (bottom, right) = moved.min(axis=0), moved.max(axis=0)
        return Box(float(left), float(top), float(right - left), float(bottom - top), box.score)

    def warp(self, pixels: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
        """The earlier film as it lies over the later one.

        Args:
            pixels: (H, W) of the earlier film.
            shape: height and width of the picture to make.

        Returns:
            ``shape`` float32; 0 where the earlier film does not reach.
        """
        return _moved(pixels[None].astype(np.float64), self.matrix, self.offset, shape)[0].astype(np.float32)


def register(earlier: Anatomy, later: Anatomy) -> Registration | None:
    """Lay the earlier chest over the later one; ``None`` where an outline is missing or no plausible map fits.

    Args:
        earlier: outlines over the whole of the earlier film, on any grid.
        later: those of the later film.
    """
    films = [_soft(chest) for chest in (earlier, later)]
    if any(film is None for film in films):
        return None
    source, target = films
    assert source is not None
    assert target is not None
    start = np.concatenate([np.zeros(4), _centre(target) - _centre(source)])

    def residual(parameters: _Floats) -> _Floats:
        moved = _moved(source, np.eye(2) + parameters[:4].reshape(2, 2), parameters[4:])
        return np.asarray(moved - target, dtype=np.float64).ravel()

    found = least_squares(residual, start, method="lm", max_nfev=400, diff_step=1e-3)
    matrix, offset = np.eye(2) + found.x[:4].reshape(2, 2), found.x[4:]
    stretch = np.linalg.svd(matrix, compute_uv=False)
    if not np.isfinite(found.x).all() or stretch[0] > _LARGEST_SCALE or stretch[1] < 1 / _LARGEST_SCALE:
        return None
    lungs = _lungs(later)
    moved_lungs = _moved(_resized(_lungs(earlier))[None], matrix, offset, lungs.shape)[0] > 0.5
    if not moved_lungs.any():
        return None
    return Registration(
        matrix,
        offset,
        _outline_error(moved_lungs, lungs),
        _outline_error(_resized(_lungs(earlier), lungs.shape) > 0.5, lungs),
    )


def _lungs(chest: Anatomy) -> NDArray[np.bool_]:
    return chest.right_lung | chest.left_lung


def _soft(chest: Anatomy) -> _Floats | None:
    """(3, G, G) softened outlines; ``None`` where a lung or the heart is missing."""
    masks = (chest.right_lung, chest.left_lung, chest.heart)
    if not all(mask.any() for mask in masks):
        return None
    return np.stack([gaussian_filter(_resized(mask), _SOFT) for mask in masks])


def _resized(mask: NDArray[np.bool_], shape: tuple[int, ...] = (_GRID, _GRID)) -> _Floats:
    """A mask on another grid over the same film."""
    scale = np.array(mask.shape) / np.array(shape)
    found = affine_transform(
        gaussian_filter(mask.astype(np.float64), np.maximum(scale / 2 - 0.5, 0)),
        scale,
        0.5 * scale - 0.5,
        shape,
        order=1,
    )
    return np.asarray(found)


def _centre(masks: _Floats) -> _Floats:
    """Middle of the lungs in shares of the film."""
    lungs = masks[:2].sum(axis=0)
    grid = (np.arange(_GRID) + 0.5) / _GRID
    return np.array([(lungs.sum(axis=1 - axis) * grid).sum() for axis in (0, 1)]) / lungs.sum()


def _moved(masks: _Floats, matrix: _Floats, offset: _Floats, shape: tuple[int, ...] = (_GRID, _GRID)) -> _Floats:
    """Masks of the earlier film where the map puts them."""
    inverse = np.linalg.inv(matrix)
    size, made = np.array(masks.shape[1:]), np.array(shape)
    step = inverse * size[:, None] / made[None]
    start = (inverse @ (0.5 / made - offset)) * size - 0.5
    return np.stack([affine_transform(mask, step, start, tuple(shape), order=1) for mask in masks])


def _outline_error(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Mean distance from each outline to the other one, in widths of the chest; infinite where one is empty."""
    if not one.any() or not other.any():
        return np.inf
    edges = [mask & ~binary_erosion(mask, border_value=1) for mask in (one, other)]
    if not all(edge.any() for edge in edges):
        return np.inf
    distances = [distance_transform_edt(~edge) for edge in edges]
    columns = np.flatnonzero(other.any(axis=0))
    width = columns[-1] - columns[0] + 1
    return float((distances[1][edges[0]].mean() + distances[0][edges[1]].mean()) / 2 / width)
