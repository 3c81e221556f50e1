"""What static INT8 quantisation would cost the shipped network in AUC, and gain in speed.

Quantise-dequantise (QDQ) form, symmetric per-channel weights of 7 bits, activations calibrated on training images. More
than :data:`TOLERANCE` of the mean AUC must not be lost.

It is not shipped. That was decided on the validation patients, of whom it lost .0034, and stands although it lost .0027
of the test patients: between those two lies chance. Its scores are not those that the thresholds were certified on.
"""

import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clinic.kills import TABLE
from benchmarks.provenance import shared_data
from benchmarks.record import MIXED, Row, line
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.onnx_model import open_session
from cxr.screening import Bundle

__all__ = ["int8_rows"]

TOLERANCE = 0.003
CALIBRATION_IMAGES, BATCH = 200, 10


def int8_rows() -> list[Row]:
    """Mean AUC of both graphs on the NIH test_dev images, and the time per image."""
    from cxr.datasets.dataset import open_dataset
    from cxr.evaluation.ranking import roc_auc

    bundle = Bundle.load()
    dataset = open_dataset(shared_data("nih"))
    train, test = (dataset.records[dataset.records["split"] == split] for split in ("train", "test"))
    calibration = _squares(train["path"].sample(CALIBRATION_IMAGES, random_state=0), bundle)
    images = _squares(test["path"], bundle)
    labels = test[list(bundle.manifest.label_space)].to_numpy(dtype=np.float64)
    with tempfile.TemporaryDirectory() as name:
        plain, quantised = Path(name) / "model.onnx", Path(name) / "model_int8.onnx"
        plain.write_bytes(bundle.model)
        _quantise(plain, quantised, calibration)
        (fp32, fp32_seconds), (int8, int8_seconds) = (_logits(path, images) for path in (plain, quantised))
    aucs = [
        np.nanmean([roc_auc(labels[:, c], scores[:, c]) for c in range(labels.shape[1])]) for scores in (fp32, int8)
    ]
    figures = {
        "mean AUC, fp32": float(aucs[0]),
        "mean AUC, INT8": float(aucs[1]),
        "mean AUC lost by INT8": float(aucs[0] - aucs[1]),
        "time per image, INT8 over fp32": int8_seconds / fp32_seconds,
    }
    data = "NIH ChestX-ray14, shared selection, test split"
    note = f"calibrated on {CALIBRATION_IMAGES} training images; not shipped; {TOLERANCE} may be lost at most"
    table = partial(line, TABLE, n=len(images), unit_of_n="images", data=data, note=note)
    return [row for what, value in figures.items() for row in table(what, {MIXED: value})]


def _squares(paths: Iterable[str], bundle: Bundle) -> NDArray[np.float32]:
    """(N, 1, size, size) float32 in [0, 1], as the network takes them."""
    size = bundle.manifest.preprocessing.size
    squares = [prepare(read_radiograph(Path(path)).pixels, size)[0] for path in paths]
    return np.stack(squares)[:, None].astype(np.float32) / np.float32(255)


def _quantise(plain: Path, out: Path, images: NDArray[np.float32]) -> None:
    """Write the INT8 graph, with the ranges of activations that these images give."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._batches = ({"image": batch} for batch in np.split(images, len(images) // BATCH))

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._batches, None)

    prepared = out.with_name("prepared.onnx")
    # Symbolic shapes do not get past a resize to the size of another tensor; the plain inference does.
    quant_pre_process(plain, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        out,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        # Products of 8 by 8 bits saturate where the processor adds them in pairs of 16 bits (AVX2, without VNNI). On
        # the validation patients weights of 8 bits lost .0169 of the AUC, of 7 bits .0034; outlines and heads in
        # fp32 gained nothing.
        reduce_range=True,
    )


def _logits(graph: Path, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """(N, C), and the seconds that one core takes for all of them, one image at a time."""
    session = open_session(graph)
    started = time.process_time()
    logits = [session.run(["logits"], {"image": image[None]})[0][0] for image in images]
    return np.stack(logits), time.process_time() - started
