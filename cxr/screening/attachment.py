"""A bundle with other certificates: the same model and scores, other thresholds and promises."""

from collections.abc import Sequence
from pathlib import Path

from cxr.errors import ConfigError, OperatingPointError
from cxr.operating_points import OperatingPointSet, TwoSidedCertificates
from cxr.screening.bundle import Bundle
from cxr.screening.manifest import (
    MODEL_CARD_FILE,
    OPERATING_POINTS_FILE,
    TWO_SIDED_FILE,
    BundleDescription,
    seal_bundle,
)
from nlp_labeler.storage import atomic_folder

__all__ = ["attach_certificates"]

_LOCAL = "+local"


def attach_certificates(bundle: Bundle, certificates: Sequence[Path], out: Path, version: str | None = None) -> Bundle:
    """Write a copy of a bundle that holds fitted certificates in place of its own.

    Args:
        bundle: the model they were fitted for.
        certificates: files of operating points, of two-sided certificates, or one of each; what is not given stays.
        out: folder to make.
        version: of the new bundle; the old one with ``+local`` behind it if not given.

    Returns:
        The bundle as written.

    Raises:
        ConfigError: if ``out`` exists, or two files are of one kind.
        OperatingPointError: if a file cannot be read, was altered, or belongs to another model or label space.
        ValueError: if the version is not one.
    """
    if out.exists():
        raise ConfigError(f"--output {out} exists; name a folder that does not")
    manifest, contents = bundle.manifest, dict(bundle.contents)
    attached: dict[str, Path] = {}
    for path in certificates:
        found = _read(path)
        found.require(model_sha256=manifest.model_sha256, label_space=manifest.label_space)
        name = TWO_SIDED_FILE if isinstance(found, TwoSidedCertificates) else OPERATING_POINTS_FILE
        if name in attached:
            raise ConfigError(f"{attached[name]} and {path} are both {found.CONTENT}; give one of them")
        attached[name], contents[name] = path, found.to_json().encode()
        note = f"\n{name} was replaced: fitted {found.created:%Y-%m-%d} on {found.n_patients} patients.\n"
        contents[MODEL_CARD_FILE] += note.encode()
    if version is None:
        version = manifest.version if manifest.version.endswith(_LOCAL) else manifest.version + _LOCAL
    fields = {name: getattr(manifest, name) for name in BundleDescription.model_fields}
    description = BundleDescription(**(fields | {"version": version}))
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(out) as work:
        for name, content in contents.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(content)
        seal_bundle(work, description)
        Bundle.load(work)
    return Bundle.load(out)


def _read(path: Path) -> OperatingPointSet | TwoSidedCertificates:
    try:
        two_sided = b'"targets"' in path.read_bytes()
    except OSError as error:
        raise OperatingPointError(f"cannot read certificates from {path}: {error.strerror}") from error
    return TwoSidedCertificates.load(path) if two_sided else OperatingPointSet.load(path)
