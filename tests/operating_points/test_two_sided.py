"""Two-sided certificates: what they promise, when they are refused, and what they decide on one film."""

import numpy as np
import pytest
from scipy import stats

from cxr.errors import OperatingPointError
from cxr.operating_points import Certificate, CertificateRefusal, TwoSidedCertificates, fit_two_sided
from cxr.operating_points.calibration_data import share_of_patients
from cxr.operating_points.certificate import Proportion
from cxr.operating_points.two_sided import predictive_values, target_score

LIMITS = (0.01, 0.02, 0.05, 0.1)


@pytest.fixture(scope="module")
def views(cohort):
    """PA for two patients of three."""
    return ["AP" if int(patient[1:]) % 3 == 0 else "PA" for patient in cohort.patients]


@pytest.fixture(scope="module")
def fitted(cohort, finding_names):
    return fit_two_sided(
        cohort.scores,
        cohort.labels,
        cohort.patients,
        finding_names,
        targets={"pleura": ("Effusion", "Pneumothorax"), "Mass": ("Mass",)},
        model_sha256="0" * 64,
    )


def point(certificates, target, rule, limit, view=None):
    (found,) = [
        p for p in certificates.points if (p.target, p.rule, p.point.limit, p.view) == (target, rule, limit, view)
    ]
    return found


def test_there_is_a_point_for_each_target_rule_and_level(fitted):
    assert len(fitted.points) == 2 * 2 * 4
    assert fitted.limits == LIMITS


@pytest.mark.parametrize("limit", LIMITS)
def test_more_is_decided_the_more_errors_are_allowed(fitted, limit):
    for target in fitted.targets:
        for rule in ("refer", "below"):
            shares = [point(fitted, target, rule, at).decided.rate for at in LIMITS]
            assert shares == sorted(shares)


def test_each_promise_is_an_exact_binomial_bound_on_one_film_per_patient(fitted, cohort):
    below = point(fitted, "pleura", "below", 0.05).point
    with_any = {p for p, y in zip(cohort.patients, cohort.labels, strict=True) if y[[0, 2]].any()}
    assert below.n == len(with_any)
    assert below.violation == pytest.approx(stats.binom.cdf(below.k - 1, below.n, 0.05))
    assert below.violation <= below.delta == 0.05 / 2  # two targets share it


def test_the_score_of_several_findings_is_that_any_is_there(cohort):
    np.testing.assert_allclose(target_score(np.array([[0.5, 0.5], [0.0, 0.2]])), [0.75, 0.2])
    assert target_score(np.array([0.1])) == 0.1


def test_predictive_values_are_bayes_with_the_promised_error():
    other = Proportion.of(400, 1000)
    (npv,) = predictive_values("below", 0.05, other, [0.1])
    assert npv.at_least == pytest.approx(other.low * 0.9 / (other.low * 0.9 + 0.05 * 0.1))
    (ppv,) = predictive_values("refer", 0.05, other, [0.1])
    assert ppv.at_least == pytest.approx(other.low * 0.1 / (other.low * 0.1 + 0.05 * 0.9))
    assert predictive_values("below", 0.05, None, [0.1]) == ()


def test_too_few_patients_are_refused_with_the_number_missing(draw, finding_names):
    small = draw(60, 3)
    fitted = fit_two_sided(small.scores, small.labels, small.patients, finding_names)
    refused = point(fitted, "Mass", "below", 0.01).point
    assert isinstance(refused, CertificateRefusal)
    assert refused.n + refused.missing == refused.required == 299
    assert point(fitted, "Mass", "below", 0.01).decided is None
    nobody = fitted.decide(dict.fromkeys(finding_names, 0.0), None)
    assert all(p.point.limit == 0.05 for p in nobody)


def test_views_are_certified_apart_and_an_unknown_view_is_held_to_the_stricter(cohort, finding_names, views):
    fitted = fit_two_sided(
        cohort.scores, cohort.labels, cohort.patients, finding_names, targets={"Mass": ("Mass",)}, views=views
    )
    assert fitted.views == ("AP", "PA")
    thresholds = {view: fitted.in_use("Mass", "below", view).point.threshold for view in ("AP", "PA")}
    assert thresholds["AP"] != thresholds["PA"]
    for unknown in (None, "LL", ""):
        assert fitted.in_use("Mass", "below", unknown).point.threshold == min(thresholds.values())
        assert fitted.in_use("Mass", "refer", unknown).point.threshold == max(
            fitted.in_use("Mass", "refer", view).point.threshold for view in ("AP", "PA")
        )


def test_an_unknown_view_is_held_to_nothing_where_a_view_has_no_certificate(cohort, finding_names):
    views = ["AP" if int(patient[1:]) < 30 else "PA" for patient in cohort.patients]
    fitted = fit_two_sided(
        cohort.scores, cohort.labels, cohort.patients, finding_names, targets={"Mass": ("Mass",)}, views=views
    )
    assert isinstance(fitted.in_use("Mass", "below", "PA").point, Certificate)
    assert fitted.in_use("Mass", "below", "AP") is None
    assert fitted.in_use("Mass", "below", None) is None


def test_a_film_is_referred_below_or_undecided(fitted):
    refer = fitted.in_use("Mass", "refer", None).point.threshold
    below = fitted.in_use("Mass", "below", None).point.threshold
    assert below < refer

    def decided(mass, asserted=()):
        found = fitted.decide({"Effusion": 0.3, "Pneumothorax": 0.3, "Mass": mass}, "PA", asserted)
        return [(p.target, p.rule) for p in found if p.target == "Mass"]

    assert decided(refer) == decided(below) == []  # at the threshold nothing is promised
    assert decided(np.nextafter(refer, 1)) == [("Mass", "refer")]
    assert decided(np.nextafter(below, 0)) == [("Mass", "below")]
    assert decided(0.0, asserted=("Mass",)) == []


def test_where_the_zones_overlap_a_film_is_referred():
    rng = np.random.default_rng(0)
    labels = np.repeat([1.0, 0.0], 400)[:, None]
    scores = np.where(labels == 1, rng.uniform(0.8, 1, labels.shape), rng.uniform(0, 0.2, labels.shape))
    fitted = fit_two_sided(scores, labels, [str(i) for i in range(800)], ("Mass",))
    assert [p.rule for p in fitted.decide({"Mass": 0.5}, None)] == ["refer"]


def test_a_file_reads_back_is_bound_to_its_model_and_shows_when_it_was_altered(fitted, tmp_path):
    fitted.save(tmp_path / "two_sided.json")
    assert TwoSidedCertificates.load(tmp_path / "two_sided.json") == fitted
    fitted.require(model_sha256="0" * 64, label_space=fitted.label_space)
    with pytest.raises(OperatingPointError, match="these two-sided certificates belong to model 0000"):
        fitted.require(model_sha256="1" * 64, label_space=fitted.label_space)
    text = (tmp_path / "two_sided.json").read_text().replace('"miss_limit": 0.05', '"miss_limit": 0.1')
    with pytest.raises(OperatingPointError, match="altered"):
        TwoSidedCertificates.from_json(text)
    with pytest.raises(OperatingPointError, match="due: one per target"):
        TwoSidedCertificates.from_json(fitted.model_copy(update={"points": fitted.points[1:]}).sealed().to_json())


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"targets": {"a": ("Fracture",)}}, "'Fracture', which has no scores"),
        ({"targets": {"a": ()}}, "'a' names no finding"),
        ({"limits": (0.01,)}, "refer limit 0.05 is none of the levels 0.01"),
        ({"limits": (0.05, 1.0)}, "level is 1.0"),
        ({"prevalences": (0.0,)}, "prevalence is 0.0"),
        ({"delta": 0.0}, "delta is 0"),
        ({"views": ["PA"]}, "1 views for"),
    ],
)
def test_wrong_use_is_named(cohort, finding_names, wrong, named):
    with pytest.raises(OperatingPointError, match=named):
        fit_two_sided(cohort.scores, cohort.labels, cohort.patients, finding_names, **wrong)


def test_the_promises_of_a_level_hold_together(draw, finding_names):
    """Thresholds from 300 patients against the miss rates of 60,000; any finding counts."""
    truth = draw(60_000, 99)
    first = np.unique(truth.patients, return_index=True)[1]
    scores, labels = truth.scores[first], truth.labels[first]
    trials, broken = 120, 0
    for seed in range(trials):
        sample = draw(300, 1000 + seed)
        fitted = fit_two_sided(
            sample.scores, sample.labels, sample.patients, finding_names, limits=(0.1,), refer_limit=0.1, miss_limit=0.1
        )
        thresholds = [fitted.in_use(name, "below", None) for name in finding_names]
        broken += any(
            p is not None and (scores[labels[:, c] == 1, c] < p.point.threshold).mean() > 0.1
            for c, p in enumerate(thresholds)
        )
    assert stats.binom.sf(broken - 1, trials, 0.05) > 0.001


def test_half_of_the_patients_takes_whole_patients(cohort):
    half = share_of_patients(cohort.patients, 0.5, 1)
    taken = {p for p, chosen in zip(cohort.patients, half, strict=True) if chosen}
    left = {p for p, chosen in zip(cohort.patients, half, strict=True) if not chosen}
    assert not taken & left
    assert len(taken) == len(set(cohort.patients)) // 2
    assert len(share_of_patients([], 0.5)) == 0
