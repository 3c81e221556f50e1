"""Runs inside the peer's environment: ROUNDS FILE... -> files per second, as the last line of standard output.

One file at a time, as torchxrayvision's documentation shows it.
"""

import json
import statistics
import sys
import time

import torch
import torchvision
import torchxrayvision as xrv
from skimage.io import imread


def main(rounds: int, files: list[str]) -> None:
    """Time the pipeline: read, normalise to [-1024, 1024], centre crop, resize to 224 px, DenseNet-121."""
    transform = torchvision.transforms.Compose([xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(224)])
    model = xrv.models.DenseNet(weights=None).eval()
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        for file in files:
            if file.endswith(".dcm"):
                image = xrv.utils.read_xray_dcm(file)
            else:
                image = xrv.datasets.normalize(imread(file), 255)
                image = image.mean(2) if image.ndim == 3 else image
            model(torch.from_numpy(transform(image[None]))[None])[0].detach().numpy()
        seconds.append(time.perf_counter() - started)
    print(json.dumps(len(files) / statistics.median(seconds)))


main(int(sys.argv[1]), sys.argv[2:])
