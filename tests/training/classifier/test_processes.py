"""Two processes that share every batch train what one trains."""

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from cxr.datasets.dataset import Dataset
from cxr.errors import ConfigError
from cxr.models.factory import build_model
from cxr.training.classifier import train as training
from cxr.training.classifier.curriculum import CurriculumConfig, CurriculumSampler
from cxr.training.classifier.module import ClassifierModule
from cxr.training.classifier.recipe import Recipe
from cxr.training.classifier.train import check_processes, train
from cxr.training.shared.batches import EpochSampler, share

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")


class Watched(ClassifierModule):
    """Each process leaves its weights, and a fingerprint of every image it was shown, in the logs' folder."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.shown: list[int] = []

    def training_step(self, batch: tuple[torch.Tensor, ...], batch_index: int) -> torch.Tensor:
        self.shown += [int(image.long().mul(torch.arange(image.numel()).view_as(image)).sum()) for image in batch[0]]
        return super().training_step(batch, batch_index)

    def on_train_end(self) -> None:
        found = {name: weights.numpy().copy() for name, weights in self.model.state_dict().items()}
        folder = Path(self.trainer.loggers[0].log_dir)
        save_file({**found, "shown": np.array(self.shown)}, folder / f"seen-{share()[0]}.safetensors")


@pytest.fixture(scope="module")
def plain_recipe(tiny_recipe: Recipe) -> Recipe:
    """Nothing that depends on which images are computed side by side: no batch norm, no dropout, no unknown labels."""
    tiny = tiny_recipe.model_dump(mode="json")
    model = tiny["model"] | {"backbone": {"name": "test_convnext"}, "transition_channels": 0, "dropout": 0.0}
    return Recipe.model_validate(tiny | {"model": model, "loss": {"uncertain": "negative"}})


def test_two_processes_end_with_the_weights_of_one(
    plain_recipe: Recipe, phantom_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training, "ClassifierModule", Watched)
    for processes in (1, 2):
        run = tmp_path / str(processes)
        train(plain_recipe, phantom_dataset, run, init_weights=None, workers=0, processes=processes)
    alone, first, second = (
        load_file(tmp_path / path / "logs" / f"seen-{rank}.safetensors")
        for path, rank in (("1", 0), ("2", 0), ("2", 1))
    )
    shown_alone, shown_first, shown_second = (part.pop("shown") for part in (alone, first, second))
    assert np.array_equal(np.stack([shown_first, shown_second], axis=1).ravel(), shown_alone), "the same images in turn"
    assert not set(shown_first) & set(shown_second)
    for name, weights in first.items():
        np.testing.assert_array_equal(weights, second[name], err_msg=name)
    kept, shared = (load_file(tmp_path / run / "model.safetensors")["prediction.weight"] for run in ("1", "2"))
    lightning.seed_everything(plain_recipe.seed, verbose=False)
    initial = build_model(plain_recipe.model, [""] * len(kept)).state_dict()["prediction.weight"].numpy()
    assert np.linalg.norm(shared - kept) < 0.05 * np.linalg.norm(kept - initial)


@pytest.mark.parametrize("order", ["plain", "curriculum"])
def test_processes_take_turns_at_one_order(order: str, monkeypatch: pytest.MonkeyPatch):
    def sampler() -> EpochSampler:
        if order == "plain":
            return EpochSampler(51, seed=3)
        return CurriculumSampler(np.arange(51) % 5 - 1, CurriculumConfig(), seed=3)

    alone = list(sampler())
    parts = []
    for rank in range(2):
        monkeypatch.setattr("cxr.training.shared.batches.share", lambda rank=rank: (rank, 2))
        own = sampler()
        parts.append(list(own))
        assert len(own) == len(parts[-1]) == 25
    assert [key for turn in zip(*parts, strict=True) for key in turn] == alone[:50]


@pytest.mark.parametrize("processes", [0, 3])
def test_a_number_that_cannot_share_the_batches_is_refused(tiny_recipe: Recipe, processes: int):
    with pytest.raises(ConfigError, match=f"processes {processes} cannot share batches of 8; give a divisor of 8"):
        check_processes(processes, tiny_recipe)
