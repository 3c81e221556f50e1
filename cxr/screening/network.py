"""The bundle's graph in onnxruntime, with explicit providers and thread counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.errors import BundleError
from cxr.onnx_model import open_session

__all__ = ["Network", "NetworkOutput"]

_INPUT = "image"
_OUTPUTS = ("logits", "class_maps", "embedding")
_OUTLINES, _STRUCTURES = "outlines", 3


@dataclass(frozen=True)
class NetworkOutput:
    """What the network says about N images.

    Attributes:
        logits: (N, C) float32, uncalibrated.
        class_maps: (N, C, S, S) float32 in logit units, before pooling.
        embedding: (N, D) float32.
        outlines: (N, 3, 128, 128) float32, above 0 within the right lung, the left lung and the heart; ``None`` from a
            graph that does not draw them.
    """

    logits: NDArray[np.float32]
    class_maps: NDArray[np.float32]
    embedding: NDArray[np.float32]
    outlines: NDArray[np.float32] | None = None


class Network:
    """A loaded graph; :meth:`run` may be called from several threads at once.

    Args:
        model: the verified model.onnx.
        size: side of its input in pixels.
        findings: how many the label space has.
        threads: threads that one call of :meth:`run` may use.

    Attributes:
        provider: what runs the graph: CUDA or OpenVINO where installed and usable, otherwise the CPU.

    Raises:
        BundleError: if the graph does not load or does not have the agreed inputs and outputs.
    """

    def __init__(self, model: bytes, *, size: int, findings: int, threads: int) -> None:
        try:
            self._session = open_session(model, threads=threads, accelerated=True)
        except Exception as error:  # onnxruntime's exceptions share no other base
            raise BundleError(f"onnxruntime cannot load model.onnx: {_line(error)}") from error
        self.provider: str = self._session.get_providers()[0]
        self._size = size
        self._outputs: tuple[str, ...] = _OUTPUTS
        self._check_interface(findings)

    def _check_interface(self, findings: int) -> None:
        inputs = [i.name for i in self._session.get_inputs()]
        outputs = {o.name for o in self._session.get_outputs()}
        if inputs != [_INPUT] or not outputs.issuperset(_OUTPUTS):
            raise BundleError(
                f"model.onnx maps {', '.join(inputs)} to {', '.join(sorted(outputs))}, "
                f"expected {_INPUT} to {', '.join(_OUTPUTS)}"
            )
        if _OUTLINES in outputs:
            self._outputs = (*_OUTPUTS, _OUTLINES)
        try:
            output = self.run(np.zeros((1, self._size, self._size), dtype=np.uint8))
        except Exception as error:
            raise BundleError(f"model.onnx does not run: {_line(error)}") from error
        if output.logits.shape != (1, findings) or output.class_maps.shape[:2] != (1, findings):
            raise BundleError(
                f"model.onnx gives logits {output.logits.shape} and class maps "
                f"{output.class_maps.shape}, the label space has {findings} findings"
            )
        if output.outlines is not None and output.outlines.shape[:2] != (1, _STRUCTURES):
            raise BundleError(
                f"model.onnx gives outlines {output.outlines.shape}, expected those of "
                f"{_STRUCTURES} structures; export it again"
            )

    @property
    def draws_outlines(self) -> bool:
        """Whether the graph outlines lungs and heart."""
        return _OUTLINES in self._outputs

    def run(self, images: NDArray[np.uint8]) -> NetworkOutput:
        """Classify images as :func:`cxr.imaging.preprocessing.prepare` makes them.

        Args:
            images: (N, size, size) uint8.

        Raises:
            FloatingPointError: if the network's answer is not finite.
        """
        batch = images[:, None].astype(np.float32) / np.float32(255)
        output = NetworkOutput(*self._session.run(self._outputs, {_INPUT: batch}))
        if not (np.isfinite(output.logits).all() and np.isfinite(output.class_maps).all()):
            raise FloatingPointError("the network's answer is not finite")
        return output


def _line(error: Exception) -> str:
    """The first line of an exception's message."""
    return (str(error).splitlines() or [type(error).__name__])[0]
