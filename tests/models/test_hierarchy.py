import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxr.models.factory import BackboneConfig, ModelConfig, build_model
from cxr.models.hierarchy import ancestry, log1mexp
from nlp_labeler.findings import PARENT

NODES = tuple(PARENT)


@given(st.floats(min_value=-700, max_value=-1e-12))
def test_log1mexp_keeps_its_digits(log_p: float):
    expected = math.log(-math.expm1(log_p)) if log_p > -0.69 else math.log1p(-math.exp(log_p))
    found = log1mexp(torch.tensor(log_p, dtype=torch.float64)).item()
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_log1mexp_has_a_gradient_on_both_sides():
    log_p = torch.tensor([-1e-9, -0.5, -0.8, -50.0], requires_grad=True)
    log1mexp(log_p).sum().backward()
    assert torch.isfinite(log_p.grad).all()


def test_no_child_is_more_probable_than_its_parent():
    config = ModelConfig(backbone=BackboneConfig(name="test_efficientnet"), transition_channels=16, hierarchical=True)
    model = build_model(config, NODES).eval()
    with torch.inference_mode():
        p = torch.sigmoid(model(8 * torch.rand(16, 1, 64, 64)).logits)
    for child, parent in ((node, PARENT[node]) for node in NODES):
        if parent is not None:
            assert bool((p[:, NODES.index(child)] <= p[:, NODES.index(parent)] + 1e-6).all()), child


def test_the_unconditional_probability_is_the_product_along_the_path():
    config = ModelConfig(backbone=BackboneConfig(name="test_efficientnet"), transition_channels=16, hierarchical=True)
    model = build_model(config, NODES).eval()
    with torch.inference_mode():
        output = model(torch.rand(2, 1, 64, 64))
    given_parent = torch.sigmoid(output.conditional_logits)
    path = ["Mass", "Lung lesion", "Lung opacity", "Abnormal"]
    product = torch.stack([given_parent[:, NODES.index(node)] for node in path]).prod(dim=0)
    torch.testing.assert_close(torch.sigmoid(output.logits[:, NODES.index("Mass")]), product)


def test_ancestors_outside_the_label_space_are_passed_over():
    assert ancestry(("Pneumonia", "Abnormal", "Mass")).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 1]]
