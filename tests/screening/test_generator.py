"""A bundle with a hand-made report generator: what it says is known, so is what must become of it."""

import json

import numpy as np
import pytest

from cxr.errors import BundleError, ConfigError
from cxr.reporting.vocabulary import SPECIAL_WORDS
from cxr.screening import Bundle, BundleDescription, Screener, parse_result_line, result_line, seal_bundle
from cxr.screening.generator import DECODER_FILE, ENCODER_FILE, GENERATOR_CARD_FILE
from tests.clinic_fixtures import TINY_SIZE

SAID = ("<findings>", "large", "left", "effusion", ".", "right", "pneumothorax", ".", "no", "nodule", ".")
SAID += ("<impression>", "normal", "chest", ".")
WORDS = (*SPECIAL_WORDS, "large", "left", "effusion", "right", "pneumothorax", "no", "nodule", "normal", "chest", ".")
CELLS = 4


def encoder_graph():
    """Cells = mean brightness of each quarter of the image; the state counts words and starts at nought."""
    from onnx import TensorProto, helper, numpy_helper

    half = TINY_SIZE // 2
    nodes = [
        helper.make_node("AveragePool", ["image"], ["quarters"], kernel_shape=[half, half], strides=[half, half]),
        helper.make_node("Reshape", ["quarters", "shape"], ["cells"]),
        helper.make_node("Identity", ["cells"], ["keys"]),
        helper.make_node("Identity", ["nought"], ["hidden"]),
        helper.make_node("Identity", ["nought"], ["cell"]),
    ]
    initializers = [
        numpy_helper.from_array(np.array([1, CELLS, 1], dtype=np.int64), "shape"),
        numpy_helper.from_array(np.zeros((1, 1), dtype=np.float32), "nought"),
    ]
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("image", floats, [1, 1, TINY_SIZE, TINY_SIZE])],
        [
            helper.make_tensor_value_info("cells", floats, [1, CELLS, 1]),
            helper.make_tensor_value_info("keys", floats, [1, CELLS, 1]),
            helper.make_tensor_value_info("hidden", floats, [1, 1]),
            helper.make_tensor_value_info("cell", floats, [1, 1]),
        ],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def decoder_graph():
    """The words of SAID one after the other, by the count in the state; it looks where the image is bright."""
    from onnx import TensorProto, helper, numpy_helper

    table = np.zeros((len(SAID) + 1, len(WORDS)), dtype=np.float32)
    for row, word in enumerate([*SAID, "<end>"]):
        table[row, WORDS.index(word)] = 20
    nodes = [
        helper.make_node("Cast", ["hidden"], ["count"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["count", "last"], ["row"]),
        helper.make_node("Min", ["row", "end"], ["at"]),
        helper.make_node("Gather", ["table", "at"], ["logits"], axis=0),
        helper.make_node("Squeeze", ["cells", "last"], ["bright"]),
        helper.make_node("Softmax", ["bright"], ["look"], axis=1),
        helper.make_node("Mul", ["hidden", "none"], ["zeros"]),
        helper.make_node("Add", ["zeros", "look"], ["attention"]),
        helper.make_node("Add", ["hidden", "one"], ["next_hidden"]),
        helper.make_node("Identity", ["cell"], ["next_cell"]),
        helper.make_node("Identity", ["word"], ["unused_word"]),
        helper.make_node("Identity", ["keys"], ["unused_keys"]),
    ]
    initializers = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "last"),
        numpy_helper.from_array(np.array(len(SAID), dtype=np.int64), "end"),
        numpy_helper.from_array(np.array(0, dtype=np.float32), "none"),
        numpy_helper.from_array(np.array(1, dtype=np.float32), "one"),
    ]
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "decoder",
        [
            helper.make_tensor_value_info("word", TensorProto.INT64, ["B"]),
            helper.make_tensor_value_info("hidden", floats, ["B", 1]),
            helper.make_tensor_value_info("cell", floats, ["B", 1]),
            helper.make_tensor_value_info("cells", floats, [1, CELLS, 1]),
            helper.make_tensor_value_info("keys", floats, [1, CELLS, 1]),
        ],
        [
            helper.make_tensor_value_info("logits", floats, ["B", len(WORDS)]),
            helper.make_tensor_value_info("attention", floats, ["B", CELLS]),
            helper.make_tensor_value_info("next_hidden", floats, ["B", 1]),
            helper.make_tensor_value_info("next_cell", floats, ["B", 1]),
        ],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


@pytest.fixture
def speaking_bundle(make_bundle):
    """Folder of a sealed bundle with the generator, and a function that seals it again after a change."""
    folder = make_bundle()
    (folder / ENCODER_FILE).write_bytes(encoder_graph())
    (folder / DECODER_FILE).write_bytes(decoder_graph())
    card = {"format_version": 1, "words": WORDS, "beam_width": 2, "longest": 40}
    (folder / GENERATOR_CARD_FILE).write_text(json.dumps(card))
    description = {
        k: v for k, v in json.loads((folder / "bundle.json").read_text()).items() if k in BundleDescription.model_fields
    }

    def seal():
        seal_bundle(folder, BundleDescription.model_validate(description))
        return folder

    seal()
    return folder, seal


def test_the_raw_text_is_kept_and_the_report_holds_what_fired(speaking_bundle, image_folder):
    result = Screener(speaking_bundle[0]).screen(image_folder / "effusion.png")
    report = result.report
    assert report.generated.text == (
        "FINDINGS: Large left effusion. Right pneumothorax. No nodule.\nIMPRESSION: Normal chest."
    )
    (said,) = [s for s in report.sentences if s.finding]
    assert said.text.startswith("Large left effusion (")
    assert (said.evidence.source, said.evidence.severity, said.side) == ("generated", "severe", "left")
    (top, bottom) = said.evidence.attention  # the generator looks where the image is bright, as the effusion is
    assert max(*top, *bottom) == 100 == bottom[1]
    assert [r.text for r in report.generated.removed] == ["Right pneumothorax.", "No nodule.", "Normal chest."]
    assert "pneumothorax" not in report.text.lower()
    assert parse_result_line(result_line(result)) == result


def test_on_a_healthy_image_nothing_generated_stays(speaking_bundle, image_folder):
    report = Screener(speaking_bundle[0]).screen(image_folder / "healthy.png").report
    assert not [s for s in report.sentences if s.finding]
    assert len(report.generated.removed) == 4


def test_every_word_has_a_look_and_a_place(speaking_bundle, image_folder):
    screener = Screener(speaking_bundle[0])
    generated = screener.examine("x", image_folder / "effusion.png").artifacts.generated
    assert len(generated.words) == len(generated.spans) == len(generated.attention) == len(SAID)
    np.testing.assert_allclose(generated.attention.sum(axis=(1, 2)), 1, rtol=1e-5)
    start, end = generated.spans[SAID.index("effusion")]
    assert generated.text[start:end] == "effusion"


def test_a_bundle_without_generator_leaves_the_words_to_the_template(tiny_bundle, image_folder):
    assert Bundle.load(tiny_bundle).generator(threads=1) is None
    assert Screener(tiny_bundle).screen(image_folder / "effusion.png").report.generated is None


@pytest.mark.parametrize("name", [ENCODER_FILE, DECODER_FILE])
def test_half_a_generator_is_refused(speaking_bundle, name):
    folder, seal = speaking_bundle
    (folder / name).unlink()
    seal()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        Screener(folder)


def test_a_vocabulary_that_is_none_is_refused(speaking_bundle):
    folder, seal = speaking_bundle
    (folder / GENERATOR_CARD_FILE).write_text(json.dumps({"words": ["a"], "beam_width": 1, "longest": 5}))
    seal()
    with pytest.raises(BundleError, match="a vocabulary starts with"):
        Screener(folder)


def test_a_graph_with_another_interface_is_refused(speaking_bundle):
    folder, seal = speaking_bundle
    (folder / DECODER_FILE).write_bytes(encoder_graph())
    seal()
    with pytest.raises(BundleError, match="report generator does not run"):
        Screener(folder)


def test_an_earlier_image_is_compared(tiny_bundle, image_folder):
    screener = Screener(tiny_bundle)
    earlier = screener.screen(image_folder / "healthy.png")
    text = screener.screen(image_folder / "effusion.png", earlier=earlier).report.text
    assert "Pleural effusion: above its threshold now, not on the earlier image" in text


def test_the_earlier_result_must_be_this_model_s(tiny_bundle, image_folder, tmp_path):
    screener = Screener(tiny_bundle)
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(ConfigError, match="no earlier result of this model"):
        screener.screen(image_folder / "effusion.png", earlier=screener.screen(tmp_path / "x.png"))
