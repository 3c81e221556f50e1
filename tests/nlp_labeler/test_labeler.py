"""The labeler as a whole: evidence, batches, processes, memory of sentences."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from nlp_labeler import Labeler
from nlp_labeler.aggregate import COLUMNS
from nlp_labeler.errors import ConfigError
from nlp_labeler.findings import LABELS
from nlp_labeler.memory import SentenceMemory

REPORT = (
    "INDICATION: Pneumonia.\nFINDINGS: The heart is mildly enlarged. No pleural effusion.\nIMPRESSION: Cardiomegaly."
)


@pytest.fixture(scope="module")
def labeler():
    return Labeler.load("openi", engine="surface")


def test_columns_are_the_fourteen_and_no_finding(labeler):
    assert (*LABELS, "No Finding") == COLUMNS
    assert tuple(labeler.label("Clear.").labels) == COLUMNS


def test_every_label_carries_its_evidence(labeler):
    result = labeler.label(REPORT)
    first, second = result.evidence("Cardiomegaly")
    assert (first.text, first.sentence) == ("heart is mildly enlarged", "The heart is mildly enlarged.")
    assert (first.assertion, first.rule, first.severity, first.cui) == (
        "affirmed",
        "surface:affirmed",
        "mild",
        "C0018800",
    )
    assert second.section == "impression"
    (effusion,) = result.evidence("Effusion")
    assert effusion.rule == "surface:negation.no"
    assert REPORT[effusion.cue.start : effusion.cue.end] == "No"
    assert result.labels["Pneumonia"] is None


def test_a_result_cannot_be_changed_and_carries_no_dictionary(labeler):
    result = labeler.label(REPORT)
    with pytest.raises(FrozenInstanceError):
        result.text = ""
    with pytest.raises(FrozenInstanceError):
        result.mentions[0].finding = "Mass"
    assert not hasattr(result, "__dict__"), "millions are held at a time"


def test_results_survive_json_and_pickle(labeler):
    result = labeler.label(REPORT)
    assert json.loads(result.to_json())["mentions"][0]["concept"] == "enlarged_heart"
    assert pickle.loads(pickle.dumps(result)) == result


def test_batches_and_single_reports_agree(labeler):
    texts = [REPORT, "", "No effusion.", REPORT.upper(), "Small effusion. " * 20] * 60
    assert list(labeler.pipe(texts)) == [labeler.label(text) for text in texts]


def test_processes_give_the_same_results_in_the_same_order(labeler):
    texts = [f"{REPORT} Nodule of {number} mm." for number in range(300)]
    assert list(labeler.pipe(texts, n_process=2)) == [labeler.label(text) for text in texts]


def test_pipe_reads_no_further_than_it_must(labeler):
    read = []

    def texts():
        for number in range(10_000):
            read.append(number)
            yield "No effusion."

    next(labeler.pipe(texts()))
    assert len(read) < 1_000


@pytest.mark.parametrize(
    ("arguments", "message"), [({"engine": "neural"}, "auto, graph, surface"), ({"policy": "x"}, "x")]
)
def test_wrong_choices_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Labeler.load(**arguments)


def test_a_pipe_needs_a_process(labeler):
    with pytest.raises(ConfigError, match="at least 1"):
        next(labeler.pipe(["x"], n_process=0))


def test_memory_asks_once_and_forgets_the_oldest():
    asked = []

    def analyze(sentences):
        asked.extend(sentences)
        return [(sentence,) for sentence in sentences]

    memory = SentenceMemory(analyze, capacity=2)
    assert memory.analyze(["a", "b", "a"]) == [("a",), ("b",), ("a",)]
    assert asked == ["a", "b"]
    memory.analyze(["c", "a", "d"])  # "a" was asked for lately, "b" was not
    memory.analyze(["e", "a"])
    assert asked == ["a", "b", "c", "d", "e"]
    memory.analyze(["b"])
    assert asked[-1] == "b"


def test_both_engines_name_themselves():
    pytest.importorskip("spacy", reason="the graph engine needs spaCy")
    result = Labeler.load("openi", engine="graph").label("No effusion, mild cardiomegaly.")
    assert result.engine == "graph"
    assert [mention.rule for mention in result.mentions] == ["graph:negation.no", "graph:affirmed"]
    assert Labeler.load("openi").engine == "graph"


def test_the_evidence_is_the_same_in_every_process():
    """Words are hashed anew in each process; "absent" is a cue of two rules in one place."""
    program = (
        "from nlp_labeler import Labeler; print(Labeler.load('openi', 'surface').label('Absent pneumonia.').to_json())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "3", "7")
    }
    assert len(said) == 1
    assert json.loads(said.pop())["labels"]["Pneumonia"] == 0
