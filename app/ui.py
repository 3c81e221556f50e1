"""The Gradio page: its components, and what answers each event of a component.

Gradio hands over the request and the event by the types of the arguments, and the components' values after them.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import gradio as gr

from app.audit_page import audit_html
from app.exports import export_file
from app.operating_choice import OperatingChoice
from app.operating_page import fitted_prevalence, lines_of, operating_html
from app.panel import panel_html, visit_of
from app.rendering import Texts, render
from app.service import TriageService
from app.viewer import viewer_html
from app.worklist_rows import FILTERS, Row, counts_of, rows_of, worklist_html
from cxr.errors import CxrError
from cxr.worklist.cases import Case
from cxr.worklist.monitoring import monitor
from cxr.worklist.pictures import HEADER, OVERLAY, PICTURE, THUMBNAIL, heat_kind

__all__ = ["build_page"]

_TICK_SECONDS = 1.0
_VISITS_SHOWN = 4
_BIND = "window.cxr.bind(element, trigger); window.cxr.shown(element); watch('value', () => window.cxr.shown(element));"
_SAVE = "watch('value', () => window.cxr.save(props.value));"


@dataclass(frozen=True)
class View:
    """Who looks, and at what.

    Attributes:
        owner: whose cases the visitor sees, as the sign-in found out.
        user: name of the signed-in user; empty on loopback without users.
        kind: one of :data:`~app.worklist_rows.FILTERS`.
        words: searched for.
        case_id: the open case, or ``None``.
        choice: the operating point.
    """

    owner: str
    user: str
    kind: str = "all"
    words: str = ""
    case_id: str | None = None
    choice: OperatingChoice = field(default_factory=OperatingChoice)

    @classmethod
    def of(cls, request: gr.Request, *values: object) -> Self:
        """The view of a visitor, of the components' values in the order of the attributes."""
        state = request.request.scope["state"]
        return cls(str(state["owner"]), str(state["user"]), *values)  # type: ignore[arg-type]  # as wired in build_page

    @property
    def actor(self) -> str:
        """Name for the audit log."""
        return self.user or "visitor"


class Page:
    """What a visitor is shown, and what happens when the visitor does something.

    Args:
        service: what the page works on.
        texts: words of the page.
    """

    def __init__(self, service: TriageService, texts: Texts) -> None:
        self._service = service
        self._worklist = service.worklist
        self._cases = service.worklist.cases
        self._pictures = service.worklist.pictures
        self._texts = texts

    # --- events

    def load(self, request: gr.Request) -> tuple[str, str]:
        """The page opens: its top line and the list."""
        view = View.of(request)
        return self.header(view.user), self._listing(view)

    def narrow(self, request: gr.Request, *values: object) -> str:
        """The list under its filter and words."""
        return self._listing(View.of(request, *values))

    def tick(
        self, request: gr.Request, before: str, shown: str | None, *values: object
    ) -> tuple[object, object, object, str, str | None]:
        """Once a second: what changed since, drawn only where it did."""
        view = View.of(request, *values)
        state = self._cases.state(view.owner)
        if state == before:
            return gr.skip(), gr.skip(), gr.skip(), before, shown
        if view.case_id and view.case_id != shown and self._is_ready(view, view.case_id):
            opened = self._picture(view, view.case_id), self._panel(view, view.case_id)
            return self._listing(view), *opened, state, view.case_id
        return self._listing(view), gr.skip(), gr.skip(), state, shown

    def select(
        self, request: gr.Request, event: gr.EventData, choice: OperatingChoice
    ) -> tuple[str, str, str, str | None]:
        """A row was clicked: its picture and findings."""
        case_id = str(event.case)
        view = View.of(request, "all", "", case_id, choice)
        ready = case_id if self._is_ready(view, case_id) else None
        return case_id, self._picture(view, case_id), self._panel(view, case_id), ready

    def flag(self, request: gr.Request, event: gr.EventData, *values: object) -> str:
        """A row's mark was set or taken off."""
        view, case_id = View.of(request, *values), str(event.case)
        with _shown_to_the_visitor():
            flagged = not self._cases.get(view.owner, case_id).flagged
            self._cases.flag(view.owner, case_id, flagged)
        self._worklist.note(view.owner, view.actor, "flagged" if flagged else "unflagged", case_id)
        return self._listing(view)

    def examples(self, request: gr.Request, *values: object) -> str:
        """The example cases are asked for."""
        view = View.of(request, *values)
        with _shown_to_the_visitor():
            self._service.receive_examples(view.owner)
        return self._listing(view)

    def sign(self, request: gr.Request, event: gr.EventData, *values: object) -> tuple[str, str]:
        """The reader signs what stands on the panel. Who signed in signs with that name, whatever the page says."""
        view, case_id = View.of(request, *values), str(event.case)
        with _shown_to_the_visitor():
            self._worklist.sign(
                view.owner,
                case_id,
                reader=view.user or str(event.reader),
                verdicts=event.verdicts,
                comment=str(event.comment),
                seen=int(event.seen),
            )
        return self._panel(view, case_id), self._listing(view)

    def compare(self, request: gr.Request, event: gr.EventData) -> str:
        """Another visit is put beside the picture."""
        return self._picture(View.of(request), str(event.case), str(event.prior))

    def close_comparison(self, request: gr.Request, event: gr.EventData) -> str:
        """The picture stands alone again."""
        return self._picture(View.of(request), str(event.case))

    def download(self, request: gr.Request, event: gr.EventData) -> str:
        """A file is asked for: JSON that the page saves, with its name, media type and base64 content."""
        view, kind, case_id = View.of(request), str(event.kind), str(getattr(event, "case", ""))
        with _shown_to_the_visitor():
            file = export_file(self._worklist, view.owner, kind, case_id, self._texts)
        self._worklist.note(view.owner, view.actor, "exported", case_id, kind=kind)
        return json.dumps(file)

    def choose(
        self, request: gr.Request, mode: str, shift: float, percent: float, *values: object
    ) -> tuple[OperatingChoice, str, str, object]:
        """Another operating point was chosen: everything is counted at it."""
        point = OperatingChoice(mode, float(shift) if mode == "custom" else 0.0)  # type: ignore[arg-type]  # of the radio
        view = View.of(request, *values, point)
        panel = self._panel(view, view.case_id) if view.case_id else gr.skip()
        return point, self._effects(view, percent / 100), self._listing(view), panel

    def audit(self, request: gr.Request) -> str:
        """The audit page is opened."""
        owner, bundle = View.of(request).owner, self._service.bundle
        report = monitor(
            self._cases.visible(owner),
            self._worklist.decisions.all_latest(owner),
            points=bundle.operating_points,
            reference=bundle.score_reference,
            model_sha256=self._worklist.model.sha256,
        )
        return audit_html(report, self._worklist.audit(owner), self._worklist.verify_audit(), self._texts)

    # --- what is shown

    def header(self, user: str = "") -> str:
        """The line on top."""
        return render("header.html.j2", self._texts, model=self._worklist.model, user=user)

    def drop_zone(self) -> str:
        """Where files are dropped."""
        return render("drop.html.j2", self._texts)

    def blank_viewer(self) -> str:
        """The viewer before a case is chosen."""
        return viewer_html(self._texts, None)

    def _listing(self, view: View) -> str:
        return worklist_html(
            self._rows(view),
            self._texts,
            kind=view.kind,
            words=view.words,
            chosen=view.case_id,
            thumbnails=lambda ids: self._pictures.of_cases(view.owner, ids, THUMBNAIL),
        )

    def _rows(self, view: View) -> list[Row]:
        return rows_of(self._cases.visible(view.owner), self._service.policy(view.choice))

    def _picture(self, view: View, case_id: str, beside_id: str | None = None) -> str:
        try:
            case = self._cases.get(view.owner, case_id)
            beside = self._cases.get(view.owner, beside_id) if beside_id else None
        except CxrError:
            return self.blank_viewer()
        result = self._cases.result(view.owner, case.id)
        heats = [heat_kind(finding.name) for finding in result.findings] if result else []
        files = self._pictures.of_kinds(view.owner, case.id, [PICTURE, OVERLAY, *heats])
        content = beside and self._pictures.get(view.owner, beside.id, PICTURE)
        return viewer_html(self._texts, case, result, files, (beside, content) if beside and content else None)

    def _panel(self, view: View, case_id: str) -> str:
        owner, policy = view.owner, self._service.policy(view.choice)
        try:
            case = self._cases.get(owner, case_id)
        except CxrError:
            return ""

        def thumbnail(visit: Case) -> bytes | None:
            return self._pictures.get(owner, visit.id, THUMBNAIL)

        screened = case.status == "screened"
        earlier, others = self._cases.visits(owner, case) if screened else ([], [])
        return panel_html(
            self._texts,
            case,
            self._cases.result(owner, case_id),
            policy,
            decisions=self._worklist.decisions.of_case(owner, case_id),
            earlier=[visit_of(visit, thumbnail(visit), policy, case) for visit in earlier[:_VISITS_SHOWN]],
            others=[visit_of(visit, thumbnail(visit)) for visit in others[:_VISITS_SHOWN]],
            similar=self._service.similar(owner, case) if screened else [],
            has_header=self._pictures.get(owner, case_id, HEADER) is not None,
            reader=view.user,
            model_sha256=self._worklist.model.sha256,
        )

    def _effects(self, view: View, prevalence: float) -> str:
        bundle, policy = self._service.bundle, self._service.policy(view.choice)
        states, flagged = counts_of(self._rows(view))
        lines = lines_of(policy, bundle.calibrator, bundle.operating_points, prevalence, flagged, self._texts)
        return operating_html(lines, states, policy, self._texts)

    def _is_ready(self, view: View, case_id: str) -> bool:
        try:
            return self._cases.get(view.owner, case_id).status in ("screened", "refused")
        except CxrError:
            return False


def build_page(service: TriageService, texts: Texts) -> gr.Blocks:
    """Worklist, picture and findings on one screen; operating point and audit behind tabs."""
    page = Page(service, texts)
    with gr.Blocks(title=texts("page.title"), analytics_enabled=False, fill_width=True) as blocks:
        choice, chosen = gr.State(OperatingChoice()), gr.State(None)
        # What the visitor's page shows: the state of the list, and the case whose result is drawn.
        seen, drawn = gr.State(""), gr.State(None)
        header = gr.HTML(page.header(), elem_id="header")
        download = gr.HTML(elem_id="download", html_template="", js_on_load=_SAVE, visible="hidden")
        timer = gr.Timer(_TICK_SECONDS)
        with gr.Tabs():
            with gr.Tab(texts("page.worklist")), gr.Row(elem_id="room"):
                with gr.Column(scale=4, min_width=320):
                    drop = gr.HTML(page.drop_zone(), elem_id="drop", js_on_load=_BIND)
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
                    viewer = gr.HTML(page.blank_viewer(), elem_id="viewer", js_on_load=_BIND)
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
                        value=round(100 * fitted_prevalence(service.bundle.operating_points), 1),
                        step=0.5,
                        label=texts("operating.prevalence"),
                        elem_id="prevalence",
                    )
                effects = gr.HTML(elem_id="effects")
            with gr.Tab(texts("page.audit")) as audit_tab:
                audit = gr.HTML(elem_id="audit", js_on_load=_BIND)

        view = [kind, words, chosen, choice]  # the order of View's attributes
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        operating = [mode, shift, prevalence, kind, words, chosen]
        blocks.load(page.load, None, [header, listed], **quiet)
        blocks.load(page.choose, operating, [choice, effects, listed, panel], **quiet)
        timer.tick(page.tick, [seen, drawn, *view], [listed, viewer, panel, seen, drawn], **quiet)
        gr.on([kind.change, words.change, drop.upload], page.narrow, view, [listed], **quiet)
        drop.click(page.examples, view, [listed], **quiet)
        listed.select(page.select, [choice], [chosen, viewer, panel, drawn], **quiet)
        listed.like(page.flag, view, [listed], **quiet)
        panel.submit(page.sign, view, [panel, listed], **quiet)
        panel.expand(page.compare, None, [viewer], **quiet)
        viewer.collapse(page.close_comparison, None, [viewer], **quiet)
        gr.on([panel.download, audit.download], page.download, None, [download], **quiet)
        gr.on(
            [mode.change, shift.change, prevalence.change, operating_tab.select],
            page.choose,
            operating,
            [choice, effects, listed, panel],
            trigger_mode="always_last",
            **quiet,
        )
        gr.on([audit_tab.select, audit.click], page.audit, None, [audit], **quiet)
    blocks.queue(default_concurrency_limit=16)
    return blocks


@contextmanager
def _shown_to_the_visitor() -> Iterator[None]:
    """An expected error becomes a message on the page, in its own words."""
    try:
        yield
    except CxrError as error:
        raise gr.Error(str(error), duration=None, print_exception=False) from error
