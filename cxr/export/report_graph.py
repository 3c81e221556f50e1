"""A report generator as two ONNX graphs: the encoder, run once per image, and one step of the decoder."""

from pathlib import Path

import torch
from torch import Tensor, nn

from cxr.errors import ConfigError
from cxr.models.onnx_writer import write_onnx_file
from cxr.models.report_checkpoint import ReportModel
from cxr.models.report_decoder import AttentionLSTM
from cxr.screening.generator import DECODER_INPUTS, DECODER_OUTPUTS, ENCODER_INPUT, ENCODER_OUTPUTS

__all__ = ["write_report_graphs"]


class _Encoder(nn.Module):
    def __init__(self, model: ReportModel, decoder: AttentionLSTM) -> None:
        super().__init__()
        self.trunk, self.tienet, self.decoder = model.trunk, model.tienet, decoder

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        cells = self.tienet.cells(self.trunk.features(image))
        return cells, self.decoder.keys(cells), *self.decoder.start(cells, self.tienet.plan(cells))


class _Step(nn.Module):
    def __init__(self, decoder: AttentionLSTM) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, word: Tensor, hidden: Tensor, cell: Tensor, cells: Tensor, keys: Tensor) -> tuple[Tensor, ...]:
        output, state = self.decoder.keyed_step(word, (hidden, cell), cells, keys)
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
    model.trunk.to(memory_format=torch.contiguous_format)
    size = model.card.image_size
    image = torch.rand(1, 1, size, size)
    with torch.inference_mode():
        cells, keys, hidden, cell = _Encoder(model, language)(image)
    beams = 3
    step = (torch.arange(beams), hidden.repeat(beams, 1), cell.repeat(beams, 1), cells, keys)
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
