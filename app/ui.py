"""The Gradio page: widgets and events only. What it shows comes from presenters, what it does from the desk."""

from pathlib import Path

import gradio as gr

from app.desk import Case, Desk
from app.presenters import COLUMNS, FILTERS, case_html, chosen, rows, summary
from cxr.errors import CxrError

__all__ = ["build_page", "page_style"]

_BANNER = (
    '<div class="banner"><b>Research use only.</b> Not a medical device. '
    "A radiologist must read every image, whatever this page says about it.</div>"
)
_PICK = "<p>Drop images above, then choose a case from the worklist.</p>"


def page_style() -> dict[str, object]:
    """Theme and style sheet for ``launch``: system fonts only, so that nothing is fetched from outside."""
    fonts = ("system-ui", "sans-serif")
    theme = gr.themes.Soft(font=fonts, font_mono=("ui-monospace", "monospace"))
    return {"theme": theme, "css": (Path(__file__).parent / "page.css").read_text(encoding="utf-8")}


def build_page(desk: Desk) -> gr.Blocks:
    """The page over a desk: worklist on the left, the chosen case on the right."""
    start = list(desk.start)
    with gr.Blocks(title="Chest X-ray triage", analytics_enabled=False, fill_width=True) as page:
        cases, session, shown = gr.State(start), gr.State(None), gr.State(start)
        gr.HTML(_BANNER)
        with gr.Row():
            with gr.Column(scale=5):
                uploads = gr.File(
                    label="Screen images: DICOM, PNG, JPEG, TIFF or zip", file_count="multiple", height=120
                )
                counts = gr.Markdown(summary(start))
                with gr.Row():
                    triage = gr.Dropdown(list(FILTERS), value="All", label="Show", scale=1)
                    words = gr.Textbox(label="Search", placeholder="file or finding", scale=2)
                table = gr.Dataframe(
                    rows(start),
                    headers=list(COLUMNS),
                    datatype=["number", "str", "str", "str"],
                    type="array",
                    interactive=False,
                    wrap=True,
                    max_height=620,
                    column_widths=[52, 210, 130, 240],
                    buttons=[],
                    label="Worklist, most urgent first",
                    elem_id="worklist",
                )
            with gr.Column(scale=6):
                overlay = gr.Image(
                    _picture(start), label="Evidence", interactive=False, height=560, buttons=["fullscreen"]
                )
                detail = gr.HTML(case_html(start[0]) if start else _PICK)

        def on_upload(
            files: list[str] | None,
            folder: str | None,
            known: list[Case],
            progress: gr.Progress = gr.Progress(),  # noqa: B008  (gradio knows the bar by this default)
        ) -> tuple[list[Case], str | None, str]:
            if not files:
                return known, folder, summary(known)
            place = Path(folder) if folder else desk.open_session()
            done = 0

            def step(_: object) -> None:
                nonlocal done
                done += 1
                progress((done, None), desc="Screening")

            try:
                known = desk.screen(place, [Path(f) for f in files], step)
            except CxrError as error:
                raise gr.Error(str(error), duration=None) from error
            return known, str(place), summary(known)

        def on_filter(known: list[Case], state: str, text: str) -> tuple[list[Case], list[list[str | int]]]:
            kept = chosen(known, state, text)
            return kept, rows(kept)

        def on_pick(listed: list[Case], event: gr.SelectData) -> tuple[str | None, str]:
            case = listed[int(event.row_value[0]) - 1]
            return _picture([case]), case_html(case)

        refilter = {"fn": on_filter, "inputs": [cases, triage, words], "outputs": [shown, table]}
        uploads.upload(on_upload, [uploads, session, cases], [cases, session, counts]).then(**refilter)
        gr.on([triage.change, words.change], **refilter)
        table.select(on_pick, [shown], [overlay, detail])
    return page


def _picture(cases: list[Case]) -> str | None:
    """Overlay file of the first case, if it has one."""
    return str(cases[0].overlay) if cases and cases[0].overlay else None
