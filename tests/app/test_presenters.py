import dataclasses
import io

import pytest
from PIL import Image

pytest.importorskip("faiss", reason="the triage page needs the 'app' extra")

from app.operating_choice import OperatingChoice, Policy
from app.presenters.operating import fitted_prevalence, lines_of, operating_html
from app.presenters.panel import bars_of, panel_html, visit_of
from app.presenters.rows import FILTERS, SHOWN, rows_of, worklist_html
from app.presenters.viewer import viewer_html
from app.texts import Texts
from cxr.screening import Screener
from cxr.worklist import Case, Subject
from cxr.worklist.pictures import PICTURE, heat_kind

TEXTS = Texts()
_STREAM = io.BytesIO()
Image.new("L", (8, 8), 200).save(_STREAM, format="PNG")
GREY = _STREAM.getvalue()


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.fixture
def policy(screener):
    return Policy(screener.bundle.operating_points, None, OperatingChoice())


@pytest.fixture
def effusion(screener, image_folder):
    """The result of an image with an effusion."""
    return screener.screen(image_folder / "effusion.png")


def case_of(probabilities, name="a.png", **changes):
    made = Case(
        f"{name}-id", "", name, "screened", "2026-01-01T08:00:00", Subject("7", "20260101", "F", 50.0, "PA"),
        400, 320, "none", None, probabilities, "model", False, None,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def scores(effusion=0.1, nodule=0.1):
    return {"Cardiomegaly": 0.1, "Effusion": effusion, "Nodule": nodule}


def listed(rows, **options):
    asked = {"kind": "all", "words": "", "chosen": None, "thumbnails": lambda ids: {}} | options
    return worklist_html(rows, TEXTS, **asked)


def test_the_list_is_sorted_by_urgency_refused_then_waiting_and_signed_last(policy):
    cases = [
        case_of({}, "waiting.png", status="waiting"),
        case_of({}, "refused.png", status="refused", refusal="too_small"),
        case_of(scores(), "nothing.png"),
        case_of(scores(effusion=0.99), "signed.png", signed_by="Ann"),
        case_of(scores(effusion=0.8), "likely.png"),
        case_of(scores(effusion=0.99), "sure.png"),
    ]
    names = [row.case.name for row in rows_of(cases, policy)]
    assert names == ["sure.png", "likely.png", "nothing.png", "refused.png", "waiting.png", "signed.png"]


def test_filters_and_search(policy):
    rows = rows_of(
        [
            case_of(scores(effusion=0.99), "one.png", flagged=True),
            case_of(scores(), "two.png", signed_by="Ann"),
            case_of({}, "three.png", status="refused", refusal="too_small"),
        ],
        policy,
    )
    kept = {kind: sum(row.belongs_to(kind) for row in rows) for kind in FILTERS}
    assert kept == {"all": 3, "refer": 1, "read": 0, "none": 1, "refused": 1, "open": 1, "signed": 1, "flagged": 1}
    assert [row.case.name for row in rows if row.matches("EFFUSION one")] == ["one.png"]
    assert [row.case.name for row in rows if row.matches("too_small")] == ["three.png"]


def test_a_long_list_is_cut_and_says_so(policy):
    rows = rows_of([case_of(scores(), f"{n}.png") for n in range(SHOWN + 5)], policy)
    html = listed(rows)
    assert html.count('data-event="select"') == SHOWN
    assert f"The first {SHOWN} of {SHOWN + 5} are shown" in html


def test_progress_is_shown_while_cases_wait(policy):
    rows = rows_of([case_of(scores()), case_of({}, status="waiting")], policy)
    assert "Screening: 1 of 2" in listed(rows)
    assert "Screening:" not in listed(rows[:1])
    assert "Nobody is waiting" in listed([])


def test_bars_say_what_a_threshold_means(effusion, policy):
    bars = {bar.name: bar for bar in bars_of(effusion, policy, TEXTS, same_model=True)}
    assert bars["Effusion"].flagged
    assert bars["Effusion"].called
    assert bars["Effusion"].words.startswith("Of 1,000 people without effusion about ")
    assert "with 95 % confidence not more than 50" in bars["Effusion"].words
    assert 0 < bars["Nodule"].mark <= 100


def test_an_earlier_visit_says_what_is_new_gone_and_changed(policy):
    now = case_of(scores(effusion=0.95, nodule=0.1))
    changes = visit_of(now, case_of(scores(effusion=0.1, nodule=0.9)), policy, None).changes
    assert {(c.name, c.kind) for c in changes} == {("Effusion", "new"), ("Nodule", "gone")}
    [change] = visit_of(now, case_of(scores(effusion=0.7)), policy, None).changes
    assert change.kind == "up"
    [change] = visit_of(now, case_of(scores(effusion=0.93)), policy, None).changes
    assert change.kind == "same"


def test_the_words_of_a_generated_sentence_show_where_they_looked(effusion):
    case, files = case_of(scores(effusion=0.9)), {PICTURE: GREY, heat_kind("Effusion"): GREY}
    assert 'class="vw-heat vw-words"' not in viewer_html(TEXTS, case, effusion, files)
    sentences = tuple(
        dataclasses.replace(s, evidence=dataclasses.replace(s.evidence, attention=((0, 100), (30, 0))))
        if s.finding == "Effusion"
        else s
        for s in effusion.report.sentences
    )
    told = dataclasses.replace(effusion, report=dataclasses.replace(effusion.report, sentences=sentences))
    shown = viewer_html(TEXTS, case, told, files)
    assert shown.count('class="vw-heat vw-words" data-finding="Effusion"') == 1
    assert 'data-view="words"' in shown


def test_everything_from_outside_is_escaped(effusion, policy):
    hostile = "<script>alert(1)</script>"
    case = case_of(scores(effusion=0.9), hostile, subject=Subject(hostile, hostile, hostile, None, hostile))
    html = listed(rows_of([case], policy), chosen=case.id)
    html += viewer_html(TEXTS, case, effusion, {})
    html += panel_html(
        TEXTS, case, effusion, policy, decision=None, visits=[visit_of(case, case, policy, None)], similar=[],
        has_header=False, reader=hostile, model_sha256=effusion.model.sha256,
    )  # fmt: skip
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") > 5


def test_false_alarms_fall_and_findings_rise_with_the_prevalence(screener, policy):
    points, calibrator = screener.bundle.operating_points, screener.bundle.calibrator
    rare, common = (lines_of(policy, calibrator, points, share, [], TEXTS) for share in (0.05, 0.5))
    for few, many in zip(rare, common, strict=True):
        assert few.ill < many.ill
        assert few.caught < many.caught
        assert few.alarms > many.alarms
    assert rare[0].ill == pytest.approx(50)
    assert 0 < fitted_prevalence(points) < 1


def test_an_uncertified_point_looks_uncertified(screener):
    bundle = screener.bundle
    custom = Policy(bundle.operating_points, bundle.score_reference, OperatingChoice("custom", 1.0))
    lines = lines_of(custom, bundle.calibrator, bundle.operating_points, 0.3, [], TEXTS)
    html = operating_html(lines, [], custom, TEXTS)
    assert html.count("NOT CERTIFIED") == 2 + len(bundle.manifest.label_space)
    assert ">Certified<" not in html
    assert "is not known" in html
