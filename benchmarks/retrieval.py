"""Similar cases: do neighbours share a finding more often than chance and than pixels say, and how fast is it?

The galleries are a phantom cohort and NIH test_dev, screened with the shipped bundle. A query is an image with a
finding; of the five nearest images of other patients, precision is the share that has one of its findings. Random
neighbours are the expectation over all other patients' images; pixel distance is Euclidean on 32 x 32 reductions,
each scaled to zero mean and unit variance; the network's own embedding is what the similarity head is made of.
Intervals resample patients, those of differences the same ones. Speed: 100,000 embeddings of the bundle's length, one
query at a time through the whole :meth:`cxr.retrieval.ImageIndex.search`, thumbnails included.
"""

import csv
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.provenance import shared_data
from benchmarks.record import Row, exact, line
from cxr.datasets.dataset import open_dataset
from cxr.evaluation import Estimate
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
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
    rows = _real(screener)
    with tempfile.TemporaryDirectory() as scratch:
        cohort = generate_cohort(PATIENTS, SIZE, SEED, Path(scratch) / "cohort")
        names, patients, labels = _truth(cohort / "truth" / "labels.csv")
        features = _features(screener, [cohort / "images" / name for name in names])
        rows += _precisions("phantoms", DATA, features, patients, labels)
        rows += _places(features, patients, cohort / "truth" / "findings.csv", names)
        rows += _speed(Path(scratch) / "index", features["similarity head"].shape[1])
    return rows


def _real(screener: Screener) -> list[Row]:
    records = open_dataset(shared_data("nih")).subset("test").records
    labels = records[list(screener.bundle.manifest.label_space)].to_numpy() == 1
    features = _features(screener, [Path(path) for path in records["path"]])
    return _precisions("NIH", "NIH test_dev", features, records["patient"].astype(str).to_numpy(np.str_), labels)


def _accept(_: object) -> None:
    """A gate that lets every picture pass."""


def _truth(path: Path) -> tuple[list[str], NDArray[np.str_], NDArray[np.bool_]]:
    with path.open(newline="") as stream:
        table = list(csv.DictReader(stream))
    labels = np.array([[row.get(name) == "1" for name in LABELS] for row in table])
    return [row["image"] for row in table], np.array([row["patient_id"] for row in table]), labels


def _features(screener: Screener, files: list[Path]) -> dict[str, NDArray[np.float32]]:
    """Kind -> (N, D): the similarity head's vectors, the network's embeddings, and standardised pixels."""
    network, size = screener.bundle.network(threads=1), screener.bundle.manifest.preprocessing.size
    heads = screener.bundle.film_heads
    assert heads is not None
    found: dict[str, list[NDArray[np.float32]]] = {"similarity head": [], "embedding": [], "pixel distance": []}
    for file in files:
        film = read_radiograph(file)
        output = network.run(prepare(film.pixels, size, film.metadata.pixel_aspect)[0][None])
        small = np.asarray(Image.open(file).convert("L").resize((32, 32), Image.Resampling.BOX), np.float32).ravel()
        found["similarity head"].append(heads.look(output).similarity)
        found["embedding"].append(output.embedding[0])
        found["pixel distance"].append((small - small.mean()) / small.std())
    return {name: np.stack(vectors) for name, vectors in found.items()}


def _precisions(
    gallery: str,
    data: str,
    features: dict[str, NDArray[np.float32]],
    patients: NDArray[np.str_],
    labels: NDArray[np.bool_],
) -> list[Row]:
    queries = np.flatnonzero(labels.any(axis=1))
    hits: dict[str, list[float]] = {name: [] for name in (*features, "random")}
    for query in queries:
        others = np.flatnonzero(patients != patients[query])
        shares = (labels[others] & labels[query]).any(axis=1)
        # On standardised pixels the nearest by Euclidean distance is the most similar by cosine.
        for name, vectors in features.items():
            nearest = [row for row, _ in most_similar(vectors[query], vectors[others], NEIGHBOURS)]
            hits[name].append(float(shares[nearest].mean()))
        hits["random"].append(float(shares.mean()))
    values = {name: np.array(found) for name, found in hits.items()}
    ours = values["similarity head"]
    values |= {f"similarity head minus {name}": ours - values[name] for name in (*list(features)[1:], "random")}
    rows: list[Row] = []
    for name, found in values.items():
        figures = {f"precision at {NEIGHBOURS}": _mean(found, patients[queries])}
        rows += line("similar cases", f"{gallery}, {name}", figures, n=len(queries), unit_of_n="queries", data=data)
    return rows


def _places(
    features: dict[str, NDArray[np.float32]], patients: NDArray[np.str_], findings: Path, names: list[str]
) -> list[Row]:
    """How often a finding that neighbours share, on one side in both, is on the same side and in the same zone."""
    places: dict[str, dict[str, tuple[str, str]]] = {name: {} for name in names}
    with findings.open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["side"] in ("left", "right"):
                places[row["image"]][row["label"]] = (row["side"], row["zone"])
    rows: list[Row] = []
    for kind, vectors in features.items():
        agree: list[tuple[bool, bool]] = []
        for query, name in enumerate(names):
            others = np.flatnonzero(patients != patients[query])
            for near, _ in most_similar(vectors[query], vectors[others], NEIGHBOURS) if places[name] else ():
                found = places[names[others[near]]]
                agree += [
                    (found[label][0] == side, found[label][1] == zone)
                    for label, (side, zone) in places[name].items()
                    if label in found
                ]
        same = np.sum(agree, axis=0)
        figures = {"same side": exact(int(same[0]), len(agree)), "same zone": exact(int(same[1]), len(agree))}
        rows += line("similar places", kind, figures, n=len(agree), unit_of_n="shared findings", data=DATA,
                     interval="exact")  # fmt: skip
    return rows


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
