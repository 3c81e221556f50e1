"""One labeled report as a self-contained page: no script, nothing loaded, every word of the report escaped."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from nlp_labeler.document import ReportLabels
from nlp_labeler.explain.segments import VALUE_WORDS, attributes_text, segments

__all__ = ["render_page"]


def render_page(result: ReportLabels, title: str) -> str:
    """The page.

    Args:
        result: the labeled report.
        title: what the page is called, e.g. the name of the file.
    """
    template = files("nlp_labeler.explain").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        title=title, result=result, segments=segments(result), words=VALUE_WORDS, attributes=attributes_text
    )
