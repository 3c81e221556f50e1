import pytest
import torch

from cxr.training.distillation.films import RandomViews, plain_views, random_views, shown_maps

STILL = {"rotate_degrees": 0, "scale": 0, "translate": 0, "brightness": 0, "contrast": 0, "gamma": 0}


@pytest.fixture
def films() -> torch.Tensor:
    torch.manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(6, 1, 8, 8), size=(64, 64), mode="bilinear")
    return (smooth[:, 0] * 200 + 20).to(torch.uint8)


def test_views_without_changes_are_the_films(films: torch.Tensor):
    views = random_views(films, 64, RandomViews(**STILL, mirror_probability=0))
    torch.testing.assert_close(views.images, plain_views(films, 64), atol=1e-5, rtol=0)


def test_a_mirrored_view_is_the_film_from_right_to_left(films: torch.Tensor):
    views = random_views(films, 64, RandomViews(**STILL, mirror_probability=1))
    torch.testing.assert_close(views.images, plain_views(films, 64).flip(-1), atol=1e-5, rtol=0)


def test_the_same_seed_gives_the_same_views_and_each_film_its_own(films: torch.Tensor):
    torch.manual_seed(3)
    one = random_views(films[:1].expand(4, -1, -1), 64, RandomViews())
    torch.manual_seed(3)
    other = random_views(films[:1].expand(4, -1, -1), 64, RandomViews())
    assert torch.equal(one.images, other.images)
    assert not torch.allclose(one.images[0], one.images[1], atol=1e-2)
    assert one.images.amin() >= 0
    assert one.images.amax() <= 1


def test_maps_move_with_their_films(films: torch.Tensor):
    moved = RandomViews(**STILL | {"rotate_degrees": 20, "scale": 0.2, "translate": 0.1}, mirror_probability=0.5)
    views = random_views(films, 64, moved)
    maps = shown_maps(plain_views(films, 64), views.transforms, 64)
    inside = shown_maps(torch.ones(6, 1, 64, 64), views.transforms, 64) > 0.5
    seen = random_views(torch.full_like(films, 255), 64, RandomViews(**STILL, mirror_probability=0)).images > 0
    middle = (slice(None), slice(None), slice(20, 44), slice(20, 44))
    assert inside.all()
    assert seen.all()
    torch.testing.assert_close(maps[middle], views.images[middle], atol=1e-4, rtol=0)


def test_smaller_and_larger_views_keep_what_is_seen(films: torch.Tensor):
    for size in (48, 96):
        views = random_views(films, size, RandomViews(**STILL, mirror_probability=0))
        assert views.images.shape == (6, 1, size, size)
        assert (views.images - plain_views(films, size)).abs().mean() < 0.02
