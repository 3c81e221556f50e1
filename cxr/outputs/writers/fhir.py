"""fhir/: each input as a FHIR R4 Bundle of a DiagnosticReport, an Observation per finding, and the Device that spoke.

HL7 FHIR 4.0.1. Everything is ``preliminary``, because no person has seen it; of a refused input there is a
``cancelled`` report without Observations, lest anybody take silence for a normal finding. Patient, study and request
are named by their identifiers, so that a server that has them can link them. Plain dictionaries: nothing beyond the
base install is needed.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import NAMESPACE_OID, uuid5

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from cxr.outputs.dicom_identity import MANUFACTURER, tracking_uid
from cxr.outputs.finding_codes import PROBABILITY, THRESHOLD, decision_code, finding_concept
from cxr.outputs.writers import Writer
from cxr.reporting.document import FindingResult
from cxr.screening.artifacts import Examination
from cxr.screening.result import ScreeningResult
from nlp_labeler.findings import finding_entry

__all__ = ["WRITER", "fhir_bundle"]

_Json: TypeAlias = dict[str, Any]
_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
}
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_CHEST_RADIOGRAPHY = Code("399208008", "SCT", "Plain chest X-ray")
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")


def fhir_bundle(examination: Examination, written: datetime) -> _Json:
    """The result of one input as a FHIR Bundle of type ``collection``.

    Identities depend only on the image and the model: written again they are the same. Observations have the tracking
    UIDs of the structured report's measurement groups as identifiers.

    Args:
        examination: screened or refused; of a file that is no DICOM no patient and no study are named.
        written: date and time of the report, with its time zone.
    """
    result, header = examination.result, examination.header
    # Of a file without an identity its content is the identity.
    source = str((header.get("SOPInstanceUID") if header else None) or result.sha256 or result.path)
    context = _context(header)
    device = _device(result, source)
    observations = [_observation(finding, result, source, context, device["id"]) for finding in result.findings]
    report = _report(result, source, context, written) | (
        {"result": [{"reference": f"urn:uuid:{observation['id']}"} for observation in observations]}
        if observations
        else {}
    )
    resources = [report, *observations, device]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": _instant(written),
        "entry": [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources],
    }


def _report(result: ScreeningResult, source: str, context: _Json, written: datetime) -> _Json:
    """The DiagnosticReport without its Observations."""
    said = result.refusal.message if result.refusal else result.report.text if result.report else ""
    lead = f"Not screened ({result.refusal.code}); a person must read it: " if result.refusal else ""
    study = context.get("study")
    return {
        "resourceType": "DiagnosticReport",
        **_identity("report", result, source),
        **({"basedOn": [context["request"]]} if "request" in context else {}),
        "status": "cancelled" if result.refusal else "preliminary",
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/v2-0074", "code": "RAD", "display": "Radiology"}]}],
        "code": _concept(_CHEST_RADIOGRAPHY),
        **context["subject_and_time"],
        "issued": _instant(written),
        **({"imagingStudy": [study]} if study else {}),
        "conclusion": lead + said,
    }


def _observation(finding: FindingResult, result: ScreeningResult, source: str, context: _Json, device: str) -> _Json:
    """One finding of the label space: on which side of its operating point, probability and operating point."""
    measured = [(PROBABILITY, finding.probability), (THRESHOLD, finding.threshold)]
    study = context.get("study")
    return {
        "resourceType": "Observation",
        **_identity(finding.name, result, source),
        "status": "preliminary",
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/observation-category", "code": "imaging"}]}],
        "code": _concept(finding_concept(finding.name)),
        **context["subject_and_time"],
        "valueCodeableConcept": _concept(decision_code(finding, doubtful=bool(result.doubts))),
        "bodySite": _concept(Code(*finding_entry(finding.name).site)),
        "device": {"reference": f"urn:uuid:{device}"},
        **({"derivedFrom": [study]} if study else {}),
        "component": [
            {
                "code": _concept(code),
                "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "1"},
            }
            for code, value in measured
            if value is not None
        ],
    }


def _device(result: ScreeningResult, source: str) -> _Json:
    """The bundle that spoke."""
    model = result.model
    hashes = {"model": model.sha256, "bundle": model.bundle_sha256}
    return {
        "resourceType": "Device",
        **_identity("device", result, source),
        "manufacturer": MANUFACTURER,
        "deviceName": [{"name": model.bundle, "type": "model-name"}],
        "version": [
            {"value": model.version},
            *({"type": {"text": f"{what} sha256"}, "value": value} for what, value in hashes.items() if value),
        ],
    }


def _context(header: Dataset | None) -> _Json:
    """Patient, study and request of the image, by their identifiers, as far as the header names them."""
    if header is None:
        return {"subject_and_time": {}}
    found: _Json = {"subject_and_time": {}}
    if patient := str(header.get("PatientID") or "").strip():
        issuer = str(header.get("IssuerOfPatientID") or "").strip()
        identifier = {"value": patient} | ({"assigner": {"display": issuer}} if issuer else {})
        found["subject_and_time"]["subject"] = {"type": "Patient", "identifier": identifier}
    if date := _DATE.fullmatch(str(header.get("StudyDate") or "")):
        found["subject_and_time"]["effectiveDateTime"] = "-".join(date.groups())
    if study := header.get("StudyInstanceUID"):
        found["study"] = {"type": "ImagingStudy", "identifier": _oid(str(study))}
    if accession := str(header.get("AccessionNumber") or "").strip():
        kind = {"coding": [{"system": f"{_TERMINOLOGY}/v2-0203", "code": "ACSN"}]}
        found["request"] = {"type": "ServiceRequest", "identifier": {"type": kind, "value": accession}}
    return found


def _identity(what: str, result: ScreeningResult, source: str) -> _Json:
    """Logical id and identifier of one resource."""
    uid = tracking_uid(what, source, result.model)
    return {"id": str(uuid5(NAMESPACE_OID, uid)), "identifier": [_oid(uid)]}


def _oid(uid: str) -> _Json:
    """A DICOM UID as FHIR names it (FHIR R4, ImagingStudy.identifier)."""
    return {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}


def _concept(code: Code) -> _Json:
    system = _SYSTEMS.get(code.scheme_designator, f"urn:cxr:codes:{code.scheme_designator}")
    return {"coding": [{"system": system, "code": code.value, "display": code.meaning}]}


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _files(examination: Examination) -> Mapping[str, bytes]:
    bundle = fhir_bundle(examination, datetime.now().astimezone())
    return {"fhir/{}.json": json.dumps(bundle, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")}


WRITER = Writer(files=_files, refusals=_files)
