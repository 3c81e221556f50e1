"""Fit the small heads of a bundle (:mod:`cxr.screening.film_heads`) on a dataset; minutes on two cores.

The training patients teach them, the validation patients set their limits: neither the finding network nor the heads
have learned from those. Age, sex and view come from the dataset's table, who is who from patients with several visits,
and what is alike from the labels.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.progress import track

from cxr.datasets.schema import Dataset
from cxr.errors import DatasetError, RefusedInputError
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.imaging.segmentation import cardiothoracic_ratio
from cxr.screening import Bundle
from cxr.screening.film_heads import FilmHeads, head_features
from cxr.screening.manifest import FILM_HEADS_FILE, MODEL_CARD_FILE, BundleDescription, seal_bundle
from nlp_labeler.storage import atomic_folder

__all__ = ["FilmTable", "attach_film_heads", "film_table", "fit_film_heads"]

_Floats = NDArray[np.float32]
HIDDEN, MEMBERS, EPOCHS, BATCH = 128, 3, 80, 128
DROPOUT, NOISE, WEIGHT_DECAY, LEARNING_RATE = 0.5, 0.1, 0.05, 2e-3
IDENTITY_AXES, IDENTITY_RIDGE, FOLDS = 100, 0.1, 5
ALIKE_AXES, ALIKE_EPOCHS, ALIKE_NOISE, ALIKE_BATCH, TEMPERATURE = 128, 100, 1.5, 512, 0.1
RARE = 0.01
"""Share of films and of pairs whose contradiction is an error; each limit is at this rank of the validation films."""
SMALLEST = 1e-6
"""Probabilities are kept this far from 0 and 1, as where films are compared."""
FEWEST = 100
"""Validation films, and pairs of one patient, without which a limit would mean nothing: one in a hundred of them."""
UNCHANGED, FEWEST_PAIRS = 0.8, 20
"""Share of pairs of films with the same label that a finding's noise covers, and how many pairs that takes."""


@dataclass(frozen=True, eq=False)
class FilmTable:
    """What the heads learn from.

    Attributes:
        features: (N, F) float32, of :func:`~cxr.screening.film_heads.head_features`.
        patients: (N,) str.
        age: (N,) years; NaN where unknown.
        female: (N,) 1, 0, or NaN where unknown.
        ap: (N,) 1, 0, or NaN where unknown.
        labels: (N, C) 1, 0, or NaN where unknown.
        log_odds: (N, C) float32, calibrated.
        ratio: (N,) cardiothoracic ratio; NaN without outlines.
    """

    features: _Floats
    patients: NDArray[np.str_]
    age: _Floats
    female: _Floats
    ap: _Floats
    labels: _Floats
    log_odds: _Floats
    ratio: _Floats


def film_table(bundle: Bundle, dataset: Dataset) -> FilmTable:
    """Run a split through the bundle's network; films that cannot be read are left out.

    Raises:
        DatasetError: if the network draws no outlines, or nothing could be read.
    """
    network, size = bundle.network(threads=1), bundle.manifest.preprocessing.size
    if not network.draws_outlines:
        raise DatasetError(f"bundle {bundle.path}: the heads need a network that draws outlines")

    def look(path: str) -> tuple[_Floats, _Floats, float] | None:
        try:
            film = read_radiograph(Path(path))
        except RefusedInputError:
            return None
        square, _ = prepare(film.pixels, size, film.metadata.pixel_aspect)
        output = network.run(square[None])
        assert output.outlines is not None
        right, left, heart = output.outlines[0] > 0
        ratio = cardiothoracic_ratio(right | left, heart)
        return head_features(output)[0], output.logits[0], np.nan if ratio is None else ratio

    records = dataset.records
    with ThreadPoolExecutor(2) as pool:
        found = list(track(pool.map(look, records["path"]), "Films", total=len(records)))
    kept = np.array([row is not None for row in found])
    if not kept.any():
        raise DatasetError(f"none of the {len(found)} films of the split could be read")
    records = records[kept]
    features, logits, ratios = (list(part) for part in zip(*(row for row in found if row is not None), strict=True))
    names = list(bundle.manifest.label_space)
    labels = records.reindex(columns=names).to_numpy(np.float32)
    odds = np.clip(bundle.calibrator.apply(np.stack(logits)), SMALLEST, 1 - SMALLEST)
    return FilmTable(
        features=np.stack(features),
        patients=records["patient"].astype(str).to_numpy(np.str_),
        age=_plausible(pd.to_numeric(records["age"], errors="coerce").to_numpy(np.float32)),
        female=_coded(records["sex"], {"F": 1, "M": 0}),
        ap=_coded(records["view"], {"AP": 1, "PA": 0}),
        labels=np.where(np.isin(labels, (0, 1)), labels, np.nan).astype(np.float32),
        log_odds=np.log(odds / (1 - odds)).astype(np.float32),
        ratio=np.array(ratios, np.float32),
    )


def _plausible(age: _Floats) -> _Floats:
    return np.where((age >= 0) & (age <= 110), age, np.nan).astype(np.float32)


def _coded(values: "pd.Series[str]", codes: dict[str, int]) -> _Floats:
    return np.asarray(values.astype(str).map(codes), dtype=np.float32)


def fit_film_heads(train: FilmTable, validation: FilmTable, model_sha256: str, seed: int = 0) -> FilmHeads:
    """All heads from the training films, their limits from the validation films.

    Args:
        train: what they learn from.
        validation: of other patients.
        model_sha256: of the network whose answers they go by.
        seed: of the weights.

    Raises:
        DatasetError: if too few films state age, sex and view, or too few patients have several films.
    """
    _require_enough(train, validation)
    centre, scale = train.features.mean(axis=0), train.features.std(axis=0) + np.float32(1e-6)
    scaled = (train.features - centre) / scale
    hidden, hidden_bias, output, output_bias = _demographics(scaled, train, seed)
    heads = FilmHeads(
        centre=centre,
        scale=scale,
        hidden=hidden,
        hidden_bias=hidden_bias,
        output=output,
        output_bias=output_bias,
        limits=np.zeros(4, np.float32),
        identity=_identity(scaled, train.patients),
        similarity=_similarity(scaled, train, seed),
        noise=_noise(validation),
        ratio_error=np.array([_ratio_error(validation)], np.float32),
        model_sha256=np.array([model_sha256]),
    )
    limits = [*_header_limits(heads, validation), _identity_limit(scaled, train.patients)]
    return FilmHeads(**(vars(heads) | {"limits": np.array(limits, np.float32)}))


def _require_enough(train: FilmTable, validation: FilmTable) -> None:
    for name in ("age", "female", "ap"):
        stated = int(np.isfinite(getattr(validation, name)).sum())
        if stated < FEWEST or int(np.isfinite(getattr(train, name)).sum()) < FEWEST:
            told = {"age": "age", "female": "sex", "ap": "view"}[name]
            raise DatasetError(f"{stated} validation films state the {told}; the heads need {FEWEST} in each split")
    if (pairs := len(list(_pairs(train.patients)))) < FEWEST:
        raise DatasetError(f"{pairs} pairs of training films are of one patient; the heads need {FEWEST}")


def _demographics(scaled: _Floats, table: FilmTable, seed: int) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    """A hidden layer each of several members, side by side; its outputs are their mean, ages in years."""
    middle, spread = np.nanmean(table.age), np.nanstd(table.age)
    targets = torch.from_numpy(np.stack([(table.age - middle) / spread, table.female, table.ap], axis=1))
    known, targets = ~targets.isnan(), targets.nan_to_num()
    inputs = torch.from_numpy(scaled)
    members = [_member(inputs, targets, known, seed + number) for number in range(MEMBERS)]
    unit = np.array([spread, 1, 1], np.float32)
    hidden, hidden_bias = (np.concatenate([m[i] for m in members], axis=-1) for i in (0, 1))
    output = np.concatenate([m[2] for m in members]) / MEMBERS * unit
    bias = np.mean([m[3] for m in members], axis=0) * unit + np.array([middle, 0, 0], np.float32)
    return hidden, hidden_bias, output.astype(np.float32), bias.astype(np.float32)


def _member(inputs: torch.Tensor, targets: torch.Tensor, known: torch.Tensor, seed: int) -> tuple[_Floats, ...]:
    torch.manual_seed(seed)
    layers = torch.nn.Sequential(
        torch.nn.Dropout(NOISE),
        torch.nn.Linear(inputs.shape[1], HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Dropout(DROPOUT),
        torch.nn.Linear(HIDDEN, 3),
    )
    optimizer = torch.optim.AdamW(layers.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(inputs)).split(BATCH):
            said = layers(inputs[rows] + NOISE * torch.randn(len(rows), inputs.shape[1]))
            years = torch.nn.functional.smooth_l1_loss(said[:, 0], targets[rows, 0], reduction="none", beta=0.3)
            kinds = torch.nn.functional.binary_cross_entropy_with_logits(
                said[:, 1:], targets[rows, 1:], reduction="none"
            )
            loss = (2 * years * known[rows, 0]).mean() + (kinds * known[rows, 1:]).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        schedule.step()
    ends = (layers[1], layers[4])
    return tuple(
        array.detach().numpy().copy()
        for layer in ends
        for array in (layer.get_parameter("weight").T, layer.get_parameter("bias"))
    )


def _identity(scaled: _Floats, patients: NDArray[np.str_]) -> _Floats:
    """(F, P) axes on which patients differ most, against how films of one patient differ."""
    codes = np.unique(patients, return_inverse=True)[1]
    counts = np.bincount(codes)
    means = np.zeros((len(counts), scaled.shape[1]))
    np.add.at(means, codes, scaled)
    means /= counts[:, None]
    several = counts[codes] > 1
    within = (scaled - means[codes])[several].astype(np.float64)
    covariance = within.T @ within / max(1, several.sum() - (counts > 1).sum())
    covariance += IDENTITY_RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    spread, axes = np.linalg.eigh(covariance)
    whitened = axes / np.sqrt(spread)
    between, rotation = np.linalg.eigh(whitened.T @ np.cov(scaled.T.astype(np.float64)) @ whitened)
    kept = slice(-1, -IDENTITY_AXES - 1, -1)
    weight = np.sqrt(np.maximum(1 - 1 / np.maximum(between[kept], 1), 1e-3))
    return (whitened @ rotation[:, kept] * weight).astype(np.float32)


def _similarity(scaled: _Floats, table: FilmTable, seed: int) -> _Floats:
    """(F, S) projection in which films lie together as far as they share findings, rare ones most.

    Each film chooses among the films of other patients by softmax over cosines; what it should choose by is the
    weighted overlap of the findings (Jaccard). Strong noise keeps it from what the network knows of single films.
    """
    torch.manual_seed(seed)
    inputs = torch.from_numpy(scaled)
    labels = torch.from_numpy((table.labels == 1).astype(np.float32))
    rarity = torch.log(1 / labels.mean(dim=0).clamp_min(1e-3))
    codes = torch.from_numpy(np.unique(table.patients, return_inverse=True)[1])
    layer = torch.nn.Linear(inputs.shape[1], ALIKE_AXES, bias=False)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-3, weight_decay=1e-2)
    for _ in range(ALIKE_EPOCHS):
        for rows in torch.randperm(len(inputs)).split(ALIKE_BATCH):
            noisy = inputs[rows] + ALIKE_NOISE * torch.randn(len(rows), inputs.shape[1])
            directions = torch.nn.functional.normalize(layer(noisy), dim=1)
            loss = _alike_loss(directions, labels[rows], rarity, codes[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return layer.weight.detach().numpy().T.copy()


def _alike_loss(
    directions: torch.Tensor, labels: torch.Tensor, rarity: torch.Tensor, codes: torch.Tensor
) -> torch.Tensor:
    shared = (labels * rarity) @ labels.T
    own = (labels * rarity).sum(dim=1)
    overlap = shared / (own[:, None] + own[None] - shared).clamp_min(1e-6)
    healthy = labels.sum(dim=1) == 0
    overlap = torch.where(healthy[:, None] & healthy[None], torch.full_like(overlap, 0.5), overlap)
    others = codes[:, None] != codes[None]
    wanted = overlap * others
    wanted = wanted / wanted.sum(dim=1, keepdim=True).clamp_min(1e-6)
    cosines = (directions @ directions.T / TEMPERATURE).masked_fill(~others, -1e4)
    return -(wanted * torch.log_softmax(cosines, dim=1)).sum(dim=1).mean()


def _header_limits(heads: FilmHeads, table: FilmTable) -> tuple[float, float, float]:
    """Error of age, and least probability of the stated sex and view, that one film in a hundred contradicts."""
    scaled = (table.features - heads.centre) / heads.scale
    said = np.maximum(scaled @ heads.hidden + heads.hidden_bias, 0) @ heads.output + heads.output_bias
    errors = np.abs(said[:, 0] - table.age)
    chances = 1 / (1 + np.exp(-said[:, 1:]))
    sex = np.where(table.female == 1, chances[:, 0], 1 - chances[:, 0])[np.isfinite(table.female)]
    view = np.where(table.ap == 1, chances[:, 1], 1 - chances[:, 1])[np.isfinite(table.ap)]
    return -_rare(-errors[np.isfinite(errors)]), _rare(sex), _rare(view)


def _identity_limit(scaled: _Floats, patients: NDArray[np.str_]) -> float:
    """The cosine that one pair in a hundred falls under, of patients whom the projection has not seen (five folds)."""
    fold = np.unique(patients, return_inverse=True)[1] % FOLDS
    cosines = []
    for number in range(FOLDS):
        axes = _identity(scaled[fold != number], patients[fold != number])
        rows = np.flatnonzero(fold == number)
        directions = scaled[rows] @ axes
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        cosines += [float(directions[a] @ directions[b]) for a, b in _pairs(patients[rows])]
    return _rare(np.array(cosines))


def _steady_pairs(table: FilmTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Films of one patient, one after the other in the table, of the same view."""
    several = (table.patients[1:] == table.patients[:-1]) & (table.ap[1:] == table.ap[:-1])
    first = np.flatnonzero(several)
    return first, first + 1


def _noise(table: FilmTable) -> _Floats:
    """(C,) see :class:`~cxr.screening.film_heads.FilmHeads`; infinite, so that nothing ever changes, without pairs."""
    first, second = _steady_pairs(table)
    differences = np.abs(table.log_odds[second] - table.log_odds[first])
    found = np.full(differences.shape[1], np.inf, np.float32)
    for column, values in enumerate(differences.T):
        same = table.labels[first, column] == table.labels[second, column]
        if same.sum() >= FEWEST_PAIRS:
            found[column] = np.quantile(values[same], UNCHANGED)
    return found


def _ratio_error(table: FilmTable) -> float:
    first, second = _steady_pairs(table)
    differences = np.abs(table.ratio[second] - table.ratio[first])
    differences = differences[np.isfinite(differences)]
    return float(np.quantile(differences, 0.95)) if len(differences) >= FEWEST_PAIRS else np.inf


def _pairs(patients: NDArray[np.str_]) -> Iterator[tuple[int, int]]:
    """The first two films of each patient who has two: one pair per patient."""
    first: dict[str, int] = {}
    paired: set[str] = set()
    for row, patient in enumerate(patients):
        if patient in first and patient not in paired:
            paired.add(patient)
            yield first[patient], row
        first.setdefault(patient, row)


def _rare(values: NDArray[np.floating]) -> float:
    """A value that another one alike falls under with probability :data:`RARE` at most."""
    rank = int((len(values) + 1) * RARE)
    return float(np.sort(values)[rank - 1]) if rank else -np.inf


def attach_film_heads(bundle: Bundle, dataset: Dataset, out: Path, version: str, seed: int = 0) -> Bundle:
    """Write a copy of a bundle with heads fitted on a dataset; model, scores and certificates stay as they are.

    Args:
        bundle: whose network answers.
        dataset: with a train and a val split; the bundle's network must not have learned from the latter.
        out: folder to make.
        version: of the new bundle.
        seed: of the weights.

    Raises:
        ConfigError: if ``out`` exists.
        DatasetError: see :func:`fit_film_heads`.
    """
    train, validation = (film_table(bundle, dataset.subset(split)) for split in ("train", "val"))
    heads = fit_film_heads(train, validation, bundle.manifest.model_sha256, seed)
    fields = {name: getattr(bundle.manifest, name) for name in BundleDescription.model_fields}
    contents = dict(bundle.contents)
    title = f"{bundle.manifest.name} {bundle.manifest.version}\n".encode()
    renamed = f"{bundle.manifest.name} {version}\n".encode()
    contents[MODEL_CARD_FILE] = contents[MODEL_CARD_FILE].replace(title, renamed, 1)
    contents[FILM_HEADS_FILE] = heads.to_bytes()
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(out) as work:
        for name, content in contents.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(content)
        seal_bundle(work, BundleDescription(**(fields | {"version": version})))
    return Bundle.load(out)
