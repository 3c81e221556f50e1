"""The gate lets upright chests pass and names what is wrong with the others."""

import numpy as np
import pytest

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.quality import GATE_SIZE, Quality, QualityGate, gate_input
from cxr.imaging.reading import read_radiograph

LIMITS = dict.fromkeys(
    (RefusalCode.NOT_FRONTAL_CHEST, RefusalCode.INVERTED, RefusalCode.ROTATED, RefusalCode.CROPPED), 0.5
)


@pytest.fixture(scope="module")
def chests(shared_data) -> list[np.ndarray]:
    """Forty test patients' radiographs, never used in training."""
    from cxr.datasets.dataset import open_dataset

    records = open_dataset(shared_data / "nih").subset("test").records.drop_duplicates("patient")
    return [read_radiograph(path).pixels for path in map(type(shared_data), records["path"][::10][:40])]


def codes(pictures) -> list[RefusalCode | None]:
    gate = QualityGate.shipped()
    return [gate.refusal(gate.assess(pixels)) for pixels in pictures]


def test_upright_chests_pass(chests):
    assert sum(code is not None for code in codes(chests)) <= 2


def test_inverted_and_turned_chests_are_refused_by_name(chests):
    assert codes([1 - pixels for pixels in chests]).count(None) <= 1
    for turns in (1, 2, 3):
        found = codes([np.ascontiguousarray(np.rot90(pixels, turns)) for pixels in chests])
        assert found.count(None) <= 1
        assert found.count(RefusalCode.ROTATED) >= 0.9 * len(found)


def test_other_pictures_are_no_chests():
    y, x = np.mgrid[0:200, 0:300].astype(np.float32)
    pictures = [x / 300, (x // 20 + y // 20) % 2, np.random.default_rng(0).random((200, 300), dtype=np.float32)]
    assert codes(pictures) == [RefusalCode.NOT_FRONTAL_CHEST] * 3


def test_a_refusal_names_the_gravest_fault_first():
    gate = QualityGate.shipped()
    gate = type(gate).__new__(type(gate))
    gate.thresholds = LIMITS
    assert gate.refusal(Quality(chest=0.1, inverted=0.9, rotated=0.9, cropped=0.9)) is RefusalCode.NOT_FRONTAL_CHEST
    assert gate.refusal(Quality(chest=0.9, inverted=0.9, rotated=0.9, cropped=0.1)) is RefusalCode.INVERTED
    assert gate.refusal(Quality(chest=0.9, inverted=0.1, rotated=0.1, cropped=0.1)) is None


def test_check_raises_what_refusal_says():
    with pytest.raises(RefusedInputError) as caught:
        QualityGate.shipped().check(np.tile(np.linspace(0, 1, 300, dtype=np.float32), (200, 1)))
    assert caught.value.code is RefusalCode.NOT_FRONTAL_CHEST


def test_the_input_is_squeezed_not_padded():
    assert gate_input(np.ones((50, 200), np.float32)).tolist() == [[255] * GATE_SIZE] * GATE_SIZE
