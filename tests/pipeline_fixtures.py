"""A tiny phantom dataset and a tiny trained run, made once per test process."""

import warnings
from pathlib import Path

import pytest

from cxr.datasets.dataset import Dataset, open_dataset
from cxr.training.classifier.recipe import Recipe


@pytest.fixture(scope="session")
def phantom_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 phantom patients at 64 pixels: a hospital export with its truth beside it."""
    from cxr.phantom.cohort import generate_cohort

    return generate_cohort(120, 64, 3, tmp_path_factory.mktemp("phantom") / "cohort")


@pytest.fixture(scope="session")
def phantom_dataset(phantom_cohort: Path) -> Dataset:
    """The dataset that the surface engine's labels make of the cohort."""
    from cxr.datasets.builder import build_dataset

    out = phantom_cohort.parent / "dataset"
    build_dataset(
        phantom_cohort / "images", phantom_cohort / "reports.csv", out, engine="surface", require_frontal=False
    )  # the gate was made for larger films
    return open_dataset(out)


@pytest.fixture(scope="session")
def tiny_recipe() -> Recipe:
    """Every part of a real recipe on a network of a few thousand weights."""
    return Recipe.model_validate(
        {
            "name": "tiny",
            "image_size": 64,
            "model": {"backbone": {"name": "test_efficientnet"}, "transition_channels": 16, "dropout": 0.2},
            "optimization": {"epochs": 2, "batch_size": 8, "ema_decay": 0.5},
        }
    )


@pytest.fixture(scope="session")
def tiny_run(phantom_dataset: Dataset, tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny recipe on the phantom dataset."""
    from cxr.training.classifier.train import train

    run = tmp_path_factory.mktemp("run") / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Lightning says of few batches and few workers
        train(tiny_recipe, phantom_dataset, run, init_weights=None, workers=0)
    return run
