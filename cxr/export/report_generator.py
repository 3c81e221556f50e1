"""A finished report run -> the three generator files of a bundle, proved to say what the trained model says.

The generator is two ONNX graphs: the encoder, run once per image, and one step of the decoder.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cxr.errors import BundleError, ConfigError
from cxr.models.onnx_writer import write_onnx_file
from cxr.models.report_checkpoint import ReportCard, ReportModel, load_report_model
from cxr.models.report_decoder import AttentionLSTM
from cxr.onnx_model import open_session
from cxr.reporting.vocabulary import Vocabulary
from cxr.screening.generator import (
    DECODER_FILE,
    DECODER_INPUTS,
    DECODER_OUTPUTS,
    ENCODER_FILE,
    ENCODER_INPUT,
    ENCODER_OUTPUTS,
    GENERATOR_CARD_FILE,
    GeneratorCard,
    OnnxReportDecoder,
)
from cxr.training.report.decode import decode_report

__all__ = ["add_report_generator", "write_report_graphs"]


class _Encoder(nn.Module):
    def __init__(self, model: ReportModel, decoder: AttentionLSTM) -> None:
        super().__init__()
        self.classifier, self.tienet, self.decoder = model.classifier, model.tienet, decoder

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        patch_features = self.tienet.patch_features(self.classifier.features(image))
        return (
            patch_features,
            self.decoder.keys(patch_features),
            *self.decoder.start(patch_features, self.tienet.content_plan(patch_features)),
        )


class _Step(nn.Module):
    def __init__(self, decoder: AttentionLSTM) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, word: Tensor, hidden: Tensor, cell: Tensor, patch_features: Tensor, keys: Tensor
    ) -> tuple[Tensor, ...]:
        output, state = self.decoder.keyed_step(word, (hidden, cell), patch_features, keys)
        return output.logits[:, 0], output.attention[:, 0], *state


def write_report_graphs(model: ReportModel, encoder: Path, decoder: Path) -> None:
    """Export both graphs; each is one self-contained file.

    The encoder takes one image, the decoder B partial reports of it.

    Args:
        model: in evaluation mode, on the CPU.
        encoder: the .onnx file of the encoder.
        decoder: the .onnx file of the decoder step.

    Raises:
        ConfigError: if the decoder is not the attention LSTM, whose state the clinic's runtime carries.
    """
    language = model.tienet.decoder
    if not isinstance(language, AttentionLSTM):
        raise ConfigError(
            f"a bundle runs the attention LSTM only, this generator was trained by recipe '{model.card.recipe}' with a "
            f"{model.card.model.decoder.kind}; export the run of a recipe such as tienet"
        )
    model.classifier.to(memory_format=torch.contiguous_format)
    size = model.card.image_size
    image = torch.rand(1, 1, size, size)
    with torch.inference_mode():
        patch_features, keys, hidden, cell = _Encoder(model, language)(image)
    beams = 3
    step = (torch.arange(beams), hidden.repeat(beams, 1), cell.repeat(beams, 1), patch_features, keys)
    batch = torch.export.Dim("beams")
    write_onnx_file(
        _Encoder(model, language), (image,), encoder, inputs=(ENCODER_INPUT,), outputs=ENCODER_OUTPUTS, dynamic=({},)
    )
    write_onnx_file(
        _Step(language),
        step,
        decoder,
        inputs=DECODER_INPUTS,
        outputs=DECODER_OUTPUTS,
        dynamic=({0: batch}, {0: batch}, {0: batch}, {}, {}),
    )


BEAM_WIDTH = 1
"""Wider beams find likelier reports that leave out more of what is planned: on validation phantoms a width of 3 costs
.003 to .017 of clinical F1."""
_PROBES = 8


def add_report_generator(report_run: Path, folder: Path, *, image_size: int) -> ReportCard:
    """Write the generator's files into a bundle folder that is not sealed yet.

    Args:
        report_run: the --out folder of a finished `cxr train-report`.
        folder: of the bundle.
        image_size: edge of the classifier's input, which the generator shares.

    Raises:
        ConfigError: if the run is not finished, or was trained on another input size.
        BundleError: if the exported graphs do not say word for word what the model says.
    """
    model = load_report_model(report_run)
    if model.card.image_size != image_size:
        raise ConfigError(
            f"{report_run} reads images of {model.card.image_size} pixels, the classifier {image_size}; "
            "train the generator on this classifier's run"
        )
    write_report_graphs(model, folder / ENCODER_FILE, folder / DECODER_FILE)
    card = GeneratorCard(words=model.card.words, beam_width=BEAM_WIDTH, longest=model.card.longest)
    (folder / GENERATOR_CARD_FILE).write_text(card.model_dump_json(indent=1) + "\n")
    _check_words(model, card, folder)
    return model.card


def _check_words(model: ReportModel, card: GeneratorCard, folder: Path) -> None:
    """Compare words on seeded noise, smooth and flat images."""
    encoder, decoder = (open_session(folder / name) for name in (ENCODER_FILE, DECODER_FILE))
    decoder = OnnxReportDecoder(encoder, decoder, card)
    size = model.card.image_size
    generator = np.random.default_rng(0)
    ramp = np.linspace(0, 255, size)
    for probe in range(_PROBES):
        noise = generator.normal(0, 8 * probe, (size, size))
        image = np.clip(ramp[None, :] * (probe % 2) + ramp[:, None] / 2 + noise, 0, 255).astype(np.uint8)
        with torch.inference_mode():
            features = model.classifier.features(torch.from_numpy(image)[None, None].float() / 255)
        expected = decode_report(
            model.tienet, Vocabulary(card.words), features, width=card.beam_width, longest=card.longest
        )
        if decoder.decode(image).words != expected.words:
            raise BundleError(
                "the exported report generator says other words than the trained one; no bundle was written"
            )
