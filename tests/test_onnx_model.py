import pytest

from cxr.errors import BundleError
from cxr.onnx_model import refuse_external_data


def test_a_single_file_model_passes(tiny_bundle):
    refuse_external_data("model.onnx", (tiny_bundle / "model.onnx").read_bytes())


def test_a_tensor_in_another_file_is_refused(external_graph):
    with pytest.raises(BundleError, match="another file"):
        refuse_external_data("model.onnx", external_graph)


def test_a_tensor_hidden_in_a_subgraph_is_refused():
    from onnx import TensorProto, helper

    tensor = helper.make_tensor("c", TensorProto.FLOAT, [1], [0.0])
    tensor.ClearField("float_data")
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/dev/zero"
    inner = helper.make_graph([helper.make_node("Constant", [], ["y"], value=tensor)], "inner", [], [])
    branch = helper.make_node("If", ["condition"], ["z"], then_branch=inner, else_branch=inner)
    model = helper.make_model(helper.make_graph([branch], "outer", [], []))
    with pytest.raises(BundleError, match="another file"):
        refuse_external_data("model.onnx", model.SerializeToString())


@pytest.mark.parametrize("content", [b"not a model at all", b"\x3a\xff\xff\xff\xff\x0f", b"\xff" * 20, b"\x0f"])
def test_what_is_no_protobuf_is_refused(content):
    with pytest.raises(BundleError, match="not an ONNX file"):
        refuse_external_data("model.onnx", content)


def test_every_truncation_ends_in_an_answer(tiny_bundle):
    model = (tiny_bundle / "model.onnx").read_bytes()
    for length in range(0, len(model), 7):
        try:
            refuse_external_data("model.onnx", model[:length])
        except BundleError as error:
            assert "not an ONNX file" in str(error)  # noqa: PT017  (some lengths end between two fields)
