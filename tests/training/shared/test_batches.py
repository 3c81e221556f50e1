import numpy as np
import pytest

from cxr.imaging.augmentation import Augmentation, AugmentationConfig
from cxr.training.shared.batches import EpochSampler, PlainImages, TrainingImages, plain_batches, training_batches


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (10, 32, 32), dtype=np.uint8)


def drawn(pixels: np.ndarray, workers: int, epoch: int) -> list[bytes]:
    labels = np.zeros((10, 2), np.float32)
    images = TrainingImages(pixels, labels, labels.astype(np.int64), Augmentation(AugmentationConfig(), seed=3))
    loader = training_batches(images, EpochSampler(10, seed=3), 4, workers=workers)
    loader.sampler.set_epoch(epoch)
    return [batch.numpy().tobytes() for batch, _, _ in loader]


def test_batches_depend_on_seed_and_epoch_alone(pixels: np.ndarray):
    assert drawn(pixels, workers=0, epoch=1) == drawn(pixels, workers=2, epoch=1)
    assert drawn(pixels, workers=0, epoch=1) != drawn(pixels, workers=0, epoch=2)


def test_every_row_comes_once_an_epoch():
    sampler = EpochSampler(50, seed=0)
    sampler.set_epoch(4)
    keys = list(sampler)
    assert sorted(row for _, row in keys) == list(range(50))
    assert {epoch for epoch, _ in keys} == {4}


def test_plain_images_are_untouched_and_in_order(pixels: np.ndarray):
    labels = np.arange(20, dtype=np.float32).reshape(10, 2)
    batches = list(plain_batches(PlainImages(pixels, labels), 4))
    assert np.array_equal(np.concatenate([b.numpy() for b, _ in batches])[:, 0], pixels)
    assert np.array_equal(np.concatenate([y.numpy() for _, y in batches]), labels)


def test_augmentation_replays_and_keeps_the_picture_recognisable(pixels: np.ndarray):
    image = np.kron(pixels[0][:8, :8], np.ones((4, 4), np.uint8))
    augment = Augmentation(AugmentationConfig(), seed=1)
    first = augment(image, 0, 7)
    augment(image, 0, 8)
    assert np.array_equal(augment(image, 0, 7), first)
    assert not np.array_equal(first, image)
    still = AugmentationConfig(rotate_degrees=0, scale=0, translate=0, brightness=0, contrast=0, gamma=0)
    assert np.array_equal(Augmentation(still, seed=1)(image, 0, 0), image)
