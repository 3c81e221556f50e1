"""The way of a report generator: teachable text, training, heads, export, and the same words in the clinic."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.errors import ConfigError, DatasetError
from cxr.export.bundle import export_bundle
from cxr.export.report_generator import BEAM_WIDTH, write_report_graphs
from cxr.models.report_checkpoint import ReportModel, load_report_model, new_tienet, save_report_model
from cxr.models.tienet_factory import TransformerConfig
from cxr.reporting.vocabulary import END, PAD, START, Vocabulary
from cxr.screening import Bundle, Screener
from cxr.screening.generator import (
    DECODER_FILE,
    ENCODER_FILE,
    GENERATOR_CARD_FILE,
    GeneratorCard,
    OnnxReportDecoder,
)
from cxr.training.report.decode import decode_report, greedy_reports
from cxr.training.report.recipe import ReportRecipe, load_report_recipe
from cxr.training.report.texts import report_texts
from cxr.training.report.train import train_report
from nlp_labeler.storage import file_sha256

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")

RECIPE = ReportRecipe.model_validate(
    {
        "name": "tiny-tienet",
        "model": {
            "channels": 12,
            "text_rows": 2,
            "text_width": 8,
            "decoder": {"kind": "lstm", "word_size": 16, "hidden_size": 24, "attention_size": 8, "dropout": 0.1},
        },
        "text": {"longest": 24},
        "views": {"augmented": 1},
        "text_pretraining": {"epochs": 30, "batch_size": 16, "learning_rate": 1e-2},
        "loss": {"plan_share": 0.5, "image_dropout": 0.25, "word_grounding": 0.5},
        "optimization": {"epochs": 25, "batch_size": 16, "learning_rate": 1e-2},
    }
)


@pytest.fixture(scope="module")
def report_run(phantom_dataset: Dataset, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("report") / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Lightning says of few batches and few workers
        train_report(RECIPE, phantom_dataset, tiny_run, run, workers=1)
    return run


@pytest.fixture(scope="module")
def bundle(report_run: Path, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "bundle"
    export_bundle(tiny_run, out, name="tiny", version="1", alpha=0.4, delta=0.4, report_run=report_run)
    return out


def test_words_are_learned(report_run: Path):
    rows = (report_run / "logs" / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("word_loss")
    losses = [float(row.split(",")[column]) for row in rows[1:]]
    assert losses[-1] < 0.9 * losses[0]


def test_the_checkpoint_stands_alone(report_run: Path):
    model = load_report_model(report_run)
    assert model.card.words[0] == PAD
    assert model.tienet.report_head.weight.abs().sum() > 0
    vocabulary = Vocabulary(model.card.words)
    features = model.classifier.features(torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0)))
    patch_features = model.tienet.patch_features(features)
    spoken = greedy_reports(model.tienet, vocabulary, patch_features, 24)
    assert (spoken[:, 0] == vocabulary.number(START)).all()
    assert not (spoken == vocabulary.number(END)).any()
    for row in range(3):
        alone = decode_report(model.tienet, vocabulary, features[row : row + 1], width=1, longest=24).words
        together = tuple(int(word) for word in spoken[row, 1:] if word != model.tienet.padding)
        assert alone == together


def test_a_finished_run_is_not_trained_again(report_run: Path, phantom_dataset: Dataset, tiny_run: Path):
    before = (report_run / "model.safetensors").stat().st_mtime_ns
    train_report(RECIPE, phantom_dataset, tiny_run, report_run, workers=1)
    assert (report_run / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="another recipe"):
        train_report(RECIPE.model_copy(update={"seed": 9}), phantom_dataset, tiny_run, report_run, workers=1)


def test_another_classifier_does_not_continue_a_run(phantom_dataset: Dataset, tiny_run: Path, tmp_path: Path):
    (tmp_path / "classifier.json").write_text('{"weights_sha256": "0"}')
    with pytest.raises(ConfigError, match="another classifier"):
        train_report(RECIPE, phantom_dataset, tiny_run, tmp_path, workers=1)


def test_torch_and_onnx_say_the_same_words_on_200_images(report_run: Path, bundle: Path, phantom_dataset: Dataset):
    model = load_report_model(report_run)
    vocabulary = Vocabulary(model.card.words)
    generator = Bundle.load(bundle).generator(threads=1)
    assert generator is not None
    real = ImageCache.build(phantom_dataset, 64, report_run / "cache_all")
    rng = np.random.default_rng(0)
    flips = [np.ascontiguousarray(np.roll(real[row], rng.integers(1, 20), axis=1)) for row in range(len(real))]
    images = [*(np.asarray(real[row]) for row in range(len(real))), *flips][:200]
    assert len(images) == 200
    said = set()
    for image in images:
        features = model.classifier.features(torch.from_numpy(image)[None, None].float() / 255).detach()
        expected = decode_report(model.tienet, vocabulary, features, width=BEAM_WIDTH, longest=model.card.longest).words
        assert generator.report(image).words == expected
        said.add(expected)
    assert len(said) > 1


def test_torch_and_onnx_search_a_beam_alike(report_run: Path, bundle: Path, phantom_dataset: Dataset):
    card = GeneratorCard.model_validate_json((bundle / GENERATOR_CARD_FILE).read_text())
    sessions = [InferenceSession(bundle / name) for name in (ENCODER_FILE, DECODER_FILE)]
    decoder = OnnxReportDecoder(*sessions, card.model_copy(update={"beam_width": 3}))
    model = load_report_model(report_run)
    real = ImageCache.build(phantom_dataset, 64, report_run / "cache_all")
    for row in range(20):
        features = model.classifier.features(torch.from_numpy(np.array(real[row]))[None, None].float() / 255).detach()
        expected = decode_report(model.tienet, Vocabulary(card.words), features, width=3, longest=card.longest)
        assert decoder.decode(np.asarray(real[row])).words == expected.words


def test_the_bundle_screens_with_both_texts(bundle: Path, phantom_dataset: Dataset):
    screener = Screener(bundle)
    path = phantom_dataset.subset("test").records["path"].iloc[0]
    report = screener.screen(path).report
    if report is not None:  # the gate may refuse a picture of 64 pixels
        assert report.generated is not None
    card = json.loads((bundle / "report_generator.json").read_text())
    assert card["beam_width"] == BEAM_WIDTH
    assert "Report generator" in (bundle / "model_card.md").read_text()


def test_changed_versions_of_the_images_are_shown_to_the_frozen_classifier(report_run: Path):
    plain, changed = (np.load(report_run / "cache" / name / "features.npy") for name in ("features", "augmented-0"))
    assert plain.shape == changed.shape
    assert np.abs(plain - changed).mean() > 0.01 * np.abs(plain).mean()


def _with_transformer(run: Path) -> ReportModel:
    model = load_report_model(run)
    config = model.card.model.model_copy(
        update={"decoder": TransformerConfig(kind="transformer", hidden_size=8, layers=1, heads=2)}
    )
    tienet = new_tienet(config, model.classifier, len(model.card.words), len(model.card.label_space))
    return ReportModel(model.classifier, tienet.eval(), model.card.model_copy(update={"model": config}))


def test_a_transformer_is_kept_with_its_tied_words(report_run: Path, tmp_path: Path):
    model = _with_transformer(report_run)
    save_report_model(model, tmp_path)
    again = load_report_model(tmp_path)
    patch_features, words = torch.rand(1, 4, model.tienet.patch_channels), torch.tensor([[1, 7, 8]])
    with torch.inference_mode():
        saved, loaded = (m.tienet.embed(patch_features, words).decoder.logits for m in (model, again))
    torch.testing.assert_close(saved, loaded)


def test_a_transformer_is_not_exported(report_run: Path, tmp_path: Path):
    other = _with_transformer(report_run)
    with pytest.raises(ConfigError, match="transformer"):
        write_report_graphs(other, tmp_path / "encoder.onnx", tmp_path / "decoder.onnx")
    assert not any(tmp_path.iterdir())


def test_a_dataset_without_reports_is_refused(phantom_dataset: Dataset):
    from dataclasses import replace

    with pytest.raises(DatasetError, match="has no reports"):
        report_texts(replace(phantom_dataset, reports=None))


def test_recipes_are_read_and_refused_by_name(tmp_path: Path):
    assert load_report_recipe("tienet").model.decoder.kind == "lstm"
    with pytest.raises(ConfigError, match="one of tienet, transformer"):
        load_report_recipe("nothing")
    bad = tmp_path / "bad.toml"
    bad.write_text('name = "x"\nsurprise = 1\n[optimization]\nepochs = 0\n')
    with pytest.raises(ConfigError, match=r"(?s)epochs.*surprise|surprise.*epochs"):
        load_report_recipe(str(bad))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[rehearsal]\nepochs = 1", r"rehearsal is now called \[text_pretraining\]"),
        ("[loss]\nplanned = 0.1\nblind = 0.1", "loss.planned is now called loss.plan_share; .*loss.image_dropout"),
        ("[views]\nchanged = 1", "views.changed is now called views.augmented"),
    ],
)
def test_keys_of_earlier_recipes_are_refused_with_their_new_name(old: str, new: str, tmp_path: Path):
    path = tmp_path / "old.toml"
    path.write_text(f'base = "tienet"\nname = "old"\n{old}\n')
    with pytest.raises(ConfigError, match=new):
        load_report_recipe(str(path))


def test_a_generator_with_earlier_names_is_read(report_run: Path, tmp_path: Path):
    run = tmp_path / "run"
    shutil.copytree(report_run, run, ignore=shutil.ignore_patterns("cache", "checkpoints", "logs"))
    earlier = {"classifier.": "trunk.", "coverage": "crosses_off", "content_plan_": "plan_", "ensemble_w": "opinion_w"}
    weights = {}
    for name, tensor in load_file(run / "model.safetensors").items():
        for new, old in earlier.items():
            name = name.replace(new, old, 1)
        weights[name] = tensor
    save_file(weights, run / "model.safetensors")
    card = json.loads((run / "report_model.json").read_text())
    card["trunk"], card["weights_sha256"] = card.pop("classifier"), file_sha256(run / "model.safetensors")
    (run / "report_model.json").write_text(json.dumps(card))
    read, expected = (load_report_model(folder).tienet.state_dict() for folder in (run, report_run))
    assert all(torch.equal(read[name], tensor) for name, tensor in expected.items())


def test_the_earlier_name_of_the_classifier_option_is_refused(tmp_path: Path):
    arguments = ["train-report", "tienet", "--data", str(tmp_path), "--trunk", "x", "--out", str(tmp_path / "run")]
    with pytest.raises(ConfigError, match="--trunk is now called --classifier"):
        CliRunner().invoke(build_app(), arguments, catch_exceptions=False)
