"""What happens when a visitor does something: each method answers one event with what the page then shows.

Gradio gives the request and the event by the types of the arguments, and the components' values before them.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from app.operating_choice import OperatingChoice
from app.screens import Screens
from app.texts import Texts
from cxr.errors import CxrError

__all__ = ["Events"]


class Events:
    """The page's events.

    Args:
        screens: what a visitor is shown.
        texts: words of the page.
    """

    def __init__(self, screens: Screens, texts: Texts) -> None:
        self._screens = screens
        self._texts = texts

    def load(self, request: gr.Request) -> tuple[str, str]:
        """The page opens: its top line and the list."""
        return self._screens.header(request), self._screens.worklist(request)

    def narrow(
        self, filter_key: str, text: str, case_id: str | None, point: OperatingChoice, request: gr.Request
    ) -> str:
        """The list under its filter and words."""
        return self._screens.worklist(request, filter_key, text, case_id, point)

    def tick(
        self,
        filter_key: str,
        text: str,
        case_id: str | None,
        point: OperatingChoice,
        before: str,
        shown: str | None,
        request: gr.Request,
    ) -> tuple[object, object, object, str, str | None]:
        """Once a second: what changed since, drawn only where it did."""
        state = self._screens.state(request)
        if state == before:
            return gr.skip(), gr.skip(), gr.skip(), before, shown
        listing = self._screens.worklist(request, filter_key, text, case_id, point)
        if case_id and case_id != shown and self._screens.is_ready(request, case_id):
            opened = self._screens.viewer(request, case_id), self._screens.panel(request, case_id, point)
            return listing, *opened, state, case_id
        return listing, gr.skip(), gr.skip(), state, shown

    def select(
        self, point: OperatingChoice, request: gr.Request, event: gr.EventData
    ) -> tuple[str, str, str, str | None]:
        """A row was clicked: its picture and findings."""
        case_id = str(event.case)
        opened = self._screens.viewer(request, case_id), self._screens.panel(request, case_id, point)
        return case_id, *opened, case_id if self._screens.is_ready(request, case_id) else None

    def flag(
        self,
        filter_key: str,
        text: str,
        case_id: str | None,
        point: OperatingChoice,
        request: gr.Request,
        event: gr.EventData,
    ) -> str:
        """A row's mark was set or taken off."""
        with _said():
            self._screens.flag(request, str(event.case))
        return self._screens.worklist(request, filter_key, text, case_id, point)

    def examples(
        self, filter_key: str, text: str, case_id: str | None, point: OperatingChoice, request: gr.Request
    ) -> str:
        """The example cases are asked for."""
        with _said():
            self._screens.add_examples(request)
        return self._screens.worklist(request, filter_key, text, case_id, point)

    def sign(
        self,
        filter_key: str,
        text: str,
        point: OperatingChoice,
        request: gr.Request,
        event: gr.EventData,
    ) -> tuple[str, str]:
        """The reader signs what stands on the panel."""
        case_id = str(event.case)
        with _said():
            self._screens.sign(request, case_id, event.overruled, str(event.reader), str(event.comment))
        gr.Info(self._texts("decision.saved"), duration=4)
        listing = self._screens.worklist(request, filter_key, text, case_id, point)
        return self._screens.panel(request, case_id, point), listing

    def compare(self, request: gr.Request, event: gr.EventData) -> str:
        """An earlier visit is put beside the picture."""
        return self._screens.viewer(request, str(event.case), str(event.prior))

    def close_comparison(self, request: gr.Request, event: gr.EventData) -> str:
        """The picture stands alone again."""
        return self._screens.viewer(request, str(event.case))

    def download(self, request: gr.Request, event: gr.EventData) -> str:
        """A file is asked for: JSON that the page saves."""
        with _said():
            return json.dumps(self._screens.export(request, str(event.kind), str(getattr(event, "case", ""))))

    def choice(
        self,
        name: str,
        amount: float,
        percent: float,
        filter_key: str,
        text: str,
        case_id: str | None,
        request: gr.Request,
    ) -> tuple[OperatingChoice, str, str, object]:
        """Another operating point was chosen: everything is counted at it."""
        point = OperatingChoice(name, float(amount) if name == "custom" else 0.0)  # type: ignore[arg-type]  # one of the radio's values
        panel_now = self._screens.panel(request, case_id, point) if case_id else gr.skip()
        return (
            point,
            self._screens.operating(request, point, percent / 100),
            self._screens.worklist(request, filter_key, text, case_id, point),
            panel_now,
        )


@contextmanager
def _said() -> Iterator[None]:
    """An expected error becomes a message on the page, in its own words."""
    try:
        yield
    except CxrError as error:
        raise gr.Error(str(error), duration=None, print_exception=False) from error
