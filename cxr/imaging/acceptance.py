"""What a header may say about an image that is to be read as a frontal chest radiograph.

Headers are often silent or wrong; only a clear statement to the contrary is refused here. What the pixels show is
judged by :mod:`cxr.imaging.quality`.
"""

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.radiograph import RadiographMetadata

__all__ = ["CHEST_WORDS", "LATERAL_VIEWS", "PROJECTION_MODALITIES", "require_frontal_chest"]

PROJECTION_MODALITIES = frozenset({"CR", "DX", "DR", "RG", "XR", "RF", "OT", "SC", "HC"})
"""Modalities that a chest radiograph may carry; OT and SC are secondary captures and say nothing about the picture."""

CHEST_WORDS = ("CHEST", "THORA", "TORAX", "LUNG", "PULMO", "RIB", "HEART", "CXR", "TRUNK")
"""A BodyPartExamined that holds one of these is a chest."""

LATERAL_VIEWS = frozenset({"LL", "RL", "LAT", "LATERAL", "LLD", "RLD"})
"""View positions that are not frontal."""


def require_frontal_chest(metadata: RadiographMetadata) -> None:
    """Refuse an image whose own header says that it is something else.

    Raises:
        RefusedInputError: wrong_modality, wrong_body_part, wrong_view.
    """
    modality, part, view = metadata.modality, metadata.body_part, metadata.view_position
    if modality and modality not in PROJECTION_MODALITIES:
        raise RefusedInputError(
            RefusalCode.WRONG_MODALITY,
            f"modality {modality[:16]} is not projection radiography ({', '.join(sorted(PROJECTION_MODALITIES))})",
        )
    if part and not any(word in part for word in CHEST_WORDS):
        raise RefusedInputError(RefusalCode.WRONG_BODY_PART, f"body part {part[:16]} is not the chest")
    if view and view in LATERAL_VIEWS:
        raise RefusedInputError(RefusalCode.WRONG_VIEW, f"view position {view} is lateral; frontal views are read")
