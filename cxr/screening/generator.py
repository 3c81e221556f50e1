"""The bundle's report generator in onnxruntime: an encoder once per image, a decoder step per word.

Three files of a bundle, all or none::

    report_encoder.onnx  image (1, 1, size, size) float32 in [0, 1] -> cells, keys, hidden, cell
    report_decoder.onnx  word (B,) int64 and that -> logits (B, V), attention (B, L), next_hidden, next_cell
    report_generator.json  GeneratorCard: vocabulary and how it is searched
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from cxr.errors import BundleError
from cxr.onnx_model import open_session
from cxr.reporting.beam_search import DecodedReport, DecoderStep, State, beam_search
from cxr.reporting.vocabulary import END, PAD, START, UNKNOWN, Span, Vocabulary
from cxr.screening.bundle import Bundle

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
        bundle: a verified bundle that has the three files.
        threads: threads that one call may use.

    Raises:
        BundleError: if a file is missing or does not do what is agreed.
    """

    def __init__(self, bundle: Bundle, *, threads: int) -> None:
        missing = [n for n in (ENCODER_FILE, DECODER_FILE, GENERATOR_CARD_FILE) if n not in bundle.contents]
        if missing:
            raise BundleError(f"bundle {bundle.path} lacks {missing[0]}; export it with a report generator")
        try:
            card = GeneratorCard.model_validate_json(bundle.contents[GENERATOR_CARD_FILE])
        except ValidationError as error:
            raise BundleError(f"bundle {bundle.path}: {GENERATOR_CARD_FILE}: {error.errors()[0]['msg']}") from error
        self._report_decoder = OnnxReportDecoder(
            _session(bundle, ENCODER_FILE, threads), _session(bundle, DECODER_FILE, threads), card
        )
        size = bundle.manifest.preprocessing.size
        try:
            self.report(np.zeros((size, size), dtype=np.uint8))
        except Exception as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise BundleError(f"bundle {bundle.path}: its report generator does not run: {first}") from error

    @classmethod
    def of(cls, bundle: Bundle, *, threads: int) -> "Generator | None":
        """The bundle's generator; ``None`` where it has none, so that the template speaks alone."""
        return cls(bundle, threads=threads) if GENERATOR_CARD_FILE in bundle.contents else None

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


def _session(bundle: Bundle, name: str, threads: int) -> onnxruntime.InferenceSession:
    try:
        return open_session(bundle.contents[name], threads=threads)
    except Exception as error:  # onnxruntime's exceptions share no other base
        raise BundleError(f"bundle {bundle.path}: onnxruntime cannot load {name}") from error
