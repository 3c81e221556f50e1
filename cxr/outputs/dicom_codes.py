"""Findings, sites and sides as DICOM coded concepts, read from dicom_codes.toml and validated once."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydicom.sr.coding import Code

from nlp_labeler.findings import LABELS

__all__ = ["PRIVATE_SCHEME", "DicomCodes", "FindingCodes", "dicom_codes"]

PRIVATE_SCHEME = "99CXR"
_Triplet = tuple[str, str, str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FindingCodes(_Strict):
    """Concept and anatomical site of one finding, each as value, scheme and meaning."""

    code: _Triplet
    site: _Triplet


class DicomCodes(_Strict):
    """All coded concepts; every finding has one."""

    finding: dict[str, FindingCodes]
    side: dict[str, _Triplet]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if set(self.finding) != set(LABELS):
            raise ValueError(f"codes and findings differ in {', '.join(sorted(set(self.finding) ^ set(LABELS)))}")
        return self

    def concept(self, finding: str) -> Code:
        """The finding itself."""
        return Code(*self.finding[finding].code)

    def site(self, finding: str) -> Code:
        """The organ it is found in."""
        return Code(*self.finding[finding].site)

    def laterality(self, side: str | None) -> Code | None:
        """A side of the body; ``None`` where the finding has none or lies near the midline."""
        return Code(*self.side[side]) if side in self.side else None


@cache
def dicom_codes() -> DicomCodes:
    """The codes shipped with the package."""
    text = files("cxr.outputs").joinpath("dicom_codes.toml").read_text(encoding="utf-8")
    return DicomCodes.model_validate(tomllib.loads(text))
