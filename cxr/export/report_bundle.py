"""A finished report run -> the three generator files of a bundle, proved to say what the trained model says."""

from pathlib import Path

import numpy as np
import torch

from cxr.errors import BundleError, ConfigError
from cxr.export.report_graph import write_report_graphs
from cxr.models.report_checkpoint import ReportCard, ReportModel, load_report_model
from cxr.onnx_model import open_session
from cxr.reporting.vocabulary import Vocabulary
from cxr.screening.generator import (
    DECODER_FILE,
    ENCODER_FILE,
    GENERATOR_CARD_FILE,
    GeneratorCard,
    OnnxDictation,
)
from cxr.training.report.decode import dictate

__all__ = ["add_report_generator"]

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
    speaker = OnnxDictation(encoder, decoder, card)
    size = model.card.image_size
    generator = np.random.default_rng(0)
    ramp = np.linspace(0, 255, size)
    for probe in range(_PROBES):
        noise = generator.normal(0, 8 * probe, (size, size))
        image = np.clip(ramp[None, :] * (probe % 2) + ramp[:, None] / 2 + noise, 0, 255).astype(np.uint8)
        with torch.inference_mode():
            features = model.trunk.features(torch.from_numpy(image)[None, None].float() / 255)
        expected = dictate(model.tienet, Vocabulary(card.words), features, width=card.beam_width, longest=card.longest)
        if speaker.dictate(image).words != expected.words:
            raise BundleError(
                "the exported report generator says other words than the trained one; no bundle was written"
            )
