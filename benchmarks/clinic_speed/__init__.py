"""How fast the clinic's runtime is: file to result, beside decoding alone, DenseNet-121 in it, and torchxrayvision.

Speeds compare within one run on one quiet machine: every figure of a line is of the same files and the same number of
cores, one after the other, so that their ratios mean something elsewhere too.
"""

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.clinic.command import first_result_seconds, peak_megabytes
from benchmarks.clinic_speed.peer import peer_rate
from benchmarks.clinic_speed.radiographs import SIZES, write_radiographs
from benchmarks.record import Row, line
from cxr.imaging.reading import read_radiograph
from cxr.screening import Bundle, Screener, default_workers, find_inputs, screen_many
from cxr.screening.manifest import FILM_HEADS_FILE, MODEL_FILE

__all__ = ["run"]

ROUNDS = 3
_FAR_BELOW = -20.0  # logits
NOTE = f"{default_workers()} cores; median of {ROUNDS} rounds; torchxrayvision and DenseNet-121 with random weights"


def run() -> list[Row]:
    """All sizes of the files, one after the other."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        own = Screener(threads=1)
        assert own.bundle.gate is not None
        # It draws no outlines, which a second look at its answer would need: the gate alone.
        densenet = Screener(_with_densenet(place), threads=1, gate=own.bundle.gate.check)
        for size in SIZES:
            files = write_radiographs(place / size.name, size)
            rows += line(
                "Clinic speed",
                size.name,
                _figures(files, own, densenet, place / f"{size.name} out"),
                n=len(files),
                unit_of_n="files",
                data="NIH ChestX-ray14, shared selection",
                note=f"{size.data}; {NOTE}",
            )
    return rows


def _figures(files: Sequence[Path], own: Screener, densenet: Screener, out: Path) -> dict[str, float]:
    """What is measured on one set of files; rates are files per second, file to result."""
    decoding = _rate(files, partial(_decode, files))
    screening = _rate(files, partial(_screen, own, files))
    like_for_like = _rate(files, partial(_screen, densenet, files))
    peer = peer_rate(files, ROUNDS)
    # The first start writes the bytecode.
    starts = [first_result_seconds(files[0].parent, out / f"start {k}") for k in range(1 + ROUNDS)][1:]
    return {
        "decoding /s": decoding,
        "screening /s": screening,
        "% of decoding": 100 * screening / decoding,
        "with DenseNet-121 /s": like_for_like,
        "torchxrayvision /s": peer,
        "x torchxrayvision": screening / peer,
        "first result, s": statistics.median(starts),
        "peak memory, MB": peak_megabytes(files[0].parent, out / "whole"),
    }


def _rate(files: Sequence[Path], work: Callable[[], object]) -> float:
    """Files per second, the median of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return len(files) / statistics.median(seconds)


def _decode(files: Sequence[Path]) -> None:
    """File to pixels, which are let go at once."""
    with ThreadPoolExecutor(default_workers()) as pool:
        for _ in pool.map(lambda file: read_radiograph(file).metadata, files):
            pass


def _screen(screener: Screener, files: Sequence[Path]) -> None:
    """File to ScreeningResult; a refusal would be too fast to count."""
    for result, _ in screen_many(screener, find_inputs(files), lambda *_: None, workers=default_workers()):
        if result.refusal:
            raise SystemExit(f"benchmarks: {result.path}: {result.refusal.message}")


def _with_densenet(place: Path) -> Bundle:
    """The shipped bundle around another network with random weights: its speed is meant, not its answers.

    Its findings stay below their thresholds: at random half of them would have boxes to be drawn, in every image.
    """
    import torch

    from cxr.export.classifier_graph import write_onnx
    from cxr.models.factory import BackboneConfig, ModelConfig, build_classifier

    bundle = Bundle.load()
    config = ModelConfig(backbone=BackboneConfig(name="densenet121"))
    graph = place / "densenet121.onnx"
    model = build_classifier(config, len(bundle.manifest.label_space))
    torch.nn.init.constant_(model.prediction.bias, _FAR_BELOW)
    write_onnx(model, bundle.manifest.preprocessing.size, graph)
    others = {name: content for name, content in bundle.contents.items() if name != FILM_HEADS_FILE}
    return dataclasses.replace(bundle, contents={**others, MODEL_FILE: graph.read_bytes()})
