"""The box settings that ship: fitted on phantoms, where every lesion's place is known, and never on a real box."""

import json
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from cxr.localization.boxes import BoxSettings

__all__ = ["fitted_box_settings"]


@cache
def fitted_box_settings(finding: str) -> BoxSettings:
    """Settings of one finding; the defaults for one that phantoms do not have."""
    text = (files("cxr") / "weights" / "box_settings.json").read_text()
    return TypeAdapter(dict[str, BoxSettings]).validate_python(json.loads(text)).get(finding, BoxSettings())
