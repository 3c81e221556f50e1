"""TieNet (Wang 2018): one embedding of image and report, four ways to classify with it, never mixed up.

| mode | call | sees |
|---|---|---|
| I | :meth:`TieNet.classify_image` | the image |
| R | :meth:`TieNet.classify_report` | a real report; the image's cells are zero |
| I+R | :meth:`TieNet.classify_image_and_report` | the image and a real report: annotation of archives |
| I+GR | :meth:`TieNet.classify_image_and_generated` | the image and what the model itself said of it: screening |
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cxr.models.report_decoder import DecoderOutput, ReportDecoder
from cxr.models.text_embedding import AttentionEncodedText, saliency_weighted_pooling

__all__ = ["PLACE_CHANNELS", "JointEmbedding", "TieNet", "cell_channels", "class_map_channels"]

_MAP_SCALE = 10.0  # class maps are logits; so divided they are about as large as the other features
_SHARPNESS = 4.0  # of log-sum-exp pooling, on logits, as the recipes of the classifiers have it

PLACE_CHANNELS = 4
"""x, y and their squares: where a cell lies, and how widely spread those are that were looked at."""


def cell_channels(channels: int, labels: int) -> int:
    """D of a cell with so many channels after the transition, for C labels."""
    return channels + labels + PLACE_CHANNELS


def class_map_channels(channels: int, labels: int) -> slice:
    """Which of a cell's channels are the trunk's class maps."""
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
    """Transition, decoder, joint embedding and one linear classifier per mode, over the features of a trunk.

    A cell of the image is more here than the paper's transition makes of it: it also carries the trunk's class maps, so
    that what was learned from labels need not be learned again from words, and its place, since a local feature does
    not tell left from right and a report must. D = channels + C + PLACE_CHANNELS.

    Args:
        trunk_channels: of the (N, channels, S, S) features that the trunk gives.
        channels: after the transition.
        decoder: the language model, over the D channels of a cell.
        text: AETE over the decoder's states.
        labels: C.
        padding: number of the padding word.
        feature_dropout: probability of a trunk channel to be dropped while training. A frozen trunk knows its own
            training images too well; without dropout everything above it learns to trust it too much.
    """

    plan_slope: Tensor
    plan_intercept: Tensor

    def __init__(
        self,
        trunk_channels: int,
        channels: int,
        decoder: ReportDecoder,
        text: AttentionEncodedText,
        labels: int,
        padding: int,
        feature_dropout: float,
    ) -> None:
        super().__init__()
        self.cell_channels = cell_channels(channels, labels)
        self.transition = nn.Sequential(
            nn.Dropout2d(feature_dropout),
            nn.Conv2d(trunk_channels, channels, kernel_size=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.class_maps = nn.Conv2d(trunk_channels, labels, kernel_size=1).requires_grad_(requires_grad=False)
        self.decoder = decoder
        self.text = text
        self.padding = padding
        # A line over what the trunk says, above 0 where a finding is planned to be reported.
        self.register_buffer("plan_slope", torch.ones(labels))
        self.register_buffer("plan_intercept", torch.zeros(labels))
        self.maps_at = class_map_channels(channels, labels)
        joint = decoder.hidden_size + self.cell_channels
        self.image_head = nn.Linear(2 * self.cell_channels + labels, labels)
        with torch.no_grad():  # at first mode I says what the trunk says
            self.image_head.weight.zero_()
            self.image_head.weight[:, -labels:] = torch.eye(labels)
            self.image_head.bias.zero_()
        self.report_head = nn.Linear(decoder.hidden_size, labels)
        self.joint_head = nn.Linear(joint, labels)
        self.opinion_weights = nn.Parameter(torch.tensor([0.5, 0.5, 0.0]))
        self.generated_bias = nn.Parameter(torch.zeros(labels))

    def cells(self, features: Tensor) -> Tensor:
        """Trunk features (N, channels, S, S) -> (N, S * S, D)."""
        maps = self.class_maps(features) / _MAP_SCALE
        places = _places(features).expand(len(features), -1, -1, -1)
        return torch.cat([self.transition(features), maps, places], dim=1).flatten(2).transpose(1, 2)

    def plan(self, cells: Tensor) -> Tensor:
        """(N, C) what the report is to assert: 1 where the trunk finds a finding likely enough, else -1."""
        line = self.plan_slope * self.trunk_logits(cells) + self.plan_intercept
        return torch.where(line > 0, 1.0, -1.0)

    def embed(self, cells: Tensor, words: Tensor, plan: Tensor | None = None) -> JointEmbedding:
        """Read reports (N, T), the start word first and padded at the end, beside (N, L, D) cells.

        The modes read without a plan (N, C), which would tell them what they are to find out; writing is learned with.
        """
        if plan is None:
            plan = cells.new_zeros(len(cells), self.report_head.out_features)
        decoder = self.decoder(cells, words, plan)
        text, weights = self.text(decoder.hidden, words != self.padding)
        return JointEmbedding(text, saliency_weighted_pooling(cells, decoder.attention, weights), decoder)

    def classify_image(self, cells: Tensor) -> Tensor:
        """Mode I: logits (N, C) from the mean and the maximum of each feature, and what the trunk says."""
        return self.image_head(torch.cat([cells.mean(dim=1), cells.amax(dim=1), self.trunk_logits(cells)], dim=-1))

    def trunk_logits(self, cells: Tensor) -> Tensor:
        """(N, C) the trunk's class maps, pooled by log-sum-exp."""
        return ((_SHARPNESS * self.trunk_maps(cells)).logsumexp(dim=1) - math.log(cells.shape[1])) / _SHARPNESS

    def trunk_maps(self, cells: Tensor) -> Tensor:
        """(N, L, C) the trunk's class maps in logit units."""
        return _MAP_SCALE * cells[:, :, self.maps_at]

    def classify_report(self, cells: Tensor, words: Tensor) -> Tensor:
        """Mode R: logits (N, C) from real reports alone; of ``cells`` only the shape is used."""
        return self.report_head(self.embed(torch.zeros_like(cells), words).text)

    def classify_image_and_report(self, embedding: JointEmbedding) -> Tensor:
        """Mode I+R: logits (N, C) from an embedding of images and real reports."""
        return self.joint_head(torch.cat([embedding.text, embedding.image], dim=-1))

    def opinions(self, cells: Tensor, embedding: JointEmbedding) -> Tensor:
        """(N, 3, C) logits of one image: by the trunk, by mode I, and by mode I+R of a report that was generated."""
        heard = self.classify_image_and_report(embedding)
        return torch.stack([self.trunk_logits(cells), self.classify_image(cells), heard], dim=1)

    def classify_image_and_generated(self, opinions: Tensor) -> Tensor:
        """Mode I+GR: logits (N, C) that weigh the :meth:`opinions` (N, 3, C), alike for every finding.

        The paper reads a generated report as it reads a real one, which trusts it too much.
        """
        return torch.einsum("noc,o->nc", opinions, self.opinion_weights) + self.generated_bias


def _places(features: Tensor) -> Tensor:
    """(1, PLACE_CHANNELS, S, S) in [-1, 1] for features (N, channels, S, S)."""
    height, width = features.shape[-2:]
    y = torch.linspace(-1, 1, height, device=features.device, dtype=features.dtype)[:, None].expand(height, width)
    x = torch.linspace(-1, 1, width, device=features.device, dtype=features.dtype)[None, :].expand(height, width)
    return torch.stack([x, y, x.square(), y.square()])[None]
