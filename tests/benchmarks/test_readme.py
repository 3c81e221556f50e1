"""The README's tables say what the results say, in figures that read well."""

import re

import pytest

from benchmarks.readme import PAGES, filled, table
from benchmarks.record import Row

COMMAND = "python -m benchmarks demo"


def row(name, metric, value, low=None, high=None, n=1000, unit="images", data="phantoms", **about):
    about = {"interval": "none" if low is None else "bootstrap by patient", "commit": "abc", "code": "c0de"} | about
    ends = {"low": low, "high": high}
    return Row(table="t", row=name, metric=metric, value=value, n=n, unit_of_n=unit, data=data, **ends, **about)


def lines(*rows) -> list[str]:
    return table(rows, COMMAND).splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_pages_are_up_to_date(page):
    text = page.read_text(encoding="utf-8")
    assert "<!-- table: " in text
    assert filled(text) == text, "run `python -m benchmarks readme`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_link_leads_to_a_file_or_folder(page):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


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


def test_kinds_of_intervals_stand_below_the_table_or_in_a_column_where_lines_differ():
    alike = lines(row("a", "AUC", 0.9, 0.8, 0.95), row("b", "AUC", 0.8))
    assert alike[0] == "| | AUC |"
    assert "; intervals: bootstrap by patient." in alike[-1]
    differing = lines(row("a", "AUC", 0.9, 0.8, 0.95), row("b", "AUC", 0.8, 0.7, 0.9, interval="range over seeds"))
    assert differing[2:4] == [
        "| a | 0.900 (0.800-0.950) | bootstrap by patient |",
        "| b | 0.800 (0.700-0.900) | range over seeds |",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_no_marker_stands_over_an_empty_table(page):
    text = page.read_text(encoding="utf-8")
    assert text.count("<!-- table: ") == text.count("-->\n| | ") == text.count("<!-- end -->")


def test_every_line_names_the_commit_it_was_measured_at():
    assert lines(row("a", "AUC", 0.9))[-1].endswith("`python -m benchmarks demo` at abc.</sub>")
    differing = lines(row("a", "AUC", 0.9), row("b", "AUC", 0.8, commit="def", code=""))
    assert differing[2:4] == ["| a | 0.900 | abc |", "| b | 0.800 | def* |"]


def test_a_run_that_was_taken_up_is_not_passed_off_as_a_new_one():
    assert "at abc (trained at 123).</sub>" in lines(row("a", "AUC", 0.9, runs=("123",)))[-1]


def test_seeds_stand_beside_lines_whose_numbers_differ():
    assert "; seeds 0, 1." in lines(row("a", "AUC", 0.9, seeds=(0, 1)))[-1]
    assert lines(row("a", "AUC", 0.9, seeds=(0, 1)), row("b", "AUC", 0.8, seeds=(0,)))[2] == "| a | 0.900 | 0, 1 |"
