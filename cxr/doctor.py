"""What an IT person would check before trusting a machine with ``cxr``, one finding per line.

Every check ends as passed, as a warning, or as failed, with what to do; none raises for what it was made to find. The
last one screens a drawn film and compares the answer with the known one: a processor, a library or a bundle that
computes something else is found here and not by a patient.
"""

import json
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from cxr.errors import CxrError
from cxr.screening import Bundle, Screener
from nlp_labeler.storage import write_bytes

__all__ = ["Check", "CheckupSettings", "Outcome", "checkup", "self_test_film"]

_LEAST_FREE_GIB, _LEAST_MEMORY_GIB = 2.0, 2.0
_OLD_CERTIFICATE = timedelta(days=365)
_SAME_ANSWER = 0.02  # largest difference in probability that processors and library versions explain
_PATIENT = 2  # of the phantoms, whose first film is the self-test's
_FILM_SIZE = 512
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^;\s]+)")
_GIB = 2**30


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: what was looked at.
        outcome: how it ended.
        detail: what was found, and what to do where that is not well.
    """

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True)
class CheckupSettings:
    """What is to be checked beside the machine itself.

    Attributes:
        bundle: folder or zip archive; ``None`` is the shipped one.
        folders: where results or the queue go.
        ports: that are to be free on this machine.
        archive: ``AET@HOST:PORT`` that is to answer a C-ECHO.
        ae_title: of this node.
    """

    bundle: Path | None = None
    folders: tuple[Path, ...] = ()
    ports: tuple[int, ...] = ()
    archive: str | None = None
    ae_title: str = "CXR"


def checkup(settings: CheckupSettings) -> Iterator[Check]:
    """Run every check, one after the other."""
    yield _python()
    yield _packages()
    yield _machine()
    for folder in settings.folders or (Path.cwd(),):
        yield _folder(folder)
    for port in settings.ports:
        yield _port(port)
    if settings.archive is not None:
        yield _archive(settings.archive, settings.ae_title)
    try:
        bundle = Bundle.load(settings.bundle)
    except CxrError as error:
        yield Check("bundle", Outcome.FAILED, str(error))
        return
    manifest = bundle.manifest
    yield Check(
        "bundle", Outcome.OK, f"{manifest.name} {manifest.version}, {len(manifest.files)} files as they were sealed"
    )
    yield _clock(bundle, datetime.now(UTC))
    yield _certificate(bundle, datetime.now(UTC))
    yield _self_test(bundle)


def _python() -> Check:
    found = platform.python_version()
    where = f"Python {found} on {platform.system()} {platform.machine()}"
    if not (3, 11) <= sys.version_info < (3, 14):
        return Check("python", Outcome.FAILED, f"{where}; needed is 3.11, 3.12 or 3.13")
    return Check("python", Outcome.OK, where)


def _packages() -> Check:
    """The base dependencies in the versions that were tested; extras are checked where they are used."""
    try:
        wanted = [_PINNED.match(line) for line in requires("cxr") or () if ";" not in line]
    except PackageNotFoundError:
        return Check("packages", Outcome.WARNING, "cxr runs from a folder and is not installed; versions are not known")
    missing, other = [], []
    pins = [(match["name"], match["version"]) for match in wanted if match is not None]
    for name, tested in pins:
        try:
            found = version(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        if found != tested:
            other.append(f"{name} {found} (tested: {tested})")
    if missing:
        return Check("packages", Outcome.FAILED, f"missing: {', '.join(missing)}; install cxr again")
    if other:
        return Check("packages", Outcome.WARNING, f"not the tested versions: {', '.join(other)}")
    return Check("packages", Outcome.OK, f"{len(pins)} packages in the tested versions")


def _machine() -> Check:
    from cxr.onnx_model import available_cores, available_providers

    memory = _memory_gib()
    cores = available_cores()
    found = f"{cores} core{'s' if cores > 1 else ''}, {'unknown' if memory is None else f'{memory:.0f} GiB'} memory"
    found += f", runs on {available_providers()[0]}"
    if memory is not None and memory < _LEAST_MEMORY_GIB:
        return Check("machine", Outcome.WARNING, f"{found}; with less than {_LEAST_MEMORY_GIB:.0f} GiB use --workers 1")
    return Check("machine", Outcome.OK, found)


def _memory_gib() -> float | None:
    """Main memory; ``None`` where the system does not say it this way, as Windows."""
    if not hasattr(os, "sysconf"):
        return None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    except (ValueError, OSError):
        return None


def _folder(folder: Path) -> Check:
    """Whether files can be written as results are, and deleted, and whether there is room."""
    name = f"folder {folder}"
    place = next((path for path in (folder, *folder.absolute().parents) if path.exists()), None)
    if place is None or not place.is_dir():
        return Check(name, Outcome.FAILED, f"{place or folder} is no folder")
    try:
        with tempfile.TemporaryDirectory(prefix=".cxr-doctor-", dir=place) as work:
            write_bytes(Path(work) / "result", b"cxr")
            free = shutil.disk_usage(place).free / _GIB
    except OSError as error:
        return Check(name, Outcome.FAILED, f"cannot be written ({error.strerror}); give this user the right to")
    if free < _LEAST_FREE_GIB:
        return Check(name, Outcome.WARNING, f"{free:.1f} GiB free; a thousand films need about 1 GiB")
    return Check(name, Outcome.OK, f"can be written, {free:.0f} GiB free{'' if place == folder else ', will be made'}")


def _port(port: int) -> Check:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # as the listener binds; elsewhere the option means something else
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no port has this number"
            return Check(
                f"port {port}", Outcome.FAILED, f"cannot be taken ({reason}); choose another or stop its owner"
            )
    return Check(f"port {port}", Outcome.OK, "free")


def _archive(address: str, ae_title: str) -> Check:
    name = f"archive {address}"
    if find_spec("pynetdicom") is None:
        return Check(name, Outcome.FAILED, "asking it needs the 'pacs' extra: pip install 'cxr[pacs]'")
    from cxr.pacs import Peer, check_ae_title, echo

    try:
        problem = echo(Peer.parse(address), check_ae_title(ae_title))
    except CxrError as error:
        return Check(name, Outcome.FAILED, str(error))
    if problem is not None:
        return Check(name, Outcome.FAILED, f"{problem}; check address, firewall and whether it knows the AE {ae_title}")
    return Check(name, Outcome.OK, f"answers C-ECHO to {ae_title}")


def _clock(bundle: Bundle, now: datetime) -> Check:
    """Dates stand in results, certificates and DICOM objects; a laptop with an empty battery lives in the past."""
    if now < bundle.manifest.created:
        found = f"this machine believes it is {now:%Y-%m-%d %H:%M} UTC, before the bundle was made; set the clock"
        return Check("clock", Outcome.FAILED, found)
    return Check("clock", Outcome.OK, f"{now:%Y-%m-%d %H:%M} UTC")


def _certificate(bundle: Bundle, now: datetime) -> Check:
    age = now - bundle.manifest.created
    certified = [name for name in bundle.manifest.label_space if bundle.operating_points.point(name) is not None]
    found = f"{len(certified)} findings certified, {max(0, age.days)} days ago"
    if not certified:
        return Check("certificate", Outcome.WARNING, "no finding has a certified threshold: everything will be 'read'")
    if age > _OLD_CERTIFICATE:
        return Check("certificate", Outcome.WARNING, f"{found}; look with `cxr site` whether it still holds here")
    return Check("certificate", Outcome.OK, found)


def self_test_film(folder: Path) -> Path:
    """Draw the self-test's film: always the same phantom, as PNG."""
    import numpy as np
    from PIL import Image

    from cxr.phantom.course import draw_visits
    from cxr.phantom.patient import draw_patient
    from cxr.phantom.render import render

    patient = draw_patient(_PATIENT, np.random.default_rng(_PATIENT))
    visit = draw_visits(patient, np.random.default_rng(_PATIENT))[0]
    pixels = render(patient, visit, _FILM_SIZE, np.random.default_rng(_PATIENT)).pixels
    path = folder / "self-test.png"
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(path)
    return path


def _self_test(bundle: Bundle) -> Check:
    known = json.loads(files("cxr").joinpath("self_test.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="cxr-doctor-") as work:
        result = Screener(bundle).screen(self_test_film(Path(work)))
    if result.status != "screened":
        refusal = result.refusal
        return Check("self-test", Outcome.FAILED, f"the drawn film was refused ({refusal.code if refusal else ''})")
    if bundle.manifest.model_sha256 != known["model_sha256"]:
        return Check(
            "self-test", Outcome.WARNING, "a film was screened; the right answer is known for the shipped bundle only"
        )
    said = {finding.name: finding.probability for finding in result.findings}
    worst = max(known["probabilities"], key=lambda name: abs(said[name] - known["probabilities"][name]))
    difference = abs(said[worst] - known["probabilities"][worst])
    if difference > _SAME_ANSWER:
        found = f"{worst} {said[worst]:.3f} instead of {known['probabilities'][worst]:.3f}; do not use this machine"
        return Check("self-test", Outcome.FAILED, found)
    return Check("self-test", Outcome.OK, f"a film was screened with the right answer (within {difference:.4f})")
