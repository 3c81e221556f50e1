"""What a classifier learns of where reports put a finding."""

import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import softplus

from cxr.datasets.dataset import Dataset
from cxr.errors import DatasetError
from cxr.training.classifier.recipe import Recipe, load_recipe
from cxr.training.classifier.report_localization import (
    ANYWHERE,
    LEFT_LOWER,
    LEFT_UPPER,
    RIGHT_LOWER,
    RIGHT_UPPER,
    UNLOCALIZED,
    quadrant_masks,
    quadrants_of,
    report_localization_loss,
    report_quadrants,
)
from cxr.training.classifier.train import train
from nlp_labeler.labeler import Labeler

LABELS = ("Mass", "Effusion", "Pneumothorax")


@pytest.mark.parametrize(
    ("side", "zone", "named"),
    [
        (None, None, ANYWHERE),
        ("bilateral", None, ANYWHERE),
        ("left", None, LEFT_UPPER + LEFT_LOWER),
        ("right", "apex", RIGHT_UPPER),
        ("left", "lower lobe", LEFT_LOWER),
        ("bilateral", "base", RIGHT_LOWER + LEFT_LOWER),
        ("right", "hilum", RIGHT_UPPER + RIGHT_LOWER),
    ],
)
def test_side_and_zone_name_quarters(side: str | None, zone: str | None, named: int):
    assert quadrants_of(side, zone) == named


@pytest.mark.parametrize("edge", [2, 5, 10, 20])
def test_a_margin_widens_every_set_of_quarters_and_leaves_the_far_corner_out(edge: int):
    exact, wide = quadrant_masks(edge), quadrant_masks(edge, 0.1)
    assert (wide | ~exact).all()
    assert not wide[RIGHT_UPPER].reshape(edge, edge)[-1, -1]
    assert (exact[RIGHT_UPPER] | exact[LEFT_LOWER]).equal(exact[RIGHT_UPPER + LEFT_LOWER])


def test_a_map_of_one_cell_has_no_quarters():
    with pytest.raises(ValueError, match="1 x 1"):
        quadrant_masks(1)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("There is a mass in the right upper lobe.", (RIGHT_UPPER, UNLOCALIZED, UNLOCALIZED)),
        (
            "Mass in the right upper lobe. Second mass at the left base. IMPRESSION: Masses.",
            (RIGHT_UPPER + LEFT_LOWER, UNLOCALIZED, UNLOCALIZED),
        ),
        ("No left pleural effusion. There is a mass.", (UNLOCALIZED, UNLOCALIZED, UNLOCALIZED)),
        ("Bilateral pleural effusions.", (UNLOCALIZED, ANYWHERE, UNLOCALIZED)),
        ("Possible left apical pneumothorax.", (UNLOCALIZED, UNLOCALIZED, LEFT_UPPER)),
        ("", (UNLOCALIZED, UNLOCALIZED, UNLOCALIZED)),
    ],
)
def test_mined_reports_name_the_quarters_of_what_they_assert(
    report: str, expected: tuple[int, ...], phantom_dataset: Dataset
):
    image = phantom_dataset.records.iloc[:1]
    mined = [asdict(mention) for mention in Labeler.load(policy="openi", engine="surface").label(report).mentions]
    reports = pd.DataFrame({"image": image["image"].tolist(), "mentions": [mined]})
    dataset = Dataset(**{**vars(phantom_dataset), "records": image, "reports": reports})
    assert tuple(report_quadrants(dataset, LABELS)[0].tolist()) == expected


def test_places_are_those_that_the_dataset_was_built_with(phantom_dataset: Dataset):
    """What is stored is read, whatever the text says: the labels are of the same reading."""
    reports = phantom_dataset.reports.copy()
    reports["text"] = "Normal chest."
    rewritten = Dataset(**{**vars(phantom_dataset), "reports": reports})
    found = report_quadrants(phantom_dataset, LABELS)
    assert (found != UNLOCALIZED).any()
    np.testing.assert_array_equal(report_quadrants(rewritten, LABELS), found)


def test_the_loss_is_that_of_the_scores_of_the_cells_inside_and_outside():
    """Against the pooling written out cell by cell."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, 4, 4, generator=generator)
    quadrants = torch.tensor([[RIGHT_UPPER, UNLOCALIZED, ANYWHERE], [UNLOCALIZED, UNLOCALIZED, UNLOCALIZED]])
    inside = [float(maps[0, 0, y, x]) for y in (0, 1) for x in (0, 1)]
    outside = [float(maps[0, 0, y, x]) for y in range(4) for x in range(4) if y >= 2 or x >= 2]

    def score(cells: list[float]) -> torch.Tensor:
        return torch.tensor(math.log(sum(math.exp(2.0 * cell) for cell in cells) / 16) / 2.0)

    expected = float(softplus(-score(inside)) + softplus(score(outside))) / 6
    assert float(report_localization_loss(maps, quadrants, 2.0)) == pytest.approx(expected, abs=1e-6)


def test_nothing_said_teaches_nothing():
    maps = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = report_localization_loss(maps, torch.tensor([[UNLOCALIZED] * 3, [ANYWHERE] * 3]), 0.5)
    loss.backward()
    assert loss.item() == 0
    assert maps.grad is not None
    assert not maps.grad.any()


def test_maps_go_where_the_words_say():
    """A map that is free to be anything ends up with its evidence in the quarter that the reports name."""
    maps = torch.zeros(1, 1, 8, 8, requires_grad=True)
    optimizer = torch.optim.SGD([maps], lr=5.0)
    for _ in range(200):
        optimizer.zero_grad()
        report_localization_loss(maps, torch.tensor([[LEFT_LOWER]]), 0.5).backward()
        optimizer.step()
    found = maps.detach().flatten()
    assert found[quadrant_masks(8)[LEFT_LOWER]].min() > found[~quadrant_masks(8, 0.1)[LEFT_LOWER]].max() + 1


def test_a_recipe_that_pools_features_or_mirrors_cannot_learn_places(tiny_recipe: Recipe):
    content = tiny_recipe.model_dump()
    content["report_localization"] = {"weight": 1.0}
    content["model"]["mining"] = None
    content["mining"] = None
    content["augmentation"]["mirror_probability"] = 0.5
    with pytest.raises(ValueError, match=r"(?s)\[model.mining\].*mirror_probability"):
        Recipe.model_validate(content)


def test_a_dataset_without_reports_is_refused(tiny_recipe: Recipe, phantom_dataset: Dataset, tmp_path):
    content = load_recipe("demo").model_dump() | {"optimization": tiny_recipe.optimization.model_dump()}
    content |= {"image_size": 32, "report_localization": {"weight": 1.0}}
    silent = Dataset(**{**vars(phantom_dataset), "reports": None})
    with pytest.raises(DatasetError, match="no mined reports"):
        train(Recipe.model_validate(content), silent, tmp_path / "run", init_weights=None, workers=0)
