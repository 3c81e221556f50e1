import torch

from cxr.models.classifier import ModelOutput
from cxr.models.factory import ModelConfig, build_model
from nlp_labeler.findings import LABELS


def test_shapes(small_config: ModelConfig):
    model = build_model(small_config, LABELS[:5]).eval()
    output = model(torch.rand(2, 1, 96, 96))
    edge = 96 // 32
    assert isinstance(output, ModelOutput)
    assert output.logits.shape == (2, 5)
    assert output.class_maps.shape == (2, 5, edge, edge)
    assert output.embedding.shape == (2, 16)


def test_average_of_the_class_map_is_the_logit_under_average_pooling(small_config: ModelConfig):
    """With mean pooling, pooling and prediction commute: the heatmap explains the score exactly."""
    config = small_config.model_copy(update={"pooling": "average"})
    output = build_model(config, LABELS[:3]).eval()(torch.rand(2, 1, 96, 96))
    torch.testing.assert_close(output.class_maps.mean(dim=(2, 3)), output.logits, atol=1e-5, rtol=1e-4)


def test_class_map_is_the_weighted_sum_of_transition_activations(small_config: ModelConfig):
    model = build_model(small_config, LABELS[:3]).eval()
    images = torch.rand(1, 1, 96, 96)
    activations = model.transition(model.backbone(images))
    by_hand = sum(activations[0, d] * model.prediction.weight[1, d] for d in range(16)) + model.prediction.bias[1]
    torch.testing.assert_close(model(images).class_maps[0, 1], by_hand, atol=1e-5, rtol=1e-4)


def test_scores_of_an_image_do_not_depend_on_its_neighbours(small_config: ModelConfig):
    model = build_model(small_config, LABELS[:3]).eval()
    images = torch.rand(4, 1, 96, 96)
    torch.testing.assert_close(model(images).logits[2:3], model(images[2:3]).logits, atol=1e-5, rtol=1e-4)


def test_without_transition_the_backbones_features_are_pooled(small_config: ModelConfig):
    model = build_model(small_config.model_copy(update={"transition_channels": 0}), LABELS[:3]).eval()
    assert model(torch.rand(1, 1, 96, 96)).embedding.shape == (1, model.backbone.channels)
