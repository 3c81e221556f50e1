"""Every held-out phantom through the clinic's runtime, with the generator in the bundle."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.progress import track

from benchmarks.tienet.cohort import Cohort
from cxr.demo import ALPHA, DELTA
from cxr.export.bundle import export_bundle
from cxr.reporting import write_report
from cxr.screening import Screener, ScreeningResult

__all__ = ["Screened", "screen_cohort", "screen_files"]


@dataclass(frozen=True)
class Screened:
    """One image as the clinic sees it.

    Attributes:
        result: with raw and final text.
        width: of the input in pixels.
        height: of the input in pixels.
    """

    result: ScreeningResult
    width: int
    height: int

    @property
    def raw(self) -> str:
        """The generated text before the regulariser."""
        report = self.result.report
        return report.generated.text if report and report.generated else ""

    @property
    def final(self) -> str:
        """The report."""
        return self.result.report.text if self.result.report else ""

    @property
    def template(self) -> str:
        """The report that the same scores give without a generator."""
        triage = self.result.triage or "none"
        return write_report(self.result.findings, triage=triage, width=self.width, height=self.height).text


def screen_files(bundle: Path, files: list[Path]) -> list[Screened]:
    """Screen files; the gate is left out, since every figure here is over all images of a split."""
    screener = Screener(bundle, threads=1, gate=lambda pixels: None)  # noqa: ARG005  the gate's signature
    found = []
    for file in track(files, "Screening", transient=True):
        with Image.open(file) as image:
            width, height = image.size
        found.append(Screened(screener.screen(file), width, height))
    return found


def screen_cohort(cohort: Cohort, run: Path, report_run: Path | None) -> list[Screened]:
    """Export a classifier, with a generator where there is one, and screen the held-out phantoms.

    Args:
        cohort: whose they are.
        run: of the classifier.
        report_run: of the generator over it.
    """
    bundle = (report_run or run) / "bundle"
    export_bundle(run, bundle, name="tienet", version="1", alpha=ALPHA, delta=DELTA, report_run=report_run)
    return screen_files(bundle, [Path(path) for path in cohort.test.records["path"]])
