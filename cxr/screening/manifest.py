"""bundle.json: what a model bundle says about itself, and the hash of every file it consists of.

A bundle is a folder, or a zip archive of one::

    model.onnx             image (N, 1, size, size) float32 in [0, 1] -> logits, class_maps, embedding
                           and, optional, outlines: see cxr.screening.network.NetworkOutput
    calibration.json       cxr.operating_points.Calibrator
    operating_points.json  cxr.operating_points.OperatingPointSet, bound to the hash of model.onnx
    score_reference.json   cxr.operating_points.ScoreReference; optional
    two_sided.json         cxr.operating_points.TwoSidedCertificates, bound likewise; optional
    quality_gate.onnx      with quality_gate.json: what may be scored; absent where the manifest says gate "none"
    film_heads.npz         age, sex and view, who is who, what is alike: cxr.screening.film_heads; optional
    film_check.npz         a second look by the finding network's own answer: cxr.screening.film_check; optional
    model_card.md          for people
    report_*               a report generator, optional: see cxr.screening.generator
    bundle.json            this manifest, written last

The manifest names every other file with its SHA-256, so that nothing can be added, lost or changed
without notice. Exporting and loading share this one schema.
"""

from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from cxr.errors import BundleError
from cxr.localization import BoxSettings, WindowSettings
from nlp_labeler.findings import FINDINGS, NOT_ASSESSED, FindingTable
from nlp_labeler.storage import file_sha256, write_text

__all__ = [
    "CALIBRATION_FILE",
    "FILM_CHECK_FILE",
    "FILM_HEADS_FILE",
    "FORMAT_VERSION",
    "GATE_CARD_FILE",
    "GATE_FILE",
    "GRAPH_SUFFIX",
    "MANIFEST_FILE",
    "MODEL_CARD_FILE",
    "MODEL_FILE",
    "OPERATING_POINTS_FILE",
    "SCORE_REFERENCE_FILE",
    "TWO_SIDED_FILE",
    "BundleDescription",
    "BundleManifest",
    "Preprocessing",
    "seal_bundle",
]

FORMAT_VERSION: Final = 1
MANIFEST_FILE = "bundle.json"
MODEL_FILE = "model.onnx"
CALIBRATION_FILE = "calibration.json"
OPERATING_POINTS_FILE = "operating_points.json"
GATE_FILE, GATE_CARD_FILE = "quality_gate.onnx", "quality_gate.json"
FILM_CHECK_FILE = "film_check.npz"
FILM_HEADS_FILE = "film_heads.npz"
MODEL_CARD_FILE = "model_card.md"
GRAPH_SUFFIX = ".onnx"
SCORE_REFERENCE_FILE = "score_reference.json"
TWO_SIDED_FILE = "two_sided.json"
REQUIRED_FILES = (MODEL_FILE, CALIBRATION_FILE, OPERATING_POINTS_FILE, MODEL_CARD_FILE)

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Preprocessing(_Strict):
    """How pixels reach the network: :func:`cxr.imaging.preprocessing.prepare` with this ``size``."""

    method: Literal["letterbox"] = "letterbox"
    size: int = Field(ge=32, le=2048)


class BundleDescription(_Strict):
    """Everything a bundle says about itself except its file hashes.

    Attributes:
        name: short name, e.g. ``"phantom-mobilenetv2"``.
        version: version of the model, e.g. ``"1.0.0"``.
        created: when it was exported, with a time zone.
        cxr_version: the package version that exported it.
        training_data: one sentence on where the model's knowledge comes from.
        ontology: one sentence on what the labels mean.
        label_space: findings in the order of the graph's outputs.
        findings: what is known about them where the label space is the user's own.
        preprocessing: the network's input.
        boxes: per finding, how its heatmap becomes boxes.
        gate: what a picture must be before it is scored: ``frontal_chest``, one whole, upright, positive frontal chest
            radiograph by :mod:`cxr.imaging.quality`; ``none`` for networks that were made for other pictures.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$")]
    created: AwareDatetime
    cxr_version: _Text
    training_data: _Text
    ontology: _Text
    label_space: tuple[str, ...] = Field(min_length=1)
    findings: FindingTable | None = None
    preprocessing: Preprocessing
    boxes: dict[str, WindowSettings | BoxSettings]
    gate: Literal["frontal_chest", "none"] = "frontal_chest"

    @field_validator("label_space")
    @classmethod
    def _labels_differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a finding is listed twice")
        return value

    @model_validator(mode="after")
    def _labels_are_known(self) -> Self:
        known = self.findings.finding if self.findings else FINDINGS
        unknown = [label for label in self.label_space if label not in known]
        if unknown:
            raise ValueError(f"label_space: unknown finding {unknown[0]!r}; known are {', '.join(known)}")
        return self

    @property
    def not_assessed(self) -> str:
        """What the model does not look at, in words; may be empty."""
        return NOT_ASSESSED if self.findings is None else self.findings.wording.not_assessed or ""

    @model_validator(mode="after")
    def _boxes_cover_the_label_space(self) -> Self:
        if set(self.boxes) != set(self.label_space):
            odd = sorted(set(self.boxes) ^ set(self.label_space))
            raise ValueError(f"boxes and label_space differ in {', '.join(odd)}")
        return self


class BundleManifest(BundleDescription):
    """bundle.json: the description, the format version and the hash of every other file.

    Attributes:
        format_version: version of the bundle layout; another one is refused.
        files: POSIX path inside the bundle -> SHA-256 in hexadecimal.
    """

    format_version: Literal[1]
    files: dict[str, _Sha256]

    @field_validator("files")
    @classmethod
    def _paths_stay_inside(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or str(path) != name:
                raise ValueError(f"file path {name!r} is not a plain path inside the bundle")
        missing = [name for name in REQUIRED_FILES if name not in value]
        if missing:
            raise ValueError(f"{missing[0]} is not listed")
        return value

    @model_validator(mode="after")
    def _gate_is_listed(self) -> Self:
        if self.gate != "none" and not {GATE_FILE, GATE_CARD_FILE} <= set(self.files):
            raise ValueError(f"the gate {self.gate!r} needs {GATE_FILE} and {GATE_CARD_FILE}")
        return self

    @property
    def model_sha256(self) -> str:
        """Hash of model.onnx: what operating points are bound to and what results name."""
        return self.files[MODEL_FILE]


def seal_bundle(directory: Path, description: BundleDescription) -> BundleManifest:
    """Hash every file of a finished bundle folder and write its bundle.json, last and atomically.

    Args:
        directory: folder that already holds all of the bundle's other files.
        description: what the bundle says about itself.

    Returns:
        The manifest as written.

    Raises:
        BundleError: if a required file is missing.
    """
    gate_files = () if description.gate == "none" else (GATE_FILE, GATE_CARD_FILE)
    missing = [name for name in (*REQUIRED_FILES, *gate_files) if not (directory / name).is_file()]
    if missing:
        raise BundleError(f"cannot seal bundle {directory}: {missing[0]} is missing")
    names = sorted(p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file())
    files = {name: file_sha256(directory / name) for name in names if name != MANIFEST_FILE}
    manifest = BundleManifest(**dict(description), format_version=FORMAT_VERSION, files=files)
    write_text(directory / MANIFEST_FILE, manifest.model_dump_json(indent=2, exclude_none=True) + "\n")
    return manifest
