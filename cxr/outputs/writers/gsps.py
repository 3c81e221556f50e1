"""dicom/NAME_gsps.dcm: the boxes of a DICOM film as a presentation state, which viewers lay over the original.

Grayscale Softcopy Presentation State, DICOM PS3.3 A.33.1. The film is shown as its own header says; each finding is a
layer with its colour. A film without boxes has none, nor has a refused one: the structured report speaks of those.
"""

import logging
from collections.abc import Mapping

import numpy as np
from pydicom.dataset import Dataset

from cxr.errors import MissingExtraError
from cxr.outputs.dicom_identity import MANUFACTURER, SERIES_NUMBERS, derived_uid, referable, tracking_uid
from cxr.outputs.writers import Writer
from cxr.outputs.writers.dicom import dicom_bytes
from cxr.reporting.document import FindingResult
from cxr.screening.artifacts import Examination
from cxr.screening.result import ScreeningResult
from nlp_labeler.findings import finding_entry

try:
    from highdicom import pr
    from highdicom.color import CIELabColor
    from highdicom.content import PresentationLUTTransformation
except ModuleNotFoundError as error:
    raise MissingExtraError("writing DICOM presentation states", "pacs") from error

__all__ = ["WRITER", "presentation_state"]

_LOG = logging.getLogger(__name__)


def presentation_state(examination: Examination) -> pr.GrayscaleSoftcopyPresentationState | None:
    """The boxes over the original film.

    Args:
        examination: of the image.

    Returns:
        ``None`` if there is nothing to draw, or nothing to draw on: no DICOM file, or one in colour.

    Raises:
        RefusedInputError: if it has no identity that a result could refer to.
    """
    result = examination.result
    drawn = [finding for finding in result.findings if finding.boxes]
    if examination.header is None or not drawn or examination.header.get("SamplesPerPixel") != 1:
        return None
    header = referable(examination.header)
    layers = [
        pr.GraphicLayer(
            layer_name=f"FINDING {order}",
            order=order,
            description=finding.name.replace("_", " "),
            display_color=CIELabColor.from_rgb(*finding_entry(finding.name).rgb),
        )
        for order, finding in enumerate(drawn, 1)
    ]
    # A presentation state replaces what the photometric interpretation says of white and black (PS3.3 C.11.6).
    inverted = header.get("PhotometricInterpretation") == "MONOCHROME1"
    state = pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[header],
        series_instance_uid=derived_uid("GSPS series", header.StudyInstanceUID, result.model),
        series_number=SERIES_NUMBERS["GSPS"],
        sop_instance_uid=derived_uid("GSPS instance", header.SOPInstanceUID, result.model),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=result.model.bundle,
        software_versions=result.model.version,
        device_serial_number=result.model.sha256,
        content_label="CXR SCREENING",
        content_description="cxr screening boxes (research use only)" + (", doubtful film" if result.doubts else ""),
        graphic_layers=layers,
        graphic_annotations=[
            _annotation(finding, layer, result, header) for finding, layer in zip(drawn, layers, strict=True)
        ],
        presentation_lut_transformation=PresentationLUTTransformation(
            presentation_lut_shape="INVERSE" if inverted else "IDENTITY"
        ),
    )
    state.Laterality = None  # may be empty, and must not be missing where the body part is unknown
    return state


def _annotation(
    finding: FindingResult, layer: pr.GraphicLayer, result: ScreeningResult, header: Dataset
) -> pr.GraphicAnnotation:
    """The boxes of one finding in pixels of the image, each with its name and probability at its top left corner."""
    name = finding.name.replace("_", " ")
    boxes, labels = [], []
    for number, box in enumerate(finding.boxes, 1):
        x0, y0, x1, y1 = box.x, box.y, box.x + box.width, box.y + box.height
        boxes.append(
            pr.GraphicObject(
                graphic_type="POLYLINE",
                graphic_data=np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]),
                units="PIXEL",
                tracking_id=f"{name} region {number}",
                tracking_uid=tracking_uid(f"{finding.name} region {number}", header.SOPInstanceUID, result.model),
            )
        )
        labels.append(
            pr.TextObject(
                text_value=f"{name} {finding.probability:.2f}",
                units="PIXEL",
                anchor_point=(x0, y0),
                anchor_point_visible=False,
            )
        )
    return pr.GraphicAnnotation(
        referenced_images=[header], graphic_layer=layer, graphic_objects=boxes, text_objects=labels
    )


def _files(examination: Examination) -> Mapping[str, bytes]:
    try:
        state = presentation_state(examination)
    except Exception as error:
        # Headers of real archives break rules that the standard's objects must keep. The other results stand.
        _LOG.warning("no presentation state for one input: %s", type(error).__name__)
        return {}
    return {} if state is None else {"dicom/{}_gsps.dcm": dicom_bytes(state)}


WRITER = Writer(files=_files)
