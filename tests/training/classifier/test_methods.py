"""Every method of a recipe: what its loss asks for, and that it trains."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import load_file

from cxr.datasets.dataset import Dataset
from cxr.models.checkpoint import load_checkpoint
from cxr.models.classifier import ModelOutput
from cxr.training.classifier.attention_guidance import guidance_loss
from cxr.training.classifier.attention_mining import mining_loss, preservation_loss
from cxr.training.classifier.curriculum import CurriculumConfig, CurriculumSampler, difficulty
from cxr.training.classifier.module import ClassifierModule
from cxr.training.classifier.ontology import conditional_targets, parents, with_ontology
from cxr.training.classifier.recipe import Recipe
from cxr.training.classifier.train import train
from cxr.training.shared.losses import LossConfig
from nlp_labeler.findings import PARENT

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")

METHODS: dict[str, dict[str, object]] = {
    "mining": {"model": {"mining": {"steps": 2}}, "mining": {"from_epoch": 1}},
    "preservation": {"model": {"mining": {"steps": 2}}, "mining": {"from_epoch": 1}, "preservation": {}},
    "multi-scale": {"model": {"backbone": {"name": "test_efficientnet", "stages": [2, 3]}}},
    "guidance": {"model": {"guided": True}, "guidance": {"from_epoch": 1, "confidence": 0.1}},
    "hierarchy": {"labels": "ontology", "model": {"hierarchical": True}, "hierarchy": {"conditional_epochs": 1}},
    "curriculum": {"curriculum": {}},
    "asymmetric loss, soft labels": {"loss": {"kind": "asymmetric", "uncertain": "soft"}},
    "frozen": {"frozen": ["conv_stem"]},
}


def with_method(recipe: Recipe, changes: dict[str, object]) -> Recipe:
    plain = recipe.model_dump(mode="json")
    model = plain["model"] | changes.get("model", {})
    return Recipe.model_validate(plain | changes | {"model": model})


@pytest.mark.parametrize("name", METHODS)
def test_each_method_trains_alone_and_its_checkpoint_loads(
    name: str, tiny_recipe: Recipe, phantom_dataset: Dataset, tmp_path: Path
):
    card = train(with_method(tiny_recipe, METHODS[name]), phantom_dataset, tmp_path, init_weights=None, workers=0)
    model, _ = load_checkpoint(tmp_path)
    output = model(torch.rand(2, 1, 64, 64))
    assert output.logits.shape == (2, len(card.label_space))
    assert output.class_maps.shape[:2] == (2, len(card.label_space))
    assert torch.isfinite(output.logits).all()


def test_a_killed_run_with_a_frozen_copy_resumes_to_the_same_weights(
    tiny_recipe: Recipe, phantom_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipe = with_method(tiny_recipe, METHODS["preservation"] | {"mining": {"from_epoch": 0}})
    train(recipe, phantom_dataset, tmp_path / "unbroken", init_weights=None, workers=0)
    start = ClassifierModule.on_train_epoch_start

    def killed(self: ClassifierModule) -> None:
        if self.current_epoch == 1:
            raise RuntimeError("killed")
        start(self)

    monkeypatch.setattr(ClassifierModule, "on_train_epoch_start", killed)
    with pytest.raises(RuntimeError, match="killed"):
        train(recipe, phantom_dataset, tmp_path / "run", init_weights=None, workers=0)
    monkeypatch.undo()
    train(recipe, phantom_dataset, tmp_path / "run", init_weights=None, workers=0)
    resumed, unbroken = (load_file(tmp_path / run / "model.safetensors") for run in ("run", "unbroken"))
    for name, weights in unbroken.items():
        np.testing.assert_array_equal(resumed[name], weights, err_msg=name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mining": {}}, "model.mining"),
        ({"model": {"guided": True}}, "guidance"),
        ({"hierarchy": {}}, "hierarchical"),
        ({"preservation": {}}, "needs .mining."),
        ({"anatomical_features": {}}, "model.anatomical_features"),
        (
            {"anatomical_features": {"excluded_labels": ["Masses"]}, "model": {"anatomical_features": True}},
            "no labels are Masses",
        ),
        (
            {"anatomical_features": {}, "model": {"anatomical_features": True, "guided": True}, "guidance": {}},
            "cannot be combined",
        ),
    ],
)
def test_a_method_without_its_part_of_the_model_is_refused(tiny_recipe: Recipe, changes: dict, message: str):
    with pytest.raises(ValidationError, match=message):
        with_method(tiny_recipe, changes)


def test_later_steps_are_asked_about_mined_positives_and_negatives_alone():
    targets = torch.tensor([[1.0, 1.0, 0.0]])
    first = torch.tensor([[2.0, -2.0, 1.0]])  # the second positive was missed
    later = torch.zeros(1, 3, requires_grad=True)
    mining_loss(torch.stack([first, later], dim=1), targets, LossConfig()).backward()
    assert (later.grad[0] != 0).tolist() == [True, False, True]


def test_preservation_leaves_mined_entries_free():
    original = torch.tensor([[2.0, -2.0, 1.0, 0.5]])
    targets = torch.tensor([[1.0, 1.0, 0.0, float("nan")]])
    now = original + 1.0
    assert preservation_loss(original, original, targets).item() == 0
    assert preservation_loss(now, original, targets).item() == pytest.approx(1.0)
    only_mined = original + torch.tensor([[3.0, 0.0, 0.0, 0.0]])
    assert preservation_loss(only_mined, original, targets).item() == 0


def test_guidance_is_least_where_the_seed_is_and_nothing_elsewhere():
    seed = torch.zeros(1, 2, 4, 4)
    seed[0, 0, 1, 2] = 5.0
    logits = torch.tensor([[3.0, 3.0]])
    teacher = ModelOutput(logits, seed, torch.zeros(1, 1), logits[:, None], seed, logits)
    targets = torch.tensor([[1.0, 0.0]])
    right = torch.full((1, 2, 4, 4), -9.0)
    right[0, 0, 1, 2] = 9.0
    assert guidance_loss(right, teacher, targets, 0.5).item() < 1e-6
    assert guidance_loss(right.roll(1, dims=3), teacher, targets, 0.5).item() > 0.05
    unsure = replace(teacher, logits=torch.tensor([[-3.0, 3.0]]))
    assert guidance_loss(right.roll(1, dims=3)[:, :], unsure, targets, 0.5).item() < 1e-6


def test_curriculum_admits_tier_after_tier_in_epochs_of_equal_length():
    tiers = np.array([-1, 0, 1, 2, 3] * 20)
    sampler = CurriculumSampler(tiers, CurriculumConfig(moderate_from=1, mild_from=2, unspecified_from=3), seed=0)
    for epoch, admitted in enumerate([{-1, 0}, {-1, 0, 1}, {-1, 0, 1, 2}, {-1, 0, 1, 2, 3}]):
        sampler.set_epoch(epoch)
        drawn = list(sampler)
        assert len(drawn) == 100
        assert {int(tiers[row]) for _, row in drawn} == admitted


def test_difficulty_is_that_of_the_most_severe_affirmed_finding(phantom_dataset: Dataset):
    labels = phantom_dataset.label_space
    tiers = dict(zip(phantom_dataset.records["image"], difficulty(phantom_dataset, labels), strict=True))
    rank = {"severe": 0, "moderate": 1, "mild": 2, "minimal": 2}
    for row in phantom_dataset.reports.itertuples():
        said = [rank.get(m["severity"], 3) for m in row.mentions if m["assertion"] == "affirmed" and m["finding"]]
        if tiers[row.image] >= 0 and said:
            assert tiers[row.image] == min(said)
    assert {-1, 0} <= set(tiers.values())


def test_ontology_labels_follow_from_the_children(phantom_dataset: Dataset):
    grown = with_ontology(phantom_dataset)
    records = grown.records
    assert set(grown.label_space) == set(PARENT)
    for child, parent in PARENT.items():
        if parent is not None:
            assert (records.loc[records[child] == 1, parent] == 1).all(), (child, parent)
    healthy = (records[list(phantom_dataset.label_space)] == 0).all(axis=1)
    assert (records.loc[healthy, "Abnormal"] == 0).all()


def test_a_child_is_asked_about_only_under_its_parent():
    space = ("Abnormal", "Consolidation", "Pneumonia")
    assert parents(space) == [-1, 0, 1]
    targets = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    asked = ~torch.isnan(conditional_targets(targets, parents(space)))
    assert asked.tolist() == [[True, False, False], [True, True, True], [True, True, False]]
