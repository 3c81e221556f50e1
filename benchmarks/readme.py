"""README tables from benchmarks/results: nothing between the markers is written by hand.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a row's ``table``.
"""

import re

from benchmarks.record import RESULTS, ROOT, Results, Row, read

MARKED = re.compile(r"(<!-- table: (?P<name>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def cell(row: Row | None) -> str:
    """Value with its interval, in as many digits as the figure carries."""
    if row is None:
        return ""
    digits = 3 if abs(row.value) < 10 else 1 if abs(row.value) < 1000 else 0
    value = f"{row.value:,.{digits}f}"
    if row.low is None or row.high is None:
        return value
    return f"{value} ({row.low:,.{digits}f}-{row.high:,.{digits}f})"


def table(rows: list[Row], source: Results) -> str:
    """One Markdown table: a line per ``row``, a column per ``metric``, then where it comes from."""
    metrics = list(dict.fromkeys(r.metric for r in rows))
    lines = list(dict.fromkeys(r.row for r in rows))
    found = {(r.row, r.metric): r for r in rows}
    text = "| | " + " | ".join(metrics) + " |\n|---|" + "---|" * len(metrics) + "\n"
    for line in lines:
        text += f"| {line} | " + " | ".join(cell(found.get((line, m))) for m in metrics) + " |\n"
    data = "; ".join(dict.fromkeys(f"{r.data}, n={r.n:,} {r.unit_of_n}" for r in rows))
    return f"{text}\n<sub>{data}. `{source.provenance.command}` at {source.provenance.commit}.</sub>\n"


def regenerate() -> None:
    """Rewrite every marked table of README.md.

    Raises:
        SystemExit: if a marker names a table that no result file holds.
    """
    tables: dict[str, str] = {}
    for path in sorted(RESULTS.glob("*.json")):
        results = read(path.stem)
        for name in dict.fromkeys(r.table for r in results.rows):
            tables[name] = table([r for r in results.rows if r.table == name], results)

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in tables:
            raise SystemExit(f"benchmarks: README names table '{name}'; results hold {sorted(tables)}")
        return f"{match[1]}{tables[name]}{match[3]}"

    readme = ROOT / "README.md"
    readme.write_text(MARKED.sub(replace, readme.read_text()))
