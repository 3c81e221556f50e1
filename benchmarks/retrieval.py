"""Similar cases: do neighbours share a finding more often than chance and than pixels say, and how fast is it?

The gallery is a phantom cohort, screened with the shipped bundle. A query is an image with a finding; of the five
nearest images of other patients, precision is the share that has one of its findings. Random neighbours are the
expectation over all other patients' images; pixel distance is Euclidean on 32 x 32 reductions, each scaled to zero
mean and unit variance. Intervals resample patients. Speed: 100,000 embeddings of the bundle's length, one query at a
time through the whole :meth:`cxr.retrieval.ImageIndex.search`, thumbnails included.
"""

import csv
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.record import Row, line
from cxr.evaluation import Estimate
from cxr.phantom import generate_cohort
from cxr.retrieval import Entry, ImageIndex, most_similar
from cxr.retrieval.building import index_writer
from cxr.screening import Screener
from nlp_labeler.findings import LABELS

PATIENTS, SIZE, SEED = 200, 224, 11
NEIGHBOURS = 5
LARGE, QUERIES = 100_000, 200
RESAMPLES = 2000
DATA = f"{PATIENTS} phantom patients, seed {SEED}, {SIZE} pixels"


def run() -> list[Row]:
    """Precision at five by embedding, pixels and chance; milliseconds of a large index."""
    # The gate is not what is measured here, and every film must be in the gallery.
    screener = Screener(threads=1, gate=_accept)
    with tempfile.TemporaryDirectory() as scratch:
        cohort = generate_cohort(PATIENTS, SIZE, SEED, Path(scratch) / "cohort")
        names, patients, labels = _truth(cohort / "truth" / "labels.csv")
        embeddings, pixels = _features(screener, [cohort / "images" / name for name in names])
        rows = _precisions(embeddings, pixels, patients, labels)
        rows += _speed(Path(scratch) / "index", embeddings.shape[1])
    return rows


def _accept(_: object) -> None:
    """A gate that lets every picture pass."""


def _truth(path: Path) -> tuple[list[str], NDArray[np.str_], NDArray[np.bool_]]:
    with path.open(newline="") as stream:
        table = list(csv.DictReader(stream))
    labels = np.array([[row.get(name) == "1" for name in LABELS] for row in table])
    return [row["image"] for row in table], np.array([row["patient_id"] for row in table]), labels


def _features(screener: Screener, files: list[Path]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(N, D) embeddings and (N, 1024) standardised pixels."""
    embeddings, pixels = [], []
    for file in files:
        artifacts = screener.examine(file.name, file).artifacts
        assert artifacts is not None, file.name
        embeddings.append(artifacts.embedding)
        small = np.asarray(Image.open(file).resize((32, 32), Image.Resampling.BOX), dtype=np.float32).ravel()
        pixels.append((small - small.mean()) / small.std())
    return np.stack(embeddings), np.stack(pixels)


def _precisions(
    embeddings: NDArray[np.float32],
    pixels: NDArray[np.float32],
    patients: NDArray[np.str_],
    labels: NDArray[np.bool_],
) -> list[Row]:
    queries = np.flatnonzero(labels.any(axis=1))
    hits: dict[str, list[float]] = {"embedding": [], "pixel distance": [], "random": []}
    for query in queries:
        others = np.flatnonzero(patients != patients[query])
        shares = (labels[others] & labels[query]).any(axis=1)
        # On standardised pixels the nearest by Euclidean distance is the most similar by cosine.
        for name, features in (("embedding", embeddings), ("pixel distance", pixels)):
            nearest = [row for row, _ in most_similar(features[query], features[others], NEIGHBOURS)]
            hits[name].append(float(shares[nearest].mean()))
        hits["random"].append(float(shares.mean()))
    found = [(name, _mean(np.array(values), patients[queries])) for name, values in hits.items()]
    return [
        row
        for name, precision in found
        for row in line(
            "similar cases",
            name,
            {f"precision at {NEIGHBOURS}": precision},
            n=len(queries),
            unit_of_n="queries",
            data=DATA,
        )
    ]


def _mean(values: NDArray[np.float64], patients: NDArray[np.str_]) -> Estimate:
    """The mean over queries, with its interval by resampling patients."""
    _, codes = np.unique(patients, return_inverse=True)
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    draws = np.random.default_rng(0).integers(0, len(sums), (RESAMPLES, len(sums)))
    low, high = np.quantile(sums[draws].sum(axis=1) / counts[draws].sum(axis=1), (0.025, 0.975))
    return Estimate(round(float(values.mean()), 4), round(float(low), 4), round(float(high), 4))


def _speed(folder: Path, dimension: int) -> list[Row]:
    rng = np.random.default_rng(0)
    entry_files = b"\xff" * 3000  # the size of a thumbnail
    with index_writer(folder, "0" * 64) as writer:
        for number in range(LARGE):
            embedding = rng.standard_normal(dimension, dtype=np.float32)
            writer.add(embedding, Entry(f"{number}.png", f"p{number // 3}", ("Mass",), "labels", entry_files))
    index = ImageIndex(folder, "0" * 64)
    queries = rng.standard_normal((QUERIES, dimension), dtype=np.float32)
    times = []
    for number, query in enumerate(queries):
        start = time.perf_counter()
        index.search(query, NEIGHBOURS, patient=f"p{number}")
        times.append(1000 * (time.perf_counter() - start))
    quantiles = {"median ms": 0.5, "95th percentile ms": 0.95}
    figures = {name: round(float(np.quantile(times, quantile)), 2) for name, quantile in quantiles.items()}
    data = f"random embeddings of length {dimension}"
    return line("similar cases, speed", f"{LARGE:,} images", figures, n=QUERIES, unit_of_n="queries", data=data)
