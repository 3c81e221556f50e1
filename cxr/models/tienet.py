"""TieNet (Wang 2018): one embedding of image and report, four ways to classify with it, never mixed up.

| mode | call | sees |
|---|---|---|
| I | :meth:`TieNet.classify_image` | the image |
| R | :meth:`TieNet.classify_report` | a real report; the image's patches are zero |
| I+R | :meth:`TieNet.classify_image_and_report` | the image and a real report: annotation of archives |
| I+GR | :meth:`TieNet.classify_image_and_generated` | the image and what the model itself said of it: screening |
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cxr.models.report_decoder import DecoderOutput, ReportDecoder

__all__ = [
    "POSITION_CHANNELS",
    "AttentionEncodedText",
    "JointEmbedding",
    "TieNet",
    "class_map_channels",
    "patch_channels",
    "saliency_weighted_pooling",
]


class AttentionEncodedText(nn.Module):
    """AETE: several attentions over the words, each a weighted mean of the states, joined by their maximum.

    G = softmax_T( W_s2 tanh(W_s1 H) ) over the T words, padding masked; M = G H.

    Args:
        hidden_size: H of the decoder's states.
        rows: r attentions (paper: 5).
        width: inner width (paper: 2000).
    """

    def __init__(self, hidden_size: int, rows: int, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(hidden_size, width, bias=False)
        self.rows = nn.Linear(width, rows, bias=False)

    def forward(self, hidden: Tensor, spoken: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding (N, H) and word weights G (N, r, T).

        Args:
            hidden: (N, T, H).
            spoken: (N, T) bool, False for padding; every report has a word.
        """
        energy = self.rows(torch.tanh(self.inner(hidden))).transpose(1, 2)  # (N, r, T)
        weights = energy.masked_fill(~spoken[:, None], -torch.inf).softmax(dim=-1)
        return (weights @ hidden).amax(dim=1), weights


def saliency_weighted_pooling(patch_features: Tensor, attention: Tensor, weights: Tensor) -> Tensor:
    """SW-GAP: the features under the attention of the words that matter.

    g_t = max over rows of G[:, t]; a_ws = sum_t g_t a_t, scaled to sum to 1; the result is sum_l a_ws[l] X[l]. The
    paper does not scale; without it the size of the vector depends on how many words matter.

    Args:
        patch_features: X, (N, L, D).
        attention: a_t, (N, T, L).
        weights: G, (N, r, T).

    Returns:
        (N, D).
    """
    saliency = torch.einsum("nt,ntl->nl", weights.amax(dim=1), attention)
    saliency = saliency / saliency.sum(dim=-1, keepdim=True)
    return torch.einsum("nl,nld->nd", saliency, patch_features)


_MAP_SCALE = 10.0  # class maps are logits; so divided they are about as large as the other features
_SHARPNESS = 4.0  # of log-sum-exp pooling, on logits, as the recipes of the classifiers have it

POSITION_CHANNELS = 4
"""x, y and their squares: where a patch lies, and how widely spread those are that were looked at."""


def patch_channels(channels: int, labels: int) -> int:
    """D of a patch with so many channels after the transition, for C labels."""
    return channels + labels + POSITION_CHANNELS


def class_map_channels(channels: int, labels: int) -> slice:
    """Which of a patch's channels are the classifier's class maps."""
    return slice(channels, channels + labels)


@dataclass(frozen=True)
class JointEmbedding:
    """An image and a report, read together.

    Attributes:
        text: (N, H), AETE.
        image: (N, D), SW-GAP.
        decoder: what the decoder made of each word; its logits train it.
    """

    text: Tensor
    image: Tensor
    decoder: DecoderOutput


class TieNet(nn.Module):
    """Transition, decoder, joint embedding and one linear classifier per mode, over the features of a classifier.

    A patch of the image is more here than the paper's transition makes of it: it also carries the classifier's class
    maps, so that what was learned from labels need not be learned again from words, and its position, since a local
    feature does not tell left from right and a report must. D = channels + C + POSITION_CHANNELS.

    Args:
        feature_channels: of the (N, channels, S, S) features that the classifier gives.
        channels: after the transition.
        decoder: the language model, over the D channels of a patch.
        text: AETE over the decoder's states.
        labels: C.
        padding: number of the padding word.
        feature_dropout: probability of a feature channel to be dropped while training. A frozen classifier knows its
            own training images too well; without dropout everything above it learns to trust it too much.
    """

    content_plan_slope: Tensor
    content_plan_intercept: Tensor

    def __init__(
        self,
        feature_channels: int,
        channels: int,
        decoder: ReportDecoder,
        text: AttentionEncodedText,
        labels: int,
        padding: int,
        feature_dropout: float,
    ) -> None:
        super().__init__()
        self.patch_channels = patch_channels(channels, labels)
        self.transition = nn.Sequential(
            nn.Dropout2d(feature_dropout),
            nn.Conv2d(feature_channels, channels, kernel_size=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.class_maps = nn.Conv2d(feature_channels, labels, kernel_size=1).requires_grad_(requires_grad=False)
        self.decoder = decoder
        self.text = text
        self.padding = padding
        # A line over what the classifier says, above 0 where a finding is planned to be reported.
        self.register_buffer("content_plan_slope", torch.ones(labels))
        self.register_buffer("content_plan_intercept", torch.zeros(labels))
        self.maps_at = class_map_channels(channels, labels)
        joint = decoder.hidden_size + self.patch_channels
        self.image_head = nn.Linear(2 * self.patch_channels + labels, labels)
        with torch.no_grad():  # at first mode I says what the classifier says
            self.image_head.weight.zero_()
            self.image_head.weight[:, -labels:] = torch.eye(labels)
            self.image_head.bias.zero_()
        self.report_head = nn.Linear(decoder.hidden_size, labels)
        self.joint_head = nn.Linear(joint, labels)
        self.ensemble_weights = nn.Parameter(torch.tensor([0.5, 0.5, 0.0]))
        self.generated_bias = nn.Parameter(torch.zeros(labels))

    def patch_features(self, features: Tensor) -> Tensor:
        """Classifier features (N, channels, S, S) -> (N, S * S, D)."""
        maps = self.class_maps(features) / _MAP_SCALE
        positions = _positions(features).expand(len(features), -1, -1, -1)
        return torch.cat([self.transition(features), maps, positions], dim=1).flatten(2).transpose(1, 2)

    def content_plan(self, patch_features: Tensor) -> Tensor:
        """(N, C) what the report is to assert: 1 where the classifier finds a finding likely enough, else -1."""
        line = self.content_plan_slope * self.classifier_logits(patch_features) + self.content_plan_intercept
        return torch.where(line > 0, 1.0, -1.0)

    def embed(self, patch_features: Tensor, words: Tensor, content_plan: Tensor | None = None) -> JointEmbedding:
        """Read reports (N, T), the start word first and padded at the end, beside (N, L, D) patches.

        The modes read without a plan (N, C), which would tell them what they are to find out; writing is learned with.
        """
        if content_plan is None:
            content_plan = patch_features.new_zeros(len(patch_features), self.report_head.out_features)
        decoder = self.decoder(patch_features, words, content_plan)
        text, weights = self.text(decoder.hidden, words != self.padding)
        return JointEmbedding(text, saliency_weighted_pooling(patch_features, decoder.attention, weights), decoder)

    def classify_image(self, patch_features: Tensor) -> Tensor:
        """Mode I: logits (N, C) from the mean and the maximum of each feature, and what the classifier says."""
        return self.image_head(
            torch.cat(
                [patch_features.mean(dim=1), patch_features.amax(dim=1), self.classifier_logits(patch_features)], dim=-1
            )
        )

    def classifier_logits(self, patch_features: Tensor) -> Tensor:
        """(N, C) the classifier's class maps, pooled by log-sum-exp."""
        return (
            (_SHARPNESS * self.classifier_maps(patch_features)).logsumexp(dim=1) - math.log(patch_features.shape[1])
        ) / _SHARPNESS

    def classifier_maps(self, patch_features: Tensor) -> Tensor:
        """(N, L, C) the classifier's class maps in logit units."""
        return _MAP_SCALE * patch_features[:, :, self.maps_at]

    def classify_report(self, patch_features: Tensor, words: Tensor) -> Tensor:
        """Mode R: logits (N, C) from real reports alone; of ``patch_features`` only the shape is used."""
        return self.report_head(self.embed(torch.zeros_like(patch_features), words).text)

    def classify_image_and_report(self, embedding: JointEmbedding) -> Tensor:
        """Mode I+R: logits (N, C) from an embedding of images and real reports."""
        return self.joint_head(torch.cat([embedding.text, embedding.image], dim=-1))

    def ensemble_logits(self, patch_features: Tensor, embedding: JointEmbedding) -> Tensor:
        """(N, 3, C) logits of one image: the classifier's, mode I's, and mode I+R's with a generated report."""
        heard = self.classify_image_and_report(embedding)
        return torch.stack([self.classifier_logits(patch_features), self.classify_image(patch_features), heard], dim=1)

    def classify_image_and_generated(self, ensemble_logits: Tensor) -> Tensor:
        """Mode I+GR: logits (N, C) that weigh the :meth:`ensemble_logits` (N, 3, C), alike for every finding.

        The paper reads a generated report as it reads a real one, which trusts it too much.
        """
        return torch.einsum("noc,o->nc", ensemble_logits, self.ensemble_weights) + self.generated_bias


def _positions(features: Tensor) -> Tensor:
    """(1, POSITION_CHANNELS, S, S) in [-1, 1] for features (N, channels, S, S)."""
    height, width = features.shape[-2:]
    y = torch.linspace(-1, 1, height, device=features.device, dtype=features.dtype)[:, None].expand(height, width)
    x = torch.linspace(-1, 1, width, device=features.device, dtype=features.dtype)[None, :].expand(height, width)
    return torch.stack([x, y, x.square(), y.square()])[None]
