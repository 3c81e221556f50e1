"""overlays/: a PNG for people of each screened input: tinted where the network looked, with boxes and captions."""

import io
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cxr.outputs.tint import tint_strength
from cxr.outputs.words import finding_title, percent
from cxr.outputs.writers import Writer
from cxr.reporting.document import FindingResult
from cxr.screening.artifacts import Examination, ScreeningArtifacts
from nlp_labeler.findings import finding_entry

__all__ = ["WRITER", "draw_overlay", "overlay_png"]

# Longest side of the picture: large inputs are reduced, small ones enlarged if there are captions to read.
_CAPTIONED, _LONGEST = 768, 1024
_TINT = 0.5
_CHIP_TEXT = (16, 18, 22)
_SHADOW = (0, 0, 0)


def overlay_png(examination: Examination) -> bytes:
    """The overlay of a screened input as PNG bytes; see :func:`draw_overlay`."""
    stream = io.BytesIO()
    # Run lengths at level 1 cost a third of the time of the default, and radiographs get no larger by it.
    draw_overlay(examination).save(stream, format="PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return stream.getvalue()


def draw_overlay(examination: Examination) -> Image.Image:
    """Draw the radiograph with the evidence for each positive finding.

    Args:
        examination: a screened input with its artifacts.

    Returns:
        An image with the input's aspect, longest side at most 1024 pixels; RGB and at least 768 where a
        finding is drawn, otherwise grey.

    Raises:
        ValueError: if the input was refused and there is nothing to draw.
    """
    if examination.artifacts is None:
        raise ValueError(f"{examination.result.path} was refused: there is no picture of it")
    positive = [f for f in examination.result.findings if f.positive]
    longest = max(examination.artifacts.pixels.shape)
    scale = min(max(longest, _CAPTIONED if positive else 0), _LONGEST) / longest
    canvas = _radiograph(examination.artifacts.pixels, scale)
    if positive:
        canvas = _tinted(canvas, examination.artifacts, positive)
        _draw_boxes(canvas, positive, scale)
    return canvas


def _radiograph(pixels: NDArray[np.float32], scale: float) -> Image.Image:
    """The radiograph in display size, 8 bits grey."""
    height, width = pixels.shape
    grey = Image.fromarray((pixels * np.float32(255) + np.float32(0.5)).astype(np.uint8))
    if scale == 1:
        return grey
    return grey.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BICUBIC)


def _tinted(grey: Image.Image, artifacts: ScreeningArtifacts, positive: list[FindingResult]) -> Image.Image:
    """The radiograph in colour, with what each positive finding's boxes rest on in its own; fainter where unlikely."""
    canvas = Image.merge("RGB", (grey, grey, grey))
    for finding in positive:
        heat = Image.fromarray(_opacity(artifacts.heatmaps.confined(finding.name), finding.probability))
        colour = finding_entry(finding.name).rgb
        canvas.paste(colour, (0, 0, *grey.size), heat.resize(grey.size, Image.Resampling.BICUBIC))
    return canvas


def _opacity(heat: NDArray[np.float32], probability: float) -> NDArray[np.uint8]:
    """Opacity of the tint in 0..255, at most half, and a quarter where the finding is least likely."""
    return (tint_strength(heat) * _TINT * (0.5 + 0.5 * probability) * 255).round().astype(np.uint8)


def _draw_boxes(canvas: Image.Image, positive: list[FindingResult], scale: float) -> None:
    draw = ImageDraw.Draw(canvas)
    line = max(2, round(max(canvas.size) / 400))
    font = ImageFont.load_default(size=max(14, round(max(canvas.size) / 52)))
    taken: list[tuple[float, float, float, float]] = []
    for finding in positive:
        colour = finding_entry(finding.name).rgb
        caption = f"{finding_title(finding.name)} {percent(finding.probability)}"
        for box in finding.boxes:
            corners = [v * scale for v in (box.x, box.y, box.x + box.width, box.y + box.height)]
            draw.rectangle(
                [corners[0] - 1, corners[1] - 1, corners[2] + 1, corners[3] + 1], outline=_SHADOW, width=line + 2
            )
            draw.rectangle(corners, outline=colour, width=line)
            _draw_chip(draw, caption, (corners[0], corners[1]), colour, font, canvas.size, taken)
        if not finding.boxes:
            _draw_chip(draw, caption, (line * 4.0, line * 12.0), colour, font, canvas.size, taken)


def _draw_chip(
    draw: ImageDraw.ImageDraw,
    caption: str,
    corner: tuple[float, float],
    colour: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    canvas: tuple[int, int],
    taken: list[tuple[float, float, float, float]],
) -> None:
    """A caption on a coloured chip above ``corner``, moved down until it covers no other chip."""
    left, top, right, bottom = draw.textbbox((0, 0), caption, font=font)
    pad = max(3, round((bottom - top) / 4))
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x = min(max(0.0, corner[0]), canvas[0] - width)
    y = max(0.0, corner[1] - height)
    while any(x < x1 and x + width > x0 and y < y1 and y + height > y0 for x0, y0, x1, y1 in taken):
        y += height + 1
    y = min(y, canvas[1] - height)
    taken.append((x, y, x + width, y + height))
    draw.rounded_rectangle((x, y, x + width, y + height), radius=pad, fill=colour)
    draw.text((x + pad - left, y + pad - top), caption, fill=_CHIP_TEXT, font=font)


def _files(examination: Examination) -> Mapping[str, bytes]:
    return {"overlays/{}.png": overlay_png(examination)}


WRITER = Writer(files=_files)
