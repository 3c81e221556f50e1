"""The few real image-report pairs, what was really written beside what the model makes of the image."""

import base64
import html
from pathlib import Path

import pandas as pd

from cxr.screening import Screener
from nlp_labeler.document import compose_report
from nlp_labeler.storage import write_text

__all__ = ["write_pairs_page"]

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Real pairs</title>
<style>body{font:15px/1.5 system-ui;max-width:1200px;margin:2rem auto;padding:0 1rem}
article{display:grid;grid-template-columns:240px 1fr 1fr 1fr;gap:1.2rem;border-top:1px solid #999;padding:1.2rem 0}
img{width:100%}h2{font-size:1rem;margin:0}p{white-space:pre-line;margin:.3rem 0}</style>
<h1>Eight real pairs of OpenI</h1><p>The generator learned from surrogate pairs and has never seen a true one.
The system is for frontal views; a lateral one among them shows what it says where it should not be asked.
Research use only. Images and reports: Indiana University, CC BY-NC-ND 4.0, Demner-Fushman 2016; not to be passed
on.</p>
"""


def write_pairs_page(bundle: Path, openi: Path, page: Path) -> None:
    """Screen the images of pairs.csv and write one self-contained page."""
    screener = Screener(bundle, threads=1)
    parts = [_HEAD]
    for row in pd.read_csv(openi / "pairs.csv", keep_default_na=False).to_dict("records"):
        file = openi / str(row["file"])
        result = screener.screen(file)
        generated = result.report.generated if result.report else None
        columns = {
            "Radiologist": compose_report(row["findings"], row["impression"]),
            "Generated, raw": generated.text if generated else "",
            "Report": result.report.text if result.report else f"refused: {result.refusal and result.refusal.message}",
        }
        picture = base64.b64encode(file.read_bytes()).decode()
        cells = "".join(f"<div><h2>{title}</h2><p>{html.escape(text)}</p></div>" for title, text in columns.items())
        alt = html.escape(f"{row['view']} radiograph {row['image_id']}")
        view = html.escape(str(row["view"]))
        figure = f'<div><img src="data:image/jpeg;base64,{picture}" alt="{alt}"><p>{view} view</p></div>'
        parts.append(f"<article>{figure}{cells}</article>")
    write_text(page, "\n".join(parts) + "\n")
