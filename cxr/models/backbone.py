"""Any timm network without its classifier, fed with radiographs in [0, 1]."""

from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from nlp_labeler.errors import ConfigError

# A file that fits fewer of the backbone's tensors than this is of another architecture.
MIN_MATCHED = 0.9


class Backbone(nn.Module):
    """Grey radiograph -> feature map.

    Args:
        name: a timm model name, e.g. ``"mobilenetv2_100"``.
        options: keyword arguments for ``timm.create_model``, e.g. ``{"pad_type": "same"}``.
        input_mean: subtracted from pixels in [0, 1].
        input_std: divides after that; the two reproduce what the initial weights were trained with.

    Raises:
        ConfigError: if timm does not know the name or refuses the options.
    """

    def __init__(self, name: str, options: dict[str, Any], input_mean: float, input_std: float) -> None:
        super().__init__()
        if not timm.is_model(name):
            guesses = timm.list_models(f"*{name.split('_')[0]}*")[:5]
            raise ConfigError(f"backbone '{name}' is not a timm model; close names: {', '.join(guesses) or 'none'}")
        try:
            self.network = timm.create_model(name, pretrained=False, num_classes=0, global_pool="", **options)
        except TypeError as error:
            raise ConfigError(f"backbone '{name}' does not take the options {sorted(options)}: {error}") from error
        self.channels: int = self.network.num_features
        self.input_mean = input_mean
        self.input_std = input_std

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1] -> (N, channels, H/32, W/32) for the usual stride of 32."""
        normalised = (images - self.input_mean) / self.input_std
        return self.network.forward_features(normalised.expand(-1, 3, -1, -1))

    def load_weights(self, path: Path) -> None:
        """Load a timm state dict from a local safetensors file; classifier tensors in it are passed over.

        Raises:
            ConfigError: if the file is missing, is not safetensors, or is of another architecture.
        """
        if not path.is_file():
            raise ConfigError(f"--init-weights {path}: no such file; give a local .safetensors file")
        try:
            weights = load_file(path)
        except SafetensorError as error:
            raise ConfigError(f"--init-weights {path}: not a safetensors file ({error})") from error
        own = self.network.state_dict()
        fitting = {k: v for k, v in weights.items() if k in own and own[k].shape == v.shape}
        if len(fitting) < MIN_MATCHED * len(own):
            raise ConfigError(
                f"--init-weights {path}: fits {len(fitting)} of the backbone's {len(own)} tensors; "
                "it is of another architecture than the recipe's backbone"
            )
        self.network.load_state_dict(fitting, strict=False)

    def feature_size(self, image_size: int) -> int:
        """Edge of the feature map for square images of ``image_size`` pixels."""
        training = self.training
        self.eval()
        with torch.no_grad():
            edge = self(torch.zeros(1, 1, image_size, image_size)).shape[-1]
        self.train(training)
        return int(edge)
