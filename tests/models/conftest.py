import pytest

from cxr.models.factory import BackboneConfig, ModelConfig


@pytest.fixture
def small_config() -> ModelConfig:
    """A network of a few thousand weights that still has every part."""
    return ModelConfig(backbone=BackboneConfig(name="test_efficientnet"), transition_channels=16)
