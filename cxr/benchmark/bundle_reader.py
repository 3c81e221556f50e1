"""The clinic's reading, preprocessing and graph over many labeled images."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr.errors import RefusedInputError
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.localization.heatmaps import Heatmaps
from cxr.screening import Bundle, Network, default_workers

__all__ = ["BoxRow", "Reading", "read_images"]

BoxRow = tuple[str, str, tuple[float, float, float, float]]
"""Image, finding, and x, y, width, height in pixels of the image."""

_IN_FLIGHT = 16  # images per worker: keeps the threads busy and the memory constant


@dataclass(frozen=True)
class Reading:
    """What a bundle says about one image.

    Attributes:
        probabilities: (C,) calibrated.
        boxes: predicted boxes of the findings that were to be located.
    """

    probabilities: NDArray[np.float64]
    boxes: tuple[BoxRow, ...]


def _read(bundle: Bundle, network: Network, image: str, path: Path, located: Sequence[str]) -> Reading | None:
    manifest = bundle.manifest
    size = manifest.preprocessing.size
    try:
        radiograph = read_radiograph(path)
    except RefusedInputError:
        return None
    square, placement = prepare(radiograph.pixels, size, radiograph.metadata.pixel_aspect)
    output = network.run(square[None])
    probabilities = bundle.calibrator.apply(output.logits[0])
    outlines = None if output.outlines is None else output.outlines[0]
    heatmaps = Heatmaps(output.class_maps[0], manifest.label_space, square, placement, outlines)
    boxes: list[BoxRow] = []
    for name in located:
        index = manifest.label_space.index(name)
        found = heatmaps.boxes(name, manifest.boxes[name], float(probabilities[index]))
        boxes += [(image, name, (box.x, box.y, box.width, box.height)) for box in found]
    return Reading(probabilities, tuple(boxes))


def read_images(
    bundle: Bundle, images: Sequence[tuple[str, Path]], located: Mapping[str, Sequence[str]]
) -> Iterator[Reading | None]:
    """Run a bundle over images, concurrently and in order.

    Boxes are drawn of every finding that is to be located, as Wang 2017 does for its true boxes, where
    :class:`cxr.screening.Screener` draws only what is above its operating point.

    Args:
        bundle: the model.
        images: name and file of each image.
        located: image -> findings to draw boxes of; images that are not named get none.

    Yields:
        A reading, or ``None`` for an image that must not be screened.
    """
    network, workers = bundle.network(threads=1), default_workers()

    def read(item: tuple[str, Path]) -> Reading | None:
        return _read(bundle, network, *item, located.get(item[0], ()))

    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(images), _IN_FLIGHT * workers):
            yield from pool.map(read, images[start : start + _IN_FLIGHT * workers])
