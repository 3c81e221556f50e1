"""The README's tables say what the results say, in figures that read well."""

import re

import pytest

from benchmarks.readme import PAGES, filled, table
from benchmarks.record import Provenance, Results, Row

SOURCE = Results(
    provenance=Provenance(benchmark="demo", command="python -m benchmarks demo", commit="abc", version="0"), rows=[]
)


def row(name, metric, value, low=None, high=None, n=1000, unit="images", data="phantoms"):
    return Row(table="t", row=name, metric=metric, value=value, low=low, high=high, n=n, unit_of_n=unit, data=data)


def lines(*rows) -> list[str]:
    return table(rows, SOURCE).splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_pages_are_up_to_date(page):
    text = page.read_text(encoding="utf-8")
    assert "<!-- table: " in text
    assert filled(text) == text, "run `python -m benchmarks readme`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_link_leads_to_a_file(page):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), target


def test_counts_have_no_decimals():
    assert lines(row("a", "crashes", 0), row("b", "crashes", 12))[2:4] == ["| a | 0 |", "| b | 12 |"]


def test_a_share_of_nothing_is_no_count():
    assert lines(row("a", "hit", 0, 0.0, 0.01))[2] == "| a | 0.000 (0.000-0.010) |"
    assert lines(row("a", "AUC", 1), row("b", "AUC", 0.9966))[2] == "| a | 1.000 |"


def test_a_column_has_the_decimals_of_its_largest_figure():
    assert lines(row("a", "reports/s", 2837.4), row("b", "reports/s", 87.3))[2:4] == ["| a | 2,837 |", "| b | 87 |"]
    assert lines(row("a", "ms", 11.43))[2] == "| a | 11.4 |"


def test_figures_of_different_units_have_decimals_of_their_own():
    mixed = lines(row("MB", "measured", 378.3), row("difference", "measured", 2.4e-6), row("lost", "measured", 0))
    assert mixed[2:5] == ["| MB | 378.3 |", "| difference | 2.4e-06 |", "| lost | 0 |"]


def test_a_small_difference_is_not_shown_as_none():
    assert lines(row("a", "difference", 0.5), row("b", "difference", 2e-5))[3] == "| b | 2.0e-05 |"


def test_an_interval_below_zero_is_no_row_of_dashes():
    assert lines(row("a", "gain", 0.013, -0.004, 0.029))[2] == "| a | 0.013 (-0.004 to 0.029) |"


def test_sizes_stand_below_the_table_or_in_a_column_where_they_differ():
    assert "phantoms, n=1,000 images." in lines(row("a", "AUC", 0.9))[-1]
    differing = lines(row("a", "AUC", 0.9), row("b", "AUC", 0.8, n=43, unit="pictures"), row("c", "hit", 0.1))
    assert differing[0] == "| | AUC | hit | n |"
    assert differing[2:5] == [
        "| a | 0.900 |  | 1,000 images |",
        "| b | 0.800 |  | 43 pictures |",
        "| c |  | 0.100 | 1,000 images |",
    ]
    assert differing[-1].startswith("<sub>phantoms. `python")


def test_a_table_that_nothing_measured_is_refused():
    with pytest.raises(SystemExit, match="names table 'made up'"):
        filled("<!-- table: made up -->\n<!-- end -->")
