"""A JSON file that seals its own content with a hash, and is not read when anything in it was changed since.

The seal finds accidents and edits; it is no signature: whoever can write a new file can seal it.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from cxr.errors import OperatingPointError
from nlp_labeler.faults import faults
from nlp_labeler.storage import write_text

__all__ = ["ModelFile", "SealedFile"]

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SealedFile(BaseModel):
    """Base of what is kept in such a file.

    Attributes:
        CONTENT: what the file holds, in the plural, for messages.
        FORMAT_VERSION: the version that is read and written; another one is refused.
        format_version: version of this file.
        content_sha256: seal over everything else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    CONTENT: ClassVar[str]
    FORMAT_VERSION: ClassVar[int]

    format_version: int
    content_sha256: str = ""

    def _digest(self) -> str:
        content = self.model_dump(mode="json", exclude={"content_sha256"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def sealed(self) -> Self:
        """The same content with :attr:`content_sha256` computed."""
        return self.model_copy(update={"content_sha256": self._digest()})

    def to_json(self) -> str:
        """The content of the file."""
        return self.sealed().model_dump_json(indent=1) + "\n"

    def save(self, path: Path) -> None:
        """Write the file atomically.

        Raises:
            OperatingPointError: if it cannot be written there.
        """
        try:
            write_text(path, self.to_json())
        except OSError as error:
            raise OperatingPointError(f"cannot write {self.CONTENT} to {path}: {error.strerror}") from error

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read and verify what :meth:`to_json` wrote.

        Raises:
            OperatingPointError: if it is not JSON, of another version, invalid, or altered since it was sealed.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise OperatingPointError(f"the {cls.CONTENT} are not JSON ({error}); fit them again") from error
        version = data.get("format_version") if isinstance(data, dict) else None
        if version != cls.FORMAT_VERSION:
            raise OperatingPointError(
                f"{cls.CONTENT} of format version {version!r}; this cxr reads {cls.FORMAT_VERSION}; fit them again"
            )
        try:
            content = cls.model_validate(data)
        except ValidationError as error:
            raise OperatingPointError(f"the {cls.CONTENT} are invalid at {faults(error)}; fit them again") from error
        if content.content_sha256 != content._digest():
            raise OperatingPointError(
                f"the {cls.CONTENT} were altered after they were fitted (content_sha256 differs); fit them again"
            )
        return content

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and verify a file; see :meth:`from_json`.

        Raises:
            OperatingPointError: if it is missing, unreadable or must not be trusted.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OperatingPointError(f"cannot read {cls.CONTENT} from {path}: {error}") from error
        return cls.from_json(text)


class ModelFile(SealedFile):
    """A sealed file that belongs to one model, one calibration set and one label space.

    Attributes:
        created: when it was fitted, with a time zone.
        model_sha256: hash of the model file it belongs to; ``None`` if it was fitted on bare predictions, in
            which case no model may use it.
        calibration_sha256: hash of the scores, labels and patients it was fitted on.
        label_space: findings in the order of the model's outputs.
        seed: drew one image per patient.
        n_images: images of the calibration set.
        n_patients: patients of the calibration set.
    """

    created: AwareDatetime
    model_sha256: _Sha256 | None
    calibration_sha256: _Sha256
    label_space: Annotated[tuple[str, ...], Field(min_length=1)]
    seed: int
    n_images: int
    n_patients: int

    @field_validator("label_space")
    @classmethod
    def _each_finding_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a finding is listed twice in label_space")
        return value

    def require(self, *, model_sha256: str, label_space: Sequence[str]) -> None:
        """Refuse another model or label space than the file was made for.

        Args:
            model_sha256: hash of the model file that is to be used.
            label_space: its findings, in order.

        Raises:
            OperatingPointError: if either differs, or the file belongs to no model.
        """
        if self.model_sha256 is None:
            raise OperatingPointError(
                f"these {self.CONTENT} were fitted on bare predictions and belong to no model; "
                "fit them with the model's hash"
            )
        if self.model_sha256 != model_sha256:
            raise OperatingPointError(
                f"these {self.CONTENT} belong to model {self.model_sha256[:12]}, not to {model_sha256[:12]}; fit new "
                "ones for this model"
            )
        if self.label_space != tuple(label_space):
            raise OperatingPointError(
                f"these {self.CONTENT} cover {', '.join(self.label_space)}; the model's label space is "
                f"{', '.join(label_space)}"
            )
