import dataclasses

import pytest

from app.desk import Desk, cases_of_folder
from app.presenters import FILTERS, case_html, chosen, rows, summary
from cxr.errors import BundleError, ConfigError
from cxr.outputs import screen_to_folder
from cxr.screening import Screener


@pytest.fixture
def results(tiny_bundle, image_folder, tmp_path):
    (image_folder / "broken.png").write_bytes(b"")
    screen_to_folder(Screener(tiny_bundle, threads=1), [image_folder], tmp_path / "out", workers=1)
    return tmp_path / "out"


def test_cases_are_sorted_by_urgency_with_refused_ones_last(results):
    cases = cases_of_folder(results)
    assert [c.result.triage for c in cases] == ["refer", "refer", "none", None]
    assert [c.overlay is not None for c in cases] == [True, True, True, False]


def test_rows_and_summary(results):
    cases = cases_of_folder(results)
    table = rows(cases)
    assert [r[0] for r in table] == [1, 2, 3, 4]
    assert [r[2] for r in table] == ["Refer", "Refer", "Below threshold", "Refused"]
    assert table[3] == [4, "broken.png", "Refused", "empty_file"]
    assert summary(cases) == "2 refer · 0 read · 1 below threshold · 1 refused"


def test_filter_and_search(results):
    cases = cases_of_folder(results)
    assert [len(chosen(cases, state, "")) for state in FILTERS] == [4, 2, 0, 1, 1]
    assert [c.result.path[-12:] for c in chosen(cases, "All", "EFFUSION effusion.png")] == ["effusion.png"]
    assert chosen(cases, "Refused", "effusion") == []


def test_case_html_shows_report_bars_and_reason(results):
    cases = cases_of_folder(results)
    shown = case_html(cases[0])
    assert "There is" in shown
    assert shown.count('class="bar') == 1 + 3
    assert "empty_file" in case_html(cases[3])


def test_names_from_outside_are_escaped(results):
    case = cases_of_folder(results)[0]
    hostile = dataclasses.replace(case, result=dataclasses.replace(case.result, path="<script>alert(1)<b>.png"))
    assert "<script>" not in case_html(hostile)


def test_desk_keeps_visitors_apart(tiny_bundle, image_folder, results):
    desk = Desk(tiny_bundle, results)
    one, two = desk.open_session(), desk.open_session()
    seen = []
    first = desk.screen(one, [image_folder / "effusion.png"], seen.append)
    second = desk.screen(two, [image_folder / "healthy.png"], seen.append)
    assert len(first) == len(second) == 5
    assert len(seen) == 2
    assert len(desk.start) == 4


def test_folder_without_results_and_missing_bundle_are_said(tmp_path, image_folder):
    with pytest.raises(ConfigError, match="holds no results"):
        Desk(None, tmp_path)
    desk = Desk(tmp_path / "none", None)
    with pytest.raises(BundleError, match="no bundle at"):
        desk.screen(desk.open_session(), [image_folder], lambda _: None)
