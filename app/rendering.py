"""The page's words, its templates, and pictures as addresses that hold the picture itself.

All words stand in one file per language, app/texts/LANGUAGE.toml.

A picture inside the page needs no address of its own, so that nobody can ask for another visitor's, and no name
of a patient ever stands in one.
"""

import base64
import io
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from cxr.errors import ConfigError
from cxr.outputs.tint import tint_strength
from cxr.outputs.words import finding_title, percent
from cxr.reporting.document import AttentionMap
from nlp_labeler.findings import FINDINGS, finding_entry

__all__ = ["Texts", "attended", "data_address", "render", "tinted", "verdict_words"]

_TEXTS, _TEMPLATES = (Path(__file__).parent / name for name in ("texts", "page"))
_SMOOTHED = 6  # pixels of the picture per cell of an attention map


class Texts:
    """The words of one language: ``texts("worklist.empty")``, ``texts("worklist.more", shown=100, all=340)``.

    Args:
        language: name of a file in app/texts.

    Raises:
        ConfigError: if there is no such language, or it lacks a text that English has.
    """

    def __init__(self, language: str = "en") -> None:
        self._words = _read(language)
        missing = sorted(set(_read("en")) - set(self._words))
        if missing:
            raise ConfigError(f"app/texts/{language}.toml lacks '{missing[0]}'; translate it from en.toml")

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with its blanks filled."""
        return self._words[key].format(**values) if values else self._words[key]


def _read(language: str) -> dict[str, str]:
    known = sorted(file.stem for file in _TEXTS.glob("*.toml"))
    if language not in known:
        raise ConfigError(f"no texts in '{language}'; there are {', '.join(known)}")
    tables = tomllib.loads((_TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{key}": text for section, texts in tables.items() for key, text in texts.items()}


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
        return _layer(np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255), finding)


def attended(attention: AttentionMap, finding: str) -> str:
    """Where the words of a report looked, in the finding's colour, as an address.

    Args:
        attention: as a sentence's evidence keeps it.
        finding: whose colour it gets.
    """
    coarse = Image.fromarray(np.array(attention, dtype=np.float32) / np.float32(100))
    size = (_SMOOTHED * coarse.width, _SMOOTHED * coarse.height)
    return _layer(np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)).clip(0, 1), finding)


def _layer(heat: NDArray[np.float32], finding: str) -> str:
    """Of a map (h, w); how faint it is drawn beyond that, the page decides."""
    pixels = np.empty((*heat.shape, 4), dtype=np.uint8)
    pixels[..., :3] = finding_entry(finding).rgb
    pixels[..., 3] = (tint_strength(heat) * 255).round()
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return data_address(stream.getvalue())


def verdict_words(verdicts: Mapping[str, bool], texts: Texts) -> str:
    """Verdicts as people read them: ``Effusion: present; Mass: absent``."""
    return "; ".join(
        f"{finding_title(name)}: {texts('findings.present' if there else 'findings.absent')}"
        for name, there in verdicts.items()
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"title_of": finding_title, "percent": percent, "verdicts": verdict_words}
    environment.globals["colours"] = {name: entry.colour for name, entry in FINDINGS.items()}
    return environment
