"""The Gradio page: its components, and which event of which component is answered by what."""

import gradio as gr

from app.desk import Desk
from app.events import Events
from app.operating_choice import OperatingChoice
from app.presenters.operating import fitted_prevalence
from app.presenters.rows import FILTERS
from app.screens import Screens
from app.texts import Texts

__all__ = ["build_page"]

_TICK_SECONDS = 1.0
_BIND = "window.cxr.bind(element, trigger); window.cxr.shown(element); watch('value', () => window.cxr.shown(element));"
_SAVE = "watch('value', () => window.cxr.save(props.value));"


def build_page(desk: Desk, texts: Texts) -> gr.Blocks:
    """The page over a desk: worklist, picture and findings on one screen; operating point and audit behind tabs."""
    screens = Screens(desk, texts)
    events = Events(screens, texts)
    with gr.Blocks(title=texts("page.title"), analytics_enabled=False, fill_width=True) as page:
        choice, chosen = gr.State(OperatingChoice()), gr.State(None)
        # What the visitor's page shows: the state of the list, and the case whose result is drawn.
        seen, drawn = gr.State(""), gr.State(None)
        header = gr.HTML(screens.header(None), elem_id="header")
        download = gr.HTML(elem_id="download", html_template="", js_on_load=_SAVE, visible="hidden")
        timer = gr.Timer(_TICK_SECONDS)
        with gr.Tabs():
            with gr.Tab(texts("page.worklist")), gr.Row():
                with gr.Column(scale=4, min_width=320):
                    drop = gr.HTML(screens.drop_zone(), elem_id="drop", js_on_load=_BIND)
                    with gr.Row():
                        kind = gr.Dropdown(
                            [(texts(f"filter.{key}"), key) for key in FILTERS],
                            value="all",
                            show_label=False,
                            container=False,
                            scale=2,
                            min_width=110,
                            elem_id="filter",
                        )
                        words = gr.Textbox(
                            placeholder=texts("filter.search"),
                            max_lines=1,
                            show_label=False,
                            container=False,
                            scale=3,
                            min_width=140,
                            elem_id="search",
                        )
                    listed = gr.HTML(elem_id="worklist", js_on_load=_BIND, min_height=120)
                with gr.Column(scale=6, min_width=320):
                    viewer = gr.HTML(screens.blank_viewer(), elem_id="viewer", js_on_load=_BIND)
                with gr.Column(scale=5, min_width=320):
                    panel = gr.HTML(elem_id="panel", js_on_load=_BIND)
            with gr.Tab(texts("page.operating")) as operating_tab:
                gr.Markdown(f"### {texts('operating.title')}\n{texts('operating.intro')}")
                with gr.Row():
                    mode = gr.Radio(
                        [(texts(f"operating.{m}"), m) for m in ("certified", "sensitive", "custom")],
                        value="certified",
                        label=texts("operating.mode"),
                        elem_id="mode",
                    )
                    shift = gr.Slider(-3, 3, value=0, step=0.1, label=texts("operating.shift"), elem_id="shift")
                    prevalence = gr.Slider(
                        0.5,
                        95,
                        value=round(100 * fitted_prevalence(desk.bundle.operating_points), 1),
                        step=0.5,
                        label=texts("operating.prevalence"),
                        elem_id="prevalence",
                    )
                effects = gr.HTML(elem_id="effects")
            with gr.Tab(texts("page.audit")) as audit_tab:
                audit = gr.HTML(elem_id="audit", js_on_load=_BIND)

        view = [kind, words, chosen, choice]
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        operating = [mode, shift, prevalence, kind, words, chosen]
        page.load(events.load, None, [header, listed], **quiet)
        page.load(events.choice, operating, [choice, effects, listed, panel], **quiet)
        timer.tick(events.tick, [*view, seen, drawn], [listed, viewer, panel, seen, drawn], **quiet)
        gr.on([kind.change, words.change, drop.upload], events.narrow, view, [listed], **quiet)
        drop.click(events.examples, view, [listed], **quiet)
        listed.select(events.select, [choice], [chosen, viewer, panel, drawn], **quiet)
        listed.like(events.flag, view, [listed], **quiet)
        panel.submit(events.sign, [kind, words, choice], [panel, listed], **quiet)
        panel.expand(events.compare, None, [viewer], **quiet)
        viewer.collapse(events.close_comparison, None, [viewer], **quiet)
        gr.on([panel.download, audit.download], events.download, None, [download], **quiet)
        gr.on(
            [mode.change, shift.change, prevalence.change, operating_tab.select],
            events.choice,
            operating,
            [choice, effects, listed, panel],
            trigger_mode="always_last",
            **quiet,
        )
        gr.on([audit_tab.select, audit.click], screens.audit, None, [audit], **quiet)
    page.queue(default_concurrency_limit=16)
    return page
