"""worklist.html: one self-contained page, most urgent case first, that asks nothing of any network."""

import base64
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from PIL import Image

from cxr.outputs.case import CaseView, case_view
from cxr.outputs.journal import RESULTS_FILE, OverlayNames
from cxr.outputs.urgency import waiting_costs
from cxr.outputs.words import TRIAGE_MEANINGS, TRIAGE_TITLES, finding_title
from cxr.outputs.writers import PAGE_FILE, Writer
from cxr.screening.result import ModelIdentity, ScreeningResult, parse_result_line
from nlp_labeler.storage import atomic_writer

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["MAX_PICTURES", "TRIAGE_ORDER", "WRITER", "urgency", "write_worklist"]

MAX_PICTURES = 400
"""The most urgent cases carry their picture inside the page; the others link their overlay."""

TRIAGE_ORDER: tuple[str, ...] = ("refer", "read", "none")

_PICTURE_SIDE = 640
_PICTURE_QUALITY = 80


@dataclass
class _Index:
    """Where each result starts in results.jsonl; a few dozen bytes per input, however large its line."""

    cases: list[tuple[tuple[int, float], int, str]] = field(default_factory=list)  # urgency, offset, overlay name
    refusals: list[int] = field(default_factory=list)
    triage: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    doubtful: int = 0


def urgency(result: ScreeningResult) -> tuple[int, float]:
    """Sort key, smallest first: by triage, then by the expected cost of waiting (:mod:`cxr.outputs.urgency`).

    Refused inputs come last; nobody has looked at them.
    """
    if result.triage is None:
        return len(TRIAGE_ORDER), 0.0
    cost = waiting_costs().of({finding.name: finding.probability for finding in result.findings})
    return TRIAGE_ORDER.index(result.triage), -cost


def write_worklist(folder: Path, model: ModelIdentity, label_space: Sequence[str]) -> None:
    """Write worklist.html from the results.jsonl and overlays of a folder, atomically.

    Args:
        folder: output folder of a screening run.
        model: the model of its results.
        label_space: findings of the model.

    Raises:
        CxrError: if a result line does not follow the schema.
    """
    results = folder / RESULTS_FILE
    index = _index(results)
    page = folder / PAGE_FILE
    chunks = _template().generate(
        css=_page_file("worklist.css"),
        script=_page_file("worklist.js"),
        model=model,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        label_space=label_space,
        total=len(index.cases) + len(index.refusals),
        screened=len(index.cases),
        refused=len(index.refusals),
        doubtful=index.doubtful,
        states=[
            {"key": key, "title": TRIAGE_TITLES[key], "meaning": TRIAGE_MEANINGS[key], "count": index.triage[key]}
            for key in TRIAGE_ORDER
        ],
        cases=_cases(folder, results, index),
        refusal_counts=index.codes.most_common(),
        refusals=_read_at(results, index.refusals),
    )
    with atomic_writer(page) as stream:
        for chunk in chunks:
            stream.write(chunk.encode(errors="backslashreplace"))


def _index(results: Path) -> _Index:
    index, names, offset = _Index(), OverlayNames(), 0
    with results.open("rb") as stream:
        for line in stream:
            result = parse_result_line(line)
            name = names.assign(result.path)
            if result.refusal:
                index.refusals.append(offset)
                index.codes[result.refusal.code] += 1
            else:
                index.cases.append((urgency(result), offset, name))
                index.triage[str(result.triage)] += 1
                index.doubtful += bool(result.doubts)
            offset += len(line)
    index.cases.sort()
    return index


def _read_at(results: Path, offsets: Sequence[int]) -> Iterator[ScreeningResult]:
    with results.open("rb") as stream:
        for offset in offsets:
            stream.seek(offset)
            yield parse_result_line(stream.readline())


def _cases(folder: Path, results: Path, index: _Index) -> Iterator[CaseView]:
    offsets = [offset for _, offset, _ in index.cases]
    for rank, (result, (_, _, name)) in enumerate(zip(_read_at(results, offsets), index.cases, strict=True)):
        overlay = folder / "overlays" / name
        kept = overlay.is_file()
        picture = _picture(overlay) if rank < MAX_PICTURES and kept else None
        yield case_view(result, f"overlays/{quote(name)}" if kept else "", picture)


def _picture(overlay: Path) -> str:
    """The overlay as a small base64 JPEG."""
    stream = io.BytesIO()
    with Image.open(overlay) as image:
        image.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE), Image.Resampling.BICUBIC, reducing_gap=2)
        image.save(stream, format="JPEG", quality=_PICTURE_QUALITY)
    return base64.b64encode(stream.getvalue()).decode()


def _page_file(name: str) -> str:
    return files("cxr.outputs").joinpath("page", name).read_text(encoding="utf-8")


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # here: needed only when all inputs are done

    environment = Environment(
        loader=PackageLoader("cxr.outputs", "page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["title_of"] = finding_title
    return environment.get_template("worklist.html.j2")


WRITER = Writer(pages=write_worklist)
