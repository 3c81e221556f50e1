"""Somebody else's ONNX classifier -> a bundle: screened, certified and reported like a model of ours.

The graph is kept as it is. Nodes before it turn the bundle's input (N, 1, size, size) in [0, 1] into what it expects;
nodes behind it pick the outputs that have a label and name them as :class:`cxr.screening.network.NetworkOutput` does.
"""

import tomllib
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.progress import track

from cxr import __version__
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.errors import BundleError, ConfigError, DatasetError
from cxr.export.bundle import ONTOLOGY, OWN_LABELS, fit_certificates
from cxr.localization import BoxSettings, WindowSettings, default_box_settings
from cxr.screening.manifest import (
    GATE_CARD_FILE,
    GATE_FILE,
    MODEL_CARD_FILE,
    MODEL_FILE,
    BundleDescription,
    BundleManifest,
    Preprocessing,
    seal_bundle,
)
from cxr.screening.network import Network
from cxr.training.classifier.predictions import Predictions, label_matrix
from nlp_labeler.faults import faults
from nlp_labeler.findings import FindingTable
from nlp_labeler.storage import atomic_folder

__all__ = ["ForeignPreprocessing", "adapted_graph", "wrap_model"]

_PREFIX = "foreign/"
_LEAST_OPSET = 13
_EDGE = 1e-6  # a probability of 0 or 1 has no logit


class ForeignPreprocessing(BaseModel):
    """What a foreign classifier takes and gives: the content of a preprocessing file.

    Attributes:
        size: side of its square input in pixels; films keep their aspect and get black margins.
        channels: of its input; grey is repeated.
        mean: subtracted from pixels in [0, 1], one number or one per channel.
        std: then divided by, likewise. For pixels in [-1024, 1024] give mean 0.5 and std 1 / 2048.
        output: name of its scores; the first output if not given.
        scores: what they are: logits, or probabilities that have been through a sigmoid.
        class_maps: name of an output (N, outputs, S, S) of which boxes are made; without it there are no boxes.
        embedding: name of an output (N, D) for similar cases; without it the scores stand in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(ge=32, le=2048)
    channels: Literal[1, 3] = 3
    mean: tuple[float, ...] | float = 0.0
    std: tuple[float, ...] | float = 1.0
    output: str | None = None
    scores: Literal["logits", "probabilities"]
    class_maps: str | None = None
    embedding: str | None = None

    @classmethod
    def load(cls, path: Path) -> "ForeignPreprocessing":
        """Read a preprocessing file.

        Raises:
            ConfigError: naming every missing, unknown or invalid key.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"--preprocessing {path} cannot be read: {error}") from error
        except ValidationError as error:
            raise ConfigError(f"--preprocessing {path}: {faults(error)}") from error


def wrap_model(
    model: Path,
    out: Path,
    outputs: tuple[str | None, ...],
    preprocessing: ForeignPreprocessing,
    calibration: Dataset,
    cache: Path,
    *,
    findings: FindingTable | None,
    name: str,
    version: str,
    alpha: float,
    delta: float,
    gate: bool,
    workers: int,
) -> BundleManifest:
    """Write a bundle with a foreign classifier, calibrated and certified on patients that it has not learned from.

    Args:
        model: its .onnx file, all weights inside.
        out: the bundle folder to make.
        outputs: the finding of each of its outputs, in order; ``None`` for one that is left out.
        preprocessing: what it takes and gives.
        calibration: images with labels for all of the findings.
        cache: folder of the network inputs.
        findings: the label space where it is the user's own.
        name: short name of the model.
        version: of the bundle.
        alpha: highest acceptable false-positive rate of the certificates, in (0, 1).
        delta: probability with which a certificate may fail, in (0, 1).
        gate: whether only whole frontal chests are scored.
        workers: images decoded at a time.

    Raises:
        ConfigError: if ``out`` exists.
        BundleError: if the graph cannot be adapted, or does not do what was said of it.
        DatasetError: if the dataset lacks a label.
        ValueError: if name or version are none.
    """
    label_space = tuple(label for label in outputs if label is not None)
    if out.exists():
        raise ConfigError(f"--out {out} exists; name a folder that does not")
    if missing := [label for label in label_space if label not in calibration.label_space]:
        raise DatasetError(f"{calibration.root} has no labels for {', '.join(missing)}; write - for such an output")
    graph = adapted_graph(model, outputs, preprocessing)
    network = Network(graph, size=preprocessing.size, findings=len(label_space), threads=workers)
    predictions = _predictions(network, calibration, label_space, preprocessing.size, cache, workers)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(out) as place:
        work = Path(place)
        (work / MODEL_FILE).write_bytes(graph)
        fit_certificates(predictions, work, alpha=alpha, delta=delta)
        for file in (GATE_FILE, GATE_CARD_FILE) if gate else ():
            (work / file).write_bytes((files("cxr") / "weights" / file).read_bytes())
        fitted = f"{len(predictions.images)} images of {len(set(predictions.patients))} patients"
        (work / MODEL_CARD_FILE).write_text(
            f"# Model card: {name} {version}\n\nResearch software, not a medical device. Its output must not be the "
            "only basis of any decision about a patient.\n\n"
            f"- **Model**: {model.name}, made elsewhere; what it learned from is not known here.\n"
            f"- **Findings**: {', '.join(label_space)}.\n"
            f"- **Calibrated and certified on**: {fitted} of {calibration.name}. Certificates hold only if the "
            "model has not learned from these patients.\n"
        )
        return seal_bundle(
            work,
            BundleDescription(
                name=name,
                version=version,
                created=datetime.now(UTC),
                cxr_version=__version__,
                training_data=f"a model made elsewhere ({model.name}); calibrated on {calibration.name}: {fitted}",
                ontology=ONTOLOGY if findings is None else OWN_LABELS,
                label_space=label_space,
                findings=findings,
                preprocessing=Preprocessing(size=preprocessing.size),
                boxes=_box_settings(label_space, preprocessing),
                gate="frontal_chest" if gate else "none",
            ),
        )


def _box_settings(
    label_space: tuple[str, ...], preprocessing: ForeignPreprocessing
) -> dict[str, WindowSettings | BoxSettings]:
    """Of a model without maps the published rule, which makes no box of a flat map."""
    if preprocessing.class_maps is None:
        return {label: BoxSettings() for label in label_space}
    return default_box_settings(label_space)


def _predictions(
    network: Network, dataset: Dataset, label_space: tuple[str, ...], size: int, cache: Path, workers: int
) -> Predictions:
    """What the adapted graph says of every image, one at a time, as in the clinic."""
    readable, images = ImageCache.of_readable(dataset, size, cache, workers=workers)
    rows = track(range(len(readable)), description="predicting", transient=True)
    return Predictions(
        images=tuple(readable.records["image"]),
        patients=tuple(readable.records["patient"]),
        label_space=label_space,
        logits=np.concatenate([network.run(np.asarray(images[row])[None]).logits for row in rows]),
        labels=label_matrix(readable, label_space),
        attributes={name: tuple(readable.records[name]) for name in ("sex", "view")},
    )


def adapted_graph(model: Path, outputs: tuple[str | None, ...], preprocessing: ForeignPreprocessing) -> bytes:
    """The foreign graph between nodes that give it the bundle's input and outputs.

    Args:
        model: its .onnx file, all weights inside.
        outputs: the finding of each of its outputs; ``None`` for one that is left out.
        preprocessing: what it takes and gives.

    Raises:
        BundleError: if the file is no such graph, is older than opset 13, or has not the inputs and outputs named.
    """
    try:
        foreign = onnx.load(str(model))
        onnx.checker.check_model(foreign)
    except Exception as error:  # of the parser and the checker, which share no base
        raise BundleError(f"{model} is no ONNX model that can be read: {str(error).splitlines()[0]}") from error
    opset = next((entry.version for entry in foreign.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset < _LEAST_OPSET:
        raise BundleError(f"{model} has opset {opset}; export it again with opset {_LEAST_OPSET} or newer")
    constants = {tensor.name for tensor in foreign.graph.initializer}
    inputs = [value.name for value in foreign.graph.input if value.name not in constants]
    given = {value.name: value for value in foreign.graph.output}
    scores = preprocessing.output or next(iter(given))
    wanted = [scores, preprocessing.class_maps, preprocessing.embedding]
    if unknown := [name for name in wanted if name is not None and name not in given]:
        raise BundleError(f"{model} has no output {unknown[0]!r}; it has {', '.join(given)}")
    if len(inputs) != 1:
        raise BundleError(f"{model} takes {', '.join(inputs) or 'nothing'}; a classifier takes one image")
    _check_count(model, given[scores], len(outputs))
    foreign = compose.add_prefix(foreign, _PREFIX)
    before, behind, tensors = _surroundings(_PREFIX + inputs[0], scores, outputs, preprocessing)
    del foreign.graph.input[:], foreign.graph.output[:]
    nodes = [*before, *foreign.graph.node, *behind]
    del foreign.graph.node[:]
    foreign.graph.node.extend(nodes)
    foreign.graph.initializer.extend(tensors)
    size = preprocessing.size
    foreign.graph.input.append(helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, size, size]))
    for name in ("logits", "class_maps", "embedding"):
        foreign.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return foreign.SerializeToString()


def _check_count(model: Path, scores: Any, labels: int) -> None:
    shape = scores.type.tensor_type.shape.dim
    count = shape[1].dim_value if len(shape) == 2 else 0  # 0 where the axis is free
    if len(shape) != 2 or (count and count != labels):
        said = " x ".join(str(axis.dim_value or axis.dim_param or "?") for axis in shape)
        raise BundleError(f"{model} gives scores {said}, and --labels names {labels}; name each output, - for none")


def _surroundings(
    into: str, scores: str, outputs: tuple[str | None, ...], preprocessing: ForeignPreprocessing
) -> tuple[list[onnx.NodeProto], list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes before and behind the foreign graph, and their constants."""
    channels, tensors = preprocessing.channels, []

    def constant(name: str, value: Any, kind: type = np.float32) -> str:
        tensors.append(numpy_helper.from_array(np.asarray(value, dtype=kind), f"around/{name}"))
        return f"around/{name}"

    def per_channel(name: str, value: tuple[float, ...] | float) -> str:
        values = np.broadcast_to(np.asarray(value, np.float32), channels)
        return constant(name, values.reshape(1, channels, 1, 1))

    for name in ("mean", "std"):
        value = getattr(preprocessing, name)
        if isinstance(value, tuple) and len(value) not in (1, channels):
            raise BundleError(f"preprocessing.{name} has {len(value)} numbers for {channels} channels")
    node = helper.make_node
    before = [
        node("Concat", ["image"] * channels, ["around/grey"], axis=1),
        node("Sub", ["around/grey", per_channel("mean", preprocessing.mean)], ["around/centred"]),
        node("Div", ["around/centred", per_channel("std", preprocessing.std)], [into]),
    ]
    chosen = constant("chosen", [i for i, label in enumerate(outputs) if label is not None], np.int64)
    picked = "around/picked" if preprocessing.scores == "probabilities" else "logits"
    behind = [node("Gather", [_PREFIX + scores, chosen], [picked], axis=1)]
    if preprocessing.scores == "probabilities":
        edges = [constant("least", _EDGE), constant("most", 1 - _EDGE)]
        behind += [
            node("Clip", [picked, *edges], ["around/p"]),
            node("Sub", [constant("one", 1.0), "around/p"], ["around/q"]),
            node("Div", ["around/p", "around/q"], ["around/odds"]),
            node("Log", ["around/odds"], ["logits"]),
        ]
    if preprocessing.class_maps is not None:
        behind.append(node("Gather", [_PREFIX + preprocessing.class_maps, chosen], ["class_maps"], axis=1))
    else:  # one flat cell a finding, of which no box is made
        behind += [
            node("Mul", ["logits", constant("zero", 0.0)], ["around/flat"]),
            node("Unsqueeze", ["around/flat", constant("axes", [2, 3], np.int64)], ["class_maps"]),
        ]
    embedding = "logits" if preprocessing.embedding is None else _PREFIX + preprocessing.embedding
    behind.append(node("Identity", [embedding], ["embedding"]))
    return before, behind, tensors
