"""Screener: bundle + file -> ScreeningResult, in one process without torch; and many files at a time.

Nothing else turns a file into scores.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.errors import BundleError, ConfigError, RefusalCode, RefusedInputError
from cxr.imaging.picture import picture_bytes
from cxr.imaging.preprocessing import ImagePyramid, prepare
from cxr.imaging.radiograph import RadiographMetadata
from cxr.imaging.reading import RadiographFile
from cxr.localization.heatmaps import Heatmaps
from cxr.onnx_model import available_cores
from cxr.reporting import CertifiedDecision, FindingResult, regularise, write_report
from cxr.reporting.doubt import Doubt
from cxr.screening.artifacts import Examination, ScreeningArtifacts
from cxr.screening.bundle import Bundle
from cxr.screening.film_identity import film_identity
from cxr.screening.generator import WordAttention
from cxr.screening.inputs import ScreeningInput
from cxr.screening.network import NetworkOutput
from cxr.screening.result import InputRefusal, ModelIdentity, ScreeningResult
from nlp_labeler.findings import ANCESTORS

__all__ = ["Screener", "default_workers", "screen_many"]

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
_WAITING_PER_WORKER = 2
CHILD_YEARS = 16
"""Films of patients younger than this, as the header says, are doubtful: the models are made for adults."""


class Screener:
    """Screens one input at a time; safe to call from several threads.

    Args:
        bundle: a bundle folder or a loaded bundle; ``None`` is the one shipped with the package.
        threads: threads that the network may use for one image; by default all cores of this process.
        gate: looks at the picture before the network does, and raises :class:`~cxr.errors.RefusedInputError` for one
            that must not be scored; by default the gate that the bundle asks for, and its second look at the
            network's answer (:mod:`cxr.screening.film_check`), which a gate of the caller's does without.

    Raises:
        BundleError: if the bundle is missing, altered, of another version, or does not run.
    """

    def __init__(
        self,
        bundle: Bundle | Path | str | None = None,
        *,
        threads: int | None = None,
        gate: Callable[[ImagePyramid], object] | None = None,
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle)
        self._network = self.bundle.network(threads=threads or available_cores())
        self._generator = self.bundle.generator(threads=threads or available_cores())
        manifest = self.bundle.manifest
        self._film_check = self.bundle.film_check if gate is None else None
        if self._film_check is not None and not self._network.draws_outlines:
            raise BundleError(f"bundle {self.bundle.path}: film_check.npz needs outlines, the network draws none")
        self._film_heads = self.bundle.film_heads
        if self._film_heads is not None and not self._network.draws_outlines:
            raise BundleError(f"bundle {self.bundle.path}: film_heads.npz needs outlines, the network draws none")
        if gate is None and self.bundle.gate is not None:
            gate = self.bundle.gate.check
        self._gate = gate
        self.identity = ModelIdentity(
            manifest.name, manifest.version, manifest.model_sha256, self.bundle.manifest_sha256
        )

    def screen(
        self,
        source: Path | str | bytes | NDArray[np.generic] | Image.Image,
        *,
        name: str | None = None,
        earlier: ScreeningResult | None = None,
    ) -> ScreeningResult:
        """Screen one picture. What cannot be screened gives a refused result, never an exception.

        Args:
            source: a file, the bytes of one, or a picture as :func:`cxr.imaging.picture.picture_bytes` takes it.
            name: the ``path`` of the result; by default that of the file, or ``picture``.
            earlier: what this model said of an earlier image of the same patient, for the report to compare with.

        Raises:
            ConfigError: if the earlier result was refused or is another model's, whose scores do not compare; or the
                picture is of a kind whose grey values nobody could know the meaning of.
        """
        if earlier is not None and (earlier.status != "screened" or earlier.model.sha256 != self.identity.sha256):
            raise ConfigError(f"{earlier.path} is no earlier result of this model; screen it with the same bundle")
        if isinstance(source, Path | str):
            return self.examine(name or str(source), Path(source), earlier=earlier).result
        content = source if isinstance(source, bytes) else picture_bytes(source)
        return self.examine(name or "picture", content, earlier=earlier).result

    def examine(self, name: str, source: Path | bytes, *, earlier: ScreeningResult | None = None) -> Examination:
        """Screen one input and keep what there is to see.

        Args:
            name: the ``path`` of the result.
            source: a file, or the bytes of one.
            earlier: see :meth:`screen`.
        """
        file = RadiographFile(source)
        try:
            return self._examine(name, file, earlier)
        except RefusedInputError as error:
            return self.refuse(name, error, file)
        except Exception as error:
            return self.fail(name, error, file)

    def fail(self, name: str, error: Exception, file: RadiographFile | None = None) -> Examination:
        """The examination of an input that failed in a way nobody foresaw: refused, so that it is not lost.

        The error's message may quote the file, patient included, and is not logged.
        """
        _LOG.warning("screening failed with %s", type(error).__name__)
        refusal = RefusedInputError(
            RefusalCode.SCREENING_FAILED, f"screening failed unexpectedly ({type(error).__name__}); read it by eye"
        )
        return self.refuse(name, refusal, file)

    def refuse(self, name: str, error: RefusedInputError, file: RadiographFile | None = None) -> Examination:
        """The examination of an input that must not be screened; ``file`` where there is one to read."""
        refusal = InputRefusal(error.code, error.message)
        sha256, header = (file.sha256, file.header) if file is not None else (None, None)
        film = film_identity(header, None)
        result = ScreeningResult(name, sha256, "refused", refusal, (), None, None, self.identity, film=film)
        return Examination(result, None, header)

    def _examine(self, name: str, file: RadiographFile, earlier: ScreeningResult | None) -> Examination:
        """Read, look whether it may be scored, score, compare with the operating points, report."""
        radiograph = file.radiograph()
        pyramid = ImagePyramid(radiograph.pixels)
        if self._gate is not None:
            self._gate(pyramid)
        manifest, points, metadata = self.bundle.manifest, self.bundle.operating_points, radiograph.metadata
        size = manifest.preprocessing.size
        square, placement = prepare(pyramid, size, metadata.pixel_aspect)
        output = self._network.run(square[None])
        doubts, distance = self._second_look(output, metadata)
        heads = self._film_heads.look(output) if self._film_heads else None
        scores = self.bundle.calibrator.apply(output.logits[0])
        artifacts = ScreeningArtifacts(
            pixels=radiograph.pixels,
            metadata=metadata,
            heatmaps=Heatmaps(
                output.class_maps[0],
                manifest.label_space,
                square,
                placement,
                None if output.outlines is None else output.outlines[0],
            ),
            probabilities=dict(zip(manifest.label_space, map(float, scores), strict=True)),
            box_settings=manifest.boxes,
            embedding=heads.similarity if heads else output.embedding[0],
            generated=self._generator.report(square) if self._generator else None,
            identity=heads.identity if heads else None,
        )
        triage, findings, generated = points.triage(scores), self._findings(artifacts), artifacts.generated
        questions = self._film_heads.questions(heads.patient, metadata) if self._film_heads and heads else ()
        width, height = metadata.width, metadata.height
        certified = self._certified(findings, metadata.view_position)
        if doubts:
            certified = tuple(decision for decision in certified if decision.decision != "below")
        if any(decision.decision == "refer" for decision in certified):
            triage = "refer"
        elif doubts and triage == "none":
            triage = "read"
        result = ScreeningResult(
            path=name,
            sha256=metadata.sha256,
            status="screened",
            refusal=None,
            findings=findings,
            triage=triage,
            report=write_report(
                findings,
                triage=triage,
                width=width,
                height=height,
                generated=regularise(generated.text, findings, width, height, manifest.findings) if generated else None,
                attention=WordAttention(generated, placement, size) if generated else None,
                earlier=earlier.findings if earlier else None,
                certified=certified,
                not_assessed=manifest.not_assessed,
                doubts=doubts,
                questions=questions,
            ),
            model=self.identity,
            certified=certified,
            doubts=doubts,
            distance=distance,
            patient=heads.patient if heads else None,
            questions=questions,
            film=film_identity(file.header, square),
        )
        return Examination(result, artifacts, file.header)

    def _second_look(
        self, output: NetworkOutput, metadata: RadiographMetadata
    ) -> tuple[tuple[Doubt, ...], float | None]:
        """Why the film is doubtful, and its distance from those of the calibration.

        Raises:
            RefusedInputError: wrong_view, cropped, not_frontal_chest.
        """
        stated: tuple[Doubt, ...] = ()
        if self._gate is not None:
            stated = (
                *((Doubt.PERHAPS_LATERAL,) if metadata.contradicted_view else ()),
                *((Doubt.CHILD,) if (metadata.patient_age or CHILD_YEARS) < CHILD_YEARS else ()),
            )
        if self._film_check is None:
            return stated, None
        seen = self._film_check.look(output)
        return tuple(dict.fromkeys((*stated, *self._film_check.doubts(seen)))), round(seen.distance, 4)

    def _certified(self, findings: Sequence[FindingResult], view: str | None) -> tuple[CertifiedDecision, ...]:
        """What the bundle's two-sided certificates decide; what a positive finding belongs to is never below."""
        certificates = self.bundle.two_sided
        if certificates is None:
            return ()
        positive = {finding.name for finding in findings if finding.positive}
        asserted = positive.union(*(ANCESTORS[name] for name in positive))
        decided = certificates.decide({f.name: f.probability for f in findings}, view, asserted)
        return tuple(
            CertifiedDecision(
                target=point.target,
                findings=certificates.targets[point.target],
                decision=point.rule,
                limit=point.point.limit,
                confidence=1 - certificates.delta,
                predictive_values=tuple((value.prevalence, value.at_least) for value in point.predictive_values),
            )
            for point in decided
        )

    def _findings(self, artifacts: ScreeningArtifacts) -> tuple[FindingResult, ...]:
        """Every finding of the label space; those above their thresholds with boxes."""
        findings: list[FindingResult] = []
        for label, probability in artifacts.probabilities.items():
            point = self.bundle.operating_points.point(label)
            positive = point is not None and probability > point.threshold
            boxes = artifacts.boxes(label) if positive else ()
            threshold, guarantee = (point.threshold, point.guarantee) if point else (None, None)
            findings.append(FindingResult(label, probability, threshold, positive, guarantee, boxes))
        return tuple(findings)


def default_workers() -> int:
    """One per core of this process: decoders, onnxruntime and Pillow all release the interpreter lock."""
    return available_cores()


def screen_many(
    screener: Screener,
    inputs: Iterable[ScreeningInput],
    finish: Callable[[Examination], _T],
    *,
    workers: int,
    finish_refused: Callable[[Examination], _T] | None = None,
) -> Iterator[tuple[ScreeningResult, _T | None]]:
    """Screen inputs concurrently and yield them in their order.

    Memory stays constant: at most a few inputs per worker are in flight, however many there are, and the pixels of an
    input are let go once ``finish`` has made of them what it needs.

    Yields:
        Each result with what was made of its examination; ``None`` for a refused input of which nothing is made.

    Args:
        screener: made with ``threads=1`` where ``workers`` fill the cores.
        inputs: taken one at a time, in this thread.
        finish: what else to make of a screened input in the worker, e.g. its overlay.
        workers: number of threads.
        finish_refused: what to make of a refused input; an error leaves it with nothing.
    """

    def refused(examination: Examination) -> tuple[ScreeningResult, _T | None]:
        try:
            return examination.result, finish_refused(examination) if finish_refused else None
        except Exception as error:
            _LOG.warning("nothing was made of one refused input: %s", type(error).__name__)
            return examination.result, None

    def work(name: str, source: Path | bytes) -> tuple[ScreeningResult, _T | None]:
        examination = screener.examine(name, source)
        if examination.artifacts is None:
            return refused(examination)
        try:
            return examination.result, finish(examination)
        except Exception as error:
            return refused(screener.fail(name, error, RadiographFile(source)))

    def refuse(name: str, error: RefusedInputError) -> tuple[ScreeningResult, _T | None]:
        return refused(screener.refuse(name, error))

    waiting: deque[Future[tuple[ScreeningResult, _T | None]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="screen") as pool:
        try:
            for item in inputs:
                try:
                    waiting.append(pool.submit(work, item.name, item.read()))
                except RefusedInputError as error:
                    waiting.append(pool.submit(refuse, item.name, error))
                if len(waiting) > _WAITING_PER_WORKER * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
