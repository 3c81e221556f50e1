"""The frame of our DICOM Comprehensive SRs (TID 1500): who observed, by which algorithm, on which image.

Each group names the algorithm, its version and the hashes of model and bundle. A document is complete but never
verified: no person has seen it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from cxr.errors import MissingExtraError
from cxr.outputs.dicom_codes import PRIVATE_SCHEME
from cxr.outputs.dicom_identity import MANUFACTURER, SERIES_NUMBERS, derived_uid
from cxr.screening.result import ScreeningResult

try:
    from highdicom import sr
except ModuleNotFoundError as error:
    raise MissingExtraError("writing DICOM SR", "pacs") from error

__all__ = ["MeasurementGroup", "algorithm", "image_group", "screening_document", "source_image", "tracking"]

MeasurementGroup: TypeAlias = (
    sr.MeasurementsAndQualitativeEvaluations | sr.PlanarROIMeasurementsAndQualitativeEvaluations
)

_CHEST_RADIOGRAPHY = Code("399208008", "SCT", "Plain chest X-ray")
_IMAGE_LEVEL = Code("SCREENING", PRIVATE_SCHEME, "Screening of the whole image")


def screening_document(
    result: ScreeningResult, groups: Sequence[MeasurementGroup], header: Dataset, written: datetime
) -> sr.ComprehensiveSR:
    """The one document on an image: written again by the same bundle it has the same identity.

    Args:
        result: what is reported.
        groups: its content.
        header: attributes of the DICOM image it was made from.
        written: date and time of the document.
    """
    report = sr.MeasurementReport(
        observation_context=_observer(result),
        procedure_reported=_CHEST_RADIOGRAPHY,
        imaging_measurements=groups,
        title=Code("126000", "DCM", "Imaging Measurement Report"),
    )
    document = sr.ComprehensiveSR(
        evidence=[header],
        content=report[0],
        series_instance_uid=derived_uid("SR series", header.StudyInstanceUID, result.model),
        series_number=SERIES_NUMBERS["SR"],
        sop_instance_uid=derived_uid("SR instance", header.SOPInstanceUID, result.model),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="cxr screening report (research use only)",
    )
    document.CodingSchemeIdentificationSequence = [_private_scheme()]
    document.ContentDate, document.ContentTime = written.strftime("%Y%m%d"), written.strftime("%H%M%S")
    return document


def image_group(
    name: str, evaluations: Sequence[tuple[Code, Code]], result: ScreeningResult, header: Dataset
) -> MeasurementGroup:
    """What is said of the image as a whole.

    Args:
        name: of the group, which its tracking identifier carries.
        evaluations: concepts and their values.
        result: see :func:`screening_document`.
        header: see there.
    """
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking(name, result, header),
        finding_type=_IMAGE_LEVEL,
        algorithm_id=algorithm(result),
        qualitative_evaluations=[sr.QualitativeEvaluation(concept, value) for concept, value in evaluations],
        source_images=[source_image(header)],
    )


def algorithm(result: ScreeningResult) -> sr.AlgorithmIdentification:
    """Bundle, version and hashes."""
    hashes = {"model": result.model.sha256, "bundle": result.model.bundle_sha256}
    return sr.AlgorithmIdentification(
        name=result.model.bundle,
        version=result.model.version,
        parameters=[f"{what} sha256 {sha256}" for what, sha256 in hashes.items() if sha256],
        manufacturer=MANUFACTURER,
    )


def source_image(header: Dataset) -> sr.SourceImageForMeasurementGroup:
    """The reference to the image."""
    return sr.SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID)


def tracking(what: str, result: ScreeningResult, header: Dataset) -> sr.TrackingIdentifier:
    """The identity of one group of one image's document."""
    uid = derived_uid(f"tracking {what}", header.SOPInstanceUID, result.model)
    return sr.TrackingIdentifier(uid=uid, identifier=what.replace("_", " "))


def _private_scheme() -> Dataset:
    """Who is responsible for the codes that no terminology has."""
    scheme = Dataset()
    scheme.CodingSchemeDesignator = PRIVATE_SCHEME
    scheme.CodingSchemeName = "cxr screening"
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    return scheme


def _observer(result: ScreeningResult) -> sr.ObservationContext:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", result.model.sha256, result.model),
        name=result.model.bundle,
        manufacturer_name=MANUFACTURER,
        model_name=result.model.version,
        serial_number=result.model.sha256,
    )
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=Code("121007", "DCM", "Device"), observer_identifying_attributes=device
        )
    )
