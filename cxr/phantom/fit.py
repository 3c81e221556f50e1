"""Fit the shipped parameters of the phantom from real masks and radiographs.

    python -m cxr.phantom.fit MASKS NIH

MASKS holds one folder per source, each with index.csv and the folders right_lung/, left_lung/, heart/ (PNG,
0/255); NIH holds index.csv and the ChestX-ray14 images. Only images whose split is ``train_val`` are read. What
is written (parameters.npz beside this file) is statistics, no image: see NOTICE.md. Needs the 'train' extra.
"""

import argparse
from pathlib import Path

import numpy as np

from cxr.phantom.fit_appearance import fit_appearance
from cxr.phantom.fit_shape import fit_shape, read_shapes


def main() -> None:
    """Fit everything and replace parameters.npz atomically."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masks", type=Path)
    parser.add_argument("nih", type=Path)
    arguments = parser.parse_args()
    annotated = list(read_shapes(arguments.masks))
    parameters = fit_shape(np.stack([shape for _, shape in annotated]))
    parameters |= fit_appearance(annotated, arguments.nih)
    target = Path(__file__).with_name("parameters.npz")
    temporary = target.with_suffix(".tmp.npz")
    np.savez_compressed(temporary, allow_pickle=False, **parameters)
    temporary.replace(target)


if __name__ == "__main__":
    main()
