"""Chunks are worked on in order, read only as needed, and the death of a process is told."""

import os
import signal

import pytest

from nlp_labeler.errors import LabelerError
from nlp_labeler.parallel import chunks, map_chunks


def adder(amount):
    return lambda numbers: [number + amount for number in numbers]


def killer(_):
    def work(numbers):
        if 7 in numbers:
            os.kill(os.getpid(), signal.SIGKILL)
        return numbers

    return work


def test_chunks_are_consecutive():
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("n_process", [1, 2])
def test_results_come_in_order(n_process):
    results = map_chunks(adder, (10,), chunks(range(50), 3), n_process)
    assert [number for chunk in results for number in chunk] == list(range(10, 60))


@pytest.mark.parametrize("n_process", [1, 2])
def test_the_source_is_read_only_as_fast_as_it_is_worked_on(n_process):
    read = []

    def source():
        for number in range(1000):
            read.append(number)
            yield number

    results = map_chunks(adder, (0,), chunks(source(), 1), n_process)
    for _ in range(3):
        next(results)
    assert len(read) < 20
    results.close()


def test_a_process_that_dies_is_an_error():
    with pytest.raises(LabelerError, match="a process died"):
        list(map_chunks(killer, (None,), chunks(range(20), 1), 2))
