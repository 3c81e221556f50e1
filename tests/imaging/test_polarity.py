"""A MONOCHROME1 header that contradicts its pixels does not turn the picture over."""

import numpy as np

from cxr.imaging.reading import read_radiograph


def test_the_shared_monochrome1_twin_is_the_same_picture(shared_data):
    files = [path for path in sorted((shared_data / "dicom").glob("*.dcm")) if path.name != "dx_image.dcm"]
    original, twin = (read_radiograph(path) for path in files)
    assert np.abs(original.pixels - twin.pixels).max() <= 1 / 255
    assert (original.metadata.polarity, twin.metadata.polarity) == ("header", "pixels")
