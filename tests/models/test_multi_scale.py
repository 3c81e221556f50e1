import pytest
import torch

from cxr.errors import ConfigError
from cxr.models.backbone import Backbone
from cxr.models.factory import BackboneConfig, ModelConfig, build_model
from cxr.models.multi_scale import MultiScaleAggregation
from nlp_labeler.findings import LABELS


def test_maps_are_as_fine_as_the_finest_stage():
    config = ModelConfig(backbone=BackboneConfig(name="test_efficientnet", stages=(2, 3)), transition_channels=16)
    output = build_model(config, LABELS[:3]).eval()(torch.rand(2, 1, 96, 96))
    assert output.class_maps.shape == (2, 3, 12, 12)


def test_every_stage_is_heard():
    aggregation = MultiScaleAggregation((4, 6), 8).eval()
    fine, coarse = torch.rand(1, 4, 8, 8, requires_grad=True), torch.rand(1, 6, 4, 4, requires_grad=True)
    aggregation([fine, coarse]).sum().backward()
    assert all(stage.grad is not None and stage.grad.abs().sum() > 0 for stage in (fine, coarse))


def test_one_stage_is_a_transition_layer():
    aggregation = MultiScaleAggregation((4,), 8).eval()
    stage = torch.rand(2, 4, 5, 5)
    torch.testing.assert_close(aggregation([stage]), torch.relu(aggregation.laterals[0](stage)))


def test_a_deepest_stage_used_as_context_says_what_but_not_where():
    aggregation = MultiScaleAggregation((4, 6), 8, context_dropout=0.5).eval()
    fine, deep = torch.rand(1, 4, 8, 8), torch.rand(1, 6, 4, 4)
    found = aggregation([fine, deep])
    torch.testing.assert_close(aggregation([fine, deep.flip(3)]), found)
    assert not torch.allclose(aggregation([fine, deep + 1]), found)


def test_context_is_left_out_for_some_training_images():
    aggregation = MultiScaleAggregation((4, 6), 8, context_dropout=0.5).train()
    fine = torch.rand(1, 4, 8, 8).expand(64, -1, -1, -1)
    deep = torch.rand(1, 6, 4, 4).expand(64, -1, -1, -1) + torch.randn(64, 1, 1, 1) * 1e-3
    torch.manual_seed(0)
    aggregation.laterals[1][1].bias.data.fill_(50.0)  # what the context adds cannot be overlooked
    with_context = aggregation([fine, deep])[:, 0, 0, 0] > 25
    assert 10 < int(with_context.sum()) < 54


def test_a_stage_that_the_backbone_lacks_is_refused():
    with pytest.raises(ConfigError, match=r"has stages 0 to 4, not \[2, 9\]"):
        Backbone("test_efficientnet", {}, 0.5, 0.5, stages=(2, 9))


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("told_to_train", [True, False])
def test_frozen_parts_do_not_learn_and_drift_only_where_asked(statistics: bool, told_to_train: bool):
    backbone = Backbone("test_efficientnet", {}, 0.5, 0.5)
    backbone.freeze(("conv_stem", "bn1"), statistics=statistics)
    if told_to_train:
        backbone.train()
    before = backbone.network.bn1.running_mean.clone()
    backbone(torch.rand(4, 1, 64, 64)).sum().backward()
    assert backbone.network.conv_stem.weight.grad is None
    assert backbone.network.bn1.weight.grad is None
    assert torch.equal(before, backbone.network.bn1.running_mean) == statistics
    assert any(p.grad is not None for p in backbone.parameters())
    with pytest.raises(ConfigError, match=r"has no part blocks\.99"):
        backbone.freeze(("blocks.99",))
