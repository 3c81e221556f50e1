"""Refuse an ONNX file that would make the runtime open other files.

A tensor may name a path outside the model (TensorProto.data_location = EXTERNAL), which onnxruntime
would read without any hash being checked. The clinic install has no ``onnx`` package, so the few
messages that can hold a tensor are walked in the protobuf wire format directly; the field numbers
are those of onnx.proto3.
"""

from collections.abc import Iterator

from cxr.errors import BundleError

__all__ = ["refuse_external_data"]

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5

# message -> field number -> message held there; only the branches that lead to a tensor
_NESTED: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "TrainingInfo", 25: "Function"},
    "TrainingInfo": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_MAX_DEPTH = 64


class _ExternalTensorError(Exception):
    """A tensor's data lie elsewhere."""


def refuse_external_data(name: str, model: bytes) -> None:
    """Check that every tensor's data is inside the file.

    Args:
        name: of the file, for the message.
        model: a serialised ONNX ModelProto.

    Raises:
        BundleError: if a tensor refers to another file, or the bytes are not a protobuf message.
    """
    try:
        _walk(memoryview(model), "Model", 0)
    except _ExternalTensorError as error:
        raise BundleError(
            f"{name} keeps tensors in another file, which no hash covers; export it as a single file"
        ) from error
    except (IndexError, ValueError) as error:
        raise BundleError(f"{name} is not an ONNX file: {error}; export the bundle again") from error


def _walk(message: memoryview, kind: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("its graphs are nested too deeply")
    for number, value in _fields(message):
        if kind == "Tensor":
            if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0):
                raise _ExternalTensorError
        elif number in _NESTED[kind] and isinstance(value, memoryview):
            _walk(value, _NESTED[kind][number], depth + 1)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, value) of one message; values are integers or the bytes of a length-delimited field."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield number, value
        elif wire == _LENGTH:
            length, position = _varint(message, position)
            if length > len(message) - position:
                raise ValueError("it is cut short")
            yield number, message[position : position + length]
            position += length
        elif wire in (_FIXED64, _FIXED32):
            position += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"unknown wire type {wire}")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number runs past 64 bits")
