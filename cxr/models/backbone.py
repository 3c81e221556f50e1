"""Any timm network without its classifier, fed with radiographs in [0, 1], and the weights that are shipped for it."""

from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nlp_labeler.errors import ConfigError
from nlp_labeler.storage import atomic_path

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

    Transformers give maps, too: their patch tokens, laid out as the patches lie in the image.

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
        self.name = name
        self.in_evaluation: tuple[nn.Module, ...] = ()
        # Vision transformers give tokens and Swin's kin channels last; asked for its last stage, each gives a map.
        self.gives_tokens = hasattr(self.network, "num_prefix_tokens") or hasattr(self.network, "output_fmt")
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
        if self.gives_tokens:
            return self.network.forward_intermediates(normalised, indices=1, norm=True, intermediates_only=True)[0]
        return self.network.forward_features(normalised)

    @torch.inference_mode()
    def check_size(self, size: int) -> None:
        """Look at one empty image, so that a network that cannot is refused before there are images to wait for.

        Raises:
            ConfigError: if the network does not take images of so many pixels a side, or gives no maps of them.
        """
        training = self.training
        try:
            found = self.eval()(torch.zeros(1, 1, size, size))
        except (AssertionError, RuntimeError, TypeError) as error:
            raise ConfigError(
                f"backbone '{self.name}' does not take images of {size} pixels: {error}; change image_size, or give a "
                f"transformer the option img_size = {size}"
            ) from error
        finally:
            self.train(training)
        if any(part.ndim != 4 for part in (found if isinstance(found, tuple) else (found,))):
            raise ConfigError(f"backbone '{self.name}' gives no maps that findings could be located on; use another")

    def freeze(self, parts: tuple[str, ...], *, statistics: bool = True) -> None:
        """Keep the weights of parts of the network as they are: no gradients.

        Early filters are general; on a few thousand images they are better kept, and cost no backward pass.

        Args:
            parts: names of the network's submodules, e.g. ``("conv_stem", "bn1", "blocks.0")``.
            statistics: whether batch norms inside normalise by the statistics they came with; else these follow the
                training images, which suits filters of photographs to radiographs (Li 2016, arXiv:1603.04779).

        Raises:
            ConfigError: if the network has no such part.
        """
        modules = dict(self.network.named_modules())
        unknown = [part for part in parts if part not in modules]
        if unknown:
            raise ConfigError(f"backbone has no part {', '.join(unknown)}; it has {', '.join(sorted(modules)[1:9])}...")
        for part in parts:
            modules[part].requires_grad_(False)
        if statistics:
            self.in_evaluation = tuple(modules[part].eval() for part in parts)

    def train(self, mode: bool = True) -> Self:
        """As of nn.Module, but parts that are frozen with their statistics stay in evaluation mode."""
        super().train(mode)
        for part in self.in_evaluation:
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


def shipped_backbone(name: str) -> Path:
    """The weights that the package ships for a timm model.

    Raises:
        ConfigError: if it ships none for this model.
    """
    folder = Path(str(files("cxr") / "weights" / "backbones"))
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        shipped = ", ".join(sorted(p.stem for p in folder.glob("*.safetensors"))) or "none"
        raise ConfigError(
            f"no weights are shipped for backbone '{name}' (shipped: {shipped}); give --init-weights FILE"
        )
    return path


def write_backbone(backbone: Backbone, path: Path) -> None:
    """Write a backbone's weights in half precision, as Backbone.load_weights reads them; integers stay as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = backbone.network.state_dict()
    with atomic_path(path) as temporary:
        save_file({k: v.half().contiguous() if v.dtype == torch.float32 else v for k, v in weights.items()}, temporary)
