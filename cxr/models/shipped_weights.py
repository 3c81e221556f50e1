"""Backbone weights that come with the package, and how they are written."""

from importlib.resources import files
from pathlib import Path

import torch
from safetensors.torch import save_file

from cxr.models.backbone import Backbone
from nlp_labeler.errors import ConfigError
from nlp_labeler.storage import atomic_path


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
