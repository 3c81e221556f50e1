"""ScreeningResult: one line of results.jsonl, and the only thing that outputs are made from.

The JSON schema is published as ``result.schema.json`` beside this file. A field may be added with a new
minor version; a field is renamed, removed or given another meaning only with a new major version.
"""

from dataclasses import dataclass
from html import escape
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from cxr.errors import CxrError, RefusalCode
from cxr.reporting.document import CertifiedDecision, FindingResult, GroundedReport, Triage
from cxr.reporting.doubt import Doubt
from cxr.reporting.patient import PatientEstimate, PatientQuestion
from cxr.screening.film_identity import FilmIdentity
from nlp_labeler.faults import faults

__all__ = [
    "RESULT_SCHEMA_VERSION",
    "InputRefusal",
    "ModelIdentity",
    "ScreeningResult",
    "parse_result_line",
    "result_line",
    "result_schema",
]

RESULT_SCHEMA_VERSION = "1.6"
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class InputRefusal:
    """Why an input was not screened; the message is for a person and holds no patient data."""

    __pydantic_config__ = _STRICT

    code: RefusalCode
    message: str


@dataclass(frozen=True)
class ModelIdentity:
    """Which model spoke.

    Attributes:
        bundle: name of the bundle.
        version: its version.
        sha256: of its model.onnx.
        bundle_sha256: of its bundle.json, which pins thresholds and calibration too; ``None`` in lines of schema 1.1.
    """

    __pydantic_config__ = _STRICT

    bundle: str
    version: str
    sha256: str
    bundle_sha256: str | None = None


@dataclass(frozen=True)
class ScreeningResult:
    """What screening one input ended with; exactly one per input.

    Attributes:
        path: the input as the user named it; ``archive.zip!/member`` for a file in an archive.
        sha256: of the file's bytes; ``None`` if they could not be read.
        status: ``"screened"`` or ``"refused"``.
        refusal: set exactly when refused.
        findings: the whole label space in the bundle's order; empty when refused.
        triage: ``"refer"`` (by the rule on all findings together, or by a two-sided certificate of some), ``"read"``
            (a person must decide) or ``"none"`` (nothing above its threshold).
        report: the grounded report; ``None`` when refused.
        model: the model that screened, or would have.
        certified: what two-sided certificates decide; left out of the line where they decide nothing.
        doubts: why the scores may be worth nothing; left out of the line of a film like those that the model knows.
            A doubtful film is never below threshold, nor is anything ruled out of it.
        distance: how far the film lies from those of the calibration, relative to the limit that one in a hundred of
            them exceeds; ``None``, and left out, where the bundle does not measure it.
        patient: age, sex and view as the film alone shows them; ``None``, and left out, where the bundle has no heads.
        questions: whether this is the right patient's film; left out of the line where nothing is asked.
        film: by which other films of its examination and copies of it are known; left out where the file tells nothing.
    """

    __pydantic_config__ = _STRICT

    path: str
    sha256: str | None
    status: Literal["screened", "refused"]
    refusal: InputRefusal | None
    findings: tuple[FindingResult, ...]
    triage: Triage | None
    report: GroundedReport | None
    model: ModelIdentity
    certified: Annotated[tuple[CertifiedDecision, ...], Field(exclude_if=lambda value: not value)] = ()
    doubts: Annotated[tuple[Doubt, ...], Field(exclude_if=lambda value: not value)] = ()
    distance: Annotated[float | None, Field(exclude_if=lambda value: value is None)] = None
    patient: Annotated[PatientEstimate | None, Field(exclude_if=lambda value: value is None)] = None
    questions: Annotated[tuple[PatientQuestion, ...], Field(exclude_if=lambda value: not value)] = ()
    film: Annotated[FilmIdentity | None, Field(exclude_if=lambda value: value is None)] = None

    def __post_init__(self) -> None:
        """Refuse a result that is half screened and half refused, or doubtful and below threshold."""
        screened = self.status == "screened"
        if (self.refusal is None) != screened or any(
            (part is not None) != screened for part in (self.triage, self.report)
        ):
            raise ValueError(f"a result with status {self.status!r} has the parts of another status")
        if self.doubts and (self.triage == "none" or any(d.decision == "below" for d in self.certified)):
            raise ValueError(f"a doubtful result ({self.doubts[0]}) cannot be below threshold")

    def _repr_html_(self) -> str:
        """What a notebook shows: the triage, the report, and every finding with its threshold."""
        head = f"<b>{escape(self.path)}</b>: {self.status}"
        if self.refusal is not None:
            return f"<p>{head}, {escape(self.refusal.code)}: {escape(self.refusal.message)}</p>"
        rows = "".join(
            f"<tr><td>{'<b>' if f.positive else ''}{escape(f.name)}{'</b>' if f.positive else ''}</td>"
            f"<td>{f.probability:.3f}</td><td>{'none' if f.threshold is None else f'{f.threshold:.3f}'}</td>"
            f"<td>{len(f.boxes)}</td></tr>"
            for f in sorted(self.findings, key=lambda f: (not f.positive, -f.probability))
        )
        text = escape(self.report.text if self.report else "").replace("\n", "<br>")
        return (
            f"<p>{head}, triage {self.triage}</p><p>{text}</p><table><tr><th>finding</th><th>probability</th>"
            f"<th>threshold</th><th>boxes</th></tr>{rows}</table>"
        )


_ADAPTER = TypeAdapter(ScreeningResult)


def result_line(result: ScreeningResult) -> str:
    """One JSON line, without the newline."""
    return _ADAPTER.dump_json(result).decode()


def parse_result_line(line: str | bytes) -> ScreeningResult:
    """The inverse of :func:`result_line`.

    Raises:
        CxrError: if the line does not follow the schema.
    """
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as error:
        wrong = faults(error, values=False)
        raise CxrError(f"not a result line of schema {RESULT_SCHEMA_VERSION}: {wrong}") from error


def result_schema() -> dict[str, object]:
    """JSON schema (2020-12) of a results.jsonl line."""
    schema = _ADAPTER.json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cxr:screening-result:{RESULT_SCHEMA_VERSION}",
    }
    return head | schema
