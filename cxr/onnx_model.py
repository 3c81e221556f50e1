"""ONNX models: the one place that decides what runs them, and a check that they are whole.

A tensor may name a path outside the model (TensorProto.data_location = EXTERNAL), which onnxruntime
would read without any hash being checked. The clinic install has no ``onnx`` package, so the few
messages that can hold a tensor are walked in the protobuf wire format directly; the field numbers
are those of onnx.proto3.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import onnxruntime

from cxr.errors import BundleError

__all__ = ["available_cores", "available_providers", "open_session", "refuse_external_data"]

_LOG = logging.getLogger(__name__)
_CPU = "CPUExecutionProvider"
_ACCELERATORS = ("CUDAExecutionProvider", "OpenVINOExecutionProvider")
_FATAL = 4  # onnxruntime's own messages below this level are not for users

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


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux, where a container may be given fewer than there are
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_providers() -> list[str]:
    """What a network would be tried on, in this order."""
    available = onnxruntime.get_available_providers()
    return [name for name in _ACCELERATORS if name in available] + [_CPU]


def open_session(model: bytes | Path, *, threads: int = 1, accelerated: bool = False) -> onnxruntime.InferenceSession:
    """A session on the best provider that works; a fall-back is never silent.

    Args:
        model: a serialised ONNX ModelProto, or a file of one.
        threads: that one call may use.
        accelerated: whether to use CUDA or OpenVINO where they are installed. For the network that takes the time; the
            small ones are done on the CPU before their input has been copied.

    Raises:
        Exception: whatever onnxruntime has against the model; its exceptions share no other base.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    providers = available_providers() if accelerated else [_CPU]
    try:
        session = onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception:
        if providers == [_CPU]:
            raise
        # A driver that does not fit may raise rather than fall back. Whatever is wrong with the model raises again.
        session = onnxruntime.InferenceSession(model, options, providers=[_CPU])
    if session.get_providers()[0] != providers[0]:
        _LOG.warning("%s is installed but not usable here; running on %s", providers[0], session.get_providers()[0])
    return session


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
