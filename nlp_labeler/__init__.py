"""Report text -> findings with evidence.

``Labeler.load(policy="openi").label(text)`` gives :class:`ReportLabels`. The stages, each in its own module:
sections -> sentences -> mentions -> assertion (surface rules, or rules over a dependency graph) -> attributes ->
aggregate under a policy.
"""

from typing import TYPE_CHECKING, Any

from nlp_labeler.document import AssertedMention, Assertion, ReportLabels, compose_report

if TYPE_CHECKING:
    from nlp_labeler.labeler import Labeler

__all__ = ["AssertedMention", "Assertion", "Labeler", "ReportLabels", "compose_report"]


def __getattr__(name: str) -> Any:
    # Every command passes here on its way to the errors: the labeler and its lexicon wait until they are asked for.
    if name == "Labeler":
        from nlp_labeler.labeler import Labeler

        return Labeler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
