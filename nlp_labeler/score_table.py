"""Scores of a labeler as tables for the terminal."""

from rich.table import Table

from nlp_labeler.evaluate import Evaluation, Interval, LabelScore, Scores

__all__ = ["score_tables"]


def score_tables(evaluation: Evaluation) -> list[Table]:
    """One table a protocol: precision, recall and F1 of every label, then micro and macro F1 with their intervals."""
    n = len(evaluation.all_reports.per_label)
    everything = protocol_table(f"All reports, {n} labels", evaluation.all_reports)
    everything.add_section()
    everything.add_row("No Finding (not pooled)", *cells(evaluation.no_finding))
    return [everything, protocol_table(f"Any of the {n} or normal, {n + 1} labels", evaluation.with_normal)]


def protocol_table(title: str, scores: Scores) -> Table:
    """The table of one protocol."""
    table = Table(title=f"{title} ({scores.n_reports} reports)", title_justify="left")
    table.add_column("label")
    for name in ("precision", "recall", "F1", "gold"):
        table.add_column(name, justify="right")
    for label, score in scores.per_label.items():
        table.add_row(label, *cells(score))
    table.add_section()
    precision, recall, _, gold = cells(scores.micro)
    table.add_row("micro", precision, recall, interval_cell(scores.micro_f1), gold)
    table.add_row("macro", "", "", interval_cell(scores.macro_f1), "")
    return table


def cells(score: LabelScore) -> tuple[str, str, str, str]:
    """Precision, recall, F1 and number of gold reports."""
    return f"{score.precision:.3f}", f"{score.recall:.3f}", f"{score.f1:.3f}", str(score.n_gold)


def interval_cell(interval: Interval) -> str:
    """A value with its 95 % interval."""
    return f"{interval.value:.3f} ({interval.low:.3f}-{interval.high:.3f})"
