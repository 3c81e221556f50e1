import dataclasses
import io
import re

import pytest
from PIL import Image

pytest.importorskip("faiss", reason="the triage page needs the 'app' extra")

from app.operating_choice import OperatingChoice, Policy
from app.operating_page import fitted_prevalence, lines_of, operating_html
from app.panel import bars_of, panel_html, visit_of
from app.rendering import Texts
from app.viewer import viewer_html
from app.worklist_rows import FILTERS, SHOWN, counts_of, rows_of, worklist_html
from cxr.operating_points import ANY_FINDING, Certificate
from cxr.reporting.doubt import Doubt
from cxr.retrieval import Entry, Neighbour
from cxr.screening import Screener
from cxr.worklist import Case, Decision, Subject
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
        f"{name}-id", "", name, "screened", "2026-01-01T08:00:00", Subject("7", "2026-01-01", "F", 50.0, "PA", "DICOM"),
        400, 320, "none", None, probabilities, "model", False, None,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def test_what_screening_referred_is_referred_at_the_certified_point_and_as_chosen_at_another(policy, screener):
    points = screener.bundle.operating_points
    low = dict.fromkeys(points.label_space, 0.01)
    case = case_of(low, triage="refer")
    own = Policy(points, screener.bundle.score_reference, OperatingChoice("custom", 0.5))
    assert [row.state for row in rows_of([case], policy)] == ["refer"]
    assert [row.state for row in rows_of([case], own)] == [own.triage(low)] != ["refer"]


def test_a_doubtful_case_is_read_at_every_operating_point_and_says_why(policy, screener, image_folder):
    quiet = screener.screen(image_folder / "healthy.png")
    doubtful = dataclasses.replace(quiet, triage="read", certified=(), doubts=(Doubt.PHOTOGRAPHED,))
    case = case_of({f.name: 0.01 for f in quiet.findings}, doubts=("photographed",))
    [row] = rows_of([case], policy)
    assert (policy.triage(case.probabilities), row.state) == ("none", "read")
    assert "cx-doubtful" in listed([row])
    html = panel_html(
        TEXTS, case, doubtful, policy, decisions=[], earlier=[], others=[], similar=[], has_header=False, reader="",
        model_sha256=doubtful.model.sha256,
    )  # fmt: skip
    assert "photographed from a screen" in html
    assert "cx-pill cx-none" not in html


def scores(effusion=0.1, nodule=0.1):
    return {"Cardiomegaly": 0.1, "Effusion": effusion, "Nodule": nodule}


def listed(rows, **options):
    asked = {"kind": "all", "words": "", "chosen": None, "thumbnails": lambda ids: {}} | options
    return worklist_html(rows, TEXTS, **asked)


def panel(case, result, policy, **options):
    asked = {
        "decisions": [], "earlier": [], "others": [], "similar": [], "has_header": False, "reader": "",
        "model_sha256": result.model.sha256,
    } | options  # fmt: skip
    return panel_html(TEXTS, case, result, policy, **asked)


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
    changes = visit_of(case_of(scores(effusion=0.1, nodule=0.9)), None, policy, now).changes
    assert {(c.name, c.kind) for c in changes} == {("Effusion", "new"), ("Nodule", "gone")}
    [change] = visit_of(case_of(scores(effusion=0.7)), None, policy, now).changes
    assert change.kind == "up"
    [change] = visit_of(case_of(scores(effusion=0.93)), None, policy, now).changes
    assert change.kind == "same"


def test_only_an_earlier_visit_has_arrows_and_no_visit_has_a_made_up_date(effusion, policy):
    now = case_of(scores(effusion=0.95))
    before = case_of(scores(), "before.png", subject=Subject("7", "2025-12-31"))
    undated = case_of(scores(), "undated.png", subject=Subject("7"), added="2026-02-03T10:00:00")
    html = panel(now, effusion, policy, earlier=[visit_of(before, None, policy, now)], others=[visit_of(undated, None)])
    first, second = html.index("Earlier visits"), html.index("Other visits")
    assert first < html.index("2025-12-31") < html.index("→") < second < html.index("undated.png")
    assert "→" not in html[second:]
    assert "no valid date" in html[second:]
    assert "2026-02-03" not in html
    alone = panel(now, effusion, policy)
    assert "Earlier visits" not in alone
    assert "Other visits" not in alone


def test_the_picture_beside_is_called_earlier_only_if_it_is(effusion):
    now, files = case_of(scores()), {PICTURE: GREY}
    for day, words in (("2025-12-31", "Earlier: 2025-12-31"), ("2026-01-01", "Other visit: 2026-01-01"),
                       ("2026-01-02", "Other visit: 2026-01-02"), (None, "Other visit: no valid date")):  # fmt: skip
        beside = case_of(scores(), subject=Subject("7", day))
        assert words in viewer_html(TEXTS, now, effusion, files, (beside, GREY))


def test_a_form_states_what_was_called_and_nothing_else_until_somebody_has_signed(effusion, policy):
    def verdicts(decision=None):
        made = bars_of(effusion, policy, TEXTS, same_model=True, decision=decision)
        return {bar.name: bar.verdict for bar in made}

    assert verdicts() == {"Cardiomegaly": None, "Effusion": True, "Nodule": None}
    signed = Decision(1, "x", "Ann", "2026-01-02", {"Nodule": True, "Cardiomegaly": False}, "", "m", "s")
    assert verdicts(signed) == {"Cardiomegaly": False, "Effusion": None, "Nodule": True}


def test_all_decisions_are_shown_in_order_and_the_last_one_fills_the_form(effusion, policy):
    first = Decision(4, "x", "Ann", "2026-01-02T08:00:00+00:00", {"Effusion": False}, "none seen", "m", "s")
    second = Decision(9, "x", "Bea", "2026-01-02T09:00:00+00:00", {"Effusion": True}, "there", "m", "s")
    html = panel(case_of(scores(effusion=0.9)), effusion, policy, decisions=[first, second])
    assert html.index("Signed by Ann, 2026-01-02 08:00 UTC") < html.index("Amended by Bea, 2026-01-02 09:00 UTC")
    assert html.count("absent (overruled)") == 1
    assert 'data-seen="9"' in html
    assert ">there</textarea>" in html
    assert "Sign amendment" in html
    assert 'data-seen="0"' in panel(case_of(scores(effusion=0.9)), effusion, policy)


def test_a_neighbour_without_findings_is_not_called_healthy(effusion, policy):
    neighbours = [Neighbour(Entry("a", "8", (), source, b""), 0.9) for source in ("model", "labels")]
    html = panel(case_of(scores()), effusion, policy, similar=neighbours)
    assert "nothing above threshold <small>by the model" in html
    assert "no finding stated <small>by a person" in html


def test_a_heatmap_is_the_fainter_the_further_below_its_threshold(effusion):
    """Square root of the probability over the threshold, and full above it."""
    found = {f.name: f for f in effusion.findings}
    dim = tuple(
        dataclasses.replace(f, positive=False, probability=f.threshold / 4) if f.name == "Nodule" else f
        for f in effusion.findings
    )
    files = {PICTURE: GREY} | {heat_kind(name): GREY for name in found}
    html = viewer_html(TEXTS, case_of(scores()), dataclasses.replace(effusion, findings=dim), files)
    strengths = dict(re.findall(r'class="vw-heat" data-finding="(\w+)" data-strength="([\d.]+)"', html))
    assert float(strengths["Effusion"]) == 1
    assert float(strengths["Nodule"]) == 0.5


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
    html += panel(
        case,
        effusion,
        policy,
        decisions=[Decision(1, case.id, hostile, hostile, {"Effusion": True}, hostile, "m", "s")],
        earlier=[visit_of(case, None, policy, case)],
        others=[visit_of(case, None)],
        reader=hostile,
    )
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") > 5


def test_false_alarms_fall_and_findings_rise_with_the_prevalence(screener, policy):
    points, calibrator = screener.bundle.operating_points, screener.bundle.calibrator
    rare, common = (lines_of(policy, calibrator, points, share, {}, TEXTS) for share in (0.05, 0.5))
    for few, many in zip(rare, common, strict=True):
        assert few.ill < many.ill
        assert few.caught < many.caught
        assert few.alarms > many.alarms
    assert rare[0].ill == pytest.approx(50)
    assert 0 < fitted_prevalence(points) < 1


def test_an_uncertified_point_looks_uncertified(screener):
    bundle = screener.bundle
    custom = Policy(bundle.operating_points, bundle.score_reference, OperatingChoice("custom", 1.0))
    lines = lines_of(custom, bundle.calibrator, bundle.operating_points, 0.3, {}, TEXTS)
    html = operating_html(lines, {}, custom, TEXTS)
    assert html.count("NOT CERTIFIED") == 2 + len(bundle.manifest.label_space)
    assert ">Certified<" not in html
    assert "is not known" in html


def test_every_threshold_says_what_kind_of_promise_it_holds(screener, effusion):
    """Certified for false alarms, certified for misses, shifted without a promise, and none at all."""
    points = screener.bundle.operating_points

    def words(choice, result=effusion):
        policy = Policy(points, None, choice)
        return {bar.name: bar.words for bar in bars_of(result, policy, TEXTS, same_model=True)}["Effusion"]

    alarm, miss = points.findings["Effusion"], points.rule_out["Effusion"]
    certified = words(OperatingChoice())
    expected, limit = round(1000 * (alarm.n + 1 - alarm.k) / (alarm.n + 1)), round(1000 * alarm.limit)
    assert certified.startswith(f"Of 1,000 people without effusion about {expected} are flagged")
    assert f"with 95 % confidence not more than {limit}." in certified
    if alarm.sensitivity:
        assert f"about {round(1000 * alarm.sensitivity.rate)} are caught" in certified
    sensitive = words(OperatingChoice("sensitive"))
    if isinstance(miss, Certificate):
        missed = round(1000 * miss.k / (miss.n + 1))
        assert sensitive.startswith(f"Of 1,000 people with effusion about {missed} are missed")
    else:
        assert sensitive == "No certified threshold: never called positive."
    assert words(OperatingChoice("custom", 1.0)) == "Uncertified threshold: nothing is promised about it."


def test_an_earlier_model_keeps_its_own_thresholds_and_words(effusion, policy):
    told = tuple(dataclasses.replace(f, certificate="as it was", threshold=0.001) for f in effusion.findings)
    bars = bars_of(dataclasses.replace(effusion, findings=told), policy, TEXTS, same_model=False)
    assert {bar.words for bar in bars} == {"as it was"}
    assert all(bar.flagged for bar in bars)
    html = panel(case_of(scores()), effusion, policy, model_sha256="another")
    assert "Screened with an earlier model" in html


def test_counts_per_state_and_finding(policy):
    rows = rows_of(
        [case_of(scores(effusion=0.99)), case_of(scores(effusion=0.99, nodule=0.99)), case_of(scores())], policy
    )
    states, flagged = counts_of(rows)
    assert (states["refer"], states["none"]) == (2, 1)
    assert dict(flagged) == {"Effusion": 2, "Nodule": 1, ANY_FINDING: 2}
