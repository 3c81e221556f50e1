"""Templates with the page's words, and pictures as addresses that hold the picture itself.

A picture inside the page needs no address of its own, so that nobody can ask for another visitor's, and no name
of a patient ever stands in one.
"""

import base64
import io
from functools import cache
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from app.texts import Texts
from cxr.outputs.palette import COLOURS, rgb
from cxr.outputs.words import finding_title, percent

__all__ = ["data_address", "render", "tinted"]

_TINT_STARTS_AT, _TINT_EXPONENT = 0.35, 1.3


def render(template: str, texts: Texts, **values: object) -> str:
    """A template of app/page, filled in."""
    return _environment().get_template(template).render(t=texts, **values)


def data_address(content: bytes, kind: str = "image/png") -> str:
    """A file as a ``data:`` address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def tinted(heat: bytes, finding: str) -> str:
    """A heatmap in its finding's colour, clear where it is cool, as an address.

    Args:
        heat: 8-bit grey PNG as :mod:`cxr.worklist.pictures` keeps it.
        finding: whose colour it gets.
    """
    with Image.open(io.BytesIO(heat)) as image:
        strength = np.asarray(image.convert("L"), dtype=np.float32) / 255
    above = np.clip((strength - _TINT_STARTS_AT) / (1 - _TINT_STARTS_AT), 0, 1) ** _TINT_EXPONENT
    pixels = np.empty((*strength.shape, 4), dtype=np.uint8)
    pixels[..., :3] = rgb(finding)
    pixels[..., 3] = (above * 255).round()
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return data_address(stream.getvalue())


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"title_of": finding_title, "percent": percent}
    environment.globals["colours"] = COLOURS
    return environment
