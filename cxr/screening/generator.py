"""The bundle's report generator in onnxruntime: an encoder once per image, a decoder step per word.

Three files of a bundle, all or none::

    report_encoder.onnx  image (1, 1, size, size) float32 in [0, 1] -> cells, keys, hidden, cell
    report_decoder.onnx  word (B,) int64 and that -> logits (B, V), attention (B, L), next_hidden, next_cell
    report_generator.json  GeneratorCard: vocabulary and how it is searched
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from cxr.errors import BundleError
from cxr.imaging.preprocessing import Placement
from cxr.localization.heatmaps import content
from cxr.onnx_model import open_session
from cxr.reporting.beam_search import DecodedReport, DecoderStep, State, beam_search
from cxr.reporting.document import AttentionMap
from cxr.reporting.vocabulary import END, PAD, START, UNKNOWN, Span, Vocabulary

__all__ = [
    "DECODER_FILE",
    "DECODER_INPUTS",
    "DECODER_OUTPUTS",
    "ENCODER_FILE",
    "ENCODER_INPUT",
    "ENCODER_OUTPUTS",
    "GENERATOR_CARD_FILE",
    "GeneratedReport",
    "Generator",
    "GeneratorCard",
    "OnnxReportDecoder",
    "WordAttention",
]

ENCODER_FILE, DECODER_FILE, GENERATOR_CARD_FILE = "report_encoder.onnx", "report_decoder.onnx", "report_generator.json"
ENCODER_INPUT: Final = "image"
ENCODER_OUTPUTS: Final = ("cells", "keys", "hidden", "cell")
DECODER_INPUTS: Final = ("word", "hidden", "cell", "cells", "keys")
DECODER_OUTPUTS: Final = ("logits", "attention", "next_hidden", "next_cell")


class GeneratorCard(BaseModel):
    """report_generator.json.

    Attributes:
        words: the vocabulary in order.
        beam_width: partial reports kept per step.
        longest: words after which a report is cut off.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    words: tuple[Annotated[str, StringConstraints(min_length=1, max_length=100)], ...]
    beam_width: int = Field(ge=1, le=16)
    longest: int = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _words_are_a_vocabulary(self) -> Self:
        Vocabulary(self.words)
        return self


@dataclass(frozen=True)
class GeneratedReport:
    """What the generator said of an image, before anything held it to the scores.

    Attributes:
        text: with section headings.
        spans: where in the text each word stands.
        attention: (T, S, S) float32, where the decoder looked for each word; each map sums to 1 over the network
            input.
        words: their numbers in the vocabulary.
    """

    text: str
    spans: tuple[Span, ...]
    attention: NDArray[np.float32]
    words: tuple[int, ...]


class WordAttention:
    """The attention of one generated report.

    Args:
        generated: the report with one map per word.
        placement: where the image lies in the network's square.
        size: side of the square in pixels.
    """

    def __init__(self, generated: GeneratedReport, placement: Placement, size: int) -> None:
        self._generated, self._placement, self._size = generated, placement, size

    def __call__(self, start: int, end: int) -> AttentionMap:
        """The mean map of the words in characters ``start`` to ``end`` of the text; empty where there is no word."""
        words = [i for i, (first, last) in enumerate(self._generated.spans) if first < end and last > start]
        if not words:
            return ()
        square = self._generated.attention[words].mean(axis=0)
        cell = self._size / len(square)
        left, top, right, bottom = (edge / cell for edge in content(self._placement, self._size))
        shape = (max(1, round(right - left)), max(1, round(bottom - top)))
        found = np.asarray(Image.fromarray(square).resize(shape, Image.Resampling.BOX, box=(left, top, right, bottom)))
        return tuple(tuple(int(v) for v in row) for row in (100 * found / found.max()).round())


class OnnxReportDecoder:
    """Encoder and decoder sessions as one speaker; may be called from several threads at once.

    Args:
        encoder: of report_encoder.onnx.
        decoder: of report_decoder.onnx.
        card: vocabulary and search.
    """

    def __init__(
        self, encoder: onnxruntime.InferenceSession, decoder: onnxruntime.InferenceSession, card: GeneratorCard
    ) -> None:
        self._encoder, self._decoder, self._card = encoder, decoder, card
        self.vocabulary = Vocabulary(card.words)

    def decode(self, image: NDArray[np.uint8]) -> DecodedReport:
        """The report of one (size, size) image as :func:`cxr.imaging.preprocessing.prepare` makes it."""
        batch = image[None, None].astype(np.float32) / np.float32(255)
        cells, keys, hidden, cell = self._encoder.run(ENCODER_OUTPUTS, {ENCODER_INPUT: batch})
        number = self.vocabulary.number
        return beam_search(
            _Steps(self._decoder, cells, keys, (hidden, cell)),
            start=number(START),
            end=number(END),
            forbidden=[number(word) for word in (PAD, START, UNKNOWN)],
            width=self._card.beam_width,
            longest=self._card.longest,
        )


class Generator:
    """The generator of a bundle.

    Args:
        contents: file name -> bytes of a verified bundle.
        size: side of the network input in pixels.
        threads: threads that one call may use.

    Raises:
        BundleError: if a file is missing or does not do what is agreed.
    """

    def __init__(self, contents: Mapping[str, bytes], *, size: int, threads: int) -> None:
        missing = [n for n in (ENCODER_FILE, DECODER_FILE, GENERATOR_CARD_FILE) if n not in contents]
        if missing:
            raise BundleError(f"{missing[0]} is missing; export it with a report generator")
        try:
            card = GeneratorCard.model_validate_json(contents[GENERATOR_CARD_FILE])
        except ValidationError as error:
            raise BundleError(f"{GENERATOR_CARD_FILE}: {error.errors()[0]['msg']}") from error
        try:
            encoder, decoder = (open_session(contents[n], threads=threads) for n in (ENCODER_FILE, DECODER_FILE))
        except Exception as error:  # onnxruntime's exceptions share no other base
            raise BundleError(f"onnxruntime cannot load {ENCODER_FILE} or {DECODER_FILE}") from error
        self._report_decoder = OnnxReportDecoder(encoder, decoder, card)
        try:
            self.report(np.zeros((size, size), dtype=np.uint8))
        except Exception as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise BundleError(f"its report generator does not run: {first}") from error

    def report(self, image: NDArray[np.uint8]) -> GeneratedReport:
        """Generate the report of one image.

        Args:
            image: (size, size) as :func:`cxr.imaging.preprocessing.prepare` makes it.
        """
        said = self._report_decoder.decode(image)
        text, spans = self._report_decoder.vocabulary.render(said.words)
        edge = round(said.attention.shape[1] ** 0.5)
        return GeneratedReport(text, spans, said.attention.reshape(-1, edge, edge), said.words)


@dataclass(frozen=True)
class _Steps:
    """The decoder before one image."""

    session: onnxruntime.InferenceSession
    cells: NDArray[np.float32]
    keys: NDArray[np.float32]
    first: State

    def start(self) -> State:
        return self.first

    def step(self, words: NDArray[np.int64], state: State) -> DecoderStep:
        inputs = dict(zip(DECODER_INPUTS, (words, *state, self.cells, self.keys), strict=True))
        logits, attention, hidden, cell = self.session.run(DECODER_OUTPUTS, inputs)
        return DecoderStep(logits, attention, (hidden, cell))
