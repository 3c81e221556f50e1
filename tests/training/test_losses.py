import math

import pytest
import torch

from cxr.training.losses import multilabel_loss, resolve_uncertain

NAN = float("nan")


def test_uncertain_becomes_what_the_policy_says():
    labels = torch.tensor([1.0, 0.0, -1.0, NAN])
    for policy, expected in (("negative", 0.0), ("positive", 1.0)):
        resolved = resolve_uncertain(labels, policy)
        assert resolved[:3].tolist() == [1.0, 0.0, expected]
        assert math.isnan(resolved[3])
    assert torch.isnan(resolve_uncertain(labels, "ignore")).tolist() == [False, False, True, True]


def test_weighted_loss_is_w_cel_written_out():
    logits = torch.tensor([[0.3, -1.2], [2.0, 0.1], [-0.4, 0.9]])
    labels = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    f = torch.sigmoid(logits)
    positives, negatives = 2, 4
    by_hand = 0.0
    for p, y in zip(f.flatten().tolist(), labels.flatten().tolist(), strict=True):
        by_hand -= (6 / positives) * math.log(p) if y else (6 / negatives) * math.log(1 - p)
    assert multilabel_loss(logits, labels, weighted=True).item() == pytest.approx(by_hand / 6, rel=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_unknown_labels_change_nothing(weighted: bool):
    logits = torch.randn(4, 3)
    labels = torch.tensor([[1.0, 0.0, NAN]] * 4)
    expected = multilabel_loss(logits[:, :2], labels[:, :2], weighted)
    torch.testing.assert_close(multilabel_loss(logits, labels, weighted), expected)
    logits.requires_grad_()
    multilabel_loss(logits, labels, weighted).backward()
    assert logits.grad is not None
    assert logits.grad[:, 2].abs().sum() == 0
    assert not torch.isnan(logits.grad).any()


@pytest.mark.parametrize("weighted", [False, True])
def test_a_batch_of_unknowns_costs_nothing(weighted: bool):
    assert multilabel_loss(torch.randn(2, 2), torch.full((2, 2), NAN), weighted).item() == 0
