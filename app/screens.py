"""What one visitor is shown: asks the desk for what is theirs and lets the presenters write it."""

from collections.abc import Mapping

import gradio as gr

from app.desk import Desk
from app.exports import export_file
from app.operating_choice import OperatingChoice
from app.presenters.audit import audit_html
from app.presenters.operating import lines_of, operating_html
from app.presenters.panel import panel_html, visit_of
from app.presenters.rendering import render
from app.presenters.rows import Row, rows_of, worklist_html
from app.presenters.viewer import viewer_html
from app.texts import Texts
from cxr.errors import CxrError
from cxr.worklist.monitoring import monitor
from cxr.worklist.pictures import HEADER, OVERLAY, PICTURE, THUMBNAIL, heat_kind

__all__ = ["Screens"]

_VISITS_SHOWN = 4


class Screens:
    """Every method takes the request, whose visitor it answers.

    Args:
        desk: what the page works on.
        texts: words of the page.
    """

    def __init__(self, desk: Desk, texts: Texts) -> None:
        self._desk = desk
        self._cases = desk.worklist.cases
        self._pictures = desk.worklist.pictures
        self._texts = texts

    def header(self, request: gr.Request | None) -> str:
        """The line on top; without a request, as it is before anybody asks."""
        user = _user(request) if request else ""
        return render("header.html.j2", self._texts, model=self._desk.worklist.model, user=user)

    def blank_viewer(self) -> str:
        """The viewer before a case is chosen."""
        return viewer_html(self._texts, None)

    def drop_zone(self) -> str:
        """Where files are dropped."""
        return render("drop.html.j2", self._texts)

    def state(self, request: gr.Request) -> str:
        """Changes whenever the visitor's list does."""
        return self._cases.state(_owner(request))

    def worklist(
        self,
        request: gr.Request,
        kind: str = "all",
        words: str = "",
        chosen: str | None = None,
        choice: OperatingChoice | None = None,
    ) -> str:
        """The list, narrowed to a kind and to words, at an operating point."""
        owner = _owner(request)
        return worklist_html(
            self._rows(owner, choice or OperatingChoice()),
            self._texts,
            kind=kind,
            words=words,
            chosen=chosen,
            thumbnails=lambda ids: self._pictures.of_cases(owner, ids, THUMBNAIL),
        )

    def viewer(self, request: gr.Request, case_id: str | None, prior_id: str | None = None) -> str:
        """The picture of a case, and of an earlier one beside it."""
        owner = _owner(request)
        try:
            case = self._cases.get(owner, case_id) if case_id else None
            prior = self._cases.get(owner, prior_id) if prior_id else None
        except CxrError:
            return viewer_html(self._texts, None)
        if case is None:
            return viewer_html(self._texts, None)
        result = self._cases.result(owner, case.id)
        findings = [heat_kind(finding.name) for finding in result.findings] if result else []
        files = self._pictures.of_kinds(owner, case.id, [PICTURE, OVERLAY, *findings])
        beside = prior and self._pictures.get(owner, prior.id, PICTURE)
        return viewer_html(self._texts, case, result, files, (prior, beside) if prior and beside else None)

    def panel(self, request: gr.Request, case_id: str, choice: OperatingChoice) -> str:
        """Findings, report and decision of a case."""
        owner = _owner(request)
        try:
            case = self._cases.get(owner, case_id)
        except CxrError:
            return ""
        policy = self._desk.policy(choice)
        visits = self._cases.visits(owner, case)[:_VISITS_SHOWN] if case.status == "screened" else []
        return panel_html(
            self._texts,
            case,
            self._cases.result(owner, case_id),
            policy,
            decision=self._desk.worklist.decisions.latest(owner, case_id),
            visits=[visit_of(case, v, policy, self._pictures.get(owner, v.id, THUMBNAIL)) for v in visits],
            similar=self._desk.similar(owner, case) if case.status == "screened" else [],
            has_header=self._pictures.get(owner, case_id, HEADER) is not None,
            reader=_user(request),
            model_sha256=self._desk.worklist.model.sha256,
        )

    def is_ready(self, request: gr.Request, case_id: str) -> bool:
        """Whether a case has been screened or refused."""
        try:
            return self._cases.get(_owner(request), case_id).status in ("screened", "refused")
        except CxrError:
            return False

    def operating(self, request: gr.Request, choice: OperatingChoice, prevalence: float) -> str:
        """What an operating point does at a prevalence."""
        bundle, policy = self._desk.bundle, self._desk.policy(choice)
        rows = self._rows(_owner(request), choice)
        lines = lines_of(policy, bundle.calibrator, bundle.operating_points, prevalence, rows, self._texts)
        return operating_html(lines, rows, policy, self._texts)

    def audit(self, request: gr.Request) -> str:
        """The audit page."""
        owner, worklist, bundle = _owner(request), self._desk.worklist, self._desk.bundle
        report = monitor(
            self._cases.visible(owner),
            worklist.decisions.all_latest(owner),
            points=bundle.operating_points,
            reference=bundle.score_reference,
            model_sha256=worklist.model.sha256,
        )
        return audit_html(report, worklist.audit(owner), worklist.verify_audit(), self._texts)

    def flag(self, request: gr.Request, case_id: str) -> None:
        """Put a mark on a case, or take it off."""
        owner = _owner(request)
        flagged = not self._cases.get(owner, case_id).flagged
        self._cases.flag(owner, case_id, flagged)
        self._desk.worklist.note(owner, _user(request) or "visitor", "flagged" if flagged else "unflagged", case_id)

    def add_examples(self, request: gr.Request) -> None:
        """Put the example cases on the visitor's list."""
        self._desk.receive_examples(_owner(request))

    def sign(self, request: gr.Request, case_id: str, overruled: Mapping[str, bool], reader: str, comment: str) -> None:
        """Sign a case. Who signed in signs with that name, whatever the page says."""
        self._desk.worklist.sign(
            _owner(request), case_id, reader=_user(request) or reader, overruled=overruled, comment=comment
        )

    def export(self, request: gr.Request, kind: str, case_id: str) -> dict[str, str]:
        """A file to save: its name, media type and base64 content."""
        owner = _owner(request)
        file = export_file(self._desk.worklist, owner, kind, case_id, self._texts)
        self._desk.worklist.note(owner, _user(request) or "visitor", "exported", case_id, kind=kind)
        return file

    def _rows(self, owner: str, choice: OperatingChoice) -> list[Row]:
        return rows_of(self._cases.visible(owner), self._desk.policy(choice))


def _owner(request: gr.Request) -> str:
    """Whose cases the visitor sees, as the gatekeeper found out."""
    return str(request.request.scope["state"]["owner"])


def _user(request: gr.Request) -> str:
    """Name of the signed-in user; empty on loopback without users."""
    return str(request.request.scope["state"]["user"])
