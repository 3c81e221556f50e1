"""Hierarchical multi-label output (Chen 2019): a finding is scored given its parent, and can never exceed it."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from cxr.models.classifier import ImageClassifier, ModelOutput, WrappedClassifier
from nlp_labeler.findings import ANCESTORS


def log1mexp(log_p: Tensor) -> Tensor:
    """log(1 - exp(log_p)) without cancellation, for log_p < 0 (Maechler 2012).

    Values so close to 0 that 1 - exp(log_p) has no digits left are taken as the nearest that has.
    """
    log_p = log_p.clamp(max=-torch.finfo(log_p.dtype).eps)
    near_one = log_p > -math.log(2)
    # Each branch is fed only with arguments of its own domain, or its gradient would be NaN where it is not chosen.
    close = torch.log(-torch.expm1(torch.where(near_one, log_p, log_p.new_tensor(-1.0))))
    far = torch.log1p(-torch.exp(torch.where(near_one, log_p.new_tensor(-1.0), log_p)))
    return torch.where(near_one, close, far)


def ancestry(label_space: Sequence[str]) -> Tensor:
    """(C, C): 1 where the column's label is the row's label itself or an ancestor of it; others are passed over."""
    return torch.tensor(
        [[float(other == label or other in ANCESTORS[label]) for other in label_space] for label in label_space]
    )


class HierarchicalNetwork(WrappedClassifier):
    """Any classifier, its logits read as conditional on the parent.

    s_m = sum over m and its ancestors of log sigmoid(z), so p(child) <= p(parent) by construction. The logits returned
    are those of p = exp(s): log p - log(1 - p). Class maps are combined cell by cell in the same way.

    Args:
        classifier: images -> ModelOutput with C labels.
        label_space: names of the C labels, nodes of the ontology.
    """

    def __init__(self, classifier: ImageClassifier, label_space: Sequence[str]) -> None:
        super().__init__(classifier)
        self.register_buffer("ancestry", ancestry(label_space), persistent=False)

    def forward(self, images: Tensor) -> ModelOutput:
        """(N, 1, H, W) in [0, 1] -> ModelOutput with unconditional logits and class maps."""
        output: ModelOutput = self.classifier(images)
        logits = self._unconditional(output.logits, "nc,mc->nm")
        class_maps = self._unconditional(output.class_maps, "nchw,mc->nmhw")
        return replace(
            output,
            logits=logits,
            class_maps=class_maps,
            step_logits=logits[:, None],
            seed_maps=class_maps,
            conditional_logits=output.logits,
        )

    def _unconditional(self, conditional: Tensor, product: str) -> Tensor:
        log_p = torch.einsum(product, logsigmoid(conditional), self.ancestry)
        return log_p - log1mexp(log_p)
