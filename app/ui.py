"""The Gradio page: components and events only. What it shows comes from presenters, what it does from the desk."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from app.desk import Desk
from app.operating_choice import OperatingChoice
from app.presenters.operating import fitted_prevalence
from app.presenters.rows import FILTERS
from app.screens import Screens
from app.texts import Texts
from cxr.errors import CxrError

__all__ = ["build_page"]

_TICK_SECONDS = 1.0
_BIND = "window.cxr.bind(element, trigger); window.cxr.shown(element); watch('value', () => window.cxr.shown(element));"
_SAVE = "watch('value', () => window.cxr.save(props.value));"


def build_page(desk: Desk, texts: Texts) -> gr.Blocks:
    """The page over a desk: worklist, picture and findings on one screen; operating point and audit behind tabs."""
    screens = Screens(desk, texts)
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

        def on_load(request: gr.Request) -> tuple[str, str]:
            return screens.header(request), screens.worklist(request)

        def on_list(
            filter_key: str, text: str, case_id: str | None, point: OperatingChoice, request: gr.Request
        ) -> str:
            return screens.worklist(request, filter_key, text, case_id, point)

        def on_tick(
            filter_key: str,
            text: str,
            case_id: str | None,
            point: OperatingChoice,
            before: str,
            shown: str | None,
            request: gr.Request,
        ) -> tuple[object, object, object, str, str | None]:
            state = screens.state(request)
            if state == before:
                return gr.skip(), gr.skip(), gr.skip(), before, shown
            listing = screens.worklist(request, filter_key, text, case_id, point)
            if case_id and case_id != shown and screens.is_ready(request, case_id):
                opened = screens.viewer(request, case_id), screens.panel(request, case_id, point)
                return listing, *opened, state, case_id
            return listing, gr.skip(), gr.skip(), state, shown

        def on_select(
            point: OperatingChoice, request: gr.Request, event: gr.EventData
        ) -> tuple[str, str, str, str | None]:
            case_id = str(event.case)
            opened = screens.viewer(request, case_id), screens.panel(request, case_id, point)
            return case_id, *opened, case_id if screens.is_ready(request, case_id) else None

        def on_flag(
            filter_key: str,
            text: str,
            case_id: str | None,
            point: OperatingChoice,
            request: gr.Request,
            event: gr.EventData,
        ) -> str:
            with _said():
                screens.flag(request, str(event.case))
            return screens.worklist(request, filter_key, text, case_id, point)

        def on_examples(
            filter_key: str, text: str, case_id: str | None, point: OperatingChoice, request: gr.Request
        ) -> str:
            with _said():
                screens.add_examples(request)
            return screens.worklist(request, filter_key, text, case_id, point)

        def on_sign(
            filter_key: str,
            text: str,
            point: OperatingChoice,
            request: gr.Request,
            event: gr.EventData,
        ) -> tuple[str, str]:
            case_id = str(event.case)
            with _said():
                screens.sign(request, case_id, event.overruled, str(event.reader), str(event.comment))
            gr.Info(texts("decision.saved"), duration=4)
            return screens.panel(request, case_id, point), screens.worklist(request, filter_key, text, case_id, point)

        def on_compare(request: gr.Request, event: gr.EventData) -> str:
            return screens.viewer(request, str(event.case), str(event.prior))

        def on_close_comparison(request: gr.Request, event: gr.EventData) -> str:
            return screens.viewer(request, str(event.case))

        def on_download(request: gr.Request, event: gr.EventData) -> str:
            with _said():
                return json.dumps(screens.export(request, str(event.kind), str(getattr(event, "case", ""))))

        def on_choice(
            name: str,
            amount: float,
            percent: float,
            filter_key: str,
            text: str,
            case_id: str | None,
            request: gr.Request,
        ) -> tuple[OperatingChoice, str, str, object]:
            point = OperatingChoice(name, float(amount) if name == "custom" else 0.0)  # type: ignore[arg-type]  # one of the radio's values
            panel_now = screens.panel(request, case_id, point) if case_id else gr.skip()
            return (
                point,
                screens.operating(request, point, percent / 100),
                screens.worklist(request, filter_key, text, case_id, point),
                panel_now,
            )

        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        operating = [mode, shift, prevalence, kind, words, chosen]
        page.load(on_load, None, [header, listed], **quiet)
        page.load(on_choice, operating, [choice, effects, listed, panel], **quiet)
        timer.tick(on_tick, [*view, seen, drawn], [listed, viewer, panel, seen, drawn], **quiet)
        gr.on([kind.change, words.change, drop.upload], on_list, view, [listed], **quiet)
        drop.click(on_examples, view, [listed], **quiet)
        listed.select(on_select, [choice], [chosen, viewer, panel, drawn], **quiet)
        listed.like(on_flag, view, [listed], **quiet)
        panel.submit(on_sign, [kind, words, choice], [panel, listed], **quiet)
        panel.expand(on_compare, None, [viewer], **quiet)
        viewer.collapse(on_close_comparison, None, [viewer], **quiet)
        gr.on([panel.download, audit.download], on_download, None, [download], **quiet)
        gr.on(
            [mode.change, shift.change, prevalence.change, operating_tab.select],
            on_choice,
            operating,
            [choice, effects, listed, panel],
            trigger_mode="always_last",
            **quiet,
        )
        gr.on([audit_tab.select, audit.click], screens.audit, None, [audit], **quiet)
    page.queue(default_concurrency_limit=16)
    return page


@contextmanager
def _said() -> Iterator[None]:
    """An expected error becomes a message on the page, in its own words."""
    try:
        yield
    except CxrError as error:
        raise gr.Error(str(error), duration=None, print_exception=False) from error
