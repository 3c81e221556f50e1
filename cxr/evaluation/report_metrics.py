"""Generated reports: do they say the right findings, and how close are they to real ones in words?

Clinical efficacy is precision, recall and F1 of the labels that a labeler reads; BLEU, METEOR, ROUGE-L and CIDEr come
from the field's packages.

The packages run without Java, downloads or data files. METEOR (Banerjee 2005) therefore matches words and stems but no
synonyms, which WordNet would have to provide; its figures are a little lower than those of the full metric.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from nlp_labeler.document import ReportLabels
from nlp_labeler.errors import MissingExtraError

__all__ = ["ClinicalEfficacy", "TextMetrics", "clinical_efficacy", "stated_findings", "text_metrics", "words_of"]

_PURPOSE, _EXTRA = "scoring generated reports", "report-metrics"


@dataclass(frozen=True)
class TextMetrics:
    """Means over N reports.

    Attributes:
        bleu_1, bleu_2, bleu_3, bleu_4: corpus BLEU (Papineni 2002), in [0, 1].
        meteor: exact and stem matches only, in [0, 1].
        rouge_l: F measure of the longest common subsequence (Lin 2004), in [0, 1].
        cider: CIDEr (Vedantam 2015), in [0, 10].
        length: words per report.
        distinct: different reports / reports.
    """

    bleu_1: float
    bleu_2: float
    bleu_3: float
    bleu_4: float
    meteor: float
    rouge_l: float
    cider: float
    length: float
    distinct: float


class _NoSynonyms:
    """Stands where METEOR expects WordNet."""

    def synsets(self, word: str) -> list[object]:  # noqa: ARG002  WordNet's signature
        """No word has a synonym."""
        return []


def words_of(text: str) -> str:
    """Lower case, words and punctuation apart by one space: what the metrics compare.

    Raises:
        MissingExtraError: if the metrics' packages are not installed.
    """
    try:
        from nltk.tokenize import wordpunct_tokenize
    except ImportError as error:
        raise MissingExtraError(_PURPOSE, _EXTRA) from error
    return " ".join(wordpunct_tokenize(text.lower()))


def text_metrics(generated: Sequence[str], references: Sequence[str]) -> TextMetrics:
    """Score generated reports against the real ones, one reference each.

    Raises:
        MissingExtraError: if the metrics' packages are not installed.
        ValueError: if the two differ in number or are empty.
    """
    import contextlib
    import io

    try:
        from nltk.translate.meteor_score import meteor_score
        from pycocoevalcap.bleu.bleu import Bleu
        from pycocoevalcap.cider.cider import Cider
        from pycocoevalcap.rouge.rouge import Rouge
    except ImportError as error:
        raise MissingExtraError(_PURPOSE, _EXTRA) from error

    if len(generated) != len(references) or not generated:
        raise ValueError(f"{len(generated)} generated reports and {len(references)} references; give one of each")
    said = {number: [words_of(text)] for number, text in enumerate(generated)}
    truth = {number: [words_of(text)] for number, text in enumerate(references)}
    with contextlib.redirect_stdout(io.StringIO()):  # the package prints
        bleu, _ = Bleu(4).compute_score(truth, said)
        rouge, _ = Rouge().compute_score(truth, said)
        cider, _ = Cider().compute_score(truth, said)
    meteor = fmean(meteor_score([truth[n][0].split()], said[n][0].split(), wordnet=_NoSynonyms()) for n in said)
    bleu_1, bleu_2, bleu_3, bleu_4 = (float(value) for value in bleu)
    return TextMetrics(
        bleu_1=bleu_1,
        bleu_2=bleu_2,
        bleu_3=bleu_3,
        bleu_4=bleu_4,
        meteor=float(meteor),
        rouge_l=float(rouge),
        cider=float(cider),
        length=fmean(len(texts[0].split()) for texts in said.values()),
        distinct=len({texts[0] for texts in said.values()}) / len(said),
    )


@dataclass(frozen=True)
class ClinicalEfficacy:
    """Agreement of stated and true findings over N reports and C findings.

    Attributes:
        precision, recall, f1: over all findings together (micro).
        macro_f1: mean of the findings' F1; findings that are neither true nor stated anywhere are left out.
    """

    precision: float
    recall: float
    f1: float
    macro_f1: float


def stated_findings(reports: Sequence[ReportLabels], label_space: Sequence[str]) -> NDArray[np.bool_]:
    """(N, C): what each report asserts, doubts included, since a hedged finding is still put before the reader."""
    return np.array([[report.labels[name] in (1, -1) for name in label_space] for report in reports], dtype=bool)


def clinical_efficacy(truth: NDArray[np.bool_], stated: NDArray[np.bool_]) -> ClinicalEfficacy:
    """Score stated findings (N, C) against true ones (N, C); a figure without a denominator is 0."""
    hits = (truth & stated).sum(axis=0)
    told, real = stated.sum(axis=0), truth.sum(axis=0)
    seen = (told + real) > 0
    per_finding = 2 * hits[seen] / (told + real)[seen]
    return ClinicalEfficacy(
        precision=_ratio(hits.sum(), told.sum()),
        recall=_ratio(hits.sum(), real.sum()),
        f1=_ratio(2 * hits.sum(), told.sum() + real.sum()),
        macro_f1=float(per_finding.mean()) if seen.any() else 0.0,
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
