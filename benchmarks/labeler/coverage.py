"""How much of the reports is understood, whether the rest keeps a report from No Finding, and the languages refused."""

import tomllib
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from benchmarks.labeler.gold import DATA, Gold
from benchmarks.record import Row
from nlp_labeler.document import ReportLabels
from nlp_labeler.findings import NO_FINDING
from nlp_labeler.labeler import Labeler

__all__ = ["coverage_rows"]

HERE = Path(__file__).parent
LEAST = (1.0, 0.9, 0.75, 0.5)
NORMALS = 500


def coverage_rows(gold: Gold, results: list[ReportLabels]) -> list[Row]:
    """The shares of reports by coverage, planted sentences that pass, and reports refused by language."""
    labeler = Labeler.load(engine="surface")
    covered = [result.coverage for result in results if result.status == "ok"]
    rows = [
        share("labeler coverage", f"coverage at least {least}", "share", sum(c >= least for c in covered), len(covered))
        for least in LEAST
    ]
    normals = [text for text, normal in zip(gold.texts, gold.normal, strict=True) if normal and text][:NORMALS]
    planted = tomllib.loads((HERE / "planted.toml").read_text())["sentences"]
    generator = np.random.default_rng(0)
    texts = []
    for number, text in enumerate(normals):
        ends = [place for place in range(len(text)) if text.startswith(". ", place)] or [len(text) - 1]
        place = int(generator.choice(ends)) + 1
        texts.append(f"{text[:place]} {planted[number % len(planted)]}{text[place:]}")
    passed = sum(result.labels[NO_FINDING] == 1 for result in labeler.pipe(texts))
    lost = [result for result in labeler.pipe(normals) if result.unexplained]
    rows.append(share("labeler planted", "abnormal sentence planted, still No Finding", "share", passed, len(texts)))
    rows.append(share("labeler planted", "unaltered normal, something unexplained", "share", len(lost), len(normals)))
    languages = tomllib.loads((HERE / "languages.toml").read_text())
    groups = {
        f"{len(languages['foreign'])} other languages": [
            text for texts in languages["foreign"].values() for text in texts
        ],
        "telegraphic English": languages["english"]["reports"],
        "OpenI": list(normals),
        "OpenI in capitals": [text.upper() for text in normals],
    }
    for name, reports in groups.items():
        refused = sum(result.status != "ok" for result in labeler.pipe(reports))
        rows.append(share("labeler languages", name, "refused", refused, len(reports)))
    return rows


def share(table: str, row: str, metric: str, count: int, n: int) -> Row:
    """One share with its 95 % Wilson interval."""
    low, high = binomtest(count, n).proportion_ci(method="wilson")
    return Row(
        table=table,
        row=row,
        metric=metric,
        value=count / n,
        low=low,
        high=high,
        n=n,
        unit_of_n="reports",
        data=DATA,
        interval="Wilson",
    )
