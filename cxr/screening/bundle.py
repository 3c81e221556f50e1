"""A model bundle, loaded and verified: nothing of it is used before every hash has been checked."""

import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from cxr.errors import BundleError, ConfigError, OperatingPointError, RefusalCode, RefusedInputError
from cxr.imaging.preprocessing import ImagePyramid, prepare
from cxr.imaging.quality import QualityGate
from cxr.onnx_model import refuse_external_data
from cxr.operating_points import Calibrator, OperatingPointSet, ScoreReference, TwoSidedCertificates
from cxr.reporting.doubt import DOUBT_MEANINGS, Doubt
from cxr.screening.archive import archive_members, read_member
from cxr.screening.film_check import FilmCheck
from cxr.screening.film_heads import FilmHeads
from cxr.screening.generator import GENERATOR_CARD_FILE, Generator
from cxr.screening.manifest import (
    CALIBRATION_FILE,
    FILM_CHECK_FILE,
    FILM_HEADS_FILE,
    FORMAT_VERSION,
    GATE_CARD_FILE,
    GATE_FILE,
    GRAPH_SUFFIX,
    MANIFEST_FILE,
    MODEL_FILE,
    OPERATING_POINTS_FILE,
    SCORE_REFERENCE_FILE,
    TWO_SIDED_FILE,
    BundleManifest,
)
from cxr.screening.network import Network
from nlp_labeler.faults import faults
from nlp_labeler.findings import register
from nlp_labeler.storage import bytes_sha256

__all__ = ["Bundle", "BundleGate", "shipped_bundle_path"]

_MAX_MANIFEST_BYTES = 4 * 2**20
_NO_FRONTAL_FILM = frozenset({Doubt.PERHAPS_LATERAL, Doubt.PERHAPS_CROPPED, Doubt.SEVERAL_VIEWS, Doubt.UNUSUAL})


def shipped_bundle_path() -> Path:
    """Folder of the bundle that is installed with the package."""
    return Path(str(files("cxr").joinpath("weights", "default")))


@dataclass(frozen=True)
class Bundle:
    """A verified bundle, its files held as the very bytes that were hashed.

    Attributes:
        path: the folder or zip archive it came from.
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
        """Read a bundle and verify it.

        Args:
            path: a folder or a zip archive of one; ``None`` is the bundle shipped with the package.

        Raises:
            BundleError: if the bundle is missing, of another format version, refers to files outside
                itself, or any file is missing, extra or changed.
        """
        place = shipped_bundle_path() if path is None else Path(path)
        with _open_source(place) as source:
            manifest, digest = _read_manifest(source, place)
            _check_listing(source.names(), place, manifest)
            contents = {name: _read_verified(source, place, name, sha256) for name, sha256 in manifest.files.items()}
        for name, content in contents.items():
            if name.endswith(GRAPH_SUFFIX):
                refuse_external_data(name, content)
        bundle = cls(place, manifest, digest, contents)
        bundle._check_consistency()
        return bundle

    def _check_consistency(self) -> None:
        """Fail at loading, not at the first image, if the parts were made for different models."""
        label_space = self.manifest.label_space
        try:
            calibrated = self.calibrator.label_space
            self.operating_points.require(model_sha256=self.manifest.model_sha256, label_space=label_space)
            if self.two_sided is not None:
                self.two_sided.require(model_sha256=self.manifest.model_sha256, label_space=label_space)
        except OperatingPointError as error:
            raise BundleError(f"bundle {self.path}: {error}") from error
        if calibrated != label_space:
            raise BundleError(f"bundle {self.path}: the calibration covers {', '.join(calibrated)}; export it again")

    @property
    def model(self) -> bytes:
        """The serialised ONNX graph."""
        return self.contents[MODEL_FILE]

    def network(self, *, threads: int) -> Network:
        """The model, loaded.

        Args:
            threads: that one call of it may use.

        Raises:
            BundleError: if it does not load, or is not what the manifest says.
        """
        size, findings = self.manifest.preprocessing.size, len(self.manifest.label_space)
        try:
            return Network(self.model, size=size, findings=findings, threads=threads)
        except BundleError as error:
            raise BundleError(f"bundle {self.path}: {error}") from error

    def generator(self, *, threads: int) -> Generator | None:
        """The report generator, loaded; ``None`` where there is none, and reports are the template's.

        Raises:
            BundleError: if a file of it is missing or does not do what is agreed.
        """
        if GENERATOR_CARD_FILE not in self.contents:
            return None
        try:
            return Generator(self.contents, size=self.manifest.preprocessing.size, threads=threads)
        except BundleError as error:
            raise BundleError(f"bundle {self.path}: {error}") from error

    @cached_property
    def gate(self) -> QualityGate | None:
        """What a picture must pass before it is scored; ``None`` where the bundle asks for nothing."""
        if self.manifest.gate == "none":
            return None
        try:
            return QualityGate.from_card(self.contents[GATE_FILE], self.contents[GATE_CARD_FILE])
        except ValueError as error:
            raise BundleError(f"bundle {self.path}: {error}; export it again") from error

    @cached_property
    def film_check(self) -> FilmCheck | None:
        """The second look at what passed the gate; ``None`` in a bundle without."""
        content = self.contents.get(FILM_CHECK_FILE)
        if content is None:
            return None
        try:
            check = FilmCheck.from_bytes(content)
            check.require(model_sha256=self.manifest.model_sha256)
        except BundleError as error:
            raise BundleError(f"bundle {self.path}: {error}") from error
        return check

    @cached_property
    def film_heads(self) -> FilmHeads | None:
        """Age, sex and view, who is who, and what is alike; ``None`` in a bundle without."""
        content = self.contents.get(FILM_HEADS_FILE)
        if content is None:
            return None
        try:
            heads = FilmHeads.from_bytes(content)
            heads.require(model_sha256=self.manifest.model_sha256, findings=len(self.manifest.label_space))
        except BundleError as error:
            raise BundleError(f"bundle {self.path}: {error}") from error
        return heads

    @property
    def embedding_sha256(self) -> str:
        """What the embeddings by which similar films are found come from: those of another one do not compare."""
        heads = self.contents.get(FILM_HEADS_FILE)
        model = self.manifest.model_sha256
        return model if heads is None else bytes_sha256(model.encode() + heads)

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

    @cached_property
    def two_sided(self) -> TwoSidedCertificates | None:
        """What may be referred and ruled out by name, bound like the operating points; ``None`` in a bundle without."""
        content = self.contents.get(TWO_SIDED_FILE)
        return TwoSidedCertificates.from_json(content.decode()) if content is not None else None


def _read_manifest(source: "_Source", path: Path) -> tuple[BundleManifest, str]:
    """The validated bundle.json and its hash."""
    content = source.read(MANIFEST_FILE)
    if len(content) > _MAX_MANIFEST_BYTES:
        raise BundleError(f"{path}: {MANIFEST_FILE} exceeds {_MAX_MANIFEST_BYTES} bytes; this is not a bundle manifest")
    try:
        data = json.loads(content)
    except ValueError as error:
        raise BundleError(f"{path}: {MANIFEST_FILE} is not JSON ({error}); export the bundle again") from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"bundle {path} has format version {version!r}, this cxr reads {FORMAT_VERSION}; export the bundle again"
        )
    try:
        manifest = BundleManifest.model_validate(data)
    except ValidationError as error:
        raise BundleError(f"{path}: {MANIFEST_FILE} is invalid at {faults(error)}") from error
    if manifest.findings is not None:
        try:
            register(manifest.findings, str(path))
        except ConfigError as error:
            raise BundleError(str(error)) from error
    return manifest, bytes_sha256(content)


def _check_listing(names: set[str], path: Path, manifest: BundleManifest) -> None:
    """Exactly the listed files are there."""
    missing = sorted(set(manifest.files) - names)
    extra = sorted(names - set(manifest.files) - {MANIFEST_FILE})
    if missing:
        raise BundleError(f"bundle {path} lacks {missing[0]}; copy the bundle again")
    if extra:
        raise BundleError(f"bundle {path} holds {extra[0]}, which its manifest does not list; remove it")


def _read_verified(source: "_Source", path: Path, name: str, sha256: str) -> bytes:
    content = source.read(name)
    if bytes_sha256(content) != sha256:
        raise BundleError(f"bundle {path}: {name} was changed (its SHA-256 differs); copy or export the bundle again")
    return content


class _Source(Protocol):
    """Where a bundle's files are read from: a folder, or a zip archive of one, which is never unpacked to disk."""

    def names(self) -> set[str]:
        """POSIX paths of all files inside the bundle.

        Raises:
            BundleError: if something else than plain files is in it.
        """

    def read(self, name: str) -> bytes:
        """The content of one file.

        Raises:
            BundleError: if it cannot be read.
        """

    def __enter__(self) -> Self:
        """Open."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""


def _open_source(path: Path) -> _Source:
    """The source that fits a path.

    Raises:
        BundleError: if there is no bundle at the path.
    """
    if path.is_file():
        return _Archive(path)
    if not (path / MANIFEST_FILE).is_file():
        raise BundleError(f"no bundle at {path}: {MANIFEST_FILE} not found; give a folder or zip made by 'cxr export'")
    return _Folder(path)


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> set[str]:
        found: set[str] = set()
        for entry in self._path.rglob("*"):
            name = entry.relative_to(self._path).as_posix()
            if entry.is_symlink():
                raise BundleError(f"bundle {self._path} holds a link ({name}); a bundle consists of plain files")
            if entry.is_file():
                found.add(name)
        return found

    def read(self, name: str) -> bytes:
        try:
            return (self._path / name).read_bytes()
        except OSError as error:
            raise BundleError(f"bundle {self._path}: {name} cannot be read: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is open."""


class _Archive:
    """A zip of the bundle's files, or of the one folder they are in, as file managers make it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise BundleError(f"{path} is not a bundle: neither a folder nor a zip archive") from error
        try:
            self._entries = self._find()
        except BaseException:
            self._archive.close()
            raise

    def _find(self) -> dict[str, zipfile.ZipInfo]:
        try:
            members = archive_members(self._archive)
        except RefusedInputError as error:
            raise BundleError(f"bundle {self._path}: {error}") from error
        entries = {entry.filename: entry for entry in members}
        if len(entries) != len(members):
            raise BundleError(f"bundle {self._path} holds two files of the same name; export it again")
        tops = {name.partition("/")[0] for name in entries}
        if len(tops) == 1 and (top := tops.pop()) + f"/{MANIFEST_FILE}" in entries:
            entries = {name.removeprefix(f"{top}/"): entry for name, entry in entries.items()}
        if MANIFEST_FILE not in entries:
            raise BundleError(f"no bundle in {self._path}: {MANIFEST_FILE} not found; give one made by 'cxr export'")
        return entries

    def names(self) -> set[str]:
        return set(self._entries)

    def read(self, name: str) -> bytes:
        try:
            return read_member(self._archive, self._entries[name])
        except RefusedInputError as error:
            raise BundleError(f"bundle {self._path}: {name}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._archive.close()


class BundleGate:
    """All that a bundle has against a picture, without a score: its quality gate, and its second look.

    For pictures that are to be learned from: what is perhaps no single, whole frontal film is left out too, since a few
    good films more or less make no difference. Doubts of another kind pass.

    Args:
        bundle: whose gate and network look.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._network = bundle.network(threads=1) if bundle.film_check is not None else None

    def check(self, image: NDArray[np.float32], /) -> None:
        """Look at one picture; safe to call from several threads.

        Args:
            image: (H, W) in [0, 1].

        Raises:
            RefusedInputError: not_frontal_chest, wrong_view, inverted, rotated, cropped; burnt_in_text where nothing
                else is wrong.
        """
        pyramid = ImagePyramid(image)
        text: RefusedInputError | None = None
        try:
            if self._bundle.gate is not None:
                self._bundle.gate.check(pyramid)
        except RefusedInputError as error:
            if error.code is not RefusalCode.BURNT_IN_TEXT:
                raise
            text = error
        check = self._bundle.film_check
        if check is not None and self._network is not None:
            square, _ = prepare(pyramid, self._bundle.manifest.preprocessing.size)
            doubts = check.doubts(check.look(self._network.run(square[None])))
            for doubt in _NO_FRONTAL_FILM.intersection(doubts):
                found = f"not certainly one whole frontal film: {DOUBT_MEANINGS[doubt]}"
                raise RefusedInputError(RefusalCode.NOT_FRONTAL_CHEST, found)
        if text is not None:
            raise text
