"""What became of each finding since an earlier image, as far as two sets of scores can tell."""

from collections.abc import Sequence

from cxr.reporting.document import Evidence, Sentence
from cxr.reporting.finding import FindingResult
from cxr.reporting.phrases import load_phrases
from cxr.reporting.wording import in_ontology_order, listed, noun, percent

__all__ = ["compare"]


def compare(findings: Sequence[FindingResult], earlier: Sequence[FindingResult]) -> list[Sentence]:
    """Sentences on the findings that are above their threshold on either image, and a caution.

    Scores of one model on two images are compared, not the images: a change within the noise of positioning and
    exposure looks the same as a true one, which the last sentence says.

    Args:
        findings: of the image that is reported.
        earlier: of the earlier image of the same patient, by the same model.
    """
    before = {finding.name: finding for finding in earlier}
    sentences: list[Sentence] = []
    steady: list[str] = []
    for finding in in_ontology_order(findings):
        then = before.get(finding.name)
        if then is None or finding.threshold is None:
            continue
        if finding.positive or then.positive:
            sentences.append(_sentence(finding, then))
        else:
            steady.append(noun(finding.name))
    if steady:
        sentences.append(_remark(f"Below the threshold on both images: {listed(steady, 'and')}."))
    sentences.append(_remark("Scores are compared, not the images; positioning and exposure change them too."))
    return sentences


def _sentence(finding: FindingResult, then: FindingResult) -> Sentence:
    if finding.positive and then.positive:
        what = "above its threshold on both images"
    elif finding.positive:
        what = "above its threshold now, not on the earlier image"
    else:
        what = "no longer above its threshold"
    text = (
        f"{noun(finding.name).capitalize()}: {what} (estimated probability {percent(then.probability)}, "
        f"now {percent(finding.probability)})."
    )
    evidence = Evidence(
        probability=finding.probability,
        threshold=finding.threshold,
        boxes=finding.boxes,
        zones=(),
        certainty=load_phrases().certainty_of(finding.probability).name,
        earlier_probability=then.probability,
    )
    asserted = finding.name if finding.positive else None
    return Sentence(text=text, finding=asserted, side=None, evidence=evidence, section="comparison")


def _remark(text: str) -> Sentence:
    return Sentence(text=text, finding=None, side=None, evidence=None, section="comparison")
