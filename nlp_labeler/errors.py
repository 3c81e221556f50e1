"""Every error the project raises on purpose, as one tree.

    CxrError                  anything a user can mend; the command line prints it as one line
    ├── LabelerError          nlp_labeler: unreadable reports, invalid lexicon or policy
    ├── ConfigError           a recipe, option or policy that does not validate
    ├── MissingExtraError     an optional dependency is not installed
    ├── DatasetError          a dataset folder, split or label table that cannot be used
    ├── BundleError           a model bundle that is missing, altered or of another version
    ├── OperatingPointError   a certificate or threshold that must not be used
    └── RefusedInputError     one input file that cannot be screened (code + message)

The base class lives here because nlp_labeler is the ground floor and imports nothing of cxr;
``cxr.errors`` re-exports it and adds the branches that belong to images and models.
"""

__all__ = ["ConfigError", "CxrError", "LabelerError", "MissingExtraError"]


class CxrError(Exception):
    """Base of all expected errors. The message says what was found, what is allowed, what to do."""


class LabelerError(CxrError):
    """A report source, lexicon or policy that nlp_labeler cannot use."""


class ConfigError(CxrError):
    """A configuration value or key that does not validate."""


class MissingExtraError(CxrError):
    """An optional dependency is missing.

    Args:
        feature: what the user wanted to do, e.g. ``"training"``.
        extra: the name of the extra that provides it, e.g. ``"train"``.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the '{extra}' extra: pip install 'cxr[{extra}]'")
        self.feature = feature
        self.extra = extra
