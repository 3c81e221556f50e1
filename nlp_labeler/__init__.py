"""Report text -> findings with evidence.

``Labeler.load(policy="openi").label(text)`` gives :class:`ReportLabels`. The stages, each in its own module:
sections -> sentences -> mentions -> assertion (surface rules, or rules over a dependency graph) -> attributes ->
aggregate under a policy.
"""

from nlp_labeler.document import AssertedMention, Assertion, ReportLabels, compose_report
from nlp_labeler.labeler import Labeler

__all__ = ["AssertedMention", "Assertion", "Labeler", "ReportLabels", "compose_report"]
