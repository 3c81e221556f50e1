"""One colour per finding, the same in overlays and pages; all are legible on grey and on black."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["COLOURS", "rgb"]

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "Atelectasis": "#4cc9f0",
        "Cardiomegaly": "#ff5d73",
        "Effusion": "#3a86ff",
        "Infiltration": "#fff07a",
        "Mass": "#ffb000",
        "Nodule": "#a7e635",
        "Pneumonia": "#ff6a00",
        "Pneumothorax": "#f72585",
        "Consolidation": "#c98b5e",
        "Edema": "#52d69a",
        "Emphysema": "#b892ff",
        "Fibrosis": "#f2c6a0",
        "Pleural_Thickening": "#2ec4b6",
        "Hernia": "#e0aaff",
    }
)
"""Finding -> ``#rrggbb``."""


def rgb(finding: str) -> tuple[int, int, int]:
    """A finding's colour as red, green, blue in 0..255."""
    red, green, blue = bytes.fromhex(COLOURS[finding].removeprefix("#"))
    return red, green, blue
