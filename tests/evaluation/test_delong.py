"""DeLong's test against its textbook form, its false-alarm rate, and the cluster bootstrap."""

import numpy as np
import pytest
from scipy import stats

from cxr.errors import CxrError
from cxr.evaluation.bootstrap import bootstrap
from cxr.evaluation.delong import compare_aucs
from cxr.evaluation.ranking import RankedScores


def draw(seed: int, n: int = 300, images: int = 1, better: float = 0.0):
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n), images)
    labels = (rng.random(n) < 0.3).astype(float)[patient]
    common = rng.normal(size=n)[patient]
    a, b = (labels + common + 0.7 * rng.normal(size=n)[patient] + 0.1 * rng.normal(size=n * images) for _ in "ab")
    return labels, a, b + better * labels, patient.astype(str)


def textbook(labels, a, b) -> float:
    """DeLong 1988 with the kernel matrix written out."""
    components = []
    for s in (a, b):
        x, y = s[labels == 1][:, None], s[labels == 0][None]
        kernel = (x > y) + 0.5 * (x == y)
        components.append((kernel.mean(axis=1), kernel.mean(axis=0)))
    variance = sum(np.var(components[1][i] - components[0][i], ddof=1) / len(components[0][i]) for i in (0, 1))
    difference = components[1][0].mean() - components[0][0].mean()
    return 2 * stats.norm.sf(abs(difference) / np.sqrt(variance))


@pytest.mark.parametrize("seed", range(5))
def test_one_image_per_patient_is_the_textbook_test(seed: int) -> None:
    labels, a, b, patients = draw(seed, better=0.2)
    a, b = a.round(1), b.round(1)  # with ties
    assert compare_aucs(labels, a, b, patients).p_value == pytest.approx(textbook(labels, a, b))


def test_error_is_that_of_the_patient_bootstrap() -> None:
    labels, a, b, patients = draw(0, images=4, better=0.1)
    first, second = RankedScores(labels, a), RankedScores(labels, b)

    def difference(weights):
        return (second.metrics(weights, 0).auc - first.metrics(weights, 0).auc)[:, None]

    resampled = bootstrap(difference, patients, 2000, seed=1)
    found = compare_aucs(labels, a, b, patients)
    assert found.difference == pytest.approx(resampled.value[0])
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(resampled.resampled.std(), rel=0.1)


def test_no_difference_is_called_one_in_twenty_times_even_with_several_images_each() -> None:
    called = sum(compare_aucs(*draw(seed, n=150, images=3)).p_value < 0.05 for seed in range(400))
    assert stats.binomtest(called, 400, 0.05).pvalue > 0.001


def test_equal_rankings_do_not_differ_and_swapping_mirrors() -> None:
    labels, a, b, patients = draw(3)
    same = compare_aucs(labels, a, np.exp(a), patients)
    assert (same.difference, same.p_value) == (0, 1)
    there, back = compare_aucs(labels, a, b, patients), compare_aucs(labels, b, a, patients)
    assert (back.difference, back.p_value) == pytest.approx((-there.difference, there.p_value))


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(CxrError, match="got 1 and 2"):
        compare_aucs([1, 1, 0, 0], [1, 2, 3, 4], [1, 2, 3, 4], ["a", "a", "b", "c"])
