import torch

from cxr.models.attention_mining import AttentionMiningNetwork, salient_cells
from cxr.models.factory import BackboneConfig, MiningConfig, ModelConfig, build_classifier
from nlp_labeler.findings import LABELS


def network(steps: int) -> AttentionMiningNetwork:
    config = ModelConfig(
        backbone=BackboneConfig(name="test_efficientnet"), transition_channels=16, mining=MiningConfig(steps=steps)
    )
    torch.manual_seed(0)
    built = build_classifier(config, len(LABELS[:3])).eval()
    assert isinstance(built, AttentionMiningNetwork)
    return built


def test_salient_cells_are_those_above_the_cut_of_their_own_map():
    maps = torch.tensor([[[[0.0, 1.0], [4.0, 10.0]], [[3.0, 3.0], [3.0, 3.0]]]])
    assert salient_cells(maps, 0.3)[0, 0].tolist() == [[False, False], [True, True]]
    assert not salient_cells(maps, 0.3)[0, 1].any()


def test_a_later_step_does_not_see_what_the_first_attended_to():
    model = network(steps=2)
    model.start_mining()
    images = torch.rand(2, 1, 96, 96)
    features = model.features(images)
    first = torch.nn.functional.conv2d(features, model.prediction.weight[:, :, None, None], model.prediction.bias)
    hidden = salient_cells(first, model.tau)
    seen = torch.where(hidden, first.amin(dim=(2, 3), keepdim=True), first)
    step_logits = model(images).step_logits
    torch.testing.assert_close(step_logits[:, 0], model.pooling(first))
    torch.testing.assert_close(step_logits[:, 1], model.pooling(seen))
    assert bool((step_logits[:, 1] <= step_logits[:, 0]).all())


def test_map_and_score_are_the_maximum_over_the_steps():
    model = network(steps=3)
    one = network(steps=1)
    one.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("later")})
    images = torch.rand(2, 1, 96, 96)
    output = model(images)
    torch.testing.assert_close(output.logits, output.step_logits.amax(dim=1))
    assert bool((output.class_maps >= one(images).class_maps - 1e-5).all())
