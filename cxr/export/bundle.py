"""A finished training run -> the one folder, or archive, that a clinic needs."""

import zipfile
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import jinja2
import numpy as np

from cxr import __version__
from cxr.errors import ConfigError
from cxr.export.classifier_graph import check_parity, write_onnx
from cxr.export.report_generator import add_report_generator
from cxr.localization import default_box_settings
from cxr.models.checkpoint import load_checkpoint
from cxr.operating_points import ScoreReference, fit_calibrator, fit_operating_points, fit_two_sided
from cxr.operating_points.calibration_data import share_of_patients
from cxr.screening.manifest import (
    CALIBRATION_FILE,
    GATE_CARD_FILE,
    GATE_FILE,
    MODEL_CARD_FILE,
    MODEL_FILE,
    OPERATING_POINTS_FILE,
    SCORE_REFERENCE_FILE,
    TWO_SIDED_FILE,
    BundleDescription,
    BundleManifest,
    Preprocessing,
    seal_bundle,
)
from cxr.training.classifier.predictions import Predictions, read_predictions
from cxr.training.classifier.train import CALIBRATION_SPLIT
from cxr.training.shared.losses import UNCERTAIN
from nlp_labeler.storage import atomic_folder, atomic_writer, file_sha256

__all__ = ["ARCHIVE_SUFFIX", "ONTOLOGY", "OWN_LABELS", "export_bundle", "fit_certificates", "write_archive"]

ARCHIVE_SUFFIX = ".zip"
_CALIBRATING = 1 / 3  # of the patients; certificates that compare findings rest on the others
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that zip can name
_READABLE = 0o644 << 16


def write_archive(folder: Path, out: Path) -> None:
    """Zip every file of a folder, atomically, in the order of the names and without times.

    Args:
        folder: a sealed bundle.
        out: the archive to write or replace.
    """
    with atomic_writer(out) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _READABLE
            archive.writestr(entry, path.read_bytes())


ONTOLOGY = "ChestX-ray8 findings and their neighbours; a child finding implies its parents (Chen 2019)"
OWN_LABELS = "a label space of the user's own, which bundle.json carries; a child finding implies its parents"


def export_bundle(
    run: Path,
    out: Path,
    *,
    name: str,
    version: str,
    alpha: float,
    delta: float,
    notes: str = "",
    report_run: Path | None = None,
) -> BundleManifest:
    """Export the graph, fit calibration and operating points on the run's calibration split, seal the bundle.

    Args:
        run: the --out folder of a finished `cxr train`.
        out: the bundle folder to make, or the archive where it ends in .zip. A folder must not exist, or must be an
            earlier bundle, which is replaced.
        name: short name of the model.
        version: version of the model.
        alpha: highest acceptable false-positive rate of the certificates, in (0, 1).
        delta: probability with which a certificate may fail, in (0, 1).
        notes: Markdown added to the model card: figures, subgroups, failure cases.
        report_run: the --out folder of a finished `cxr train-report`, whose generator then writes the reports' words.

    Raises:
        ConfigError: if a run is not finished, the two runs do not fit, or ``out`` is something else than a bundle.
        BundleError: if the exported graph does not compute what the model computes.
    """
    model, card = load_checkpoint(run)
    if not (run / CALIBRATION_SPLIT).is_file():
        raise ConfigError(f"{run} has no {CALIBRATION_SPLIT}; rerun `cxr train` with the same --out to finish it")
    calibration_split = read_predictions(run / CALIBRATION_SPLIT)
    _require_free(out)
    archived = out.suffix == ARCHIVE_SUFFIX
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() if archived else atomic_folder(out) as place:
        work = Path(place)
        write_onnx(model, card.image_size, work / MODEL_FILE)
        parity = check_parity(model, work / MODEL_FILE, card.image_size)
        fit_certificates(calibration_split, work, alpha=alpha, delta=delta)
        for name_in_bundle in (GATE_FILE, GATE_CARD_FILE):
            (work / name_in_bundle).write_bytes((files("cxr") / "weights" / name_in_bundle).read_bytes())
        generator = add_report_generator(report_run, work, image_size=card.image_size) if report_run else None
        _write_model_card(
            work,
            name=name,
            version=version,
            card=card,
            generator=generator,
            parity=parity,
            alpha=alpha,
            delta=delta,
            notes=notes,
            calibration_images=len(calibration_split.images),
            calibration_patients=len(set(calibration_split.patients)),
        )
        manifest = seal_bundle(
            work,
            BundleDescription(
                name=name,
                version=version,
                created=datetime.now(UTC),
                cxr_version=__version__,
                training_data=card.data,
                ontology=ONTOLOGY if card.findings is None else OWN_LABELS,
                label_space=card.label_space,
                findings=card.findings,
                preprocessing=Preprocessing(size=card.image_size),
                boxes=default_box_settings(card.label_space),
            ),
        )
        if archived:
            write_archive(work, out)
    return manifest


def _require_free(out: Path) -> None:
    """Refuse a place where something else than a bundle is."""
    if out.suffix == ARCHIVE_SUFFIX and out.is_dir():
        raise ConfigError(f"--out {out} is a folder; a name that ends in {ARCHIVE_SUFFIX} is for an archive")
    if out.is_dir() and any(out.iterdir()) and not (out / MODEL_FILE).is_file():
        raise ConfigError(f"--out {out} is not empty and not a bundle; choose another folder")


def _write_model_card(work: Path, **values: object) -> None:
    template = jinja2.Template(
        (files("cxr.export") / "model_card.md.j2").read_text(),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    (work / MODEL_CARD_FILE).write_text(template.render(values))


def fit_certificates(split: Predictions, work: Path, *, alpha: float, delta: float) -> None:
    """Write calibration and operating points of the split into the bundle; uncertain labels count as unknown.

    The calibration is fitted on a share of the patients. It rises strictly, so it keeps the rank of every score and
    with it the order statistic behind a finding's certificate, which rests on all patients: above the threshold is who
    was above it before. Certificates of the patient's score, which compares findings by their calibration, rest on the
    other patients.
    """
    labels = np.where(split.labels == UNCERTAIN, np.nan, split.labels)
    calibrating = share_of_patients(split.patients, _CALIBRATING)
    calibrator = fit_calibrator(
        split.logits[calibrating],
        labels[calibrating],
        [patient for patient, chosen in zip(split.patients, calibrating, strict=True) if chosen],
        split.label_space,
    )
    (work / CALIBRATION_FILE).write_text(calibrator.to_json())
    probabilities = calibrator.apply(split.logits)
    reference = ScoreReference.of(probabilities[~calibrating], labels[~calibrating], split.label_space)
    (work / SCORE_REFERENCE_FILE).write_text(reference.to_json())
    model = file_sha256(work / MODEL_FILE)
    points = fit_operating_points(
        probabilities,
        labels,
        split.patients,
        split.label_space,
        alpha,
        delta,
        model_sha256=model,
        subgroups=split.attributes,
        held_out=~calibrating,
    )
    points.save(work / OPERATING_POINTS_FILE)
    two_sided = fit_two_sided(
        probabilities,
        labels,
        split.patients,
        split.label_space,
        views=split.attributes.get("view"),
        delta=delta,
        model_sha256=model,
        held_out=~calibrating,
    )
    two_sided.save(work / TWO_SIDED_FILE)
