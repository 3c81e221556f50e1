"""One labeled report in colour on the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nlp_labeler.document import Assertion, ReportLabels
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


def show(result: ReportLabels, console: Console) -> None:
    """Print the report with its mentions in the colour of what is said of them, then labels and evidence."""
    report = Text()
    for segment in segments(result):
        style = STYLES[segment.mention.assertion] if segment.mention else ""
        report.append(segment.text, f"{style} underline" if segment.cue else style)
    console.print(report, soft_wrap=True)
    console.print(Text(" ").join(Text(str(assertion), style) for assertion, style in STYLES.items()))
    console.print(labels_table(result))
    console.print(mentions_table(result))
    console.print(f"policy {result.policy}, engine {result.engine}, status {result.status}", style="dim")


def labels_table(result: ReportLabels) -> Table:
    """The labels that the report gives; those it does not mention are left out."""
    table = Table("label", "value")
    for label, value in result.labels.items():
        if value is not None:
            table.add_row(label, VALUE_WORDS[value])
    return table


def mentions_table(result: ReportLabels) -> Table:
    """Every mention with what was decided about it and by which rule."""
    table = Table("mention", "label", "assertion", "rule", "attributes", "sentence")
    for mention in result.mentions:
        table.add_row(
            Text(printable(mention.text)),
            mention.finding or "",
            Text(str(mention.assertion), STYLES[mention.assertion]),
            Text(mention.rule),
            attributes_text(mention),
            Text(printable(mention.sentence)),
        )
    return table
