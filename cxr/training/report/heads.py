"""Fit what the joint training does not see: the content plan, the head of mode R, and the weights of mode I+GR.

Each mode is fitted to the inputs that it will have: R to states that never saw the image, I+GR to generated reports.
Those of the training images are better than others will be, since classifier and decoder know these images; how far a
generated report may be trusted is therefore learned from validation images.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cxr.models.tienet import TieNet
from cxr.operating_points.calibration_fit import platt_line
from cxr.reporting.vocabulary import Vocabulary
from cxr.training.report.decode import greedy_reports
from cxr.training.shared.losses import LossConfig, multilabel_loss, resolve_uncertain

__all__ = ["feature_batches", "fit_content_plan", "fit_generated_head", "fit_report_head"]

_BATCH = 64
_STEPS = 60
_WEIGHT_PENALTY = 1e-3
_ENSEMBLE_PENALTY = 0.3  # towards the mean of classifier and mode I: a generated report has to earn its weight
_AS_GOOD = 0.005  # of F1: the best and what is only as good by chance


def feature_batches(features: NDArray[np.float16]) -> Iterator[tuple[slice, Tensor]]:
    """Rows and their (n, channels, S, S) float32 features, in order."""
    for first in range(0, len(features), _BATCH):
        rows = slice(first, min(first + _BATCH, len(features)))
        yield rows, torch.from_numpy(np.asarray(features[rows], dtype=np.float32))


def fit_report_head(
    model: TieNet, features: NDArray[np.float16], words: NDArray[np.int64], labels: NDArray[np.float32]
) -> None:
    """Fit mode R in place on the training images; the rest of the model stays as it is.

    Args:
        model: after its joint training, in evaluation mode.
        features: (N, channels, S, S), of which only the shape matters.
        words: (N, T) real reports.
        labels: (N, C) with 1, 0, -1 and NaN; -1 is left out.
    """
    real: list[Tensor] = []
    with torch.no_grad():
        for rows, batch in feature_batches(features):
            patch_features = model.patch_features(batch)
            real.append(model.embed(torch.zeros_like(patch_features), torch.from_numpy(words[rows])).text)
    head = model.report_head
    _fit(list(head.parameters()), head, torch.cat(real), labels, lambda: _WEIGHT_PENALTY * head.weight.square().sum())


def fit_generated_head(
    model: TieNet, vocabulary: Vocabulary, features: NDArray[np.float16], labels: NDArray[np.float32], longest: int
) -> None:
    """Fit mode I+GR in place on validation images.

    The three weights are the same for every finding: of the rarer ones a validation split has a handful, from which
    weights of their own learn nothing but its accidents.

    Args:
        model: after its joint training, in evaluation mode, with its plan.
        vocabulary: its words.
        features: (N, channels, S, S).
        labels: (N, C) with 1, 0, -1 and NaN; -1 is left out.
        longest: words after which generated reports are cut off.
    """
    found: list[Tensor] = []
    with torch.no_grad():
        for _, batch in feature_batches(features):
            patch_features = model.patch_features(batch)
            embedding = model.embed(patch_features, greedy_reports(model, vocabulary, patch_features, longest))
            found.append(model.ensemble_logits(patch_features, embedding))
    start = model.ensemble_weights.detach().clone()
    _fit(
        [model.ensemble_weights, model.generated_bias],
        model.classify_image_and_generated,
        torch.cat(found),
        labels,
        lambda: (
            _ENSEMBLE_PENALTY * (model.ensemble_weights - start).square().sum()
            + _WEIGHT_PENALTY * model.generated_bias.square().sum()
        ),
    )


def fit_content_plan(model: TieNet, features: NDArray[np.float16], labels: NDArray[np.float32]) -> None:
    """Let the model plan each finding from the calibrated probability on that makes the plan's F1 the best.

    One threshold serves every finding (Lipton 2014, arXiv:1402.1892). Were the probabilities exact, it would be half of
    the F1 that it reaches; lines fitted to a few dozen positives are not, so it is searched for. A finding that no
    validation image has, or every one, keeps the classifier's own probability.

    Args:
        model: changed in place.
        features: (N, channels, S, S) of the validation images.
        labels: (N, C) with 1, 0, -1 and NaN; the last two are left out.
    """
    with torch.inference_mode():
        found = [model.classifier_logits(model.patch_features(batch)) for _, batch in feature_batches(features)]
    logits = torch.cat(found).double().numpy()
    slopes, intercepts = np.ones(labels.shape[1]), np.zeros(labels.shape[1])
    known = np.isin(labels, (0, 1))
    for label in range(labels.shape[1]):
        rows = known[:, label]
        truth = labels[rows, label].astype(np.float64)
        if 0 < truth.sum() < len(truth):
            slopes[label], intercepts[label] = platt_line(logits[rows, label], truth)
    calibrated = slopes * logits + intercepts
    threshold = _best_threshold(calibrated[known], labels[known] == 1)
    model.content_plan_slope.copy_(torch.from_numpy(slopes))
    model.content_plan_intercept.copy_(torch.from_numpy(intercepts - threshold))


def _best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The middle of the (N,) scores at which F1 is as good as the best; the highest score where nothing is true.

    Near its best F1 hardly changes over a wide range of scores, and which of them is the best is chance.
    """
    if not truth.any():
        return float(scores.max(initial=0.0))
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + truth.sum())
    return float(scores[order][f1 >= f1.max() - _AS_GOOD].mean())


def _fit(
    parameters: list[nn.Parameter],
    head: Callable[[Tensor], Tensor],
    inputs: Tensor,
    labels: NDArray[np.float32],
    penalty: Callable[[], Tensor],
) -> None:
    """Penalised logistic regression by L-BFGS."""
    known = resolve_uncertain(torch.from_numpy(labels), "ignore")
    optimizer = torch.optim.LBFGS(parameters, max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = multilabel_loss(head(inputs), known, LossConfig()) + penalty()
        value.backward()
        return value

    optimizer.step(loss)
