"""Does the promise hold? Thresholds chosen on real scores a thousand times over, against their true error rate.

The patients of the public predictions stand for the population, whose false-positive rate at any threshold is
known exactly: a patient drawn at random, then one of the patient's negative images. Each trial draws as many
patients as half of them, independently, chooses a threshold from one image of each, and looks the true rate
up. The promise is broken where that rate is above alpha. The naive threshold is the empirical quantile of
the same sample. A second experiment splits the patients in two halves and shows what a hospital sees on
the other half, where the noise of that half comes on top, and how often theory expects it to.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import hypergeom

from benchmarks.chexnet import DATA, chexnet_predictions
from benchmarks.provenance import RESULTS
from benchmarks.record import Row, exact, line
from cxr.benchmark.tables import LabeledPredictions
from cxr.evaluation import Estimate
from cxr.operating_points import ANY_FINDING, CertificateRefusal, fit_operating_points, patient_score
from cxr.operating_points.calibration_data import one_image_per_patient, patient_codes, patient_labels
from cxr.operating_points.risk_control import order_statistic, smallest_rank

TRIALS = 1000
ALPHAS = (0.01, 0.005)
DELTA = 0.05
PLOT = RESULTS / "operating_points.svg"
METHODS = ("certified", "naive")

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """The images of one class, with the weight that makes every patient count once."""

    scores: _Floats  # (M,) ascending
    weights: _Floats  # (M,) sum to 1
    patients: NDArray[np.int64]  # (M,) codes of their patients

    @classmethod
    def of(cls, scores: _Floats, eligible: NDArray[np.bool_], codes: NDArray[np.int64]) -> "Population":
        """The eligible images, ascending by score."""
        images = np.flatnonzero(eligible)
        images = images[np.argsort(scores[images], kind="stable")]
        patients = codes[images]
        per_patient = np.bincount(patients)
        weights = 1 / per_patient[patients]
        return cls(scores[images], weights / weights.sum(), patients)

    @property
    def n_patients(self) -> int:
        """Patients with an eligible image."""
        return len(np.unique(self.patients))

    def rate_above(self, threshold: float) -> float:
        """Exact probability that a random image of a random patient scores above the threshold."""
        return float(self.weights[np.searchsorted(self.scores, threshold, side="right") :].sum())

    def draw(self, n: int, rng: np.random.Generator) -> _Floats:
        """Scores of n independent patients, one image each."""
        return rng.choice(self.scores, n, p=self.weights)


def _naive_quantile(sample: _Floats, alpha: float) -> float:
    """The lowest sample score that at most a share alpha of the sample exceeds."""
    return float(np.sort(sample)[int(np.ceil((1 - alpha) * len(sample))) - 1])


def _thresholds(sample: _Floats, alpha: float) -> tuple[float, float]:
    chosen = order_statistic(sample, alpha, DELTA)
    return (np.inf if chosen is None else chosen.threshold), _naive_quantile(sample, alpha)


def _promises(negatives: Population, positives: Population, alpha: float) -> tuple[_Floats, _Floats]:
    """True false-positive rates and sensitivities, (TRIALS, 2) each: certified, naive."""
    rng = np.random.default_rng(0)
    n = negatives.n_patients // 2
    chosen = [_thresholds(negatives.draw(n, rng), alpha) for _ in range(TRIALS)]
    return tuple(  # type: ignore[return-value]  # two arrays
        np.array([[population.rate_above(t) for t in pair] for pair in chosen]) for population in (negatives, positives)
    )


def _other_half(scores: _Floats, negative: NDArray[np.bool_], codes: NDArray[np.int64], alpha: float) -> _Floats:
    """False-positive rates seen on the other half of the patients, one image each, (TRIALS, 2)."""
    rng = np.random.default_rng(1)
    seen = np.empty((TRIALS, 2))
    for trial in range(TRIALS):
        drawn = one_image_per_patient(negative, codes, rng)
        first = rng.permutation(len(drawn)) < len(drawn) // 2
        thresholds = _thresholds(scores[drawn[first]], alpha)
        seen[trial] = [(scores[drawn[~first]] > t).mean() for t in thresholds]
    return seen


def _expected_on_other_half(n_patients: int, alpha: float) -> float:
    """How often the other half shows a rate above alpha, were all scores different.

    The rule flags m = n - k of the first half. The other half shows c or more above the threshold if, of the m + c
    highest scores of all, at most m fell into the first half, and halves are drawn without replacement.
    """
    first, other = n_patients // 2, n_patients - n_patients // 2
    k = smallest_rank(first, alpha, DELTA)
    if k is None:
        return 0.0
    flagged, too_many = first - k, int(alpha * other) + 1
    return float(hypergeom.cdf(flagged, n_patients, first, flagged + too_many))


def _columns(data: LabeledPredictions) -> dict[str, tuple[_Floats, _Floats]]:
    """Name -> scores and labels (N,), of every finding and of the patient."""
    columns = {name: (data.probabilities[:, c], data.labels[:, c]) for c, name in enumerate(data.label_names)}
    return columns | {ANY_FINDING: (patient_score(data.probabilities), patient_labels(data.labels))}


def _plot(rates: dict[tuple[str, float], _Floats], names: list[str]) -> None:
    """Boxes of the true false-positive rates over the trials; whiskers at 5 % and 95 %."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cxr", "font.size": 8}):
        figure = Figure(figsize=(9, 4), layout="constrained")
        grid = figure.subplots(1, len(ALPHAS), sharey=True)
        for axes, alpha in zip(grid, ALPHAS, strict=True):
            for offset, (method, colour) in enumerate(zip(METHODS, ("#1f4e79", "#c0504d"), strict=True)):
                boxes = axes.boxplot(
                    [100 * rates[name, alpha][:, offset] for name in names],
                    positions=np.arange(len(names)) + 0.18 * (2 * offset - 1),
                    widths=0.3,
                    whis=(5, 95),
                    showfliers=False,
                    orientation="horizontal",
                    patch_artist=True,
                    boxprops={"facecolor": colour, "alpha": 0.6},
                    medianprops={"color": "black"},
                )
                boxes["boxes"][0].set_label(method)
            axes.axvline(100 * alpha, color="black", ls="--", lw=0.8)
            axes.set_title(f"promised: at most {100 * alpha:g} %, {TRIALS:,} calibration samples")
            axes.set_xlabel("true false-positive rate, %")
            axes.set_yticks(range(len(names)), names)
        grid[0].invert_yaxis()
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
        figure.savefig(PLOT, metadata={"Date": None})


def run() -> list[Row]:
    """How often promises are broken, certified and naive, what the promise costs, and the refusal of small samples."""
    data = chexnet_predictions()
    codes = patient_codes(data.patients)
    columns = _columns(data)
    rows: list[Row] = []
    rates: dict[tuple[str, float], _Floats] = {}

    def add(table: str, name: str, metric: str, figure: float | Estimate, note: str) -> None:
        unit = "calibration samples"
        figures = {metric: figure}
        rows.extend(line(table, name, figures, n=TRIALS, unit_of_n=unit, data=DATA, interval="exact", note=note))

    for name, (scores, labels) in columns.items():
        negatives, positives = (Population.of(scores, labels == value, codes) for value in (0, 1))
        for alpha in ALPHAS:
            fpr, sensitivity = _promises(negatives, positives, alpha)
            rates[name, alpha] = fpr
            seen = _other_half(scores, labels == 0, codes, alpha)
            size = f"{negatives.n_patients // 2} patients each, delta {DELTA:g}"
            for index, method in enumerate(METHODS):
                at = f"FPR {100 * alpha:g} %, {method}"
                add("promises broken", name, at, exact(int((fpr[:, index] > alpha).sum()), TRIALS), size)
                add("sensitivity kept", name, at, float(sensitivity[:, index].mean()), size)
                other = exact(int((seen[:, index] > alpha).sum()), TRIALS)
                add("seen on the other half", name, at, other, f"{size}; includes that half's own noise")
            expected = _expected_on_other_half(negatives.n_patients, alpha)
            at = f"FPR {100 * alpha:g} %, certified, expected by theory"
            add("seen on the other half", name, at, expected, "exact, for scores without ties")
    RESULTS.mkdir(parents=True, exist_ok=True)
    _plot(rates, list(columns))
    return [*rows, *_refusal()]


def _refusal() -> list[Row]:
    """Two hundred healthy patients cannot promise 1 %."""
    scores = np.linspace(0, 1, 200)[:, None]
    point = fit_operating_points(scores, np.zeros((200, 1)), [str(i) for i in range(200)], ("Mass",)).findings["Mass"]
    if not isinstance(point, CertificateRefusal):
        raise TypeError("200 negatives were given a certificate at 1 %")
    figures = {"patients missing": float(point.missing)}
    name = "200 patients without the finding, FPR 1 %"
    return line("refusal", name, figures, n=200, unit_of_n="patients", data="synthetic")
