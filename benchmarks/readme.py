"""Tables of README.md and benchmarks/README.md from benchmarks/results: nothing between the markers is typed by hand.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a row's ``table``.
"""

import re
from collections.abc import Callable, Sequence

from benchmarks.provenance import RESULTS, ROOT
from benchmarks.record import MIXED, Row, read

__all__ = ["PAGES", "filled", "regenerate", "table"]

PAGES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")
MARKED = re.compile(r"(<!-- table: (?P<name>[^\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


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


def _size(row: Row) -> str:
    return f"{row.n:,} {row.unit_of_n.removesuffix('s') if row.n == 1 else row.unit_of_n}"


def _interval(row: Row) -> str:
    return "" if row.interval == "none" else row.interval


def _commit(row: Row) -> str:
    older = [commit for commit in row.runs if commit != row.commit]
    trained = f" (trained at {' and '.join(older)})" if older else ""
    return row.commit + (trained if row.code else "*")


ABOUT: dict[str, Callable[[Row], str]] = {
    "n": _size,
    "interval": _interval,
    "seeds": lambda row: ", ".join(map(str, row.seeds)),
    "commit": _commit,
}
"""What a reader must know of a figure: it stands below the table, or in a column where lines differ.

An asterisk at a commit: recorded before rows bore the hash of their code.
"""


def table(rows: Sequence[Row], command: str) -> str:
    """One Markdown table: a line per ``row``, a column per ``metric``, then where it comes from."""
    metrics = list(dict.fromkeys(r.metric for r in rows))
    lines = {name: [r for r in rows if r.row == name] for name in dict.fromkeys(r.row for r in rows)}
    decimals = {m: digits([r for r in rows if r.metric == m]) for m in metrics}
    about = {name: {key: _distinct(members, tell) for key, tell in ABOUT.items()} for name, members in lines.items()}
    told = {key: {line[key] for line in about.values()} - {""} for key in ABOUT}  # no interval contradicts none
    columns = [key for key in ABOUT if len(told[key]) > 1]
    heads = [*metrics, *columns]
    text = "| | " + " | ".join(heads) + " |\n|---|" + "---|" * len(heads) + "\n"
    for name, members in lines.items():
        found = {r.metric: r for r in members}
        cells = [cell(found.get(m), digits(members) if m == MIXED else decimals[m]) for m in metrics]
        text += f"| {' | '.join([name, *cells, *(about[name][key] for key in columns)])} |\n"
    below = {key: "".join(told[key]) for key in ABOUT if key not in columns}
    data = "; ".join(dict.fromkeys(r.data + (f", n={_size(r)}" if "n" in below else "") for r in rows))
    parts = [
        data,
        f"seed{'s' * (',' in below['seeds'])} {below['seeds']}" if below.get("seeds") else "",
        f"intervals: {below['interval']}" if below.get("interval") else "",
    ]
    where = f" at {below['commit']}" if "commit" in below else ""
    return f"{text}\n<sub>{'; '.join(filter(None, parts))}. `{command}`{where}.</sub>\n"


def _distinct(rows: Sequence[Row], tell: Callable[[Row], str]) -> str:
    return ", ".join(filter(None, dict.fromkeys(tell(row) for row in rows)))


def tables() -> dict[str, str]:
    """Every table of every result file."""
    made: dict[str, str] = {}
    for path in sorted(RESULTS.glob("*.json")):
        results = read(path.stem)
        for name in dict.fromkeys(r.table for r in results.rows):
            made[name] = table([r for r in results.rows if r.table == name], results.command)
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
