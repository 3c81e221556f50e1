"""TieNet (Wang 2018): one embedding of image and report, four ways to classify with it, never mixed up.

| mode | call | sees |
|---|---|---|
| I | :meth:`TieNet.classify_image` | the image |
| R | :meth:`TieNet.classify_report` | a real report; the image's cells are zero |
| I+R | :meth:`TieNet.classify_image_and_report` | the image and a real report: annotation of archives |
| I+GR | :meth:`TieNet.classify_image_and_generated` | the image and what the model itself said of it: screening |
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cxr.models.report_decoder import DecoderOutput, ReportDecoder
from cxr.models.text_embedding import AttentionEncodedText, saliency_weighted_pooling

__all__ = ["JointEmbedding", "TieNet"]


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

    Args:
        trunk_channels: of the (N, channels, S, S) features that the trunk gives.
        channels: D after the transition.
        decoder: the language model.
        text: AETE over the decoder's states.
        labels: C.
        padding: number of the padding word.
        feature_dropout: probability of a trunk channel to be dropped while training. A frozen trunk knows its own
            training images too well; without dropout everything above it learns to trust it too much.
    """

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
        self.transition = nn.Sequential(
            nn.Dropout2d(feature_dropout),
            nn.Conv2d(trunk_channels, channels, kernel_size=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.decoder = decoder
        self.text = text
        self.padding = padding
        joint = decoder.hidden_size + channels
        self.image_head = nn.Linear(2 * channels, labels)
        self.report_head = nn.Linear(decoder.hidden_size, labels)
        self.joint_head = nn.Linear(joint, labels)
        self.generated_head = nn.Linear(joint, labels)

    def cells(self, features: Tensor) -> Tensor:
        """Trunk features (N, channels, S, S) -> (N, S * S, D)."""
        return self.transition(features).flatten(2).transpose(1, 2)

    def embed(self, cells: Tensor, words: Tensor) -> JointEmbedding:
        """Read reports (N, T), the start word first and padded at the end, beside (N, L, D) cells."""
        decoder = self.decoder(cells, words)
        text, weights = self.text(decoder.hidden, words != self.padding)
        return JointEmbedding(text, saliency_weighted_pooling(cells, decoder.attention, weights), decoder)

    def classify_image(self, cells: Tensor) -> Tensor:
        """Mode I: logits (N, C) from the mean and the maximum of each feature."""
        return self.image_head(torch.cat([cells.mean(dim=1), cells.amax(dim=1)], dim=-1))

    def classify_report(self, cells: Tensor, words: Tensor) -> Tensor:
        """Mode R: logits (N, C) from real reports alone; of ``cells`` only the shape is used."""
        return self.report_head(self.embed(torch.zeros_like(cells), words).text)

    def classify_image_and_report(self, embedding: JointEmbedding) -> Tensor:
        """Mode I+R: logits (N, C) from an embedding of images and real reports."""
        return self.joint_head(torch.cat([embedding.text, embedding.image], dim=-1))

    def classify_image_and_generated(self, embedding: JointEmbedding) -> Tensor:
        """Mode I+GR: logits (N, C) from an embedding of images and the reports that this model generated."""
        return self.generated_head(torch.cat([embedding.text, embedding.image], dim=-1))
