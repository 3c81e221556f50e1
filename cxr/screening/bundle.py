"""A model bundle, loaded and verified: nothing of it is used before every hash has been checked."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from cxr.errors import BundleError, OperatingPointError
from cxr.operating_points import Calibrator, OperatingPointSet, ScoreReference
from cxr.screening.manifest import (
    CALIBRATION_FILE,
    FORMAT_VERSION,
    MANIFEST_FILE,
    MODEL_FILE,
    OPERATING_POINTS_FILE,
    SCORE_REFERENCE_FILE,
    BundleManifest,
)
from cxr.screening.onnx_file import refuse_external_data

__all__ = ["Bundle", "shipped_bundle_path"]

_MAX_MANIFEST_BYTES = 4 * 2**20


def shipped_bundle_path() -> Path:
    """Folder of the bundle that is installed with the package."""
    return Path(str(files("cxr").joinpath("weights", "default")))


@dataclass(frozen=True)
class Bundle:
    """A verified bundle, its files held as the very bytes that were hashed.

    Attributes:
        path: the folder it came from.
        manifest: its bundle.json.
        manifest_sha256: hash of bundle.json, which pins every other file.
        contents: file name -> bytes.
    """

    path: Path
    manifest: BundleManifest
    manifest_sha256: str
    contents: dict[str, bytes]

    @classmethod
    def load(cls, path: Path | str | None = None) -> "Bundle":
        """Read a bundle folder and verify it.

        Args:
            path: the folder; ``None`` is the bundle shipped with the package.

        Raises:
            BundleError: if the bundle is missing, of another format version, refers to files outside
                itself, or any file is missing, extra or changed.
        """
        folder = shipped_bundle_path() if path is None else Path(path)
        manifest, digest = _read_manifest(folder, shipped=path is None)
        _check_listing(folder, manifest)
        contents = {name: _read_verified(folder, name, sha256) for name, sha256 in manifest.files.items()}
        refuse_external_data(contents[MODEL_FILE])
        bundle = cls(folder, manifest, digest, contents)
        bundle._check_consistency()
        return bundle

    def _check_consistency(self) -> None:
        """Fail at loading, not at the first image, if the parts were made for different models."""
        label_space = self.manifest.label_space
        try:
            calibrated = self.calibrator.label_space
            self.operating_points.require(model_sha256=self.manifest.model_sha256, label_space=label_space)
        except OperatingPointError as error:
            raise BundleError(f"bundle {self.path}: {error}") from error
        if calibrated != label_space:
            raise BundleError(f"bundle {self.path}: the calibration covers {', '.join(calibrated)}; export it again")

    @property
    def model(self) -> bytes:
        """The serialised ONNX graph."""
        return self.contents[MODEL_FILE]

    @cached_property
    def calibrator(self) -> Calibrator:
        """Logits -> calibrated probabilities."""
        return Calibrator.from_json(self.contents[CALIBRATION_FILE].decode())

    @cached_property
    def operating_points(self) -> OperatingPointSet:
        """Thresholds and certificates, bound to this model and label space."""
        return OperatingPointSet.from_json(self.contents[OPERATING_POINTS_FILE].decode())

    @cached_property
    def score_reference(self) -> ScoreReference | None:
        """How the calibration set scored; ``None`` where the bundle does not say."""
        content = self.contents.get(SCORE_REFERENCE_FILE)
        return ScoreReference.from_json(content.decode()) if content is not None else None


def _read_manifest(folder: Path, *, shipped: bool) -> tuple[BundleManifest, str]:
    """The validated bundle.json and its hash."""
    file = folder / MANIFEST_FILE
    if not file.is_file():
        what = "the package ships no bundle" if shipped else f"no bundle at {folder}"
        raise BundleError(f"{what}: {MANIFEST_FILE} not found; give a folder made by 'cxr export'")
    if file.stat().st_size > _MAX_MANIFEST_BYTES:
        raise BundleError(f"{file} is larger than {_MAX_MANIFEST_BYTES} bytes; this is not a bundle manifest")
    content = file.read_bytes()
    try:
        data = json.loads(content)
    except ValueError as error:
        raise BundleError(f"{file} is not JSON ({error}); export the bundle again") from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"bundle {folder} has format version {version!r}, this cxr reads {FORMAT_VERSION}; export the bundle again"
        )
    try:
        manifest = BundleManifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise BundleError(f"{file} is invalid at {where}: {first['msg']}") from error
    return manifest, hashlib.sha256(content).hexdigest()


def _check_listing(folder: Path, manifest: BundleManifest) -> None:
    """Exactly the listed files are there, none of them a link."""
    present: set[str] = set()
    for entry in folder.rglob("*"):
        name = entry.relative_to(folder).as_posix()
        if entry.is_symlink():
            raise BundleError(f"bundle {folder} holds a link ({name}); a bundle consists of plain files")
        if entry.is_file():
            present.add(name)
    missing = sorted(set(manifest.files) - present)
    extra = sorted(present - set(manifest.files) - {MANIFEST_FILE})
    if missing:
        raise BundleError(f"bundle {folder} lacks {missing[0]}; copy the bundle again")
    if extra:
        raise BundleError(f"bundle {folder} holds {extra[0]}, which its manifest does not list; remove it")


def _read_verified(folder: Path, name: str, sha256: str) -> bytes:
    content = (folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(f"bundle {folder}: {name} was changed (its SHA-256 differs); copy or export the bundle again")
    return content
