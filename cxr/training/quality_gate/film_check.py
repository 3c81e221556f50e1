"""Train the second look of a bundle, and put it into the bundle.

    python -m cxr.training.quality_gate.film_check --data ../shared/data --bundle cxr/weights/default --version 2.1.0

Good films and their lookalikes go through the bundle's own network; a small network learns to tell them apart by its
answer. Its limits come from NIH films of patients that it was not trained on (five folds), that of the distance from
the validation films, which the bundle's network was not trained on either.
benchmarks/gate.py measures it on other patients, other hospitals, and laterals that nothing was trained on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import typer
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from cxr.datasets.dataset import open_dataset
from cxr.datasets.tables import read_table
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.screening import Bundle
from cxr.screening.film_check import GOOD_FILM, KINDS, FilmCheck, film_features
from cxr.screening.manifest import FILM_CHECK_FILE, MODEL_CARD_FILE, BundleDescription, seal_bundle
from cxr.training.quality_gate.lookalikes import LOOKALIKES, as_it_comes, child_film, lookalike
from cxr.training.quality_gate.non_chests import photographs
from cxr.training.quality_gate.pictures import hospital_chests, masked_chests, phantom_chests, training_non_chests
from nlp_labeler.storage import write_bytes, write_text

__all__ = ["fit_film_check", "read_examples"]

Gray = NDArray[np.float32]
FOLDS = 5
COUNTS = {"lateral": 260, "cropped": 200, "several_views": 160, "photographed": 220, "screenshot": 120}
COUNTS |= {"annotated": 280, "other": 120}
# Of the NIH training films every second is used, of all every third once more as it might come from elsewhere; of the
# masked ones every third.
TAKEN, CHANGED, MASKED, PHANTOMS = 2, 3, 3, 60
HIDDEN, EPOCHS = 64, 60
# Share of good films that each kind of refusal may cost, that may be doubtful by their looks, and by their distance.
REFUSED_PER_KIND, DOUBTFUL, UNLIKE = 0.001, 0.015, 0.01
LOWEST_LIMIT = 0.5
FLATTEST = 1e-3  # directions in which good films differ less than this, against the widest, are noise
REFUSED_KINDS = ("lateral", "cropped", "several_views", "other")
FREE_LICENCES = ("BY", "BY-SA", "NLM")


@dataclass(frozen=True, eq=False)
class Examples:
    """Features of pictures, and what each may be called.

    Attributes:
        features: (N, F) float32.
        allowed: (N, K) bool, the kinds of which any is right.
        fold: (N,) 0 to 4 by the patient of the film that it was made of.
        split: (N,) str, of NIH films as they are ``train`` or ``val``, what the bundle's network was not trained on;
            ``elsewhere`` for good films of other hospitals as they are; empty for all else.
        width: length of the embedding, the first of the features.
    """

    features: NDArray[np.float32]
    allowed: NDArray[np.bool_]
    fold: NDArray[np.int64]
    split: NDArray[np.str_]
    width: int


class _Collector:
    """Runs pictures through the bundle's network and keeps their features."""

    def __init__(self, bundle: Bundle) -> None:
        self._network = bundle.network(threads=1)
        self._size = bundle.manifest.preprocessing.size
        self._rows: list[tuple[NDArray[np.float32], tuple[str, ...], int, str]] = []
        self._width = 0

    def add(self, picture: Gray, *kinds: str, fold: int, split: str = "") -> None:
        square, _ = prepare(picture, self._size)
        output = self._network.run(square[None])
        self._width = output.embedding.shape[1]
        self._rows.append((film_features(output)[0], kinds, fold, split))

    def examples(self) -> Examples:
        features, kinds, folds, splits = zip(*self._rows, strict=True)
        allowed = np.array([[kind in named for kind in KINDS] for named in kinds])
        return Examples(np.stack(features), allowed, np.array(folds), np.array(splits), self._width)


def read_examples(data: Path, bundle: Bundle, rng: np.random.Generator) -> Examples:
    """Good films, children's films and lookalikes.

    Args:
        data: folder with nih/, lung_heart_masks/, hannover/, outside/ and paediatric/.
        bundle: whose network looks at them.
        rng: of the lookalikes.
    """
    collector = _Collector(bundle)
    records = open_dataset(data / "nih").records
    train, val = (records[records["split"] == split] for split in ("train", "val"))
    records = pd.concat([train.iloc[::TAKEN], val])
    patients = records["patient"].astype(str)
    order = {patient: number for number, patient in enumerate(dict.fromkeys(patients))}
    folds = [order[patient] % FOLDS for patient in patients]
    films = [read_radiograph(Path(path)).pixels for path in records["path"]]
    rows = zip(films, folds, records["split"], strict=True)
    for number, (film, fold, split) in track(list(enumerate(rows)), "Good films"):
        collector.add(film, GOOD_FILM, fold=fold, split=split)
        if number % CHANGED == 0:
            collector.add(as_it_comes(film, rng), GOOD_FILM, fold=fold)
    others = masked_chests(data)[::MASKED] + hospital_chests(data / "hannover", held_out=False)
    for number, film in enumerate(others):
        collector.add(film, GOOD_FILM, fold=number % FOLDS, split="elsewhere")
    for number, film in enumerate(phantom_chests()[:PHANTOMS]):
        collector.add(film, GOOD_FILM, fold=number % FOLDS)
    outside = read_table(data / "outside" / "index.csv", ("file", "licence_class"))
    for number, name in enumerate(outside["file"][outside["licence_class"].isin(FREE_LICENCES)]):
        # Nobody has looked which of them bear arrows.
        film = read_radiograph(data / "outside" / name).pixels
        collector.add(film, GOOD_FILM, "annotated", fold=number % FOLDS)
    for number, film in enumerate(hospital_chests(data / "paediatric", held_out=False)):
        collector.add(child_film(film, rng), "child", fold=number % FOLDS)
    by_fold = [[film for film, mine in zip(films, folds, strict=True) if mine == fold] for fold in range(FOLDS)]
    pictures = [pixels for _, pixels in photographs(held_out=False)]
    for kind, count in COUNTS.items():
        for number in track(range(count), f"Made: {kind}"):
            fold = number % FOLDS
            if kind in LOOKALIKES:
                picture = lookalike(kind, by_fold[fold], rng)
            else:
                (picture,) = training_non_chests(1, pictures, by_fold[fold], rng)
            collector.add(picture, kind, fold=fold)
    return collector.examples()


@dataclass(frozen=True, eq=False)
class _Head:
    """The small network with its scaling of the features."""

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    layers: torch.nn.Sequential

    @property
    def weights(self) -> tuple[NDArray[np.float32], ...]:
        """Weights (F, H) and bias (H,) of the hidden layer, (H, K) and (K,) of the output layer."""
        ends = (self.layers[0], self.layers[-1])
        found = [array for layer in ends for array in (layer.get_parameter("weight").T, layer.get_parameter("bias"))]
        return tuple(array.detach().numpy().copy() for array in found)

    def chances(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(N, F) -> (N, K) probabilities."""
        with torch.no_grad():
            logits = self.layers(torch.from_numpy((features - self.centre) / self.scale))
        return torch.softmax(logits.double(), dim=1).numpy()


def _train_head(features: NDArray[np.float32], allowed: NDArray[np.bool_], seed: int) -> _Head:
    """Cross-entropy of the chance that is given to any of the allowed kinds; noise and dropout on the features."""
    torch.manual_seed(seed)
    centre, scale = features.mean(axis=0), features.std(axis=0) + np.float32(1e-6)
    inputs, right = torch.from_numpy((features - centre) / scale), torch.from_numpy(allowed)
    layers = torch.nn.Sequential(
        torch.nn.Linear(features.shape[1], HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(HIDDEN, len(KINDS)),
    )
    optimizer = torch.optim.AdamW(layers.parameters(), lr=2e-3, weight_decay=3e-2)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(inputs)).split(256):
            noisy = inputs[rows] + 0.05 * torch.randn(len(rows), inputs.shape[1])
            optimizer.zero_grad(set_to_none=True)
            _loss(layers(noisy), right[rows]).backward()
            optimizer.step()
    return _Head(centre, scale, layers.eval())


def _loss(logits: Tensor, right: Tensor) -> Tensor:
    chances = torch.log_softmax(logits, dim=1)
    of_right = torch.logsumexp(chances.masked_fill(~right, -torch.inf), dim=1)
    return -(0.98 * of_right + 0.02 * chances.mean(dim=1)).mean()


def _whitened(embeddings: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (D,) and whitened principal components (D, P) of (N, D) embeddings."""
    mean = embeddings.mean(axis=0)
    _, spread, axes = np.linalg.svd(embeddings - mean, full_matrices=False)
    kept = spread > FLATTEST * spread[0]
    return mean, (axes[kept].T / (spread[kept] / np.sqrt(len(embeddings) - 1))).astype(np.float32)


def fit_film_check(examples: Examples, model_sha256: str, seed: int = 0) -> FilmCheck:
    """The small network on all examples, with limits from films of patients that it had not seen.

    Args:
        examples: of :func:`read_examples`.
        model_sha256: of the network whose features they are.
        seed: of the weights.
    """
    x, width = examples.features, examples.width
    reference, validation = np.isin(examples.split, ("train", "val")), examples.split == "val"
    chances = np.zeros((len(x), len(KINDS)))
    for fold in range(FOLDS):
        inside, outside = examples.fold != fold, (examples.fold == fold) & reference
        head = _train_head(x[inside], examples.allowed[inside], seed)
        chances[outside] = head.chances(x[outside])
    seen = chances[reference]
    refuse = np.full(len(KINDS), 2.0)
    for kind in REFUSED_KINDS:
        column = KINDS.index(kind)
        refuse[column] = max(LOWEST_LIMIT, np.quantile(seen[:, column], 1 - REFUSED_PER_KIND))
    head = _train_head(x, examples.allowed, seed)
    mean, components = _whitened(x[np.isin(examples.split, ("train", "elsewhere")), :width])
    distances = np.sort(np.linalg.norm((x[validation, :width] - mean) @ components, axis=1))
    # Of n films and the next one alike, that one exceeds this rank with probability UNLIKE at most.
    rank = min(len(distances), int(np.ceil((len(distances) + 1) * (1 - UNLIKE))))
    hidden, hidden_bias, output, output_bias = head.weights
    return FilmCheck(
        centre=head.centre,
        scale=head.scale,
        hidden=hidden,
        hidden_bias=hidden_bias,
        output=output,
        output_bias=output_bias,
        refuse=refuse.astype(np.float32),
        doubt=np.quantile(1 - seen[:, :1], [1 - DOUBTFUL]).astype(np.float32),
        components=components,
        mean=mean,
        limit=distances[rank - 1 : rank].astype(np.float32),
        model_sha256=np.array([model_sha256]),
    )


def main(
    data: Annotated[Path, typer.Option(help="Folder with nih/, lung_heart_masks/, hannover/, outside/, paediatric/.")],
    bundle: Annotated[Path, typer.Option(help="Bundle folder; film_check.npz is written into it.")],
    version: Annotated[str, typer.Option(help="Of the bundle with it.")],
    seed: Annotated[int, typer.Option(help="Of the lookalikes and of the weights.")] = 0,
) -> None:
    """Train, set the limits, and seal the bundle again."""
    loaded = Bundle.load(bundle)
    examples = read_examples(data, loaded, np.random.default_rng(seed))
    check = fit_film_check(examples, loaded.manifest.model_sha256, seed)
    write_bytes(bundle / FILM_CHECK_FILE, check.to_bytes())
    card = (bundle / MODEL_CARD_FILE).read_text(encoding="utf-8")
    title = f"{loaded.manifest.name} {loaded.manifest.version}\n"
    write_text(bundle / MODEL_CARD_FILE, card.replace(title, f"{loaded.manifest.name} {version}\n", 1))
    fields = {name: getattr(loaded.manifest, name) for name in BundleDescription.model_fields}
    seal_bundle(bundle, BundleDescription(**(fields | {"version": version})))
    typer.echo(f"{len(examples.features)} pictures; doubtful from {check.doubt[0]:.3f}, limit {check.limit[0]:.2f}")


if __name__ == "__main__":
    typer.run(main)
