"""Screener: bundle + file -> ScreeningResult, in one process without torch."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr.errors import ConfigError, RefusalCode, RefusedInputError
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.localization import Box
from cxr.localization.locator import Locator
from cxr.onnx_model import available_cores
from cxr.reporting import FindingResult, regularise, write_report
from cxr.screening.bundle import Bundle
from cxr.screening.exhibit import Examination, Exhibit
from cxr.screening.generator import Generator
from cxr.screening.heatmaps import Heatmaps
from cxr.screening.network import Network
from cxr.screening.result import ModelIdentity, Refusal, ScreeningResult
from cxr.screening.word_attention import WordAttention
from nlp_labeler.storage import bytes_sha256, file_sha256

__all__ = ["Screener"]

_LOG = logging.getLogger(__name__)


class Screener:
    """Screens one input at a time; safe to call from several threads.

    Args:
        bundle: a bundle folder or a loaded bundle; ``None`` is the one shipped with the package.
        threads: threads that the network may use for one image; by default all cores of this process.
        gate: looks at the pixels, (H, W) float32 in [0, 1], before the network does, and raises
            :class:`~cxr.errors.RefusedInputError` for a picture that must not be scored; by default the gate that
            the bundle asks for.

    Raises:
        BundleError: if the bundle is missing, altered, of another version, or does not run.
    """

    def __init__(
        self,
        bundle: Bundle | Path | str | None = None,
        *,
        threads: int | None = None,
        gate: Callable[[NDArray[np.float32]], object] | None = None,
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle)
        self._network = Network(self.bundle, threads=threads or available_cores())
        self._generator = Generator.of(self.bundle, threads=threads or available_cores())
        manifest = self.bundle.manifest
        if gate is None and self.bundle.gate is not None:
            gate = self.bundle.gate.check
        self._gate = gate
        self.identity = ModelIdentity(
            manifest.name, manifest.version, manifest.model_sha256, self.bundle.manifest_sha256
        )

    def screen(self, path: Path | str, *, earlier: ScreeningResult | None = None) -> ScreeningResult:
        """Screen one file. A file that cannot be screened gives a refused result, never an exception.

        Args:
            path: the file.
            earlier: what this model said of an earlier image of the same patient, for the report to compare with.

        Raises:
            ConfigError: if the earlier result was refused or is another model's, whose scores do not compare.
        """
        if earlier is not None and (earlier.status != "screened" or earlier.model.sha256 != self.identity.sha256):
            raise ConfigError(f"{earlier.path} is no earlier result of this model; screen it with the same bundle")
        return self.examine(str(path), Path(path), earlier=earlier).result

    def examine(self, name: str, source: Path | bytes, *, earlier: ScreeningResult | None = None) -> Examination:
        """Screen one input and keep what there is to see.

        Args:
            name: the ``path`` of the result.
            source: a file, or the bytes of one.
            earlier: see :meth:`screen`.
        """
        try:
            return self._examine(name, source, earlier)
        except RefusedInputError as error:
            return self.refuse(name, error, _sha256(source))
        except Exception as error:
            return self.fail(name, source, error)

    def fail(self, name: str, source: Path | bytes, error: Exception) -> Examination:
        """The examination of an input that failed in a way nobody foresaw: refused, so that it is not lost.

        The error's message may quote the file, patient included, and is not logged.
        """
        _LOG.warning("screening failed with %s", type(error).__name__)
        refusal = RefusedInputError(
            RefusalCode.SCREENING_FAILED, f"screening failed unexpectedly ({type(error).__name__}); read it by eye"
        )
        return self.refuse(name, refusal, _sha256(source))

    def refuse(self, name: str, error: RefusedInputError, sha256: str | None = None) -> Examination:
        """The examination of an input that must not be screened."""
        refusal = Refusal(error.code, error.message)
        return Examination(ScreeningResult(name, sha256, "refused", refusal, (), None, None, self.identity), None)

    def _examine(self, name: str, source: Path | bytes, earlier: ScreeningResult | None) -> Examination:
        """Read, look whether it may be scored, score, compare with the operating points, report."""
        radiograph = read_radiograph(source)
        if self._gate is not None:
            self._gate(radiograph.pixels)
        manifest, points = self.bundle.manifest, self.bundle.operating_points
        size = manifest.preprocessing.size
        square, placement = prepare(radiograph.pixels, size, radiograph.metadata.pixel_aspect)
        output = self._network.run(square[None])
        probabilities = self.bundle.calibrator.apply(output.logits[0])
        triage = points.triage(probabilities)
        heatmaps = Heatmaps(output.class_maps[0], manifest.label_space, placement, size)
        findings = self._findings(probabilities, heatmaps, Locator(square, placement, output.outlines))
        generated = self._generator.report(square) if self._generator else None
        width, height = radiograph.metadata.width, radiograph.metadata.height
        result = ScreeningResult(
            path=name,
            sha256=radiograph.metadata.sha256,
            status="screened",
            refusal=None,
            findings=findings,
            triage=triage,
            report=write_report(
                findings,
                triage=triage,
                width=width,
                height=height,
                generated=regularise(generated.text, findings, width, height) if generated else None,
                attention=WordAttention(generated, placement, size) if generated else None,
                earlier=earlier.findings if earlier else None,
            ),
            model=self.identity,
        )
        return Examination(result, Exhibit(radiograph.pixels, heatmaps, output.embedding[0], generated))

    def _findings(
        self, probabilities: NDArray[np.float64], heatmaps: Heatmaps, locator: Locator
    ) -> tuple[FindingResult, ...]:
        """Every finding of the label space; those above their thresholds with boxes."""
        manifest = self.bundle.manifest
        findings: list[FindingResult] = []
        for label, probability in zip(manifest.label_space, map(float, probabilities), strict=True):
            point = self.bundle.operating_points.point(label)
            positive = point is not None and probability > point.threshold
            boxes: tuple[Box, ...] = ()
            if positive:
                boxes = locator.boxes(label, heatmaps[label], manifest.boxes[label], probability)
            threshold, guarantee = (point.threshold, point.guarantee) if point else (None, None)
            findings.append(FindingResult(label, probability, threshold, positive, guarantee, boxes))
        return tuple(findings)


def _sha256(source: Path | bytes) -> str | None:
    """Hash of an input that was refused; ``None`` where it cannot be read."""
    if isinstance(source, bytes):
        return bytes_sha256(source)
    try:
        return file_sha256(source)
    except OSError:
        return None
