"""Errors of the image and model side; the whole tree is drawn in :mod:`nlp_labeler.errors`."""

from enum import StrEnum

from nlp_labeler.errors import ConfigError, CxrError, LabelerError, MissingExtraError

__all__ = [
    "BundleError",
    "ConfigError",
    "CxrError",
    "DatasetError",
    "LabelerError",
    "MissingExtraError",
    "OperatingPointError",
    "RefusalCode",
    "RefusedInputError",
]


class DatasetError(CxrError):
    """A dataset folder, split or label table that cannot be used."""


class BundleError(CxrError):
    """A model bundle that is missing, altered or made by another version."""


class OperatingPointError(CxrError):
    """A threshold or certificate that must not be used with this model, label space or data."""


class RefusalCode(StrEnum):
    """Why one input was refused: the ``refusal.code`` of a results.jsonl line."""

    EMPTY_FILE = "empty_file"
    UNREADABLE_FILE = "unreadable_file"
    UNKNOWN_FORMAT = "unknown_format"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    UNSUPPORTED_CODEC = "unsupported_codec"
    NOT_AN_IMAGE = "not_an_image"
    MULTI_FRAME = "multi_frame"
    WRONG_MODALITY = "wrong_modality"
    WRONG_BODY_PART = "wrong_body_part"
    WRONG_VIEW = "wrong_view"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    CONSTANT_PIXELS = "constant_pixels"
    NOT_FRONTAL_CHEST = "not_frontal_chest"
    INVERTED = "inverted"
    ROTATED = "rotated"
    CROPPED = "cropped"
    BURNT_IN_TEXT = "burnt_in_text"
    UNSAFE_ARCHIVE = "unsafe_archive"
    NO_IMAGES = "no_images"
    SCREENING_FAILED = "screening_failed"


class RefusedInputError(CxrError):
    """One input that must not be screened.

    Args:
        code: the machine-readable reason.
        message: one sentence for a person: what was found and what to do. Never patient data.
    """

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
