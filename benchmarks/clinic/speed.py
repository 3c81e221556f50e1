"""Files per second: decoding alone, this runtime with its own network and with DenseNet-121, and torchxrayvision."""

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.clinic.kills import first_result_seconds
from benchmarks.clinic.peer import peer_rate
from benchmarks.clinic.radiographs import OFFICIAL_SIDE, write_radiographs
from benchmarks.record import Row
from cxr.imaging.reading import read_radiograph
from cxr.outputs import screen_to_folder
from cxr.screening import Bundle, Screener, default_workers, find_inputs, screen_many
from cxr.screening.manifest import MODEL_FILE

__all__ = ["speed_rows"]

TABLE = "Clinic speed"
SCREENED = "screening, files per second"
ROUNDS = 3
DATA = "NIH ChestX-ray14, shared selection; half JPEG or PNG, half DICOM"
NOTE = f"{default_workers()} cores; median of {ROUNDS} rounds; torchxrayvision and DenseNet-121 with random weights"


def speed_rows() -> list[Row]:
    """Both sizes of the files, and the time to the first result."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        screeners = {"": Screener(threads=1), " with DenseNet-121": Screener(_with_densenet(place), threads=1)}
        for label, side in (("256 px as shared", None), (f"{OFFICIAL_SIDE} px as released", OFFICIAL_SIDE)):
            files = write_radiographs(place / label, side)
            rows += [
                Row(table=TABLE, row=what, metric=label, value=value, n=len(files), unit_of_n="files",
                    data=DATA, note=NOTE)
                for what, value in _figures(files, screeners, place / f"{label} out").items()
            ]  # fmt: skip
    return rows


def _figures(files: Sequence[Path], screeners: dict[str, Screener], out: Path) -> dict[str, float]:
    decoding = _rate(files, partial(_decode, files))
    figures = {"decoding alone, files per second": decoding}
    for name, screener in screeners.items():
        figures[f"{SCREENED}{name}"] = _rate(files, partial(_screen, screener, files))
    figures["screening as a share of decoding"] = figures[SCREENED] / decoding
    rounds = iter(range(ROUNDS))
    figures[f"{SCREENED}, pages and overlays written"] = _rate(
        files,
        lambda: screen_to_folder(screeners[""], files, out / str(next(rounds)), workers=default_workers()),
    )
    peer = peer_rate(files, ROUNDS)
    figures["torchxrayvision's pipeline, files per second"] = peer
    figures["screening over torchxrayvision"] = figures[SCREENED] / peer
    starts = [first_result_seconds(files[0].parent, out / f"start {k}") for k in range(ROUNDS)]
    figures["seconds from start to first result"] = statistics.median(starts)
    return figures


def _rate(files: Sequence[Path], work: Callable[[], object]) -> float:
    """Files per second, the median of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return len(files) / statistics.median(seconds)


def _decode(files: Sequence[Path]) -> None:
    with ThreadPoolExecutor(default_workers()) as pool:
        list(pool.map(read_radiograph, files))


def _screen(screener: Screener, files: Sequence[Path]) -> None:
    """File to ScreeningResult; a refusal would be too fast to count."""
    for examination, _ in screen_many(screener, find_inputs(files), lambda *_: None, workers=default_workers()):
        if examination.result.refusal and examination.result.refusal.code == "screening_failed":
            raise SystemExit(f"benchmarks: {examination.result.path}: {examination.result.refusal.message}")


def _with_densenet(place: Path) -> Bundle:
    """The shipped bundle around another network with random weights: its speed is meant, not its answers."""
    from cxr.export.onnx_graph import write_onnx
    from cxr.models.factory import BackboneConfig, ModelConfig, build_model

    bundle = Bundle.load()
    config = ModelConfig(backbone=BackboneConfig(name="densenet121"))
    graph = place / "densenet121.onnx"
    write_onnx(build_model(config, bundle.manifest.label_space), bundle.manifest.preprocessing.size, graph)
    return dataclasses.replace(bundle, contents={**bundle.contents, MODEL_FILE: graph.read_bytes()})
