"""A TieNet from its configuration: the one place that knows how its parts fit together."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cxr.models.report_decoder import AttentionLSTM, ReportDecoder
from cxr.models.tienet import AttentionEncodedText, TieNet, class_map_channels, patch_channels

__all__ = ["LSTMConfig", "TieNetConfig", "TransformerConfig", "build_tienet"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LSTMConfig(_Strict):
    """The attention LSTM; the defaults of word and hidden size are the paper's."""

    kind: Literal["lstm"] = "lstm"
    word_size: int = Field(default=200, gt=0)
    hidden_size: int = Field(default=256, gt=0)
    attention_size: int = Field(default=128, gt=0)
    dropout: float = Field(default=0.5, ge=0, lt=1)


class TransformerConfig(_Strict):
    """The compact transformer; it is trained and compared, not exported."""

    kind: Literal["transformer"]
    hidden_size: int = Field(default=128, gt=0)
    layers: int = Field(default=2, gt=0)
    heads: int = Field(default=4, gt=0)
    positions: int = Field(default=128, gt=2)
    dropout: float = Field(default=0.1, ge=0, lt=1)


class TieNetConfig(_Strict):
    """Everything that fixes the shape of a TieNet but its classifier, vocabulary and label space."""

    channels: int = Field(default=256, gt=0)
    decoder: Annotated[LSTMConfig | TransformerConfig, Field(discriminator="kind")] = LSTMConfig()
    feature_dropout: float = Field(default=0.0, ge=0, lt=1)
    text_rows: int = Field(default=5, gt=0)
    text_width: int = Field(default=2000, gt=0)


def build_tienet(config: TieNetConfig, *, feature_channels: int, vocabulary: int, labels: int, padding: int) -> TieNet:
    """A TieNet with fresh weights.

    Args:
        config: its shape.
        feature_channels: channels of the classifier's features.
        vocabulary: number of words.
        labels: C.
        padding: number of the padding word.
    """
    text = AttentionEncodedText(config.decoder.hidden_size, config.text_rows, config.text_width)
    decoder = _decoder(config, patch_channels(config.channels, labels), labels, vocabulary)
    return TieNet(feature_channels, config.channels, decoder, text, labels, padding, config.feature_dropout)


def _decoder(config: TieNetConfig, channels: int, labels: int, vocabulary: int) -> ReportDecoder:
    d = config.decoder
    if isinstance(d, LSTMConfig):
        maps = class_map_channels(config.channels, labels)
        return AttentionLSTM(
            channels, maps, labels, vocabulary, d.word_size, d.hidden_size, d.attention_size, d.dropout
        )
    from cxr.models.transformer_decoder import TransformerDecoder  # its library takes seconds to import

    return TransformerDecoder(channels, labels, vocabulary, d.hidden_size, d.layers, d.heads, d.positions, d.dropout)
