"""Tables of README.md and benchmarks/README.md from benchmarks/results: nothing between the markers is typed by hand.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a row's ``table``.
"""

import re
from collections.abc import Iterable, Sequence

from benchmarks.record import RESULTS, ROOT, Results, Row, read

PAGES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")
MIXED = "measured"
"""Name of a column whose figures have units of their own."""
MARKED = re.compile(r"(<!-- table: (?P<name>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def digits(rows: Sequence[Row]) -> int:
    """Decimals of one column: none for counts and thousands, so many that the largest value shows four figures."""
    if all(r.low is None and r.value.is_integer() for r in rows):
        return 0
    largest = max(abs(r.value) for r in rows)
    return 3 if largest < 10 else 1 if largest < 1000 else 0


def cell(row: Row | None, decimals: int) -> str:
    """Value with its interval."""
    if row is None:
        return ""
    if row.low is None and 0 < abs(row.value) < 0.5 * 10**-decimals:
        return f"{row.value:.1e}"
    value = f"{row.value:,.{decimals}f}"
    if row.low is None or row.high is None:
        return value
    between = " to " if row.low < 0 else "-"
    return f"{value} ({row.low:,.{decimals}f}{between}{row.high:,.{decimals}f})"


def table(rows: Sequence[Row], source: Results) -> str:
    """One Markdown table: a line per ``row``, a column per ``metric``, then where it comes from.

    How many images, reports or patients a figure rests on stands below the table, or in a column where lines differ.
    """
    metrics = list(dict.fromkeys(r.metric for r in rows))
    lines = {name: [r for r in rows if r.row == name] for name in dict.fromkeys(r.row for r in rows)}
    decimals = {m: digits([r for r in rows if r.metric == m]) for m in metrics}
    sizes = {name: _sizes(members) for name, members in lines.items()}
    differ = len(set(sizes.values())) > 1
    heads = [*metrics, *(["n"] if differ else [])]
    text = "| | " + " | ".join(heads) + " |\n|---|" + "---|" * len(heads) + "\n"
    for name, members in lines.items():
        found = {r.metric: r for r in members}
        cells = [cell(found.get(m), digits(members) if m == MIXED else decimals[m]) for m in metrics]
        text += f"| {' | '.join([name, *cells, *([sizes[name]] if differ else [])])} |\n"
    data = "; ".join(dict.fromkeys(r.data if differ else f"{r.data}, n={_sizes([r])}" for r in rows))
    return f"{text}\n<sub>{data}. `{source.provenance.command}` at {source.provenance.commit}.</sub>\n"


def _sizes(rows: Iterable[Row]) -> str:
    return ", ".join(
        dict.fromkeys(f"{r.n:,} {r.unit_of_n.removesuffix('s') if r.n == 1 else r.unit_of_n}" for r in rows)
    )


def tables() -> dict[str, str]:
    """Every table of every result file."""
    made: dict[str, str] = {}
    for path in sorted(RESULTS.glob("*.json")):
        results = read(path.stem)
        for name in dict.fromkeys(r.table for r in results.rows):
            made[name] = table([r for r in results.rows if r.table == name], results)
    return made


def filled(text: str) -> str:
    """A text with every marked table as the results give it.

    Raises:
        SystemExit: if a marker names a table that no result file holds.
    """
    made = tables()

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in made:
            raise SystemExit(f"benchmarks: a page names table '{name}'; results hold {sorted(made)}")
        return f"{match[1]}{made[name]}{match[3]}"

    return MARKED.sub(replace, text)


def regenerate() -> None:
    """Rewrite every marked table of the pages; see :func:`filled`."""
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
