import pytest
import torch

from cxr.models.anatomical_features import ClassifierWithAnatomy
from cxr.models.factory import ModelConfig, build_model
from nlp_labeler.findings import LABELS


@pytest.fixture
def network(small_config: ModelConfig) -> ClassifierWithAnatomy:
    torch.manual_seed(0)
    model = build_model(small_config.model_copy(update={"anatomical_features": True}), LABELS[:3])
    assert isinstance(model, ClassifierWithAnatomy)
    torch.nn.init.normal_(model.anatomy.log_odds.weight)
    return model.eval()


def test_log_odds_are_added_to_score_and_map_alike(network: ClassifierWithAnatomy):
    images = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        alone, both, added = network.classifier(images), network(images), network.anatomy(images).log_odds
    assert added.abs().min() > 0
    torch.testing.assert_close(both.logits, alone.logits + added)
    torch.testing.assert_close(both.class_maps - alone.class_maps, added[:, :, None, None].expand_as(both.class_maps))
    torch.testing.assert_close(both.embedding, alone.embedding)


def test_training_sees_the_classifier_alone(network: ClassifierWithAnatomy):
    network.unified.backbone.freeze(("bn1",))
    images = torch.rand(4, 1, 64, 64)
    network.train()
    network(images).logits.sum().backward()
    assert all(parameter.grad is None for parameter in network.anatomy.parameters())
    assert network.unified.prediction.weight.grad is not None


def test_an_unfitted_regression_says_nothing(small_config: ModelConfig):
    model = build_model(small_config.model_copy(update={"anatomical_features": True}), LABELS[:3]).eval()
    images = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(model(images).logits, model.get_submodule("classifier")(images).logits)


def test_one_strange_measure_does_not_decide_alone(network: ClassifierWithAnatomy):
    network.anatomy.scale.fill_(1e-9)
    assert network.anatomy.standardized(torch.rand(1, 1, 64, 64)).abs().max() <= 4


def test_a_picture_without_contrast_has_no_anatomy(network: ClassifierWithAnatomy):
    flat = torch.full((1, 1, 64, 64), 0.4)
    assert not network.anatomy(flat).log_odds.any()
    assert network.anatomy(flat + 0.2 * torch.rand(1, 1, 64, 64)).log_odds.abs().max() > 0.1
