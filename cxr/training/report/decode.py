"""Reports of a trained TieNet: one by beam search, or many at once by taking the likeliest word each time."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxr.models.tienet import TieNet
from cxr.reporting.beam_search import DecodedReport, DecoderStep, State, beam_search
from cxr.reporting.vocabulary import END, PAD, START, UNKNOWN, Vocabulary

__all__ = ["TorchStepDecoder", "decode_report", "greedy_reports"]


class TorchStepDecoder:
    """The decoder of a TieNet before one image, step by step.

    Args:
        model: in evaluation mode.
        patch_features: (1, L, D).
    """

    def __init__(self, model: TieNet, patch_features: Tensor) -> None:
        self.model, self.patch_features = model, patch_features

    def start(self) -> State:
        """The state before the first word."""
        with torch.inference_mode():
            state = self.model.decoder.start(self.patch_features, self.model.content_plan(self.patch_features))
        return tuple(part.numpy() for part in state)

    def step(self, words: NDArray[np.int64], state: State) -> DecoderStep:
        """One word (B,) of each partial report."""
        with torch.inference_mode():
            output, after = self.model.decoder.step(
                torch.from_numpy(words), tuple(torch.from_numpy(part) for part in state), self.patch_features
            )
        return DecoderStep(
            output.logits[:, 0].numpy(), output.attention[:, 0].numpy(), tuple(part.numpy() for part in after)
        )


def decode_report(
    model: TieNet, vocabulary: Vocabulary, features: Tensor, *, width: int, longest: int
) -> DecodedReport:
    """The report of one image by beam search.

    Args:
        model: in evaluation mode, on the CPU.
        vocabulary: its words.
        features: (1, channels, S, S) of the classifier.
        width: of the beam.
        longest: words after which a report is cut off.
    """
    with torch.inference_mode():
        decoder = TorchStepDecoder(model, model.patch_features(features))
    forbidden = [vocabulary.number(word) for word in (PAD, START, UNKNOWN)]
    return beam_search(
        decoder,
        start=vocabulary.number(START),
        end=vocabulary.number(END),
        forbidden=forbidden,
        width=width,
        longest=longest,
    )


def greedy_reports(model: TieNet, vocabulary: Vocabulary, patch_features: Tensor, longest: int) -> Tensor:
    """The likeliest word at each step for N images at once.

    Args:
        model: in evaluation mode.
        vocabulary: its words.
        patch_features: (N, L, D).
        longest: words after which reports are cut off.

    Returns:
        (N, T) words, the start word first, padded behind the last; as :meth:`TieNet.embed` reads them.
    """
    forbidden: Sequence[int] = [vocabulary.number(word) for word in (PAD, START, UNKNOWN)]
    end = vocabulary.number(END)
    rows = [torch.full((len(patch_features),), vocabulary.number(START), device=patch_features.device)]
    state = model.decoder.start(patch_features, model.content_plan(patch_features))
    open_ = torch.ones(len(patch_features), dtype=torch.bool, device=patch_features.device)
    for _ in range(longest):
        output, state = model.decoder.step(rows[-1], state, patch_features)
        logits = output.logits[:, 0].clone()
        logits[:, forbidden] = -torch.inf
        said = logits.argmax(dim=-1)
        open_ = open_ & (said != end)
        if not bool(open_.any()):
            break
        rows.append(torch.where(open_, said, model.padding))
    return torch.stack(rows, dim=1)
