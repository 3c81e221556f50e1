"""Any timm network without its classifier, fed with radiographs in [0, 1]."""

from pathlib import Path
from typing import Any, Self

import timm
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
        stages: indices of the stages whose maps are wanted, finest first, as timm counts them (stage i has a stride
            of 2 ** (i + 1) in most networks); empty for the last map alone.

    Raises:
        ConfigError: if timm does not know the name, refuses the options or lacks a stage.
    """

    def __init__(
        self, name: str, options: dict[str, Any], input_mean: float, input_std: float, stages: tuple[int, ...] = ()
    ) -> None:
        super().__init__()
        if not timm.is_model(name):
            guesses = timm.list_models(f"*{name.split('_')[0]}*")[:5]
            raise ConfigError(f"backbone '{name}' is not a timm model; close names: {', '.join(guesses) or 'none'}")
        try:
            self.network = timm.create_model(name, pretrained=False, num_classes=0, global_pool="", **options)
        except TypeError as error:
            raise ConfigError(f"backbone '{name}' does not take the options {sorted(options)}: {error}") from error
        found = [int(stage["num_chs"]) for stage in self.network.feature_info]
        if any(stage >= len(found) for stage in stages):
            raise ConfigError(f"backbone '{name}' has stages 0 to {len(found) - 1}, not {list(stages)}")
        self.frozen: tuple[nn.Module, ...] = ()
        self.stages = stages
        self.stage_channels: tuple[int, ...] = tuple(found[stage] for stage in stages)
        self.channels: int = self.network.num_features
        self.input_mean = input_mean
        self.input_std = input_std

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(N, 1, H, W) in [0, 1] -> (N, channels, H/32, W/32) for the usual stride of 32, or one map per stage."""
        normalised = ((images - self.input_mean) / self.input_std).expand(-1, 3, -1, -1)
        if self.stages:
            return tuple(
                self.network.forward_intermediates(
                    normalised, indices=list(self.stages), stop_early=True, intermediates_only=True
                )
            )
        features: Tensor = self.network.forward_features(normalised)
        return features

    def freeze(self, parts: tuple[str, ...]) -> None:
        """Keep parts of the network as they are: no gradients, and batch norm by the statistics it came with.

        Early filters are general; on a few thousand images they are better kept, and cost no backward pass.

        Args:
            parts: names of the network's submodules, e.g. ``("conv_stem", "bn1", "blocks.0")``.

        Raises:
            ConfigError: if the network has no such part.
        """
        modules = dict(self.network.named_modules())
        unknown = [part for part in parts if part not in modules]
        if unknown:
            raise ConfigError(f"backbone has no part {', '.join(unknown)}; it has {', '.join(sorted(modules)[1:9])}...")
        self.frozen = tuple(modules[part] for part in parts)
        for part in self.frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As of nn.Module, but frozen parts stay in evaluation mode."""
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

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
