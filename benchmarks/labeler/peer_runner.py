"""Runs in the peers' own environment: labels the reports on standard input with one peer, several times.

Standard input: JSON with ``peer``, ``texts``, ``phrases`` (label -> phrases) and ``rounds``. Standard output: JSON with
``positive`` (per report the labels with an affirmed mention) and ``seconds`` (CPU time of each round).
"""

import json
import sys
import time
from typing import Any

import spacy


def medspacy_pipeline(phrases: dict[str, list[str]]) -> Any:
    """The clinical sentence splitter, target matcher and ConText of medspaCy, as its documentation sets them up."""
    from loguru import logger
    from medspacy.ner import TargetRule

    logger.disable("PyRuSH")  # it logs every token; nobody who wants speed would leave that on
    nlp = spacy.blank("en")
    nlp.add_pipe("medspacy_pyrush")
    matcher = nlp.add_pipe("medspacy_target_matcher")
    matcher.add([TargetRule(phrase, label) for label, listed in phrases.items() for phrase in listed])
    nlp.add_pipe("medspacy_context")
    return nlp


def negspacy_pipeline(phrases: dict[str, list[str]]) -> Any:
    """The sentence splitter and entity ruler of spaCy, and the NegEx of negspaCy with its clinical terms."""
    import negspacy.negation  # noqa: F401  (registers "negex")

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    ruler.add_patterns([{"label": label, "pattern": phrase} for label, listed in phrases.items() for phrase in listed])
    nlp.add_pipe("negex")
    return nlp


def affirmed(entity: Any, peer: str) -> bool:
    """Whether a peer takes a mention for a present finding."""
    if peer == "negspaCy":
        return not entity._.negex
    doubts = (entity._.is_negated, entity._.is_uncertain, entity._.is_historical, entity._.is_hypothetical)
    return not any(doubts) and not entity._.is_family


def main() -> None:
    """Read the task, run it, write the result."""
    task = json.load(sys.stdin)
    peer = task["peer"]
    nlp = (medspacy_pipeline if peer == "medspaCy" else negspacy_pipeline)(task["phrases"])
    nlp(task["texts"][0])
    seconds: list[float] = []
    positive: list[list[str]] = []
    for _ in range(task["rounds"]):
        started = time.process_time()
        documents = nlp.pipe(task["texts"])
        positive = [sorted({e.label_ for e in document.ents if affirmed(e, peer)}) for document in documents]
        seconds.append(time.process_time() - started)
    json.dump({"positive": positive, "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
