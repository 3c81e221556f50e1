"""A classifier that torchvision made, wrapped: the scores are its own, the rest is as for a model of ours."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import squeezenet1_1
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.datasets.dataset import Dataset
from cxr.errors import BundleError, ConfigError
from cxr.export.foreign_model import ForeignPreprocessing, adapted_graph
from cxr.models.onnx_writer import write_onnx_file
from cxr.screening import Bundle, Screener
from cxr.screening.network import Network

SIZE, OUTPUTS = 64, 5
LABELS = "Cardiomegaly,-,Effusion,Mass,-"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Squeezed(nn.Module):
    """torchvision's SqueezeNet with random weights, which pools class maps to logits."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        net = squeezenet1_1(num_classes=OUTPUTS)
        self.features, self.maps = net.features, net.classifier[1]

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.maps(self.features(image))
        return maps.mean(dim=(2, 3)), maps


class Probable(Squeezed):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits, maps = super().forward(image)
        return logits.sigmoid(), maps


def exported(model: nn.Module, path: Path) -> Path:
    example = torch.rand(2, 3, SIZE, SIZE)
    batch = ({0: torch.export.Dim("batch")},)
    write_onnx_file(model, (example,), path, inputs=("x",), outputs=("scores", "maps"), dynamic=batch)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(Squeezed(), tmp_path_factory.mktemp("foreign") / "squeezenet.onnx")


def settings(**changes: object) -> ForeignPreprocessing:
    content = {"size": SIZE, "mean": MEAN, "std": STD, "scores": "logits", "class_maps": "maps"}
    return ForeignPreprocessing.model_validate(content | changes)


NAMES = tuple(None if name == "-" else name for name in LABELS.split(","))


@pytest.mark.parametrize("scores", ["logits", "probabilities"])
def test_the_adapted_graph_scores_as_the_model_did(model: Path, tmp_path: Path, scores: str):
    net = Squeezed().eval()
    file = model if scores == "logits" else exported(Probable(), tmp_path / "probable.onnx")
    network = Network(adapted_graph(file, NAMES, settings(scores=scores)), size=SIZE, findings=3, threads=1)
    image = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE), dtype=np.uint8)
    grey = torch.from_numpy(image[:, None] / np.float32(255)).expand(-1, 3, -1, -1)
    with torch.inference_mode():
        logits, maps = net((grey - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1))
    found = network.run(image)
    np.testing.assert_allclose(found.logits, logits[:, [0, 2, 3]], atol=1e-4)
    np.testing.assert_allclose(found.class_maps, maps[:, [0, 2, 3]], atol=1e-4)


def test_without_maps_there_is_a_flat_cell(model: Path):
    graph = adapted_graph(model, NAMES, settings(class_maps=None))
    found = Network(graph, size=SIZE, findings=3, threads=1).run(np.zeros((1, SIZE, SIZE), np.uint8))
    assert found.class_maps.shape == (1, 3, 1, 1)
    assert not found.class_maps.any()


def test_wrapped_it_screens_with_certificates_boxes_and_a_report(
    model: Path, phantom_dataset: Dataset, phantom_cohort: Path, tmp_path: Path
):
    file = tmp_path / "preprocessing.toml"
    file.write_text(
        f"size = {SIZE}\nmean = {list(MEAN)}\nstd = {list(STD)}\n"
        'output = "scores"\nscores = "logits"\nclass_maps = "maps"\n'
    )
    arguments = [model, "--labels", LABELS, "--preprocessing", file, "--data", phantom_dataset.root, "--out",
                 tmp_path / "bundle", "--alpha", 0.5, "--delta", 0.5, "--no-gate", "--split", "train"]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = CliRunner().invoke(build_app(), ["bundle", "wrap", *map(str, arguments)])
    assert made.exit_code == 0, f"{made.output}{made.exception!r}"
    assert "with 3 findings" in made.output
    assert "2 outputs of squeezenet.onnx have no label and were left out" in made.output
    bundle = Bundle.load(tmp_path / "bundle")
    assert bundle.manifest.label_space == ("Cardiomegaly", "Effusion", "Mass")
    assert any(bundle.operating_points.point(name) for name in bundle.manifest.label_space)
    screener = Screener(bundle)
    results = [screener.screen(path) for path in sorted((phantom_cohort / "images").iterdir())[:40]]
    positive = [f for result in results for f in result.findings if f.positive]
    assert positive, "no score reached its threshold, so that no report said anything"
    assert any(f.boxes for f in positive)
    assert all(f.certificate for f in positive)
    assert any("estimated probability" in result.report.text for result in results if result.report)
    again = CliRunner().invoke(build_app(), ["bundle", "wrap", *map(str, arguments)])
    assert isinstance(again.exception, ConfigError)


@pytest.mark.parametrize(
    ("names", "changes", "message"),
    [
        (("Mass",), {}, "scores batch x 5, and --labels names 1"),
        (NAMES, {"output": "logits"}, "no output 'logits'; it has scores, maps"),
        (NAMES, {"embedding": "features"}, "no output 'features'"),
        (NAMES, {"output": "maps"}, "name each output"),
        (NAMES, {"std": (1.0, 2.0)}, "std has 2 numbers for 3 channels"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(
    model: Path, names: tuple[str], changes: dict[str, object], message: str
):
    with pytest.raises(BundleError, match=message):
        adapted_graph(model, names, settings(**changes))


def test_what_is_no_model_is_refused(model: Path, tmp_path: Path):
    picture = tmp_path / "picture.onnx"
    picture.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(BundleError, match="no ONNX model that can be read"):
        adapted_graph(picture, NAMES, settings())
    old = onnx.load(str(model))
    old.opset_import[0].version = 11
    (tmp_path / "old.onnx").write_bytes(old.SerializeToString())
    with pytest.raises(BundleError, match=r"opset 11|no ONNX model"):
        adapted_graph(tmp_path / "old.onnx", NAMES, settings())


@pytest.mark.parametrize(
    ("labels", "message"),
    [("Cardiomegaly,Gout", "names 'Gout'; known are"), ("-,-", "leaves all outputs out"), ("Mass,Mass", "Mass twice")],
)
def test_labels_that_nobody_knows_are_refused(model: Path, tmp_path: Path, labels: str, message: str):
    result = CliRunner().invoke(
        build_app(),
        [
            "bundle",
            "wrap",
            str(model),
            "--labels",
            labels,
            "--preprocessing",
            "x",
            "--data",
            "x",
            "--out",
            str(tmp_path),
        ],
    )
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)
