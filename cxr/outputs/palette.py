"""One colour per finding, the same in overlays and pages; all are legible on grey and on black."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["COLOURS", "rgb"]

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "Atelectasis": "#4cc9f0",
        "Cardiomegaly": "#ff5d73",
        "Effusion": "#3fa7ff",
        "Infiltration": "#ffd166",
        "Mass": "#ff8c42",
        "Nodule": "#c3f73a",
        "Pneumonia": "#ffb703",
        "Pneumothorax": "#f72585",
        "Consolidation": "#f4a261",
        "Edema": "#80ed99",
        "Emphysema": "#b892ff",
        "Fibrosis": "#d0a98f",
        "Pleural_Thickening": "#72efdd",
        "Hernia": "#e0aaff",
    }
)
"""Finding -> ``#rrggbb``."""


def rgb(finding: str) -> tuple[int, int, int]:
    """A finding's colour as red, green, blue in 0..255."""
    red, green, blue = bytes.fromhex(COLOURS[finding].removeprefix("#"))
    return red, green, blue
