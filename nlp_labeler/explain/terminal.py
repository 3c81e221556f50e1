"""One labeled report in colour on the terminal."""

from collections.abc import Iterable
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nlp_labeler.document import AssertedMention, Assertion, ReportLabels
from nlp_labeler.explain.segments import VALUE_WORDS, attributes_text, printable, segments

__all__ = ["show"]

STYLES = {
    Assertion.AFFIRMED: "bold red",
    Assertion.NEGATED: "green",
    Assertion.UNCERTAIN: "yellow",
    Assertion.HISTORICAL: "blue",
    Assertion.RESOLVED: "cyan",
    Assertion.HYPOTHETICAL: "magenta",
}
UNEXPLAINED = "reverse dim"


def show(result: ReportLabels, console: Console) -> None:
    """Print the report with its mentions in the colour of what is said of them, then labels and evidence."""
    report = Text()
    for segment in segments(result):
        style = STYLES[segment.mention.assertion] if segment.mention else UNEXPLAINED if segment.unexplained else ""
        report.append(segment.text, f"{style} underline" if segment.cue else style)
    console.print(report, soft_wrap=True)
    legend = [Text(str(assertion), style) for assertion, style in STYLES.items()]
    console.print(Text(" ").join([*legend, Text("not understood", UNEXPLAINED)]))
    console.print(labels_table(result))
    for (_, sentence), mentions in groupby(result.mentions, key=lambda m: (m.sentence_start, m.sentence)):
        console.print(Text(" ".join(printable(sentence).split())), soft_wrap=True)
        console.print(Padding(mentions_table(mentions), (0, 0, 1, 2)))
    console.print(
        f"policy {result.policy}, engine {result.engine}, status {result.status}, coverage {result.coverage:.2f}",
        style="dim",
    )


def labels_table(result: ReportLabels) -> Table:
    """The labels that the report gives; those it does not mention are left out."""
    table = Table("label", "value")
    for label, value in result.labels.items():
        if value is not None:
            table.add_row(label, VALUE_WORDS[value])
    return table


def mentions_table(mentions: Iterable[AssertedMention]) -> Table:
    """Mentions with what was decided about each and by which rule, one a line."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for mention in mentions:
        table.add_row(
            Text(str(mention.assertion), STYLES[mention.assertion]),
            mention.finding or "-",
            Text(" ".join(printable(mention.text).split())),
            Text(mention.rule, "dim"),
            attributes_text(mention),
        )
    return table
