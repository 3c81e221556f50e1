import math
from typing import get_args

import pytest
import torch

from cxr.training.shared.losses import LossConfig, LossKind, multilabel_loss, resolve_uncertain

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
    assert multilabel_loss(logits, labels, LossConfig(kind="weighted")).item() == pytest.approx(by_hand / 6, rel=1e-5)


@pytest.mark.parametrize("kind", get_args(LossKind))
def test_unknown_labels_change_nothing(kind: LossKind):
    config = LossConfig(kind=kind, label_smoothing=0.1)
    logits = torch.randn(4, 3)
    labels = torch.tensor([[1.0, 0.0, NAN]] * 4)
    expected = multilabel_loss(logits[:, :2], labels[:, :2], config)
    torch.testing.assert_close(multilabel_loss(logits, labels, config), expected)
    logits.requires_grad_()
    multilabel_loss(logits, labels, config).backward()
    assert logits.grad is not None
    assert logits.grad[:, 2].abs().sum() == 0
    assert not torch.isnan(logits.grad).any()


@pytest.mark.parametrize("kind", get_args(LossKind))
def test_a_batch_of_unknowns_costs_nothing(kind: LossKind):
    assert multilabel_loss(torch.randn(2, 2), torch.full((2, 2), NAN), LossConfig(kind=kind)).item() == 0


def test_focal_loss_is_the_papers_equation():
    """-(1 - p_t)^2 log p_t, with p_t the probability given to what is true."""
    logits, labels = torch.tensor([[1.5, -0.7]]), torch.tensor([[1.0, 0.0]])
    p_t = [1 / (1 + math.exp(-1.5)), 1 - 1 / (1 + math.exp(0.7))]
    by_hand = sum(-((1 - p) ** 2) * math.log(p) for p in p_t) / 2
    assert multilabel_loss(logits, labels, LossConfig(kind="focal")).item() == pytest.approx(by_hand, rel=1e-5)


def test_asymmetric_loss_forgives_easy_negatives_and_no_positive():
    config = LossConfig(kind="asymmetric")
    easy = torch.tensor([[-4.0]])  # p = 0.018, below the margin
    assert multilabel_loss(easy, torch.tensor([[0.0]]), config).item() == 0
    assert multilabel_loss(easy, torch.tensor([[1.0]]), config).item() == pytest.approx(math.log(1 + math.exp(4)))
    p = 1 / (1 + math.exp(-2.0)) - 0.05
    hard = multilabel_loss(torch.tensor([[2.0]]), torch.tensor([[0.0]]), config).item()
    assert hard == pytest.approx(-(p**4) * math.log(1 - p), rel=1e-5)


def test_label_smoothing_asks_for_less_than_certainty():
    """The loss is least where the logit gives the smoothed target, not at infinity."""
    config = LossConfig(label_smoothing=0.2)
    wanted = math.log(0.9 / 0.1)
    losses = {x: multilabel_loss(torch.tensor([[x]]), torch.tensor([[1.0]]), config) for x in (wanted, 5.0, 1.0)}
    assert min(losses, key=lambda x: losses[x].item()) == wanted


def test_soft_uncertain_is_one_half():
    assert resolve_uncertain(torch.tensor([-1.0, 1.0]), "soft").tolist() == [0.5, 1.0]
