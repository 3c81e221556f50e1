"""A tiny deterministic bundle, and radiographs on which it is known what it must find."""

from datetime import UTC, datetime

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

TINY_LABELS = ("Cardiomegaly", "Effusion", "Nodule")
TINY_SIZE = 64
TINY_CELLS = 8
SECRET = "Zebrafinch^Quillon"


def write_dicom(path, pixels, name=SECRET):
    """A chest radiograph of a patient whose name and number must appear nowhere."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.PatientName, data.PatientID = name, "SECRET-ID-4711"
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "PA"
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = (pixels.astype(np.uint16) * 16).tobytes()
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def tiny_graph(external_data=False):
    """Class map = steep function of mean brightness per cell, clipped to [-6, 6]; logit = its maximum."""
    from onnx import TensorProto, helper, numpy_helper

    cell = TINY_SIZE // TINY_CELLS
    weight = np.full((len(TINY_LABELS), 1, 1, 1), 40.0, dtype=np.float32)
    cuts = np.array([0.97, 0.75, 0.90], dtype=np.float32)
    nodes = [
        helper.make_node("AveragePool", ["image"], ["cells"], kernel_shape=[cell, cell], strides=[cell, cell]),
        helper.make_node("Conv", ["cells", "weight", "bias"], ["raw"]),
        helper.make_node("Clip", ["raw", "low", "high"], ["class_maps"]),
        helper.make_node("ReduceMax", ["class_maps", "axes"], ["logits"], keepdims=0),
        helper.make_node("Flatten", ["cells"], ["embedding"]),
    ]
    initializers = [
        numpy_helper.from_array(weight, "weight"),
        numpy_helper.from_array(-40.0 * cuts, "bias"),
        numpy_helper.from_array(np.array([2, 3], dtype=np.int64), "axes"),
        numpy_helper.from_array(np.array(-6, dtype=np.float32), "low"),
        numpy_helper.from_array(np.array(6, dtype=np.float32), "high"),
    ]
    if external_data:
        tensor = initializers[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "../../etc/passwd"
    n = len(TINY_LABELS)
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, TINY_SIZE, TINY_SIZE])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", n]),
            helper.make_tensor_value_info("class_maps", TensorProto.FLOAT, ["N", n, TINY_CELLS, TINY_CELLS]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", TINY_CELLS**2]),
        ],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()


def write_tiny_bundle(folder, graph=None, name="tiny", two_sided=False):
    """A complete sealed bundle; operating points are really fitted, on 400 made-up patients."""
    from cxr.localization import BoxSettings
    from cxr.operating_points import Calibrator, FindingCalibration, fit_operating_points, fit_two_sided
    from cxr.screening.manifest import BundleDescription, Preprocessing, seal_bundle
    from nlp_labeler.storage import file_sha256

    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph if graph is not None else tiny_graph())
    (folder / "model_card.md").write_text("# tiny\n")
    calibrator = Calibrator(
        findings=tuple(FindingCalibration(name=label, method="identity", prevalence=0.25) for label in TINY_LABELS)
    )
    (folder / "calibration.json").write_text(calibrator.to_json())
    rng = np.random.default_rng(0)
    labels = np.zeros((400, 3))
    labels[:200] = rng.integers(0, 2, (200, 3))
    labels[:200, 0] = 1
    scores = np.where(labels == 1, rng.uniform(0.6, 1, labels.shape), rng.uniform(0, 0.5, labels.shape))
    points = fit_operating_points(
        scores,
        labels,
        [f"p{i}" for i in range(400)],
        TINY_LABELS,
        alpha=0.05,
        delta=0.05,
        model_sha256=file_sha256(folder / "model.onnx"),
    )
    points.save(folder / "operating_points.json")
    if two_sided:
        fit_two_sided(
            scores,
            labels,
            [f"p{i}" for i in range(400)],
            TINY_LABELS,
            targets={"pleura": ("Effusion",), "any of two": ("Cardiomegaly", "Effusion")},
            model_sha256=file_sha256(folder / "model.onnx"),
        ).save(folder / "two_sided.json")
    description = BundleDescription(
        name=name,
        version="1.0.0",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        cxr_version="0.1.0",
        training_data="none: its weights are written by hand",
        ontology="nlp_labeler.findings",
        label_space=TINY_LABELS,
        preprocessing=Preprocessing(size=TINY_SIZE),
        boxes={label: BoxSettings(threshold=0.5) for label in TINY_LABELS},
        gate="none",  # its pictures are made up
    )
    seal_bundle(folder, description)
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory):
    """Folder of a sealed bundle; do not change it."""
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def make_bundle(tmp_path):
    """Make a fresh bundle that a test may spoil: ``make_bundle(graph=..., name=...)``."""
    return lambda **options: write_tiny_bundle(tmp_path / "bundle", **options)


@pytest.fixture(scope="session")
def external_graph():
    """The tiny graph with a tensor that lives in another file."""
    return tiny_graph(external_data=True)


def chest(width=400, height=320, blob=None, brightness=0.85, seed=0):
    """(H, W) uint8: noise on grey that no label fires on, and a bright rectangle x, y, w, h that Effusion does."""
    rng = np.random.default_rng(seed)
    pixels = 0.35 + 0.2 * np.linspace(0, 1, height)[:, None] + rng.normal(0, 0.03, (height, width))
    if blob:
        x, y, w, h = blob
        pixels[y : y + h, x : x + w] = brightness
    return (np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)


@pytest.fixture(scope="session")
def chest_pixels():
    """Function that draws a made-up chest: see :func:`chest`."""
    return chest


@pytest.fixture
def image_folder(tmp_path):
    """Three images: nothing, an effusion at x 240..340 y 200..280 (patient's left), and a cardiomegaly."""
    folder = tmp_path / "images"
    folder.mkdir()
    Image.fromarray(chest()).save(folder / "healthy.png")
    Image.fromarray(chest(blob=(240, 200, 100, 80), seed=1)).save(folder / "effusion.png")
    Image.fromarray(chest(blob=(150, 150, 120, 100), brightness=1.0, seed=2)).save(folder / "large_heart.png")
    return folder
